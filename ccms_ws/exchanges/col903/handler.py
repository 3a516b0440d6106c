"""COL903: gather what changed since the partner was last told, and take in what it says against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from uuid import UUID, uuid4

import structlog

from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch, ItemError, Referral
from ccms_ws.domain.law import current_law
from ccms_ws.domain.ledger import ZERO, balance_of
from ccms_ws.domain.messages import QuarantinedAnswer
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.exchange import Context
from ccms_ws.exchanges.col903.messages import Batch, BatchError, Update
from ccms_ws.parts.metadata import MessageKind, first_metadata

log = structlog.get_logger(__name__)


def build_batches(context: Context, uow: UnitOfWork, *, size: int, client_id: str) -> Iterator[Batch]:
    """Batches of at most `size` updates for every open referral whose balance is not what the partner was last told.

    Each batch is recorded in `uow` before it is yielded; the caller sends it in the same unit of work.
    """
    changed = _changed(context, uow)
    while part := list(islice(changed, size)):
        updates = tuple(replace(update, sequence=number) for number, (_, update) in enumerate(part, start=1))
        metadata = first_metadata("COL903", context, MessageKind.NOTIFICATION, transaction_id=uuid4())
        batch = Batch(metadata=metadata, client_id=client_id, updates=updates)
        uow.collections.add_batch(
            CollectionBatch(
                batch_id=batch.batch_id,
                partner_id=context.partner.partner_id,
                court_ori=context.court.ori,
                state=BatchState.QUEUED,
                created_at=context.now,
                item_count=len(updates),
                total_balance=batch.total_balance,
            ),
            (
                BalanceUpdate(
                    update.sequence,
                    referral.referral_id,
                    update.previous_balance,
                    update.current_balance,
                    update.effective_on,
                )
                for (referral, _), update in zip(part, updates, strict=True)
            ),
        )
        yield batch


def _changed(context: Context, uow: UnitOfWork) -> Iterator[tuple[Referral, Update]]:
    for referral in uow.collections.open_referrals(context.partner.partner_id):
        update = _update(referral, context, uow)
        if update is not None:
            yield referral, update


def _update(referral: Referral, context: Context, uow: UnitOfWork) -> Update | None:
    """What the partner must be told of one referral, or None. A credit is told as zero: nothing is left to collect."""
    entries = uow.books.ledger(referral.court_ori, referral.case_number, referral.participant_id)
    balance = balance_of(entries, context.today, current_law().vacated_debt)
    told = referral.referred_amount if referral.reported_balance is None else referral.reported_balance
    due = max(balance.due, ZERO)
    if due == told:
        return None
    subject = next(
        subject
        for subject in uow.books.on_case(referral.court_ori, referral.case_number)
        if subject.participant.participant_id == referral.participant_id
    )
    return Update(
        sequence=0,
        account_number=referral.account_number,
        subject=subject,
        referred_amount=referral.referred_amount,
        previous_balance=told,
        current_balance=due,
        effective_on=context.today,
        fees=balance.fees if balance.due == due else (),
    )


def subjects(batch: Batch) -> Sequence[str]:
    """An older balance never overtakes a newer one of the same court, case and participant."""
    return [
        f"{u.subject.participant.court_ori}/{u.subject.case_number}/{u.subject.participant.participant_id}"
        for u in batch.updates
    ]


# -- what comes back --------------------------------------------------------------------------------------------------
def take_error(error: BatchError, context: Context, uow: UnitOfWork) -> None:
    """The partner could not process the batch or some of its items. It finds its batch however late it comes."""
    sent_id = error.metadata.correlation_id
    batch = None if sent_id is None else uow.collections.lock_batch(sent_id)
    if batch is None or error.batch_id != str(sent_id):
        _quarantine("it answers no batch of this court", context, uow)
        return
    if batch.partner_id != context.partner.partner_id:
        _quarantine("the batch went to another partner", context, uow)
        return
    if batch.state in (BatchState.REJECTED, BatchState.PARTLY_REJECTED):
        _quarantine("the batch has its error message already", context, uow)
        return
    unknown = [item.sequence for item in error.items if not 1 <= item.sequence <= batch.item_count]
    if unknown:
        _quarantine(f"it names items that the batch has not: {unknown[:5]}", context, uow)
        return
    uow.collections.move_batch(
        batch.batch_id,
        BatchState.REJECTED if error.refused else BatchState.PARTLY_REJECTED,
        error_code=error.problem.code,
        error_reason=error.problem.reason,
        items=[ItemError(item.sequence, item.problem.code, item.problem.reason) for item in error.items],
    )


def _quarantine(reason: str, context: Context, uow: UnitOfWork) -> None:
    partner_id = context.partner.partner_id
    log.warning("answer.quarantined", exchange="COL903", partner=partner_id, reason=reason)
    uow.inbox.quarantine(QuarantinedAnswer(context.message_id, partner_id, "COL903", reason, context.now))


# -- what became of the sending ---------------------------------------------------------------------------------------
def delivered(message_id: UUID, at: datetime, answer_due_at: datetime | None, uow: UnitOfWork) -> None:
    """The batch has arrived. Its error message may have overtaken this news; then the error stands."""
    batch = uow.collections.lock_batch(message_id)
    if batch is not None and batch.state is BatchState.QUEUED:
        uow.collections.move_batch(message_id, BatchState.DELIVERED, delivered_at=at, answer_due_at=answer_due_at)


def undeliverable(message_id: UUID, reason: str, uow: UnitOfWork) -> None:
    batch = uow.collections.lock_batch(message_id)
    if batch is not None and batch.state is BatchState.QUEUED:
        uow.collections.move_batch(message_id, BatchState.UNDELIVERABLE, error_reason=reason)


def on_silence(now: datetime, uow: UnitOfWork) -> int:
    """No error message came in the partner's window: the batch counts as accepted."""
    silent = uow.collections.silent_batches(now)
    for batch in silent:
        uow.collections.move_batch(batch.batch_id, BatchState.ASSUMED_ACCEPTED)
    return len(silent)
