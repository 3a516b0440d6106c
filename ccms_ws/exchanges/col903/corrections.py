"""What partners refuse, and what follows: what they were told last counts again, and the court corrects or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing

from ccms_ws.domain.collections import BatchItem, BatchState, ItemError, ItemState
from ccms_ws.errors import NotStored
from ccms_ws.exchanges.col903.tables import (
    balance_update,
    collection_batch,
    pending_correction,
    reported_entry,
)
from ccms_ws.store.referrals import referral

WITHDRAWN = "withdrawn"
"""Error code of an undeliverable batch that an operator has given up."""

_r, _b, _u, _p, _t = referral.c, collection_batch.c, balance_update.c, pending_correction.c, reported_entry.c
_other_update, _other_batch = balance_update.alias("other_update"), collection_batch.alias("other_batch")
_ou, _ob = _other_update.c, _other_batch.c
_NOT_COPIED = ("delivered_at", "answer_due_at")
_THIS = _u.batch_id == bindparam("batch")


def _copied(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a batch that takes another's place has of it."""
    fresh = {"state": BatchState.QUEUED, "error_code": "", "error_reason": ""}
    return literal(fresh[column.key], column.type) if column.key in fresh else column


_REFUSED = or_(_u.error_code != "", _b.state == BatchState.REJECTED)
_OTHER_COUNTS = and_(
    _ou.error_code == "",
    _ob.state != BatchState.REJECTED,
    or_(_ob.state != BatchState.UNDELIVERABLE, _ob.error_code != WITHDRAWN),
)
_TAKEN_BACK = or_(_REFUSED, and_(_b.state == BatchState.UNDELIVERABLE, _b.error_code == WITHDRAWN))
_NEWER = (
    exists()
    .select_from(_other_update.join(_other_batch, _ob.batch_id == _ou.batch_id))
    .where(_ou.referral_id == _u.referral_id, _ob.created_at > _b.created_at, _OTHER_COUNTS)
)
"""A newer item of the same debt that the partner has not refused."""
_LAST = (
    select(_u.referral_id, _u.batch_id, _u.sequence)
    .join_from(balance_update, collection_batch, _b.batch_id == _u.batch_id)
    .where(_THIS, _TAKEN_BACK, ~_NEWER)
)
"""The items of a batch that were taken back and that nothing newer has overtaken."""
_WAIT = (
    insert_or_nothing(pending_correction)
    .from_select(["referral_id", "batch_id", "sequence"], _LAST)
    .on_conflict_do_nothing()
)
_LAST_REFERRALS = _LAST.with_only_columns(_u.referral_id)
_FORGET = delete(reported_entry).where(_t.batch_id == bindparam("batch"), _t.referral_id.in_(_LAST_REFERRALS))
_KNOWN = (
    select(_ou.current_balance)
    .join_from(_other_update, _other_batch, _ob.batch_id == _ou.batch_id)
    .where(_ou.referral_id == _r.referral_id, _OTHER_COUNTS)
    .order_by(_ob.created_at.desc())
    .limit(1)
    .scalar_subquery()
)
_TELL_AGAIN = update(referral).where(_r.referral_id.in_(_LAST_REFERRALS)).values(reported_balance=_KNOWN)
_ERROR = (
    update(balance_update)
    .where(_THIS, _u.sequence == bindparam("number"))
    .values(error_code=bindparam("code"), error_reason=bindparam("reason"))
)
_IN_CORRECTION = select(_ou.referral_id).where(_ou.batch_id == bindparam("correction"))
_MARK = (
    update(balance_update).where(_THIS, _u.referral_id.in_(_IN_CORRECTION)).values(corrected_by=bindparam("correction"))
)
_DONE = delete(pending_correction).where(_p.batch_id == bindparam("batch"), _p.referral_id.in_(_IN_CORRECTION))
# At the old one's time: what is newer than that one is newer than this one.
_NEW_BATCH = insert(collection_batch).from_select(
    [column.key for column in _b if column.key not in _NOT_COPIED],
    select(
        *(
            bindparam("by", type_=_b.batch_id.type) if column.key == "batch_id" else _copied(column)
            for column in _b
            if column.key not in _NOT_COPIED
        )
    ).where(_b.batch_id == bindparam("batch")),
)
_NEW_ITEMS = insert(balance_update).from_select(
    [column.key for column in _u],
    select(*(bindparam("by", type_=_u.batch_id.type) if column.key == "batch_id" else column for column in _u)).where(
        _THIS
    ),
)
_NEW_TOLD = update(reported_entry).where(_t.batch_id == bindparam("batch")).values(batch_id=bindparam("by"))
_TOLD_BY = select(_t.referral_id, _t.entry_id).where(_t.batch_id == bindparam("batch")).order_by(_t.entry_id)
_ITEMS = (
    select(
        *(_u.sequence, _u.referral_id, _r.case_number, _r.participant_id, _u.previous_balance, _u.current_balance),
        *(_u.error_code, _u.error_reason, _u.corrected_by, _b.state.label("batch_state")),
        *(_b.error_code.label("batch_code"), _b.error_reason.label("batch_reason"), _p.referral_id.label("waits")),
    )
    .join_from(balance_update, collection_batch, _b.batch_id == _u.batch_id)
    .join(referral, _r.referral_id == _u.referral_id)
    .join(pending_correction, and_(_p.batch_id == _u.batch_id, _p.referral_id == _u.referral_id), isouter=True)
    .where(_THIS, _u.sequence > bindparam("after"))
    .order_by(_u.sequence)
    .limit(bindparam("limit", type_=Integer))
)
_REFUSED_ITEMS = _ITEMS.where(_REFUSED)
_WAITING = (
    select(_p.batch_id, func.count())
    .join_from(pending_correction, collection_batch, _b.batch_id == _p.batch_id)
    .where(_b.partner_id == bindparam("partner"))
    .group_by(_p.batch_id)
    .order_by(func.min(_b.created_at))
)


