"""Other stacks read the published WSDL from a running endpoint and see its operations.

What a machine lacks is skipped by name; tools/test installs it. Calls are in test_partner_clients.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import zeep

from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.registry import EXCHANGES, get_exchange
from tests.support.foreign import Endpoint, needs_gsoap, needs_node, needs_php, prints, serving

CODES = [exchange.code for exchange in EXCHANGES]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with serving(tmp_path_factory.mktemp("court")) as endpoint:
        yield endpoint


def operations(code: str) -> set[str]:
    return set(load_wsdl(get_exchange(code).service).operations)


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
    prints("wsdl2h", "-o", "contract.h", endpoint.wsdl(code), folder=tmp_path)
    prints("soapcpp2", "-C", "-L", "-x", "-I", "/usr/share/gsoap/import", "contract.h", folder=tmp_path)
    stubs = set(re.findall(r"soap_(?:call|send)___\w+?__(\w+)\(", (tmp_path / "soapStub.h").read_text("utf-8")))
    assert stubs - {f"{operation}_" for operation in operations(code)} == operations(code)  # name_: SOAP 1.2


@needs_php
@pytest.mark.parametrize("code", CODES)
def test_php_sees_the_operations_of_the_published_wsdl(endpoint: Endpoint, code: str) -> None:
    program = "echo json_encode((new SoapClient($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE]))->__getFunctions());"
    functions = json.loads(prints("php", "-r", program, endpoint.wsdl(code)))
    assert {function.partition("(")[0].split()[-1] for function in functions} == operations(code)
    assert len(functions) == 2 * len(operations(code))  # one for each SOAP version


@needs_node
@pytest.mark.parametrize("code", CODES)
def test_node_soap_sees_the_operations_of_the_published_wsdl(endpoint: Endpoint, code: str) -> None:
    program = "require('soap').createClientAsync(process.argv[1]).then(c => console.log(JSON.stringify(c.describe())))"
    described = json.loads(prints("node", "-e", program, endpoint.wsdl(code)))
    (service,) = described.values()
    assert len(service) == 2
    for port in service.values():
        assert set(port) == operations(code)
