"""Every sample is a valid message, and each important constraint of the schemas refuses what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog, schemas
from ccms_ws.errors import SchemaViolated
from ccms_ws.exchanges.col903 import wire as COL903  # noqa: N812 - as its messages are called
from ccms_ws.exchanges.dmv907 import wire as DMV907  # noqa: N812
from ccms_ws.exchanges.fcc807 import wire as FCC807  # noqa: N812

Break = Callable[[_Element], None]


def _find(root: _Element, path: str) -> _Element:
    found = root.find(f".//{path}", catalog.prefixes())
    assert found is not None, path
    return found


def without(path: str) -> Break:
    """The message without the element at `path`."""

    def change(root: _Element) -> None:
        element = _find(root, path)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return change


def with_(path: str, text: str, **attributes: str) -> Break:
    """The message with other text (and attributes) at `path`."""

    def change(root: _Element) -> None:
        element = _find(root, path)
        element.text = text
        for name, value in attributes.items():
            element.set(f"{{{catalog.prefixes()['nc']}}}{name}", value)

    return change


def twice(path: str) -> Break:
    """The message with the element at `path` repeated."""

    def change(root: _Element) -> None:
        element = _find(root, path)
        element.addnext(etree.fromstring(etree.tostring(element, with_tail=False)))

    return change


def inserted(after: str, xml: str) -> Break:
    """The message with `xml` after the element at `after`."""

    def change(root: _Element) -> None:
        declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in catalog.prefixes().items())
        _find(root, after).addnext(etree.fromstring(f"<x {declared}>{xml}</x>")[0])

    return change


def metadata_last(root: _Element) -> None:
    root.append(root[0])


BROKEN: dict[str, list[Break]] = {
    "FCC807-query": [
        metadata_last,
        without("ext:MessageMetadata"),
        without("ext:TransactionID"),
        without("ext:MessageDateTime"),
        without("ext:ExchangeCode"),
        without("ext:MessageKindCode"),
        without("ext:SchemaVersionID"),
        without("ext:SendingParty"),
        without("ext:ReceivingParty"),
        without("ext:Court"),
        without("ext:TestIndicator"),
        without("ext:CourtORIID"),
        without("ext:CountyCode"),
        without("fcc807:QuerySubmitter"),
        without("fcc807:SubmitterUnitCode"),
        without("fcc807:SearchCriteria"),
        without("nc:PersonSurName"),
        without("j:IdentificationJurisdictionUSPostalServiceCode"),
        twice("ext:TransactionID"),
        twice("nc:CaseTrackingID"),
        twice("nc:PersonBirthDate"),
        with_("ext:TransactionID", "7C9E6A52-3B1F-4D08-9A64-0E5D2F8B1C47"),
        with_("ext:TransactionID", "urn:uuid:7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47"),
        with_("ext:TransactionID", ""),
        with_("ext:MessageDateTime", "2026-11-16T17:04:22"),
        with_("ext:MessageDateTime", "2026-11-16T09:04:22-0800"),
        with_("ext:MessageDateTime", "2026-11-16T09:04:22-15:00"),
        with_("ext:MessageDateTime", "2026-11-16T24:00:00Z"),
        with_("ext:MessageDateTime", "2026-11-31T17:04:22Z"),
        with_("ext:ExchangeCode", "FCC808"),
        with_("ext:SchemaVersionID", "1"),
        with_("ext:PartyID", "adult probation"),
        with_("ext:CourtORIID", "CA03701"),
        with_("ext:CountyCode", "59"),
        with_("ext:CountyCode", "00"),
        with_("ext:CountyCode", "7"),
        with_("nc:CaseTrackingID", ""),
        with_("nc:CaseTrackingID", " SCD-1"),
        with_("nc:CaseTrackingID", "SCD-1\n"),
        with_("nc:CaseTrackingID", "SCD\t1"),
        with_("nc:CaseTrackingID", "SCD\x851"),
        with_("nc:CaseTrackingID", "S" * 65),
        with_("nc:PersonSurName", "S" * 1001),
        with_("nc:Date", "2026-11-16Z"),
        with_("nc:Date", "16.11.2026"),
        with_("nc:Date", "2026-02-29"),
        with_("j:IdentificationJurisdictionUSPostalServiceCode", "XX"),
    ],
    "FCC807-balance": [
        without("ext:CaseParticipant"),
        without("ext:CaseParticipantIdentification"),
        without("nc:PersonName"),
        without("fcc807:BalanceDueIndicator"),
        without("fcc807:BalanceDueAmount"),
        without("fcc807:BalanceAsOfDate"),
        without("nc:ObligationTotalAmount"),
        without("ext:FeeVacatedAmount"),
        with_("fcc807:BalanceDueAmount", "560.001"),
        with_("fcc807:BalanceDueAmount", "$560.00"),
        with_("fcc807:BalanceDueAmount", "5.6E2"),
        with_("fcc807:BalanceDueAmount", "1234567890123.45"),
        with_("fcc807:BalanceDueAmount", "560.00", currencyCode="EUR"),
        with_("ext:FeeWaivedAmount", "-1.00"),
        with_("ext:FeeCategoryCodeText", "Base fine"),
        inserted("fcc807:CaseParticipantBalance", "<fcc807:QueryRejection/>"),
    ],
    "FCC807-rejection": [
        without("fcc807:QueryRejection"),
        without("fcc807:RejectionReasonCodeText"),
        without("fcc807:RejectionReasonText"),
        with_("fcc807:RejectionIndicator", "false"),
    ],
    "FCC807-error": [without("ext:MessageError"), without("ext:ErrorCodeText"), without("ext:ErrorReasonText")],
    "COL903-batch": [
        without("col903:BatchID"),
        without("col903:BatchRecordQuantity"),
        without("col903:BatchTotalBalanceAmount"),
        without("col903:UpdateSequenceID"),
        without("col903:CurrentBalanceAmount"),
        without("col903:CollectionStatusCode"),
        without("col903:AdjustmentReasonCodeText"),
        with_("col903:BatchRecordQuantity", "0"),
        with_("col903:UpdateSequenceID", "01"),
        with_("col903:UpdateActionCode", "New"),
        with_("col903:CurrentBalanceAmount", "-0.01"),
        with_("col903:CollectionStatusCode", "Closed"),
        with_("col903:AdjustmentDirectionCode", "Sideways"),
    ],
    "COL903-item-errors": [
        without("col903:BatchID"),
        without("col903:BatchRefusedIndicator"),
        without("ext:MessageError"),
        without("col903:UpdateError/col903:UpdateSequenceID"),
    ],
    "DMV907-hold": [
        without("dmv907:AbstractID"),
        without("dmv907:AbstractHold"),
        without("dmv907:NonComplianceDate"),
        without("dmv907:AbstractSubject"),
        without("dmv907:OrderKindCode"),
        without("dmv907:VehicleKindCode"),
        without("dmv907:DMVCourtCodeText"),
        without("nc:CaseTrackingID"),
        without("dmv907:ViolationDate"),
        without("ext:SectionRoleCode"),
        without("j:StatuteCodeSectionIdentification"),
        inserted("dmv907:AbstractHold", "<dmv907:AbstractRelease/>"),
    ],
    "DMV907-release": [
        without("dmv907:OriginalAbstractID"),
        without("dmv907:ReleaseDate"),
        without("dmv907:ReleaseReasonCode"),
        with_("dmv907:ReleaseReasonCode", "Forgotten"),
    ],
    "DMV907-response": [without("ext:DriverLicense"), without("dmv907:MessageCodeText"), without("dmv907:AbstractID")],
    "DMV907-error": [without("dmv907:AbstractID"), without("ext:MessageError")],
}


@pytest.mark.parametrize("name", catalog.sample_names())
def test_the_sample_is_valid(name: str) -> None:
    schemas.validate(etree.fromstring(catalog.sample(name)))


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, changes in BROKEN.items() for number in range(len(changes))]
)
def test_what_breaks_a_constraint_is_refused(name: str, number: int) -> None:
    root = etree.fromstring(catalog.sample(name))
    BROKEN[name][number](root)
    with pytest.raises(SchemaViolated):
        schemas.validate(root)


def test_a_batch_has_at_least_one_update() -> None:
    root = etree.fromstring(catalog.sample("COL903-batch"))
    for update in root.findall("col903:CollectionBalanceUpdate", catalog.prefixes()):
        root.remove(update)
    with pytest.raises(SchemaViolated, match="Missing child element"):
        schemas.validate(root)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("FCC807-query", "nc:CaseTrackingID", "Nº 1/2026 - José's"),
        ("FCC807-query", "ext:MessageDateTime", "2026-11-16T17:04:22.123456789Z"),
        ("FCC807-query", "ext:MessageDateTime", "2026-11-16T09:04:22-08:00"),
        ("FCC807-balance", "fcc807:BalanceDueAmount", "-12.5"),
        ("FCC807-balance", "fcc807:BalanceDueAmount", "560"),
        ("DMV907-response", "dmv907:MessageCodeText", "0001"),
    ],
)
def test_what_the_schemas_leave_open_is_valid(name: str, path: str, value: str) -> None:
    root = etree.fromstring(catalog.sample(name))
    with_(path, value)(root)
    schemas.validate(root)


@pytest.mark.parametrize(
    ("name", "path"), [("DMV907-hold", "ext:DriverLicense"), ("DMV907-release", "nc:PersonBirthDate")]
)
def test_what_is_not_known_of_every_person_may_be_missing(name: str, path: str) -> None:
    root = etree.fromstring(catalog.sample(name))
    without(path)(root)
    schemas.validate(root)


def test_every_message_has_a_sample() -> None:
    sampled = {etree.fromstring(catalog.sample(name)).tag for name in catalog.sample_names()}
    xs = "{http://www.w3.org/2001/XMLSchema}"
    declared = set()
    for namespace, path in catalog.exchange_schemas().items():
        root = catalog.parse(path)
        types = {
            kind.get("name") for kind in root.iter(f"{xs}complexType")
            if any(element.get("ref") == "ext:MessageMetadata" for element in kind.iter(f"{xs}element"))
        }  # fmt: skip
        for element in root.iterfind(f"{xs}element"):
            if (element.get("type") or "").rpartition(":")[2] in types:
                declared.add(f"{{{namespace}}}{element.get('name')}")
    assert sampled == declared


READERS: dict[str, Callable[[_Element], Any]] = {
    FCC807.Q_QUERY: FCC807.query_from_xml,
    FCC807.Q_RESPONSE: FCC807.response_from_xml,
    FCC807.Q_ERROR: FCC807.error_from_xml,
    COL903.Q_BATCH: COL903.batch_from_xml,
    COL903.Q_ERROR: COL903.error_from_xml,
    DMV907.Q_ABSTRACT: DMV907.notification_from_xml,
    DMV907.Q_RESPONSE: DMV907.response_from_xml,
    DMV907.Q_ERROR: DMV907.error_from_xml,
}


@pytest.mark.parametrize("name", catalog.sample_names())
def test_a_sample_is_read_and_names_what_it_answers_as_the_court_does(name: str) -> None:
    """The court names a batch or an abstract by the transaction id of the message that carries it."""
    root = etree.fromstring(catalog.sample(name))
    value = READERS[str(root.tag)](root)
    metadata = value.metadata
    named = root.findtext("col903:BatchID", None, catalog.prefixes()) or root.findtext(
        "dmv907:AbstractID", None, catalog.prefixes()
    )
    if named:
        assert named == str(metadata.correlation_id or metadata.transaction_id)