def note_errors(connection: Connection, batch_id: UUID, errors: Iterable[ItemError]) -> None:
    """Write what the partner says against items to them. Raises NotStored for an item that the batch has not."""
    rows = [{"batch": batch_id, "number": e.sequence, "code": e.error_code, "reason": e.error_reason} for e in errors]
    if rows and connection.execute(_ERROR, rows).rowcount != len(rows):
        raise NotStored(f"batch {batch_id} has not all of the items that the error names")


def take_back(connection: Connection, batch_id: UUID, *, wait: bool) -> None:
    """Undo what a batch, or its refused items, said of debts of which nothing newer was told.

    What the partner was told before counts again, and the entries are reported again. `wait`: the debts are left out of
    ordinary batches until they were corrected: sent again as they are, they would be refused again.
    """
    if wait:
        connection.execute(_WAIT, {"batch": batch_id})
    connection.execute(_FORGET, {"batch": batch_id})
    connection.execute(_TELL_AGAIN, {"batch": batch_id})


def correct(connection: Connection, batch_id: UUID, *, by: UUID) -> None:
    """The batch `by` has new items for those of `batch_id` that waited."""
    connection.execute(_MARK, {"batch": batch_id, "correction": by})
    connection.execute(_DONE, {"batch": batch_id, "correction": by})


def drop(connection: Connection, referral_id: str) -> None:
    """Nothing of this debt is corrected any more: the partner no longer has it."""
    connection.execute(delete(pending_correction).where(_p.referral_id == referral_id))


def replace(connection: Connection, batch_id: UUID, by: UUID) -> None:
    """Copy a batch with its items under the id `by`, as a batch that waits to be sent."""
    for statement in (_NEW_BATCH, _NEW_ITEMS, _NEW_TOLD):
        connection.execute(statement, {"batch": batch_id, "by": by})


def told_by(connection: Connection, batch_id: UUID) -> Mapping[str, tuple[str, ...]]:
    """The ledger entries that a batch told of, by referral."""
    told: dict[str, list[str]] = defaultdict(list)
    for referral_id, entry_id in connection.execute(_TOLD_BY, {"batch": batch_id}):
        told[referral_id].append(entry_id)
    return {referral_id: tuple(entries) for referral_id, entries in told.items()}


def waiting(connection: Connection, partner_id: str) -> Sequence[tuple[UUID, int]]:
    """The batches of a partner with items that wait for a correction, and how many they are."""
    return [(batch_id, count) for batch_id, count in connection.execute(_WAITING, {"partner": partner_id})]


def items(connection: Connection, batch_id: UUID, *, after: int, limit: int, refused: bool) -> Sequence[BatchItem]:
    """The items of a batch, each with its own state."""
    statement = _REFUSED_ITEMS if refused else _ITEMS
    found = []
    for row in connection.execute(statement, {"batch": batch_id, "after": after, "limit": limit}):
        if row.corrected_by is not None:
            state = ItemState.CORRECTED
        elif row.waits is not None:
            state = ItemState.TO_BE_CORRECTED
        elif row.error_code or row.batch_state is BatchState.REJECTED:
            state = ItemState.REFUSED
        elif row.batch_state is BatchState.PARTLY_REJECTED:
            # The partner has spoken, and not against this one.
            state = ItemState.ASSUMED_ACCEPTED
        else:
            state = ItemState(row.batch_state.value)
        whole = row.batch_state is BatchState.REJECTED
        found.append(
            BatchItem(
                row.sequence,
                row.referral_id,
                row.case_number,
                row.participant_id,
                row.previous_balance,
                row.current_balance,
                state,
                row.batch_code if whole else row.error_code,
                row.batch_reason if whole else row.error_reason,
                row.corrected_by,
            )
        )
    return found
