"""What a partner refuses is taken back, and corrected, withdrawn or replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from ccms_ws.domain.collections import BatchState, CollectionBatch, ItemError, ItemState
from ccms_ws.errors import NotStored, StoreError
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.store.unit_of_work import SqlUnitOfWork
from tests.support.collecting import batch, item, refer
from tests.support.databases import Units
from tests.support.records import NOW


def told(uow: SqlUnitOfWork, referral_id: str = "R-1") -> Decimal | None:
    return uow.referrals.get(referral_id).reported_balance


def states(uow: SqlUnitOfWork, sent: CollectionBatch) -> list[ItemState]:
    return [one.state for one in uow.of(Batches).items(sent.batch_id)]


def later(number: int, **changes: Any) -> CollectionBatch:
    """A batch made `number` days later."""
    return batch(**changes, created_at=NOW + timedelta(days=number))


def test_refused_item_is_taken_back_and_waits_for_its_correction(book: Units) -> None:
    refer(book, 2)
    sent = batch(2, "200.00")
    updates = [replace(item(n, f"R-000{n}"), tells=(f"E-{n}",)) for n in (1, 2)]
    with book() as uow:
        uow.of(Batches).add_batch(sent, updates)
        errors = [ItemError(2, "AccountNotFound", "Nobody of that name")]
        uow.of(Batches).move_batch(sent.batch_id, BatchState.PARTLY_REJECTED, items=errors)
        assert (told(uow, "R-0001"), told(uow, "R-0002")) == (Decimal("100.00"), None)
        assert states(uow, sent) == [ItemState.ASSUMED_ACCEPTED, ItemState.TO_BE_CORRECTED]
        (refused,) = uow.of(Batches).items(sent.batch_id, refused=True)
        assert (refused.sequence, refused.error_code, refused.participant_id) == (2, "AccountNotFound", "Q-0002")
        assert uow.of(Batches).batches_to_correct("FTB") == [(sent.batch_id, 1)]
        ordinary = {one.referral.referral_id: one.told for one in uow.of(Batches).open_accounts("FTB")}
        assert ordinary == {"R-0001": {"E-1"}, "R-1": frozenset()}
        (waiting,) = uow.of(Batches).accounts_to_correct(sent.batch_id)
        assert (waiting.referral.referral_id, waiting.told) == ("R-0002", frozenset())


def test_refused_batch_is_taken_back_as_a_whole(book: Units) -> None:
    first, second = batch(), later(1, total="90.00")
    with book() as uow:
        uow.of(Batches).add_batch(first, [item()])
        uow.of(Batches).add_batch(second, [item(told="100.00", now="90.00")])
        uow.of(Batches).move_batch(second.batch_id, BatchState.REJECTED, error_code="ControlTotalMismatch")
        assert told(uow) == Decimal("100.00")
        assert states(uow, second) == [ItemState.TO_BE_CORRECTED]
        assert uow.of(Batches).items(second.batch_id)[0].error_code == "ControlTotalMismatch"
        assert list(uow.of(Batches).open_accounts("FTB")) == []


def test_late_error_about_an_update_that_a_newer_one_has_overtaken_changes_nothing(book: Units) -> None:
    first, second = batch(), later(1, total="90.00")
    with book() as uow:
        uow.of(Batches).add_batch(first, [replace(item(), tells=("E-1",))])
        uow.of(Batches).add_batch(second, [item(told="100.00", now="90.00")])
        uow.of(Batches).move_batch(first.batch_id, BatchState.REJECTED)
        assert told(uow) == Decimal("90.00")
        assert states(uow, first) == [ItemState.REFUSED]
        (account,) = uow.of(Batches).open_accounts("FTB")
        assert account.told == {"E-1"}


def test_two_refusals_in_a_row_lead_back_to_the_referral(book: Units) -> None:
    first, second = batch(), later(1, total="90.00")
    with book() as uow:
        uow.of(Batches).add_batch(first, [item()])
        uow.of(Batches).add_batch(second, [item(told="100.00", now="90.00")])
        uow.of(Batches).move_batch(second.batch_id, BatchState.REJECTED)
        uow.of(Batches).move_batch(first.batch_id, BatchState.REJECTED)
        assert told(uow) is None
        assert uow.of(Batches).batches_to_correct("FTB") == [(second.batch_id, 1)]
        assert states(uow, first) == [ItemState.REFUSED]


def test_correction_ends_the_wait_and_names_itself(book: Units) -> None:
    refused, correction = batch(), later(1)
    with book() as uow:
        uow.of(Batches).add_batch(refused, [item()])
        uow.of(Batches).move_batch(refused.batch_id, BatchState.REJECTED)
        uow.of(Batches).add_batch(correction, [item()], corrects=refused.batch_id)
        (old,) = uow.of(Batches).items(refused.batch_id)
        assert (old.state, old.corrected_by) == (ItemState.CORRECTED, correction.batch_id)
        assert uow.of(Batches).batches_to_correct("FTB") == []
        assert told(uow) == Decimal("100.00")
        uow.of(Batches).move_batch(correction.batch_id, BatchState.REJECTED)
        assert uow.of(Batches).batches_to_correct("FTB") == [(correction.batch_id, 1)]


def test_withdrawn_batch_was_never_told_and_nothing_waits(book: Units) -> None:
    sent = batch()
    with book() as uow:
        uow.of(Batches).add_batch(sent, [replace(item(), tells=("E-1",))])
        with pytest.raises(NotStored):
            uow.of(Batches).withdraw_batch(sent.batch_id, "wrong file")
        uow.of(Batches).move_batch(sent.batch_id, BatchState.UNDELIVERABLE)
        uow.of(Batches).withdraw_batch(sent.batch_id, "wrong file")
        assert told(uow) is None
        (account,) = uow.of(Batches).open_accounts("FTB")
        assert account.told == frozenset()


def test_replaced_batch_leaves_its_items_to_its_successor(book: Units) -> None:
    sent, behind, successor = batch(), later(1, total="90.00"), uuid4()
    with book() as uow:
        uow.of(Batches).add_batch(sent, [replace(item(), tells=("E-1",))])
        uow.of(Batches).add_batch(behind, [item(told="100.00", now="90.00")])
        uow.of(Batches).move_batch(sent.batch_id, BatchState.UNDELIVERABLE)
        ((update, account),) = uow.of(Batches).accounts_of(sent.batch_id)
        assert (update.tells, account.referral.referral_id) == (("E-1",), "R-1")
        uow.of(Batches).replace_batch(sent.batch_id, successor)
        assert uow.of(Batches).find_batch(successor) == replace(sent, batch_id=successor)
        assert [(u.previous_balance, u.tells) for u, _ in uow.of(Batches).accounts_of(successor)] == [
            (Decimal("490.10"), ("E-1",))
        ]
        assert told(uow) == Decimal("90.00")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], BatchState.ASSUMED_ACCEPTED),
        ([BatchState.REJECTED], BatchState.DELIVERED),
        ([BatchState.PARTLY_REJECTED], BatchState.REJECTED),
        ([BatchState.DELIVERED], BatchState.UNDELIVERABLE),
        ([BatchState.DELIVERED, BatchState.ASSUMED_ACCEPTED], BatchState.QUEUED),
    ],
)
def test_illegal_transition_is_impossible(book: Units, before: list[BatchState], after: BatchState) -> None:
    sent = batch()
    with book() as uow:
        uow.of(Batches).add_batch(sent, [item()])
        for state in before:
            uow.of(Batches).move_batch(sent.batch_id, state)
        with pytest.raises(StoreError):
            uow.of(Batches).move_batch(sent.batch_id, after)
