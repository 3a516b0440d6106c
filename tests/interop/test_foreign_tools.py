"""Other stacks read the published WSDL from a running endpoint, see its operations, and call it where they can sign.

What a machine lacks is skipped by name; tools/test installs it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import zeep
from lxml import etree

from ccms_ws.config import Settings
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.registry import EXCHANGES, get_exchange
from tests.support.justice import ORI, make_keys, make_settings
from tests.support.line import Line

ROOT = Path(__file__).parents[2]
FOREIGN = Path(__file__).parent / "foreign"
NODE_MODULES = ROOT / ".node" / "node_modules"
CODES = [exchange.code for exchange in EXCHANGES]
ACTION = load_wsdl(get_exchange("FCC807").service).operations["QueryCaseParticipantBalance"].input_action
BALANCE = "710.00"


def needs(program: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed ({package})")


needs_gsoap = needs("wsdl2h", "apt-get install gsoap")
needs_php = pytest.mark.skipif(
    shutil.which("php") is None
    or not {"soap", "dom"}
    <= set(subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout.split()),
    reason="php with SOAP and DOM is not installed (apt-get install php-cli php-soap php-xml)",
)
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE_MODULES / "soap").is_dir(),
    reason="node's soap is not installed (npm install --prefix .node --no-save soap@1.13.0)",
)


class Endpoint(NamedTuple):
    """A court that serves, and the partner's keys."""

    settings: Settings

    def url(self, code: str) -> str:
        return self.settings.endpoint.public_url + get_exchange(code).path

    def wsdl(self, code: str) -> str:
        return f"{self.url(code)}?wsdl"

    def keys(self) -> tuple[Path, Path, Path]:
        """The partner's key and certificate, and the court's certificate."""
        folder = self.settings.identity.key.parent
        return folder / "ADULT.key", folder / "ADULT.crt", self.settings.identity.certificate


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("court")
    settings = make_settings(folder, make_keys(folder / "pki"))
    with Line(settings, {}):
        yield Endpoint(settings)


def run(*command: object, folder: Path | None = None) -> str:
    """What a program prints; fails with what it complained of."""
    environment = os.environ | {"NODE_PATH": str(NODE_MODULES)}
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def operations(code: str) -> set[str]:
    return set(load_wsdl(get_exchange(code).service).operations)


def query(message_id: str, case: str = "CR-2023-002931") -> dict[str, Any]:
    """A query as the arguments of a typed call."""
    return {
        "MessageMetadata": {
            "TransactionID": message_id,
            "MessageDateTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "ExchangeCode": "FCC807",
            "MessageKindCode": "Query",
            "SchemaVersionID": "1.0",
            "SendingParty": {"PartyID": "ADULT"},
            "ReceivingParty": {"PartyID": ORI},
            "Court": {"CourtORIID": ORI, "CountyCode": "37"},
            "TestIndicator": False,
        },
        "QuerySubmitter": {"OrganizationName": "Adult Probation", "SubmitterUnitCode": "AdultProbation"},
        "SearchCriteria": {"CaseTrackingID": case},
    }


def as_xml(endpoint: Endpoint, arguments: dict[str, Any]) -> str:
    """The payload of a query, for a stack that is given it whole."""
    client = zeep.Client(endpoint.wsdl("FCC807"))  # type: ignore[no-untyped-call]
    message = client.create_message(client.service, "QueryCaseParticipantBalance", **arguments)  # type: ignore[no-untyped-call]
    client.transport.session.close()
    return etree.tostring(message.find("{*}Body")[0], encoding="unicode")


# -- the operations ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", CODES)
def test_stock_zeep_reads_the_published_wsdl(endpoint: Endpoint, code: str) -> None:
    client = zeep.Client(endpoint.wsdl(code))  # type: ignore[no-untyped-call]
    for service in client.wsdl.services.values():
        for port in service.ports.values():
            assert set(port.binding._operations) == operations(code)
            assert port.binding_options["address"] == endpoint.url(code)
    client.transport.session.close()


