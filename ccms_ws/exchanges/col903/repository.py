"""COL903 batches, and the accounts that they are made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, repeat
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from ccms_ws.domain.collections import (
    Account,
    BalanceUpdate,
    BatchItem,
    BatchState,
    CollectionBatch,
    ItemError,
)
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from ccms_ws.exchanges.col903 import accounts, corrections
from ccms_ws.exchanges.col903.tables import balance_update, collection_batch, reported_entry
from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.referrals import referral
from ccms_ws.tracking import Acceptance, PartnerVerdict, State

_CHUNK = 1000
_r, _b, _u = referral.c, collection_batch.c, balance_update.c
_BATCH = select(collection_batch).where(_b.batch_id == bindparam("id"))
_LOCKED_BATCH = _BATCH.with_for_update(key_share=True)
_SILENT = (
    select(collection_batch)
    .where(text("state = 'delivered'"), _b.answer_due_at < bindparam("now"))
    .order_by(_b.answer_due_at)
    .limit(_CHUNK)
    .with_for_update(skip_locked=True, key_share=True)
)
_ADD_BATCH = insert(collection_batch)
_ADD_UPDATES = Prepared(insert(balance_update), [column.key for column in _u])
_ADD_TOLD = Prepared(insert(reported_entry), [column.key for column in reported_entry.c])
# Told only once, and only if nobody told the partner something else since the update was worked out.
_TELL = Prepared(
    update(referral)
    .where(_r.referral_id == bindparam("id"), _r.partner_id == bindparam("partner"), _r.ended_on.is_(None))
    .where(func.coalesce(_r.reported_balance, _r.referred_amount) == bindparam("told"))
    .values(reported_balance=bindparam("now_told"))
)
_ITEMS_OF = (
    select(_u.sequence, _u.referral_id, _u.previous_balance, _u.current_balance, _u.effective_on)
    .where(_u.batch_id == bindparam("batch"), _u.sequence > bindparam("after"))
    .order_by(_u.sequence)
    .limit(_CHUNK)
)
_STORED: Final[Mapping[State | Acceptance, BatchState]] = {
    State.QUEUED: BatchState.QUEUED,
    State.DELIVERED: BatchState.DELIVERED,
    State.SILENT: BatchState.ASSUMED_ACCEPTED,
    State.DEAD: BatchState.UNDELIVERABLE,
    Acceptance.REJECTED: BatchState.REJECTED,
    Acceptance.PARTLY_REJECTED: BatchState.PARTLY_REJECTED,
}
_TRACKED: Final[Mapping[BatchState, State]] = {
    stored: state if isinstance(state, State) else State.ANSWERED for state, stored in _STORED.items()
}


class Batches:
    """Batches in the tables of `col903.tables`. In a unit of work: `uow.of(Batches)`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- accounts -----------------------------------------------------------------------------------------------------
    def open_accounts(self, partner_id: str) -> Iterator[Account]:
        """A partner's open referrals with ledger and people, in the order of their ids, streamed; commits in between do
        no harm. Those whose last item waits for a correction are left out.
        """
        return accounts.OPEN.run(self._connection, partner=partner_id)

    def accounts_to_correct(self, batch_id: UUID) -> Iterator[Account]:
        """The open referrals whose item in that batch waits for a correction."""
        return accounts.TO_CORRECT.run(self._connection, batch=batch_id)

    def accounts_of(self, batch_id: UUID) -> Iterator[tuple[BalanceUpdate, Account]]:
        """Each item of a batch with its account, in the order of the items, which is that of the referrals."""
        of_batch = {
            account.referral.referral_id: account for account in accounts.OF_BATCH.run(self._connection, batch=batch_id)
        }
        tells = corrections.told_by(self._connection, batch_id)
        after = 0
        while rows := self._connection.execute(_ITEMS_OF, {"batch": batch_id, "after": after}).all():
            for row in rows:
                yield BalanceUpdate(*row, tells.get(row.referral_id, ())), of_batch[row.referral_id]
            after = rows[-1].sequence

    # -- batches ------------------------------------------------------------------------------------------------------
    def add_batch(
        self, batch: CollectionBatch, items: Iterable[BalanceUpdate], *, corrects: UUID | None = None
    ) -> None:
        """Store a batch, and each item's balance as the one last reported for its referral.

        `corrects`: the batch whose items of the same referrals are corrected by it.
        Raises ConcurrentChange if a referral was closed, or told otherwise than the item's previous balance says;
        StoreError if the items do not agree with the batch's totals.
        """
        self._connection.execute(_ADD_BATCH, [{column.key: getattr(batch, column.key) for column in _b}])
        count, total, source = 0, type(batch.total_balance)(0), iter(items)
        while chunk := list(islice(source, _CHUNK)):
            self._add_items(batch, chunk)
            count += len(chunk)
            total += sum(item.current_balance for item in chunk)
        if (count, total) != (batch.item_count, batch.total_balance):
            announced = f"{batch.item_count} items and {batch.total_balance}"
            raise StoreError(f"the batch announces {announced}, but has {count} items and {total}")
        if corrects is not None:
            corrections.correct(self._connection, corrects, by=batch.batch_id)

    def _add_items(self, batch: CollectionBatch, items: Sequence[BalanceUpdate]) -> None:
        referrals = [item.referral_id for item in items]
        before, now = [item.previous_balance for item in items], [item.current_balance for item in items]
        _ADD_UPDATES.many(
            self._connection,
            batch_id=repeat(batch.batch_id),
            sequence=[item.sequence for item in items],
            referral_id=referrals,
            previous_balance=before,
            current_balance=now,
            effective_on=[item.effective_on for item in items],
            error_code=repeat(""),
            error_reason=repeat(""),
            corrected_by=repeat(None),
        )
        told = _TELL.many(self._connection, id=referrals, partner=repeat(batch.partner_id), told=before, now_told=now)
        if told != len(items):
            raise ConcurrentChange("a referral of the batch was closed, or its balance reported, in the meantime")
        tells = [(item.referral_id, entry_id) for item in items for entry_id in item.tells]
        if tells:
            of, entries = zip(*tells, strict=True)
            _ADD_TOLD.many(self._connection, referral_id=of, entry_id=entries, batch_id=repeat(batch.batch_id))

    def find_batch(self, batch_id: UUID) -> CollectionBatch | None:
        row = self._connection.execute(_BATCH, {"id": batch_id}).first()
        return None if row is None else CollectionBatch(*row)

    def lock_batch(self, batch_id: UUID) -> CollectionBatch | None:
        """As `find_batch`; no other transaction changes the batch until this unit of work ends."""
        row = self._connection.execute(_LOCKED_BATCH, {"id": batch_id}).first()
        return None if row is None else CollectionBatch(*row)

    def move_batch(
        self,
        batch_id: UUID,
        state: BatchState,
        *,
        delivered_at: datetime | None = None,
        answer_due_at: datetime | None = None,
        error_code: str = "",
        error_reason: str = "",
        items: Iterable[ItemError] = (),
    ) -> None:
        """Set the state and whatever else is given; what is not given stays. Raises NotStored for what is not there.

        A batch or items that the partner refuses are taken back (`corrections.take_back`): what it was told last counts
        again, and a debt of which nothing newer was told waits for a correction.
        """
        given: dict[str, Any] = {"delivered_at": delivered_at, "answer_due_at": answer_due_at}
        given |= {"error_code": error_code, "error_reason": error_reason}
        self._change(batch_id, {"state": state, **{name: value for name, value in given.items() if value}})
        corrections.note_errors(self._connection, batch_id, items)
        if state in (BatchState.REJECTED, BatchState.PARTLY_REJECTED):
            corrections.take_back(self._connection, batch_id, wait=True)

    def withdraw_batch(self, batch_id: UUID, why: str) -> None:
        """An undeliverable batch is given up for good: what the partner was told last counts again."""
        values = {"error_code": corrections.WITHDRAWN, "error_reason": why}
        self._change(batch_id, values, BatchState.UNDELIVERABLE)
        corrections.take_back(self._connection, batch_id, wait=False)

    def replace_batch(self, batch_id: UUID, by: UUID) -> None:
        """A new batch of that id with the same items takes the place of an undeliverable one, which is given up."""
        values = {"error_code": corrections.WITHDRAWN, "error_reason": f"replaced by {by}"}
        self._change(batch_id, values, BatchState.UNDELIVERABLE)
        corrections.replace(self._connection, batch_id, by)

    def drop_correction(self, referral_id: str) -> None:
        """A debt that the partner no longer has waits for no correction."""
        corrections.drop(self._connection, referral_id)

    # -- tracking (`ccms_ws.tracking.TrackedMessages`) -----------------------------------------------------------------
    def lock_state(self, message_id: UUID) -> State | None:
        batch = self.lock_batch(message_id)
        if batch is None:
            return None
        if batch.state is BatchState.UNDELIVERABLE and batch.error_code == corrections.WITHDRAWN:
            return State.DISCARDED
        return _TRACKED[batch.state]

    def past_due(self, now: datetime) -> Sequence[UUID]:
        return [batch.batch_id for batch in self.silent_batches(now)]

    def record(
        self,
        message_id: UUID,
        state: State,
        *,
        delivered_at: datetime | None = None,
        answer_due_at: datetime | None = None,
        reason: str = "",
        verdict: PartnerVerdict | None = None,
    ) -> None:
        """What a partner refuses, and a batch that is discarded, is taken back."""
        if state is State.DISCARDED:
            self.withdraw_batch(message_id, reason)
            return
        self.move_batch(
            message_id,
            _STORED[state if verdict is None else verdict.acceptance],
            delivered_at=delivered_at,
            answer_due_at=answer_due_at,
            error_code="" if verdict is None else verdict.code,
            error_reason=reason if verdict is None else verdict.text,
        )

    def note_errors(self, batch_id: UUID, errors: Iterable[ItemError]) -> None:
        """Store what the partner says against items. Raises NotStored for an item that the batch does not have."""
        corrections.note_errors(self._connection, batch_id, errors)

    def _change(self, batch_id: UUID, values: dict[str, Any], state: BatchState | None = None) -> None:
        change = update(collection_batch).where(_b.batch_id == batch_id).values(values)
        if state is not None:
            change = change.where(_b.state == state)
        if self._connection.execute(change).rowcount != 1:
            raise NotStored(f"there is no batch {batch_id}" + (f" that is {state}" if state else ""))

    def items(self, batch_id: UUID, *, after: int = 0, limit: int = 1000, refused: bool = False) -> Sequence[BatchItem]:
        """The items of a batch that follow item `after`; `refused`: only those that the partner refused."""
        return corrections.items(self._connection, batch_id, after=after, limit=limit, refused=refused)

    def batches_to_correct(self, partner_id: str) -> Sequence[tuple[UUID, int]]:
        """The batches of a partner with items that wait for a correction, and how many they are."""
        return corrections.waiting(self._connection, partner_id)

    def silent_batches(self, now: datetime) -> Sequence[CollectionBatch]:
        """Delivered batches whose window for an error message ended before `now`, at most 1,000 of them at once.

        They are locked; those that another transaction is about to change are left out.
        """
        return [CollectionBatch(*row) for row in self._connection.execute(_SILENT, {"now": now})]
