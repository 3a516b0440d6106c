"""COL903: control totals are recomputed by who reads, and messages survive the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from ccms_ws.contract.schemas import validate
from ccms_ws.domain.courts import CaseParticipant, ParticipantRole
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.exchanges.col903 import wire
from ccms_ws.exchanges.col903.messages import Batch, BatchError, CollectionStatus, ItemProblem, Update
from ccms_ws.parts.metadata import MessageKind, first_metadata, reply_metadata
from ccms_ws.parts.problems import Problem
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


def test_zero_means_paid_in_full(batch: Batch) -> None:
    assert [update.status for update in batch.updates] == [CollectionStatus.ACTIVE, CollectionStatus.PAID_IN_FULL]


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
        problem=Problem(code="E1", reason="two items refused"),
        items=(ItemProblem(sequence=2, problem=Problem(code="E2", reason="no such account", node="x", value="1")),),
    )
    element = wire.error_to_xml(error)
    validate(element)
    assert wire.error_from_xml(element) == error