@needs_gsoap
@pytest.mark.parametrize("code", CODES)
def test_gsoap_makes_c_code_of_the_published_wsdl(endpoint: Endpoint, code: str, tmp_path: Path) -> None:
    run("wsdl2h", "-o", "contract.h", endpoint.wsdl(code), folder=tmp_path)
    run("soapcpp2", "-C", "-L", "-x", "-I", "/usr/share/gsoap/import", "contract.h", folder=tmp_path)
    stubs = set(re.findall(r"soap_(?:call|send)___\w+?__(\w+)\(", (tmp_path / "soapStub.h").read_text("utf-8")))
    assert stubs - {f"{operation}_" for operation in operations(code)} == operations(code)  # name_: SOAP 1.2


@needs_php
@pytest.mark.parametrize("code", CODES)
def test_php_sees_the_operations_of_the_published_wsdl(endpoint: Endpoint, code: str) -> None:
    program = "echo json_encode((new SoapClient($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE]))->__getFunctions());"
    functions = json.loads(run("php", "-r", program, endpoint.wsdl(code)))
    assert {function.partition("(")[0].split()[-1] for function in functions} == operations(code)
    assert len(functions) == 2 * len(operations(code))  # one for each SOAP version


@needs_node
@pytest.mark.parametrize("code", CODES)
def test_node_soap_sees_the_operations_of_the_published_wsdl(endpoint: Endpoint, code: str) -> None:
    program = "require('soap').createClientAsync(process.argv[1]).then(c => console.log(JSON.stringify(c.describe())))"
    described = json.loads(run("node", "-e", program, endpoint.wsdl(code)))
    (service,) = described.values()
    assert len(service) == 2
    for port in service.values():
        assert set(port) == operations(code)


# -- signed calls ------------------------------------------------------------------------------------------------------
@needs_node
@pytest.mark.parametrize("body", ["typed", "XML"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_node_soap_makes_a_signed_call_and_verifies_the_answer(
    endpoint: Endpoint, version: str, body: str, tmp_path: Path
) -> None:
    message_id = str(uuid4())
    given = tmp_path / f"body.{'json' if body == 'typed' else 'xml'}"
    given.write_text(json.dumps(query(message_id)) if body == "typed" else as_xml(endpoint, query(message_id)), "utf-8")
    said = json.loads(
        run(
            "node", FOREIGN / "query.js", endpoint.wsdl("FCC807"), *endpoint.keys(), given,
            ACTION, endpoint.url("FCC807"), f"urn:uuid:{message_id}", version,
        )
    )  # fmt: skip
    assert said["error"] is None
    assert said["signature"]["valid"] is True
    assert said["signature"]["parts"] >= 6
    balance = said["result"]["CaseParticipantBalance"]
    assert str(balance["BalanceDueAmount"]["$value"]) in (BALANCE, BALANCE.removesuffix(".00"))


@needs_php
def test_php_makes_a_typed_signed_call_and_verifies_the_answer(endpoint: Endpoint) -> None:
    message_id = str(uuid4())
    said = json.loads(
        run(
            "php", FOREIGN / "query.php", endpoint.wsdl("FCC807"), *endpoint.keys(),
            ACTION, endpoint.url("FCC807"), f"urn:uuid:{message_id}", json.dumps(query(message_id)),
        )
    )  # fmt: skip
    assert said["error"] is None
    assert said["signature"] == {"valid": True, "parts": said["signature"]["parts"]}
    assert said["result"]["CaseParticipantBalance"]["BalanceDueAmount"]["_"] == BALANCE
    assert said["result"]["MessageMetadata"]["CorrelationID"]["_"] == message_id


@needs_php
def test_php_gets_the_error_message_as_a_fault(endpoint: Endpoint) -> None:
    message_id = str(uuid4())
    asked = query(message_id)
    asked["BalanceAsOfDate"] = {"Date": "2199-01-01"}
    said = json.loads(
        run(
            "php", FOREIGN / "query.php", endpoint.wsdl("FCC807"), *endpoint.keys(),
            ACTION, endpoint.url("FCC807"), f"urn:uuid:{message_id}", json.dumps(asked),
        )
    )  # fmt: skip
    assert said["result"] is None
    assert said["error"]
    assert said["signature"]["valid"] is True
