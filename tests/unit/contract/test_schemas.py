"""What validation says, and what it keeps to itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import schemas
from ccms_ws.contract.catalog import sample
from ccms_ws.contract.namespaces import EXT, FAULT, NC, q
from ccms_ws.errors import ContractError, SchemaViolated, UnknownMessage
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807


def message(name: str) -> _Element:
    return etree.fromstring(sample(name))


def part(root: _Element, name: str) -> _Element:
    found = root.find(f".//{name}")
    assert found is not None
    return found


def test_a_valid_message_passes_where_it_stands_in_an_envelope() -> None:
    body = etree.Element("Body")
    body.append(message("FCC807-query"))
    schemas.validate(body[0])


def test_a_fault_detail_is_validated_too() -> None:
    detail = etree.Element(q(FAULT, "FaultDetail"))
    etree.SubElement(detail, q(FAULT, "ErrorCode")).text = "security.part-not-signed"
    etree.SubElement(detail, q(FAULT, "ErrorReason")).text = "A part that must be signed is not."
    with pytest.raises(SchemaViolated, match="IncidentID"):
        schemas.validate(detail)
    etree.SubElement(detail, q(FAULT, "IncidentID")).text = "7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47"
    schemas.validate(detail)


@pytest.mark.parametrize(
    "xml", [f'<x xmlns="{namespace}"/>' for namespace in ("", "urn:elsewhere", FCC807, "urn:a'b", EXT, NC)]
)
def test_an_element_that_no_exchange_declares_is_unknown(xml: str) -> None:
    with pytest.raises(UnknownMessage):
        schemas.validate(etree.fromstring(xml))


def test_a_part_of_a_message_is_no_message() -> None:
    with pytest.raises(UnknownMessage, match="a part of messages"):
        schemas.validate(part(message("FCC807-balance"), q(FCC807, "BalanceAsOfDate")))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (q(NC, "CaseTrackingID"), "O'Secret: 'x'\x85", "has not the required form"),
        (q(NC, "CaseTrackingID"), "secret" * 20, "is too long"),
        (q(NC, "Date"), "secret", "is not a value of the required type"),
        (q(EXT, "ExchangeCode"), "SECRET", "is not in the list of codes"),
        (q(EXT, "TestIndicator"), "secret", "is not a value of the required type"),
    ],
)
def test_a_violation_names_the_element_and_not_the_value(name: str, value: str, words: str) -> None:
    root = message("FCC807-query")
    part(root, name).text = value
    with pytest.raises(SchemaViolated) as caught:
        schemas.validate(root)
    assert etree.QName(name).localname == caught.value.node.partition(":")[2]
    assert words in caught.value.detail
    assert "secret" not in str(caught.value).lower()


def test_a_violation_says_what_is_missing() -> None:
    root = message("FCC807-query")
    metadata = root[0]
    metadata.remove(metadata[-1])
    with pytest.raises(SchemaViolated, match=r"ext:MessageMetadata.*Missing child element.*TestIndicator"):
        schemas.validate(root)


def test_a_strange_namespace_does_not_disturb_the_words() -> None:
    root = message("FCC807-query")
    root.append(etree.fromstring("""<x xmlns="urn:a'b':(c)"/>"""))
    with pytest.raises(SchemaViolated) as caught:
        schemas.validate(root)
    assert caught.value.node == "fcc807:CaseParticipantBalanceQuery"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FCC807-query", "Query"),
        ("FCC807-rejection", "Response"),
        ("COL903-batch", "Notification"),
        ("COL903-item-errors", "Error"),
        ("DMV907-release", "Notification"),
    ],
)
def test_a_message_plays_the_part_that_its_name_says(name: str, kind: str) -> None:
    root = message(name)
    assert part(root, q(EXT, "MessageKindCode")).text == kind
    part(root, q(EXT, "MessageKindCode")).text = "Query" if kind != "Query" else "Response"
    with pytest.raises(SchemaViolated, match=f"is {kind}"):
        schemas.validate(root)


def test_an_answer_without_a_correlation_is_refused() -> None:
    root = message("DMV907-response")
    root[0].remove(part(root, q(EXT, "CorrelationID")))
    with pytest.raises(SchemaViolated) as caught:
        schemas.validate(root)
    assert caught.value.node == "ext:CorrelationID"


def test_a_correlation_in_a_message_that_answers_nothing_is_refused() -> None:
    root = message("DMV907-hold")
    correlation = etree.Element(q(EXT, "CorrelationID"))
    correlation.text = "7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47"
    part(root, q(EXT, "TransactionID")).addnext(correlation)
    with pytest.raises(SchemaViolated, match="has no CorrelationID"):
        schemas.validate(root)


def test_threads_do_not_see_each_others_violations() -> None:
    start = threading.Barrier(4)

    def nodes(name: str) -> set[str]:
        found = set()
        start.wait()
        for _ in range(50):
            root = message("FCC807-query")
            part(root, name).text = "\t"
            try:
                schemas.validate(root)
            except SchemaViolated as error:
                found.add(error.node)
        return found

    names = [q(NC, "CaseTrackingID"), q(EXT, "TransactionID"), q(NC, "Date"), q(EXT, "PartyID")]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(nodes, names)) == [
            {"nc:CaseTrackingID"}, {"ext:TransactionID"}, {"nc:Date"}, {"ext:PartyID"}
        ]  # fmt: skip


def test_a_schema_that_cannot_be_compiled_is_a_contract_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from ccms_ws.contract import catalog

    monkeypatch.setattr(schemas, "_compiled", schemas._Compiled())
    monkeypatch.setattr(catalog, "exchange_schemas", lambda: {DMV907: catalog.wsdl_path("FCC807-1.0.wsdl")})
    with pytest.raises(ContractError, match="no usable schema"):
        schemas.validate(message("DMV907-hold"))
