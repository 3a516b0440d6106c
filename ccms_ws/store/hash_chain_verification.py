"""Is the message log still what was written? Every entry of every chain is compared with its row, and the other way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    RowMapping,
    Select,
    Table,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)

from ccms_ws.domain.messages import OutboxState
from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.store.chain_tables import EntryKind, message_chain_entry
from ccms_ws.store.hash_chain import COVERED, Head, Place, covered, heads, next_hash
from ccms_ws.store.message_tables import inbox_message, quarantined_answer
from ccms_ws.store.outbox_payloads import BodyDigest
from ccms_ws.store.outbox_tables import (
    delivery_attempt,
    outbox_body,
    outbox_hold,
    outbox_intervention,
    outbox_message,
)

_READ_AT_ONCE: Final = 200
_e, _b, _m, _a = message_chain_entry.c, outbox_body.c, outbox_message.c, delivery_attempt.c
_ENTRIES = select(_e.chain, _e.number, _e.kind, _e.row_id, _e.part, _e.entry_hash).order_by(_e.chain, _e.number)
_PARTS = (
    select(_b.outbox_id, _b.content)
    .where(_b.outbox_id.in_(bindparam("ids", expanding=True)))
    .order_by(_b.outbox_id, _b.part)
)
_BODILESS = select(_b.outbox_id).where(~exists().where(_m.outbox_id == _b.outbox_id)).limit(1)
_arrived = exists().where(_a.outbox_id == _m.outbox_id, _a.outcome == "delivered", _a.ended_at == _m.delivered_at)
_any_arrived = exists().where(_a.outbox_id == _m.outbox_id, _a.outcome == "delivered")
_CONTRADICTIONS = (
    select(_m.message_id)
    .where(
        or_(
            (_m.state == OutboxState.DELIVERED) & ~_arrived,
            (_m.state != OutboxState.DELIVERED) & _any_arrived,
        )
    )
    .order_by(_m.outbox_id)
)

_KEYS: Final[Mapping[EntryKind, tuple[Table, str, str]]] = {
    EntryKind.INCOMING: (inbox_message, "inbox_id", ""),
    EntryKind.QUARANTINED: (quarantined_answer, "quarantine_id", ""),
    EntryKind.OUTGOING: (outbox_message, "outbox_id", ""),
    EntryKind.ATTEMPT: (delivery_attempt, "outbox_id", "number"),
    EntryKind.INTERVENTION: (outbox_intervention, "outbox_id", "after_attempt"),
    EntryKind.HOLD: (outbox_hold, "outbox_id", "number"),
    EntryKind.HOLD_END: (outbox_hold, "outbox_id", "number"),
}
"""Where the row of an entry is, and which columns name it."""


class ViolationKind(StrEnum):
    """What can be wrong with the message log."""

    CHANGED = "changed"
    """The row, or the entry before it, does not say what was written."""
    MISSING = "missing"
    """Entries are not there."""
    DELETED = "deleted"
    """The row of an entry is not there."""
    ADDED = "added"
    """Rows are there that no entry is about."""
    CUT_OFF = "cut off"
    """The chain does not end as it did."""
    REWRITTEN = "rewritten"
    """The chain is in itself as it should be, but not the one whose head was written down."""
    CONTRADICTED = "contradicted"
    """A message counts as delivered and no attempt says so, or the other way round."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where the log is not what was written; `number` to `last` are places in the chain.

    Where no chain is concerned they are 0. `what`: the record, by its kind and number.
    """

    chain: int
    number: int
    last: int
    fault: ViolationKind
    what: str = field(default="", compare=False)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection with a stable snapshot of the log despite concurrent writers; it waits for none."""
    still = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(read_only=True, **still) as connection:
        yield connection


def verify(connection: Connection, written_down: Iterable[Head] = ()) -> Iterator[Violation | int]:
    """Every place where the log is not what was written, and in between how many entries were looked at so far.

    `written_down`: heads of an earlier time, kept where who can write to the database cannot. The connection is a
    `snapshot` if others may write meanwhile.
    """
    ends = {head.chain: head for head in heads(connection)}
    noted: dict[tuple[int, int], set[str]] = defaultdict(set)
    for head in written_down:
        noted[head.chain, head.length].add(head.hash)
    reached: dict[int, tuple[int, bytes]] = {}
    seen: Counter[EntryKind] = Counter()
    count = 0
    for chunk in connection.execute(_ENTRIES.execution_options(yield_per=_READ_AT_ONCE)).partitions():
        rows = _rows(connection, chunk)
        for chain, number, kind, row_id, part, found in chunk:
            last, previous = reached.get(chain, (0, bytes(32)))
            row = rows.get((kind, row_id, part))
            what = f"{kind.value} {row_id}" + (f"/{part}" if part else "")
            if number != last + 1:
                yield Violation(chain, last + 1, number - 1, ViolationKind.MISSING)
            if row is None:
                yield Violation(chain, number, number, ViolationKind.DELETED, what)
            elif number == last + 1 and next_hash(previous, Place(chain, number, kind, row_id, part), row) != found:
                yield Violation(chain, number, number, ViolationKind.CHANGED, what)
            if noted.pop((chain, number), {found.hex()}) != {found.hex()}:
                yield Violation(chain, number, number, ViolationKind.REWRITTEN, what)
            reached[chain] = (number, found)
            seen[kind] += row is not None
        count += len(chunk)
        yield count
    yield from _ends(ends, reached)
    yield from (Violation(chain, number, number, ViolationKind.CUT_OFF) for chain, number in sorted(noted))
    yield from _unchained(connection, seen)


