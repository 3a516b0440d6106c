"""COL903 in replay: building and correcting batches, the batches that a case begins with, and how they stand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch, Referral
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches, correct_batch
from ccms_ws.exchanges.col903.messages import Update
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.col903.wire import batch_from_xml
from ccms_ws.replay.actions import Action, Facts
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.expectations import in_words
from ccms_ws.replay.normalize import Ids
from ccms_ws.replay.seed_participants import ensure_on_case


def _build(facts: Facts, court: ReplayCourt, _ids: Ids) -> UUID:
    app, partner = court.application, facts["partner"]
    push = app.push_settings(partner, COL903.code)
    made = app.push(
        COL903,
        partner,
        lambda context, uow: build_batches(context, uow, size=push.batch_size),
    )
    if len(made) != 1:
        raise ValueError(f"{len(made)} batches were made, one was expected")
    return made[0]


def _correct(facts: Facts, court: ReplayCourt, ids: Ids) -> UUID:
    """A new batch for the items of an earlier one that the partner refused."""
    app, partner, batch = court.application, facts["partner"], UUID(ids.now(facts["batch"]))
    push = app.push_settings(partner, COL903.code)
    (made,) = app.push(
        COL903,
        partner,
        lambda context, uow: correct_batch(batch, context, uow, size=push.batch_size),
    )
    return made


def record(message: _Element, partner_id: str, uow: UnitOfWork) -> None:
    """Put a batch that was sent on file, with the referrals that it is about."""
    batch = batch_from_xml(message)
    at, ori = batch.metadata.at, batch.metadata.court_ori
    accounts = uow.of(Batches).open_accounts(partner_id)
    referrals = {account.referral.account_number: account.referral for account in accounts}
    for update in batch.updates:
        if update.account_number not in referrals:
            referrals[update.account_number] = _refer(update, partner_id, ori, uow)
    uow.of(Batches).add_batch(
        CollectionBatch(
            batch_id=batch.batch_id,
            partner_id=partner_id,
            court_ori=ori,
            state=BatchState.QUEUED,
            created_at=at,
            item_count=len(batch.updates),
            total_balance=batch.total_balance,
        ),
        (
            BalanceUpdate(
                update.sequence,
                referrals[update.account_number].referral_id,
                update.previous_balance,
                update.current_balance,
                update.effective_on,
            )
            for update in batch.updates
        ),
    )


def _refer(update: Update, partner: str, ori: str, uow: UnitOfWork) -> Referral:
    ensure_on_case(update.subject, uow)
    referral = Referral(
        referral_id=f"replay-{update.account_number or update.sequence}",
        partner_id=partner,
        court_ori=ori,
        case_number=update.subject.case_number,
        participant_id=update.subject.participant.participant_id,
        referred_on=min(update.effective_on, date(2020, 1, 1)),
        referred_amount=update.referred_amount,
        account_number=update.account_number,
        reported_balance=None if update.previous_balance == update.referred_amount else update.previous_balance,
    )
    uow.referrals.add(referral)
    return referral


def _state(number: UUID, uow: UnitOfWork) -> str:
    batch = uow.of(Batches).find_batch(number)
    return "nothing" if batch is None else in_words(batch.state, batch.error_code)


ACTIONS: Final[Mapping[str, Action]] = {"batch": _build, "correct": _correct}
STATES: Final = {"batch": _state}
