"""What the court had sent before a case begins, put on file again: partners' answers need something to answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from ccms_ws.dispatch import send
from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch, Referral
from ccms_ws.domain.courts import CaseParticipant, ParticipantRole
from ccms_ws.domain.messages import DeliveryAttempt
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Exchange
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.messages import Batch, Update
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.col903.wire import batch_from_xml
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.messages import Notification
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.exchanges.dmv907.wire import notification_from_xml
from ccms_ws.registry import get_exchange
from ccms_ws.replay.case import Sent
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.seed_records import ensure_on_case
from ccms_ws.replay.unverified_reader import get_tree

_WORKER: Final = "replay"
_LEASE: Final = timedelta(minutes=5)


def seed(sent: Sent, court: ReplayCourt) -> None:
    """Record the message as delivered at the moment that it bears. Raises ConfigError for one that cannot be."""
    exchange = get_exchange(sent.exchange)
    record = _RECORD.get(exchange.code)
    if record is None or exchange.notification is None:
        raise ConfigError(f"{exchange.code} is nothing that the court sends")
    app = court.application
    with app.units() as uow:
        message, message_id, at = record(sent, uow)
        send(exchange, message, message_id=message_id, partner_id=sent.partner, now=at, uow=uow)
        uow.commit()
    _deliver(exchange, message_id, sent.partner, at, court)


def _deliver(exchange: Exchange, message_id: UUID, partner: str, at: datetime, court: ReplayCourt) -> None:
    app, notification = court.application, exchange.notification
    if notification is None:
        return
    due = at + app.push_settings(partner, exchange.code).answer_window
    with app.units() as uow:
        for leased in uow.outbox.claim(worker=_WORKER, now=at, lease=_LEASE):
            attempt = DeliveryAttempt(leased.message.message_id, leased.attempt, _WORKER, at, at, "delivered", 202)
            uow.outbox.settle_delivered(leased, attempt)
            notification.tracking.delivered(message_id, at, due, uow)
        uow.commit()


# -- COL903 -----------------------------------------------------------------------------------------------------------
def _batch(sent: Sent, uow: UnitOfWork) -> tuple[Batch, UUID, datetime]:
    batch = batch_from_xml(get_tree(sent.payload, "what was sent"))
    at, ori = batch.metadata.at, batch.metadata.court_ori
    accounts = uow.of(Batches).open_accounts(sent.partner)
    referrals = {account.referral.account_number: account.referral for account in accounts}
    for update in batch.updates:
        if update.account_number not in referrals:
            referrals[update.account_number] = _refer(update, sent.partner, ori, uow)
    uow.of(Batches).add_batch(
        CollectionBatch(
            batch_id=batch.batch_id,
            partner_id=sent.partner,
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
    return batch, batch.batch_id, at


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


# -- DMV907 -----------------------------------------------------------------------------------------------------------
def _abstract(sent: Sent, uow: UnitOfWork) -> tuple[Notification, UUID, datetime]:
    notification = notification_from_xml(get_tree(sent.payload, "what was sent"))
    abstract = notification.abstract
    ensure_on_case(CaseParticipant(notification.person, abstract.case_number, ParticipantRole.DEFENDANT), uow)
    uow.of(Abstracts).add(abstract)
    return notification, abstract.abstract_id, notification.metadata.at


_RECORD: Final[dict[str, Callable[[Sent, UnitOfWork], tuple[object, UUID, datetime]]]] = {
    COL903.code: _batch,
    DMV907.code: _abstract,
}
