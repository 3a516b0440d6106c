"""Referrals and COL903 batches: what `ccms_ws.domain.ports.Collections` asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, select, text, update

from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch, ItemError, Referral
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from ccms_ws.store.exchange_tables import balance_update, collection_batch, referral

_CHUNK = 1000
_r, _b, _u = referral.c, collection_batch.c, balance_update.c
_REFERRAL = select(referral).where(_r.referral_id == bindparam("id"))
_OPEN_REFERRALS = (
    select(referral)
    .where(_r.partner_id == bindparam("partner"), _r.closed_on.is_(None), _r.referral_id > bindparam("after"))
    .order_by(_r.referral_id)
    .limit(_CHUNK)
)
_BATCH = select(collection_batch).where(_b.batch_id == bindparam("id"))
_LOCKED_BATCH = _BATCH.with_for_update(key_share=True)
_SILENT = (
    select(collection_batch)
    .where(text("state = 'delivered'"), _b.answer_due_at < bindparam("now"))
    .order_by(_b.answer_due_at)
    .limit(_CHUNK)
    .with_for_update(skip_locked=True, key_share=True)
)
# Told only once, and only if nobody told the partner something else since the update was worked out.
_TELL = (
    update(referral)
    .where(_r.referral_id == bindparam("id"), _r.partner_id == bindparam("partner"), _r.closed_on.is_(None))
    .where(func.coalesce(_r.reported_balance, _r.referred_amount) == bindparam("told"))
    .values(reported_balance=bindparam("now_told"))
)
_ITEM_ERROR = (
    update(balance_update)
    .where(_u.batch_id == bindparam("batch"), _u.sequence == bindparam("number"))
    .values(error_code=bindparam("code"), error_reason=bindparam("reason"))
)


class SqlCollections:
    """Referrals and batches in the tables of `exchange_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_referral(self, referral_: Referral) -> None:
        """Raises ConcurrentChange if the id is taken, or if the partner has this debt already."""
        self._connection.execute(insert(referral), [{column.key: getattr(referral_, column.key) for column in _r}])

    def get_referral(self, referral_id: str) -> Referral:
        row = self._connection.execute(_REFERRAL, {"id": referral_id}).first()
        if row is None:
            raise NotStored(f"there is no referral {referral_id}")
        return Referral(*row)

    def open_referrals(self, partner_id: str) -> Iterator[Referral]:
        """Open referrals in the order of their ids, a page at a time: commits in between do no harm."""
        after = ""
        while page := self._connection.execute(_OPEN_REFERRALS, {"partner": partner_id, "after": after}).all():
            for row in page:
                yield Referral(*row)
            after = page[-1].referral_id

    def add_batch(self, batch: CollectionBatch, items: Iterable[BalanceUpdate]) -> None:
        """Store a batch, and each item's balance as the one last reported for its referral.

        Raises ConcurrentChange if a referral was closed, or told otherwise than the item's previous balance says;
        StoreError if the items do not agree with the batch's totals.
        """
        self._connection.execute(insert(collection_batch), [{column.key: getattr(batch, column.key) for column in _b}])
        count, total, source = 0, type(batch.total_balance)(0), iter(items)
        while chunk := list(islice(source, _CHUNK)):
            self._connection.execute(insert(balance_update), [_item_row(batch.batch_id, item) for item in chunk])
            told = self._connection.execute(_TELL, [_telling(batch.partner_id, item) for item in chunk])
            if told.rowcount != len(chunk):
                raise ConcurrentChange("a referral of the batch was closed, or its balance reported, in the meantime")
            count += len(chunk)
            total += sum(item.current_balance for item in chunk)
        if (count, total) != (batch.item_count, batch.total_balance):
            announced = f"{batch.item_count} items and {batch.total_balance}"
            raise StoreError(f"the batch announces {announced}, but has {count} items and {total}")

    def find_batch(self, batch_id: UUID) -> CollectionBatch | None:
        row = self._connection.execute(_BATCH, {"id": batch_id}).first()
        return None if row is None else CollectionBatch(*row)

    def lock_batch(self, batch_id: UUID) -> CollectionBatch | None:
        """As `find_batch`; nobody else changes the batch until this unit of work ends."""
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
        """Set the state and whatever else is given; what is not given stays. Raises NotStored for what is not there."""
        given: dict[str, Any] = {"delivered_at": delivered_at, "answer_due_at": answer_due_at}
        given |= {"error_code": error_code, "error_reason": error_reason}
        values = {"state": state, **{name: value for name, value in given.items() if value}}
        moved = self._connection.execute(update(collection_batch).where(_b.batch_id == batch_id).values(values))
        if moved.rowcount != 1:
            raise NotStored(f"there is no batch {batch_id}")
        errors = [
            {"batch": batch_id, "number": item.sequence, "code": item.error_code, "reason": item.error_reason}
            for item in items
        ]
        if errors and self._connection.execute(_ITEM_ERROR, errors).rowcount != len(errors):
            raise NotStored(f"batch {batch_id} has not all of the items that the error names")

    def silent_batches(self, now: datetime) -> Sequence[CollectionBatch]:
        """Delivered batches whose window for an error message ended before `now`, at most 1,000 of them at once.

        They are locked; those that another transaction is about to change are left out.
        """
        return [CollectionBatch(*row) for row in self._connection.execute(_SILENT, {"now": now})]


def _item_row(batch_id: UUID, item: BalanceUpdate) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "sequence": item.sequence,
        "referral_id": item.referral_id,
        "previous_balance": item.previous_balance,
        "current_balance": item.current_balance,
        "effective_on": item.effective_on,
        "error_code": "",
        "error_reason": "",
    }


def _telling(partner_id: str, item: BalanceUpdate) -> dict[str, Any]:
    told, now_told = item.previous_balance, item.current_balance
    return {"id": item.referral_id, "partner": partner_id, "told": told, "now_told": now_told}