def _ends(ends: Mapping[int, Head], reached: Mapping[int, tuple[int, bytes]]) -> Iterator[Violation]:
    for chain in sorted({*ends, *reached}):
        number, last_hash = reached.get(chain, (0, bytes(32)))
        end = ends.get(chain, Head(chain, 0, bytes(32).hex()))
        if (end.length, end.hash) != (number, last_hash.hex()):
            yield Violation(chain, min(number, end.length) + 1, max(number, end.length), ViolationKind.CUT_OFF)


def _unchained(connection: Connection, seen: Mapping[EntryKind, int]) -> Iterator[Violation]:
    """What the chains do not know, and what the state of messages claims against their attempts."""
    for kind, (table, _, _) in _KEYS.items():
        rows = select(func.count()).select_from(table)
        if kind is EntryKind.HOLD_END:
            rows = rows.where(outbox_hold.c.let_go_at.is_not(None))
        more = connection.execute(rows).scalar_one() - seen.get(kind, 0)
        if more > 0:
            yield Violation(0, 0, 0, ViolationKind.ADDED, f"{more} of kind {kind.value}")
    if (orphan := connection.execute(_BODILESS).scalar()) is not None:
        yield Violation(0, 0, 0, ViolationKind.ADDED, f"payload of outgoing {orphan}, which is not there")
    for message_id in connection.execute(_CONTRADICTIONS).scalars():
        yield Violation(0, 0, 0, ViolationKind.CONTRADICTED, f"outgoing {message_id}")


_UNREADABLE: Final = (b"a value of another kind",)
_Found = dict[tuple[EntryKind, int, int], tuple[bytes | None, ...]]


def _rows(connection: Connection, chunk: Sequence[Any]) -> _Found:
    """What the rows of these entries say now, by kind and key; SQLite lets anything be written into any column."""
    try:
        return _read_rows(connection, chunk)
    except StoreUnavailable:
        raise
    except (StoreError, ValueError, TypeError, LookupError):
        if len(chunk) > 1:
            return {key: said for entry in chunk for key, said in _rows(connection, [entry]).items()}
        ((_, _, kind, row_id, part, _),) = chunk
        return {(kind, row_id, part): _UNREADABLE}


def _read_rows(connection: Connection, chunk: Sequence[Any]) -> _Found:
    wanted: dict[EntryKind, set[int]] = defaultdict(set)
    for _chain, _number, kind, row_id, _part, _hash in chunk:
        wanted[kind].add(row_id)
    found: _Found = {}
    for kind, ids in wanted.items():
        digests = _body_digests(connection, sorted(ids)) if kind is EntryKind.OUTGOING else {}
        for row in connection.execute(_SELECTS[kind], {"ids": sorted(ids)}).mappings():
            values: RowMapping | dict[str, Any] = row
            if kind is EntryKind.OUTGOING:
                values = {**row, "body_digest": digests.get(row["row_id"])}
            found[kind, row["row_id"], row["part"]] = covered(kind, values)
    return found


def _body_digests(connection: Connection, ids: Sequence[int]) -> Mapping[int, bytes]:
    digests: dict[int, BodyDigest] = defaultdict(BodyDigest)
    for outbox_id, content in connection.execute(_PARTS.execution_options(yield_per=50), {"ids": ids}):
        digests[outbox_id].add(content)
    return {outbox_id: digest.digest() for outbox_id, digest in digests.items()}


def _select(kind: EntryKind) -> Select[*tuple[Any, ...]]:
    table, row_id, part = _KEYS[kind]
    key: Column[int] = table.c[row_id]
    columns = [table.c[name] for name in COVERED[kind] if name != "body_digest"]
    part_column = table.c[part].label("part") if part else literal(0).label("part")
    query = select(key.label("row_id"), part_column, *columns).where(key.in_(bindparam("ids", expanding=True)))
    return query.where(outbox_hold.c.let_go_at.is_not(None)) if kind is EntryKind.HOLD_END else query


_SELECTS: Final = {kind: _select(kind) for kind in EntryKind}
