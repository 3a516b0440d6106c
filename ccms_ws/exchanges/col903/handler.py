"""COL903: gather what changed since the partner was last told, and take in what it says against it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from uuid import UUID

import structlog

from ccms_ws.domain.collections import BatchState, ItemError
from ccms_ws.domain.messages import QuarantinedAnswer
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ExchangeError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.col903.batches import LeftOut, Report, WrittenBatch, gather, rewrite_batch, write_batches
from ccms_ws.exchanges.col903.messages import BatchError

log = structlog.get_logger(__name__)


class NothingToCorrect(ExchangeError):
    """There is no such batch that could be corrected or composed anew."""

    code = "col903.nothing-to-correct"


def _log_left_out(_: LeftOut) -> None:
    log.warning("col903.left-out", advice="ccms-ws doctor names it")


def build_batches(
    context: Context, uow: UnitOfWork, *, size: int, leave_out: Report = _log_left_out
) -> Iterator[WrittenBatch]:
    """Batches of at most `size` updates for every open referral whose balance is not what the partner was last told.

    Those whose last update the partner refused are left out until they are corrected. `leave_out` is called for each
    debt that the contract cannot express: it is left out until the books are corrected. Each batch is recorded in `uow`
    before it is yielded; the caller sends it, and may commit, before the next one.
    """
    accounts = uow.collections.open_accounts(context.partner.partner_id)
    return write_batches(gather(accounts, context), context, uow, size=size, leave_out=leave_out)


def correct_batch(
    batch_id: UUID, context: Context, uow: UnitOfWork, *, size: int, leave_out: Report = _log_left_out
) -> Iterator[WrittenBatch]:
    """New batches, which name the old one, for the items of it that the partner refused, as the books are now.

    `leave_out` is called as by `build_batches`. Raises NothingToCorrect.
    """
    partner_id = context.partner.partner_id
    waiting = gather(uow.collections.accounts_to_correct(batch_id), context, unchanged=True)
    first = next(waiting, None)
    if first is None or first[0].referral.partner_id != partner_id:
        batch = uow.collections.find_batch(batch_id)
        if batch is None or batch.partner_id != partner_id:
            raise NothingToCorrect(f"no batch {batch_id} went to {partner_id}")
        raise NothingToCorrect(f"no item of the batch {batch_id} waits for a correction")
    yield from write_batches(chain([first], waiting), context, uow, size=size, leave_out=leave_out, corrects=batch_id)


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
def on_delivered(message_id: UUID, at: datetime, answer_due_at: datetime | None, uow: UnitOfWork) -> None:
    """The batch has arrived. Its error message may have overtaken this news; then the error stands."""
    batch = uow.collections.lock_batch(message_id)
    if batch is not None and batch.state is BatchState.QUEUED:
        uow.collections.move_batch(message_id, BatchState.DELIVERED, delivered_at=at, answer_due_at=answer_due_at)


def on_dead(message_id: UUID, reason: str, uow: UnitOfWork) -> None:
    batch = uow.collections.lock_batch(message_id)
    if batch is not None and batch.state is BatchState.QUEUED:
        uow.collections.move_batch(message_id, BatchState.UNDELIVERABLE, error_reason=reason)


def on_resend(message_id: UUID, uow: UnitOfWork) -> None:
    batch = uow.collections.lock_batch(message_id)
    if batch is not None and batch.state is BatchState.UNDELIVERABLE:
        uow.collections.move_batch(message_id, BatchState.QUEUED)


def on_discard(message_id: UUID, reason: str, uow: UnitOfWork) -> None:
    """What the partner was told before counts again: the next ordinary batch says what changed since then."""
    batch = uow.collections.lock_batch(message_id)
    if batch is not None and batch.state is BatchState.UNDELIVERABLE:
        uow.collections.withdraw_batch(message_id, reason)


def recompose(message_id: UUID, context: Context, uow: UnitOfWork) -> WrittenBatch:
    """The same balances of the same debts in a new batch, with people and account numbers as the books have them now.

    The figures stay, because batches that wait behind this one go on from them.
    """
    batch = uow.collections.lock_batch(message_id)
    if batch is None or batch.state is not BatchState.UNDELIVERABLE:
        raise NothingToCorrect(f"the batch {message_id} is not undeliverable")
    return rewrite_batch(batch, context, uow)


def on_timeout(now: datetime, uow: UnitOfWork) -> int:
    """No error message came in the partner's window: the batch counts as accepted."""
    silent = uow.collections.silent_batches(now)
    for batch in silent:
        uow.collections.move_batch(batch.batch_id, BatchState.ASSUMED_ACCEPTED)
    return len(silent)
