"""Stock zeep reads every WSDL without the network, and writes and reads every message of it."""

from __future__ import annotations

from typing import Any

import pytest
import zeep
from lxml import etree
from lxml.etree import _Element
from zeep.transports import Transport

from ccms_ws.contract import catalog, schemas
from ccms_ws.contract.wsdl import load_wsdl

EMPTY = b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body/></soap:Envelope>'
WITH_PORTS = [name for name in catalog.wsdl_names() if load_wsdl(name).ports]
WSDL_OF = {
    "FCC807": "FCC807-1.0-service.wsdl",
    "COL903": "partner/COL903-1.0-synchronous.wsdl",
    "DMV907": "partner/DMV907-1.0-synchronous.wsdl",
}


class Reply:
    """An HTTP response as zeep sees it."""

    encoding = "utf-8"

    def __init__(self, status_code: int, content: bytes) -> None:
        self.headers = {"Content-Type": "text/xml; charset=utf-8"}
        self.status_code = status_code
        self.content = content


class Offline(Transport):
    """Files from disk, nothing from the network, and one canned answer."""

    def __init__(self, reply: Reply | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reply = reply
        self.sent = b""

    def _load_remote_data(self, url: str) -> bytes:
        raise AssertionError(f"asked the network for {url}")

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> Reply:
        assert self.reply is not None
        self.sent = message
        return self.reply


def client(name: str, reply: Reply | None = None) -> Any:
    return zeep.Client(str(catalog.wsdl_path(name)), transport=Offline(reply))  # type: ignore[no-untyped-call]


def typed(zeep_client: Any, root: _Element) -> dict[str, Any]:
    """The message as the keyword arguments of a typed call."""
    value = zeep_client.get_element(root.tag).parse(root, zeep_client.wsdl.types)
    return {key: value[key] for key in value}


def facts(root: _Element) -> list[tuple[object, str, dict[str, str]]]:
    return [(e.tag, (e.text or "").strip(), {str(k): str(v) for k, v in e.attrib.items()}) for e in root.iter()]


@pytest.mark.parametrize("name", WITH_PORTS)
def test_zeep_sees_the_operations_that_the_wsdl_reader_sees(name: str) -> None:
    wsdl, read = client(name).wsdl, load_wsdl(name)
    ports = {port.name: port for service in wsdl.services.values() for port in service.ports.values()}
    assert set(ports) == {port.name for port in read.ports}
    for port in ports.values():
        operations = port.binding._operations
        assert set(operations) == set(read.operations)
        for operation in operations.values():
            expected = read.operations[operation.name]
            assert str(operation.input.body.qname) == expected.input
            assert operation.soapaction == operation.abstract.wsa_action == expected.input_action
            assert (operation.output is None) is (expected.output is None)
            assert set(operation.faults) == set(expected.faults)
            for fault_name, fault in operation.abstract.fault_messages.items():
                assert str(fault.parts["payload"].element.qname) == expected.faults[fault_name].element


@pytest.mark.parametrize("name", catalog.sample_names())
def test_zeep_reads_and_writes_the_message_without_loss(name: str) -> None:
    zeep_client = client(WSDL_OF[name[:6]])
    root = etree.fromstring(catalog.sample(name))
    declared = zeep_client.get_element(root.tag)
    parent = etree.Element("Body")
    declared.render(parent, declared.parse(root, zeep_client.wsdl.types))
    schemas.validate(parent[0])
    assert facts(parent[0]) == facts(root)


@pytest.mark.parametrize(
    ("wsdl", "operation", "sample"),
    [
        ("FCC807-1.0-service.wsdl", "QueryCaseParticipantBalance", "FCC807-query"),
        ("COL903-answers-1.0-service.wsdl", "SubmitCollectionBalanceUpdateError", "COL903-item-errors"),
        ("DMV907-answers-1.0-service.wsdl", "SubmitFailureToComplyResponse", "DMV907-response"),
        ("DMV907-answers-1.0-service.wsdl", "SubmitFailureToComplyError", "DMV907-error"),
        ("partner/COL903-1.0.wsdl", "SubmitCollectionBalanceUpdateBatch", "COL903-batch"),
        ("partner/COL903-1.0-synchronous.wsdl", "SubmitCollectionBalanceUpdateBatch", "COL903-batch"),
        ("partner/DMV907-1.0.wsdl", "SubmitFailureToComplyAbstract", "DMV907-hold"),
        ("partner/DMV907-1.0-synchronous.wsdl", "SubmitFailureToComplyAbstract", "DMV907-release"),
    ],
)
@pytest.mark.parametrize("version", ["11", "12"])
def test_a_typed_call_writes_a_valid_message(wsdl: str, operation: str, sample: str, version: str) -> None:
    zeep_client = client(wsdl)
    (service,) = zeep_client.wsdl.services
    bound = zeep_client.bind(service, f"{service}Soap{version}")
    root = etree.fromstring(catalog.sample(sample))
    envelope = zeep_client.create_message(bound, operation, **typed(zeep_client, root))
    payload = envelope.find("{*}Body")[0]
    schemas.validate(payload)
    assert facts(payload) == facts(root)
    assert envelope.findtext(".//{*}Action") == load_wsdl(wsdl).operations[operation].input_action


@pytest.mark.parametrize("wsdl", ["partner/COL903-1.0.wsdl", "partner/COL903-1.0-synchronous.wsdl"])
@pytest.mark.parametrize("reply", [Reply(202, b""), Reply(200, EMPTY)], ids=["202", "empty Body"])
def test_an_answer_without_content_is_success(wsdl: str, reply: Reply) -> None:
    zeep_client = client(wsdl, reply)
    root = etree.fromstring(catalog.sample("COL903-batch"))
    assert zeep_client.service.SubmitCollectionBalanceUpdateBatch(**typed(zeep_client, root)) is None
    assert b"d2f1a7c8-4e60-4b93-a5d7-86c0e91f3b24" in zeep_client.transport.sent


def test_the_policy_is_the_same_in_every_wsdl_but_for_what_it_promises_of_response_endpoints() -> None:
    policies: dict[bool, set[str]] = {True: set(), False: set()}
    for name in WITH_PORTS:
        text = catalog.wsdl_path(name).read_text("utf-8")
        if not name.startswith("partner/"):
            policy = text[text.index("<!-- policy: begin") : text.index("<!-- policy: end")]
            policies[load_wsdl(name).one_way].add(policy)
    (one_way,), (answered,) = policies[True], policies[False]
    assert (
        one_way.replace("<wsam:AnonymousResponses/>", "").split()
        == answered.replace("<wsp:Policy/>", "<wsp:Policy> </wsp:Policy>").split()
    )
