"""COL903: control totals are recomputed by who reads, and messages survive the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.schemas import validate
from ccms_ws.domain.courts import CaseParticipant, ParticipantRole, PersonName
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.errors import SchemaViolated
from ccms_ws.exchanges.col903 import batches, wire
from ccms_ws.exchanges.col903.messages import (
    Adjustment,
    Batch,
    BatchError,
    CollectionStatus,
    ItemProblem,
    Payment,
    Update,
)
from ccms_ws.exchanges.col903.serialize import update_text
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import MessageKind, first_metadata, reply_metadata
from ccms_ws.message_parts.serialize import DECLARED_ONCE, without_declarations
from tests.support.books import DMV, context, person

ZERO = Decimal("0.00")


def update(sequence: int, current: str) -> Update:
    return Update(
        sequence=sequence,
        account_number=f"ACC-{sequence}",
        subject=CaseParticipant(
            person(f"P{sequence}", "Ana", "Osei", date(1990, 7, 8), "A1234567"), "24CR1", ParticipantRole.DEFENDANT
        ),
        referred_amount=Decimal("500.00"),
        previous_balance=Decimal("500.00"),
        current_balance=Decimal(current),
        effective_on=date(2026, 11, 20),
        fees=(FeeBalance("BaseFine", Decimal("500.00"), Decimal("500.00") - Decimal(current), ZERO, ZERO),),
        payments=(
            Payment(Decimal("300.00"), date(2026, 11, 3), f"R-{sequence}", "Court"),
            Payment(Decimal("1.00"), date(2026, 11, 4)),
        ),
        adjustments=(
            Adjustment(False, Decimal("10.00"), date(2026, 11, 5), "CommunityService", "10 hours"),
            Adjustment(True, Decimal("1.00"), date(2026, 11, 6), "Refund"),
        ),
    )


@pytest.fixture
def batch() -> Batch:
    metadata = first_metadata("COL903", context(DMV), MessageKind.NOTIFICATION)
    return Batch(metadata=metadata, client_id="00042", updates=(update(1, "120.50"), update(2, "0.00")))


def test_a_batch_survives_the_wire(batch: Batch) -> None:
    for each in (batch, replace(batch, corrects=UUID(int=7))):
        element = wire.batch_to_xml(each)
        validate(element)
        assert wire.batch_from_xml(element) == each


texts = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co"), exclude_characters="\ufffe\uffff"),
        min_size=1,
        max_size=30,
    )
    .map(str.strip)
    .filter(lambda text: text and "  " not in text)
)


@given(case=texts, account=texts, surname=texts, words=texts)
def test_an_update_is_written_in_the_canonical_form(case: str, account: str, surname: str, words: str) -> None:
    one = update(1, "120.50")
    someone = replace(one.subject.participant, name=PersonName("A&B", surname, "<'\"", "Jr\r"))
    hostile = replace(
        one,
        account_number=account,
        subject=replace(one.subject, participant=someone, case_number=case),
        adjustments=(Adjustment(True, Decimal("1.00"), date(2026, 11, 6), "Refund", words),),
    )
    head = wire.batch_head(
        first_metadata("COL903", context(DMV), MessageKind.NOTIFICATION), client_id="1", count=1, total=ZERO
    )
    written = head + update_text(hostile, 1).encode() + wire.END
    read = etree.fromstring(written)
    assert etree.tostring(read, method="c14n", exclusive=True) == written
    assert read.findtext(f".//{wire.Q_CASE}") == case
    assert read.findtext(f".//{wire.Q_DESCRIPTION}") == words


@given(case=texts, surname=texts, fee=texts)
def test_without_declarations_an_update_says_the_same(case: str, surname: str, fee: str) -> None:
    one = update(1, "120.50")
    declaration = DECLARED_ONCE + ">"  # what only a value could hold in this form
    someone = replace(one.subject.participant, name=PersonName(declaration, surname, "%s", "&"))
    paid = Decimal("1.00")
    fees = (FeeBalance(f"100% {fee}", assessed=paid, paid=paid, waived=ZERO, vacated=ZERO, statute="VC 1%"),)
    hostile = replace(one, subject=replace(one.subject, participant=someone, case_number=case + declaration), fees=fees)
    written = update_text(hostile, 1)
    root = "<col903:R xmlns:col903='urn:x'%s>%s</col903:R>"
    canonical = etree.fromstring(root % ("", written))
    short = etree.fromstring(root % (DECLARED_ONCE, without_declarations(written)))
    told, same = ([(each.tag, each.text, dict(each.attrib)) for each in tree.iter()] for tree in (canonical, short))
    assert told == same
    assert len(without_declarations(written)) < len(written) * 3 / 4


def test_a_batch_with_a_value_that_is_too_long_is_not_written(batch: Batch) -> None:
    texts = [update_text(batch.updates[0], 1), update_text(replace(batch.updates[1], account_number="9" * 500), 2)]
    head = wire.batch_head(batch.metadata, client_id="1", count=2, total=ZERO)
    with pytest.raises(SchemaViolated, match="CollectionAccountID"):
        batches.spooled(iter(texts), head)
    assert b"".join(batches.spooled(iter(texts[:1]), head)) == texts[0].encode() + wire.END


def test_zero_means_paid_in_full(batch: Batch) -> None:
    assert [update.status for update in batch.updates] == [CollectionStatus.ACTIVE, CollectionStatus.PAID_IN_FULL]


def test_a5_zero_that_was_not_paid_and_the_delinquency_survive_the_wire(batch: Batch) -> None:
    first, second = batch.updates
    overdue = replace(first, delinquent_on=date(2026, 2, 3))
    each = replace(batch, updates=(overdue, replace(second, is_paid=False)))
    assert [update.status for update in each.updates] == [CollectionStatus.ACTIVE, CollectionStatus.NOTHING_OWED]
    element = wire.batch_to_xml(each)
    validate(element)
    assert wire.batch_from_xml(element) == each


def test_a15_every_element_and_status_of_an_update_is_written(batch: Batch) -> None:
    first, second = batch.updates
    updates = (replace(first, delinquent_on=date(2026, 2, 3)), second, replace(second, sequence=3, is_paid=False))
    element = wire.batch_to_xml(replace(batch, corrects=UUID(int=7), updates=updates))
    validate(element)
    schema = catalog.parse(catalog.exchange_schemas()[wire.NAMESPACE])
    of_update = "{*}complexType[@name='CollectionBalanceUpdateType']//{*}element"
    declared = {each.get("ref", "").rpartition(":")[2] for each in schema.iterfind(of_update)}
    written = {etree.QName(each).localname for each in element.iterfind(f"{wire.Q_UPDATE}/*")}
    assert written == declared
    statuses = "{*}simpleType[@name='CollectionStatusCodeSimpleType']//{*}enumeration"
    assert {each.get("value") for each in schema.iterfind(statuses)} == {str(status) for status in CollectionStatus}


@pytest.mark.parametrize(("name", "said"), [(wire.Q_COUNT, "record quantity"), (wire.Q_TOTAL, "total balance")])
def test_control_totals_that_do_not_agree_are_seen(batch: Batch, name: str, said: str) -> None:
    element = wire.batch_to_xml(batch)
    total = element.find(name)
    assert total is not None
    total.text = "7"
    with pytest.raises(ValueError, match=said):
        wire.batch_from_xml(element)


def test_an_error_survives_the_wire() -> None:
    error = BatchError(
        metadata=reply_metadata("COL903", "1.0", context(DMV), MessageKind.ERROR),
        batch_id="B-1",
        refused=False,
        problem=ErrorBlock(code="E1", reason="two items refused"),
        items=(ItemProblem(sequence=2, problem=ErrorBlock(code="E2", reason="no such account", node="x", value="1")),),
    )
    element = wire.error_to_xml(error)
    validate(element)
    assert wire.error_from_xml(element) == error
