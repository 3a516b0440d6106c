"""What is read out of a WSDL, and what is published of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import q
from ccms_ws.contract.wsdl import WsdlFault, load_wsdl, published_queries, published_schema, published_wsdl
from ccms_ws.errors import ContractError, ContractMissing
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807

SERVICE = "FCC807-1.0-service.wsdl"
URL = "https://court.example:8443/ccms/FCC807/1.0"
TINY = """
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:t="{tns}" xmlns:x="urn:x" targetNamespace="{tns}">
  <w:message name="M"><w:part name="p" {part}/></w:message>
  <w:portType name="P">
    <w:operation name="Op"><w:input message="t:{message}"/><w:output message="t:M"/><w:fault name="F" message="t:M"/>
    </w:operation>{more}
  </w:portType>
</w:definitions>"""


def tiny(
    folder: Path, tns: str = "urn:t", part: str = 'element="x:E"', message: str = "M", more: str = "", extra: str = ""
) -> Path:
    path = folder / "tiny.wsdl"
    text = TINY.format(tns=tns, part=part, message=message, more=more)
    path.write_text(text.replace("<w:message", extra + "<w:message", 1), encoding="utf-8")
    return path


def test_a_query_has_an_output_and_a_fault_with_their_actions() -> None:
    operation = load_wsdl(SERVICE).operations["QueryCaseParticipantBalance"]
    start = "urn:ccms-ws:service:FCC807:1.0:CaseParticipantBalance:"
    assert operation.input == q(FCC807, "CaseParticipantBalanceQuery")
    assert operation.input_action == start + "CaseParticipantBalanceQuery"
    assert operation.output == q(FCC807, "CaseParticipantBalanceQueryResponse")
    assert operation.output_action == start + "CaseParticipantBalanceQueryResponse"
    assert operation.faults == {
        "CaseParticipantBalanceQueryError": WsdlFault(
            q(FCC807, "CaseParticipantBalanceQueryError"),
            start + "QueryCaseParticipantBalance:Fault:CaseParticipantBalanceQueryError",
        )
    }


def test_a_one_way_operation_has_no_output() -> None:
    operations = load_wsdl("DMV907-answers-1.0-service.wsdl").operations
    assert {operation.input: operation.output for operation in operations.values()} == {
        q(DMV907, "FailureToComplyAbstractResponse"): None,
        q(DMV907, "FailureToComplyAbstractError"): None,
    }
    assert all(operation.output_action == "" for operation in operations.values())


def test_an_output_without_parts_is_an_empty_body() -> None:
    operation = load_wsdl("partner/COL903-1.0-synchronous.wsdl").operations["SubmitCollectionBalanceUpdateBatch"]
    assert operation.output == ""
    assert operation.output_action.endswith(":CollectionBalanceUpdateReceipt")
    assert [fault.element for fault in operation.faults.values()] == [q(COL903, "CollectionBalanceUpdateError")]


def test_the_service_has_a_port_for_each_soap_version_at_one_address() -> None:
    ports = load_wsdl(SERVICE).ports
    assert [(port.service, port.soap_version) for port in ports] == [("FCC807", "1.1"), ("FCC807", "1.2")]
    assert len({port.address for port in ports}) == 1


def test_an_operation_without_action_attributes_gets_the_default_ones(tmp_path: Path) -> None:
    operation = load_wsdl(tiny(tmp_path)).operations["Op"]
    assert (operation.input_action, operation.output_action) == ("urn:t:P:OpRequest", "urn:t:P:OpResponse")
    assert operation.faults["F"].action == "urn:t:P:Op:Fault:F"
    other = tiny(tmp_path / "..", tns="http://partner.example/ws/")
    assert load_wsdl(other).operations["Op"].input_action == "http://partner.example/ws/P/OpRequest"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"extra": '<w:import namespace="urn:i" location="http://127.0.0.1:9/i.wsdl"/>'}, "refers to http"),
        ({"extra": '<w:import namespace="urn:i" location="missing.wsdl"/>'}, "cannot be read"),
    ],
)
def test_a_wsdl_that_cannot_be_used_is_refused(tmp_path: Path, change: dict[str, str], complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        load_wsdl(tiny(tmp_path, **change))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"part": 'type="x:T"'}, "BP R2204"),
        ({"part": 'element="x:E"/><w:part name="q" element="x:E"'}, "BP R2210"),
        ({"message": "Missing"}, "BP R2101"),
        ({"more": '<w:operation name="Notify"><w:output message="t:M"/></w:operation>'}, "BP R2303"),
    ],
)
def test_an_operation_that_cannot_be_used_is_kept_with_the_rule(
    tmp_path: Path, change: dict[str, str], rule: str
) -> None:
    wsdl = load_wsdl(tiny(tmp_path, **change))
    (failed,) = wsdl.unusable
    assert failed.rule == rule
    assert failed.name not in wsdl.operations


def test_operations_of_one_name_are_told_apart(tmp_path: Path) -> None:
    more = '<w:operation name="Op"><w:input message="t:M"/></w:operation>'
    wsdl = load_wsdl(tiny(tmp_path, more=more))
    assert [wsdl.operations[name].output for name in ("Op", "P/Op")] == [q("urn:x", "E"), None]


@pytest.mark.parametrize("content", ["<x/>", "no xml", "<!DOCTYPE x><x/>"])
def test_a_file_that_is_no_wsdl_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.wsdl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ContractError):
        load_wsdl(path)


def test_publishing_changes_only_addresses_and_references() -> None:
    def blank(document: bytes) -> bytes:
        root = etree.fromstring(document)
        for element in root.iter():
            for attribute in ("location", "schemaLocation"):
                element.attrib.pop(attribute, "")
        return etree.tostring(root, method="c14n")

    committed = catalog.wsdl_path(SERVICE).read_bytes()
    assert published_wsdl(SERVICE, URL) != committed
    assert blank(published_wsdl(SERVICE, URL)) == blank(committed)


def test_everything_that_the_published_wsdl_refers_to_is_published() -> None:
    todo, seen = ["wsdl"], set[str]()
    while todo:
        query = todo.pop()
        seen.add(query)
        kind, _, file = query.partition("=")
        document = published_schema(SERVICE, URL, file) if kind == "xsd" else published_wsdl(SERVICE, URL, file)
        references = re.findall(rb'(?:schemaLocation|location)="([^"]*)"', document)
        assert all(reference.decode().startswith(URL) for reference in references)
        found = {reference.decode().partition("?")[2] for reference in references} - {""}
        todo.extend(found - seen - set(todo))
    assert seen == set(published_queries(SERVICE))


@pytest.mark.parametrize(
    "file",
    ["exchange/DMV907-1.0.xsd", "samples/FCC807-query.xml", "../wsdl/FCC807-1.0.wsdl", "../setup.cfg", "", "a\0"],
)
def test_a_schema_outside_the_wsdl_is_never_published(file: str) -> None:
    with pytest.raises(ContractMissing):
        published_schema(SERVICE, URL, file)


@pytest.mark.parametrize("file", ["DMV907-answers-1.0.wsdl", "partner/DMV907-1.0.wsdl", "../xsd/fault.xsd"])
def test_a_wsdl_outside_the_wsdl_is_never_published(file: str) -> None:
    with pytest.raises(ContractMissing):
        published_wsdl(SERVICE, URL, file)
