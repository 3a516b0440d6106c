"""The queues of the outbox: one for each partner and subject, where undelivered messages stand in the order of adding.

A message knows at how many of its queues others stand before it (`blocked_subjects`); at none, it may be claimed.
Joining and leaving keep that number true, so that a claim looks at one index only, however much waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from zlib import crc32

from sqlalchemy import Connection, bindparam, delete, distinct, func, insert, select, update

from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.locks import advisory_lock, uses_advisory_lock
from ccms_ws.store.outbox_tables import outbox_message, outbox_subject

_LANES = 64
"""Joining and leaving take turns by partner and lane; a subject always runs in the same lane."""

_m, _mine, _other = outbox_message.c, outbox_subject.c, outbox_subject.alias("other").c
_SAME_QUEUE = (_other.partner_id == _mine.partner_id, _other.subject == _mine.subject)
_OF_MESSAGE = _mine.outbox_id == bindparam("id")
# Scalar subqueries, because they are answered by the index even where the planner has no statistics yet.
_FIRST_IN_QUEUE = select(func.min(_other.place)).where(*_SAME_QUEUE)
_BLOCKED = select(func.count()).where(_OF_MESSAGE, _FIRST_IN_QUEUE.scalar_subquery() < _mine.place)
_NEXT_IN_QUEUE = (
    select(_other.outbox_id).where(*_SAME_QUEUE, _other.place > _mine.place).order_by(_other.place).limit(1)
)
_next = select(_NEXT_IN_QUEUE.scalar_subquery().label("id")).where(_OF_MESSAGE).subquery().c
# In the order of ids, so that two that leave at once do not lock each other out.
_FOLLOWERS = select(_next.id, func.count()).where(_next.id.is_not(None)).group_by(_next.id).order_by(_next.id)
_CHANGE_BLOCKED = (
    update(outbox_message)
    .where(_m.outbox_id == bindparam("id"))
    .values(blocked_subjects=_m.blocked_subjects + bindparam("change"))
)
_JOIN = Prepared(insert(outbox_subject), [column.key for column in _mine])
_LEAVE = delete(outbox_subject).where(_OF_MESSAGE)
_SUCCEED = update(outbox_subject).where(_OF_MESSAGE).values(outbox_id=bindparam("successor"))
_in_order = (
    select(_mine.outbox_id, _mine.subject)
    .where(_mine.outbox_id.in_(bindparam("ids", expanding=True)))
    .order_by(_mine.outbox_id, _mine.position)
    .subquery()
    .c
)
# One row a message, however many ordering_keys it has: after each row that one thread reads, another may get its turn.
_SUBJECTS = {
    name: select(_in_order.outbox_id, together(_in_order.subject)).group_by(_in_order.outbox_id)
    for name, together in (("sqlite", func.json_group_array), ("postgresql", func.json_agg))
}
HELD_UP = (
    select(func.count(distinct(_other.outbox_id)))
    .join_from(
        _mine.outbox_id.table, _other.outbox_id.table, (_other.place > _mine.place) & _SAME_QUEUE[0] & _SAME_QUEUE[1]
    )
    .where(_mine.outbox_id == _m.outbox_id)
    .correlate(outbox_message)
    .scalar_subquery()
)
"""How many messages stand behind a message, in any of its queues; for a query over `outbox_message`."""


def lock_stripes(connection: Connection, partner_id: str, ordering_keys: Iterable[str]) -> None:
    """Until this transaction ends, no other one joins or leaves the queues of these ordering_keys.

    A message gets its number after this, so numbers follow the turns; and of two that change a queue at once, the
    second sees what the first has done.
    """
    if uses_advisory_lock(connection):
        lanes = {crc32(subject.encode()) % _LANES for subject in ordering_keys}
        advisory_lock(connection, (f"outbox {partner_id} {lane}" for lane in lanes))


def enqueue(connection: Connection, outbox_id: int, partner_id: str, ordering_keys: Iterable[str]) -> None:
    """Put a new message at the end of the queues of its ordering_keys. Its lanes are taken."""
    distinct_keys = list(dict.fromkeys(ordering_keys))
    if not distinct_keys:
        return
    _JOIN.many(
        connection,
        partner_id=repeat(partner_id),
        subject=distinct_keys,
        place=repeat(outbox_id),
        outbox_id=repeat(outbox_id),
        position=range(len(distinct_keys)),
    )
    blocked = connection.execute(_BLOCKED, {"id": outbox_id}).scalar_one()
    if blocked:
        connection.execute(_CHANGE_BLOCKED, {"id": outbox_id, "change": blocked})


def dequeue(connection: Connection, outbox_id: int) -> None:
    """Take a message that stands first in all its queues out of them; the next ones move up. Its lanes are taken."""
    followers = connection.execute(_FOLLOWERS, {"id": outbox_id}).all()
    if followers:
        connection.execute(_CHANGE_BLOCKED, [{"id": follower, "change": -freed} for follower, freed in followers])
    connection.execute(_LEAVE, {"id": outbox_id})


def replace(connection: Connection, outbox_id: int, successor: int) -> None:
    """Let `successor`, which is about the same ordering_keys, stand where the message stood. Their lanes are taken."""
    connection.execute(_SUCCEED, {"id": outbox_id, "successor": successor})


def ordering_keys_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """The ordering_keys of undelivered messages, in the order in which they were given."""
    rows = connection.execute(_SUBJECTS[connection.dialect.name], {"ids": ids})
    return {outbox_id: json.loads(said) if isinstance(said, str) else said for outbox_id, said in rows}
