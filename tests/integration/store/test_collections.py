"""Referrals and batches: told once, in the order of ids, and never against what was told before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.collections import (
    Account,
    BalanceUpdate,
    BatchState,
    CollectionBatch,
    ItemError,
    Referral,
    ReferralPurpose,
)
from ccms_ws.domain.courts import JointDebtor
from ccms_ws.domain.ledger import EntryKind
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from ccms_ws.exchanges.col903.repository import Batches
from tests.support.collecting import TODAY, batch, item, refer
from tests.support.databases import Units
from tests.support.records import CASE, FINE, NOW, ON_CASE, ORI, REFERRAL


def test_referral_comes_back_as_it_was_added(book: Units) -> None:
    with book() as uow:
        assert uow.referrals.get("R-1") == replace(REFERRAL, lines=("E-1",))
        with pytest.raises(NotStored):
            uow.referrals.get("R-2")


@pytest.mark.parametrize(
    "nonsense",
    [
        replace(REFERRAL, referral_id="R-2", referred_amount=Decimal("0.00")),
        replace(REFERRAL, referral_id="R-2", ended_on=date(2026, 5, 31)),
        replace(REFERRAL, referral_id="R-2", case_number="unknown"),
        replace(REFERRAL, referral_id="", participant_id="P-2"),
        replace(REFERRAL, referral_id="R-2", participant_id="P-2", reported_balance=Decimal("-0.01")),
    ],
    ids=repr,
)
def test_nonsense_is_refused_by_the_tables(book: Units, nonsense: Referral) -> None:
    with book() as uow:
        with pytest.raises(StoreError) as refused:
            uow.referrals.add(nonsense)
        assert type(refused.value) is StoreError


def test_debt_is_with_a_partner_once_until_it_is_closed(book: Units) -> None:
    with book() as uow:
        with pytest.raises(ConcurrentChange):
            uow.referrals.add(replace(REFERRAL, referral_id="R-2"))
        uow.rollback()
        uow.referrals.add(replace(REFERRAL, referral_id="R-2", ended_on=TODAY))
        with pytest.raises(ConcurrentChange, match="FTB already, as R-1"):
            uow.referrals.add(replace(REFERRAL, referral_id="R-3", partner_id="AGENCY"))
        uow.rollback()
        uow.referrals.add(replace(REFERRAL, referral_id="R-3", partner_id="AGENCY", purpose=ReferralPurpose.MONITOR))


def test_open_accounts_come_in_the_order_of_their_ids_and_without_others(book: Units) -> None:
    refer(book, 3)
    with book() as uow:
        uow.referrals.add(replace(REFERRAL, referral_id="R-0", partner_id="AGENCY", purpose=ReferralPurpose.MONITOR))
        uow.referrals.add(replace(REFERRAL, referral_id="R-9", participant_id="P-2", ended_on=TODAY))
        found = [account.referral.referral_id for account in uow.of(Batches).open_accounts("FTB")]
    assert found == ["R-0001", "R-0002", "R-0003", "R-1"]


def test_open_accounts_survive_commits_and_changes_in_between(book: Units) -> None:
    refer(book, 2500)
    seen = []
    with book() as uow:
        stream = uow.of(Batches).open_accounts("FTB")
        while part := list(islice(stream, 700)):
            seen += [account.referral.referral_id for account in part]
            updates = [item(n, account.referral.referral_id) for n, account in enumerate(part, start=1)]
            uow.of(Batches).add_batch(batch(len(part), f"{len(part)}00.00"), iter(updates))
            uow.commit()
    assert len(seen) == len(set(seen)) == 2501
    with book() as uow:
        assert {one.referral.reported_balance for one in uow.of(Batches).open_accounts("FTB")} == {Decimal("100.00")}


# -- batches ----------------------------------------------------------------------------------------------------------
def test_batch_comes_back_and_sets_what_was_reported(book: Units) -> None:
    sent = batch()
    with book() as uow:
        uow.of(Batches).add_batch(sent, [item()])
        uow.commit()
    with book() as uow:
        assert uow.of(Batches).find_batch(sent.batch_id) == sent
        assert uow.of(Batches).lock_batch(sent.batch_id) == sent
        assert uow.of(Batches).find_batch(uuid4()) is None
        assert uow.of(Batches).lock_batch(uuid4()) is None
        assert uow.referrals.get("R-1").reported_balance == Decimal("100.00")


def test_paid_in_full_is_told_as_zero(book: Units) -> None:
    with book() as uow:
        uow.of(Batches).add_batch(batch(total="0.00"), [item(now="0.00")])
        assert uow.referrals.get("R-1").reported_balance == Decimal("0.00")


def test_update_from_an_outdated_balance_is_a_concurrent_change(book: Units) -> None:
    with book() as uow:
        uow.of(Batches).add_batch(batch(), [item()])
        with pytest.raises(ConcurrentChange):
            uow.of(Batches).add_batch(batch(total="90.00"), [item(now="90.00")])
        uow.rollback()
        uow.of(Batches).add_batch(batch(), [item()])
        uow.of(Batches).add_batch(batch(total="90.00"), [item(told="100.00", now="90.00")])


@pytest.mark.parametrize("state", [{"ended_on": TODAY}, {"partner_id": "AGENCY"}])
def test_only_an_open_referral_of_that_partner_is_told(book: Units, state: dict[str, Any]) -> None:
    with book() as uow:
        uow.referrals.add(replace(REFERRAL, referral_id="R-2", participant_id="P-2", **state))
        with pytest.raises(ConcurrentChange):
            uow.of(Batches).add_batch(batch(), [item(referral="R-2")])


@pytest.mark.parametrize("wrong", [batch(2), batch(1, "99.99"), batch(1, "100.01")])
def test_control_totals_must_agree_with_the_items(book: Units, wrong: CollectionBatch) -> None:
    with book() as uow, pytest.raises(StoreError, match="announces"):
        uow.of(Batches).add_batch(wrong, [item()])


@pytest.mark.parametrize("wrong", [[item(0)], [item(now="-1.00")], [item(), item(2)], [item(), item(1)]])
def test_items_that_are_none_are_refused(book: Units, wrong: list[BalanceUpdate]) -> None:
    with book() as uow, pytest.raises(StoreError):
        uow.of(Batches).add_batch(batch(len(wrong), "200.00"), wrong)


def test_items_are_taken_from_a_stream(book: Units) -> None:
    refer(book, 2100)
    taken = 0

    def stream() -> Iterator[BalanceUpdate]:
        nonlocal taken
        for taken in range(1, 2101):
            yield item(taken, f"R-{taken:04}")

    with book() as uow:
        uow.of(Batches).add_batch(batch(2100, "210000.00"), stream())
        assert taken == 2100


def test_moving_sets_what_is_given_and_leaves_the_rest(book: Units) -> None:
    sent, due = batch(), NOW + timedelta(days=10)
    with book() as uow:
        uow.of(Batches).add_batch(sent, [item()])
        uow.of(Batches).move_batch(sent.batch_id, BatchState.DELIVERED, delivered_at=NOW, answer_due_at=due)
        uow.of(Batches).move_batch(sent.batch_id, BatchState.REJECTED, error_code="E1", error_reason="Because")
        uow.commit()
    with book() as uow:
        assert uow.of(Batches).find_batch(sent.batch_id) == replace(
            sent,
            state=BatchState.REJECTED,
            delivered_at=NOW,
            answer_due_at=due,
            error_code="E1",
            error_reason="Because",
        )


def test_item_errors_reach_their_items(book: Units, engine: Engine) -> None:
    refer(book, 2)
    sent = batch(2, "200.00")
    with book() as uow:
        uow.of(Batches).add_batch(sent, [item(1, "R-0001"), item(2, "R-0002")])
        errors = [ItemError(2, "E2", "No such account")]
        uow.of(Batches).move_batch(sent.batch_id, BatchState.PARTLY_REJECTED, items=errors)
        uow.commit()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT sequence, error_code, error_reason FROM balance_update ORDER BY 1"))
        assert [tuple(row) for row in rows] == [(1, "", ""), (2, "E2", "No such account")]


def test_error_for_an_item_or_batch_that_is_not_there_is_refused(book: Units) -> None:
    sent = batch()
    with book() as uow:
        uow.of(Batches).add_batch(sent, [item()])
        with pytest.raises(NotStored):
            uow.of(Batches).move_batch(sent.batch_id, BatchState.PARTLY_REJECTED, items=[ItemError(2, "E", "")])
        with pytest.raises(NotStored):
            uow.of(Batches).move_batch(uuid4(), BatchState.REJECTED)


def test_silent_batches_are_those_delivered_whose_window_has_passed(book: Units) -> None:
    refer(book, 4)
    sent = [batch() for _ in range(4)]
    with book() as uow:
        for number, each in enumerate(sent, start=1):
            uow.of(Batches).add_batch(each, [item(referral=f"R-{number:04}")])
        for each, days in ((sent[0], 3), (sent[1], 1), (sent[2], 2)):
            due = NOW + timedelta(days=days)
            uow.of(Batches).move_batch(each.batch_id, BatchState.DELIVERED, delivered_at=NOW, answer_due_at=due)
        uow.of(Batches).move_batch(sent[2].batch_id, BatchState.REJECTED)
        uow.commit()
        silent = [
            [found.batch_id for found in uow.of(Batches).silent_batches(NOW + timedelta(days=days))]
            for days in (1, 2, 4)
        ]
    assert silent == [[], [sent[1].batch_id], [sent[1].batch_id, sent[0].batch_id]]


def test_silent_batch_that_is_being_answered_is_left_out(engine: Engine, book: Units) -> None:
    sent = batch()
    with book() as uow:
        uow.of(Batches).add_batch(sent, [item()])
        uow.of(Batches).move_batch(sent.batch_id, BatchState.DELIVERED, delivered_at=NOW, answer_due_at=NOW)
        uow.commit()
    if engine.dialect.name == "sqlite":
        return  # one transaction at a time: nobody is being answered meanwhile
    with book() as answering, book() as sweeping:
        assert answering.of(Batches).lock_batch(sent.batch_id) is not None
        assert list(sweeping.of(Batches).silent_batches(NOW + timedelta(days=1))) == []


def test_case_number_is_kept(book: Units) -> None:
    with book() as uow:
        assert next(uow.of(Batches).open_accounts("FTB")).referral.case_number == CASE.number


# -- accounts ---------------------------------------------------------------------------------------------------------
def test_account_has_the_person_and_every_entry_that_counts_for_it(book: Units) -> None:
    with book() as uow:
        assert list(uow.of(Batches).open_accounts("FTB")) == [
            Account(
                replace(REFERRAL, lines=("E-1",)),
                ON_CASE[0],
                uow.books.ledger(ORI, CASE.number, "P-1"),
                frozenset(),
                frozenset(),
            )
        ]


def test_account_counts_what_others_paid_on_a_shared_obligation(book: Units) -> None:
    debtors = [JointDebtor(ORI, CASE.number, "O-1", person) for person in ("P-1", "P-2")]
    shared = replace(FINE, entry_id="E-2", fee_kind="Restitution", obligation="O-1")
    paid = replace(
        shared, entry_id="E-3", participant_id="P-2", kind=EntryKind.PAYMENT, amount=Decimal("5.00"), imposed_on=None
    )
    others = replace(FINE, entry_id="E-4", participant_id="P-2")
    with book() as uow:
        uow.books.add(*debtors, shared, paid, others)
        (account,) = uow.of(Batches).open_accounts("FTB")
        assert {entry.entry_id for entry in account.entries} == {"E-1", "E-2", "E-3"}
        assert {e.entry_id for e in uow.books.ledger(ORI, CASE.number, "P-1")} == {"E-1", "E-2", "E-3"}


def test_account_knows_what_was_told(book: Units) -> None:
    with book() as uow:
        uow.of(Batches).add_batch(batch(), [replace(item(), tells=("E-7", "E-8"))])
        (account,) = uow.of(Batches).open_accounts("FTB")
        assert account.told == {"E-7", "E-8"}
