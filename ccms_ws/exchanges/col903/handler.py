"""COL903: gather what changed since the partner was last told, and take in what it says against it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from uuid import UUID

import structlog

from ccms_ws.domain.collections import BatchState, ItemError, ReferralState
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ExchangeError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.col903.batches import LeftOut, Report, WrittenBatch, gather, rewrite_batch, write_batches
from ccms_ws.exchanges.col903.messages import BatchError
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.tracking import Acceptance, AnswerMismatch, PartnerVerdict

log = structlog.get_logger(__name__)


class NothingToCorrect(ExchangeError):
    """There is no such batch that could be corrected or composed again."""

    code = "col903.nothing-to-correct"


def _log_left_out(_: LeftOut) -> None:
    log.warning("col903.left-out", advice="ccms-ws doctor names it")


def build_batches(
    context: Context, uow: UnitOfWork, *, size: int, leave_out: Report = _log_left_out
) -> Iterator[WrittenBatch]:
    """Batches of at most `size` updates for every open referral whose balance is not what the partner was last told.

    Those whose last update the partner refused are left out until they are corrected. `leave_out` is called for each
    debt that the contract cannot express: it is left out until the books are corrected. For a debt on a case that was
    sealed a recall is proposed, which is committed; no batch names it. Each batch is recorded in `uow` before it is
    yielded; the caller sends it, and may commit, before the next one.
    """
    uow.referrals.propose_recalls(context.partner.partner_id)
    uow.commit()
    accounts = uow.of(Batches).open_accounts(context.partner.partner_id)
    return write_batches(gather(accounts, context), context, uow, size=size, leave_out=leave_out)


def correct_batch(
    batch_id: UUID, context: Context, uow: UnitOfWork, *, size: int, leave_out: Report = _log_left_out
) -> Iterator[WrittenBatch]:
    """New batches, which name the old one, for the items of it that the partner refused, as the books are now.

    `leave_out` is called as by `build_batches`. Raises NothingToCorrect.
    """
    partner_id = context.partner.partner_id
    uow.referrals.propose_recalls(partner_id)
    uow.commit()
    waiting = gather(uow.of(Batches).accounts_to_correct(batch_id), context, unchanged=True)
    first = next(waiting, None)
    if first is None or first[0].referral.partner_id != partner_id:
        batch = uow.of(Batches).find_batch(batch_id)
        if batch is None or batch.partner_id != partner_id:
            raise NothingToCorrect(f"no batch {batch_id} went to {partner_id}")
        raise NothingToCorrect(f"no item of the batch {batch_id} waits for a correction")
    yield from write_batches(chain([first], waiting), context, uow, size=size, leave_out=leave_out, corrects=batch_id)


def take_error(error: BatchError, batch_id: UUID, _context: Context, uow: UnitOfWork) -> PartnerVerdict:
    """The partner could not process the batch or some of its items. It finds its batch however late it comes."""
    batch = uow.of(Batches).find_batch(batch_id)
    last = 0 if batch is None else batch.item_count
    unknown = [item.sequence for item in error.items if not 1 <= item.sequence <= last]
    if unknown:
        raise AnswerMismatch(f"it names items that the batch has not: {unknown[:5]}")
    uow.of(Batches).note_errors(
        batch_id, [ItemError(item.sequence, item.problem.code, item.problem.reason) for item in error.items]
    )
    acceptance = Acceptance.REJECTED if error.refused else Acceptance.PARTLY_REJECTED
    return PartnerVerdict(acceptance, error.problem.code, error.problem.reason)


def recompose(message_id: UUID, context: Context, uow: UnitOfWork) -> WrittenBatch:
    """The same balances of the same debts in a new batch, with people and account numbers as the books have them now.

    The figures stay, because batches that wait behind this one go on from them.
    """
    batch = uow.of(Batches).lock_batch(message_id)
    if batch is None or batch.state is not BatchState.UNDELIVERABLE:
        raise NothingToCorrect(f"the batch {message_id} is not undeliverable")
    uow.referrals.propose_recalls(batch.partner_id)
    recalled = sum(
        account.referral.state is not ReferralState.OPEN for _, account in uow.of(Batches).accounts_of(message_id)
    )
    if recalled:
        raise NothingToCorrect(
            f"the batch {message_id} names {recalled} debts that the partner should no longer have (a sealed case)",
            hint="withdraw the batch, then build again: the others are told then",
        )
    return rewrite_batch(batch, context, uow)
