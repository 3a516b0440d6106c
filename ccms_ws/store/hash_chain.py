"""The hash chains of the message log: what each entry covers, how it is linked to the one before it, how it is added.

Each chain numbers its entries without gaps, and each entry's hash covers the hash before it and all that its row says.
`message_chain` says how long a chain is and how it ends. There are several, so that many processes can write at once:
what a transaction has recorded is noted while it runs, and put at the end of a free chain in its last moments, before
it is committed. `verifying` compares chains and rows; signed heads outside the database (`ccms_ws.audit`) show it, too,
if all of it was computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import repeat
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from ccms_ws.errors import StoreError
from ccms_ws.store.chain_tables import EntryKind, message_chain, message_chain_entry
from ccms_ws.store.compiled_statements import Prepared

COVERED: Final[Mapping[EntryKind, tuple[str, ...]]] = {
    EntryKind.INCOMING: (
        *("partner_id", "message_id", "exchange", "root", "relates_to", "content_digest", "received_at"),
        *("answer_kind", "answer_id", "answer_action", "answer_error_code", "answer_error_reason", "raw", "answer_raw"),
    ),
    EntryKind.QUARANTINED: ("partner_id", "message_id", "exchange", "reason", "received_at"),
    EntryKind.OUTGOING: ("message_id", "exchange", "partner_id", "root", "created_at", "body_digest"),
    EntryKind.ATTEMPT: (
        *("worker", "started_at", "ended_at", "outcome", "http_status", "error_code", "detail"),
        *("envelope_head", "envelope_tail"),
    ),
    EntryKind.INTERVENTION: ("kind", "at", "operator", "reason", "replaced_by"),
    EntryKind.HOLD: ("held_at", "held_by", "held_reason"),
    EntryKind.HOLD_END: ("let_go_at", "let_go_by", "let_go_reason"),
}
"""What the hash of an entry covers, in this order, beside its place and the number of its row. It never changes.

`body_digest` is `bodies.BodyDigest` of all parts. Not covered is what changes while a message is on its way.
"""

_NOTED: Final = "ccms_ws.chain_entries"
_c = message_chain.c
# The first chain with no other writer; if there is none, wait for the first. SQLite has one writer at a time.
_CHAIN = select(_c.chain, _c.length, _c.head).order_by(_c.chain).limit(1)
_FREE_CHAIN, _ANY_CHAIN = Prepared(_CHAIN.with_for_update(skip_locked=True)), Prepared(_CHAIN.with_for_update())
_ADD = Prepared(insert(message_chain_entry), [column.key for column in message_chain_entry.c])
_LENGTHEN = Prepared(
    update(message_chain)
    .where(_c.chain == bindparam("this"))
    .values(length=bindparam("new_length"), head=bindparam("new_head"))
)
_HEADS = select(message_chain).where(_c.length > 0).order_by(_c.chain)


@dataclass(frozen=True, slots=True)
class Head:
    """How a chain ended at some time."""

    chain: int
    length: int
    hash: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is, and what it is about: the kind and the number of its row, and of a part of it."""

    chain: int
    number: int
    kind: EntryKind
    row_id: int
    part: int


def next_hash(previous: bytes, place: Place, values: Iterable[bytes | None]) -> bytes:
    """The hash of an entry that follows the one with the hash `previous`; `values`: what it has `covered`."""
    # Incoming messages were chained before anything else was: their hashes stay what they were then.
    named: tuple[object, ...] = (place.chain, place.number)
    if place.kind is not EntryKind.INCOMING:
        named = (place.kind.value, *named, place.row_id, place.part)
    said = [*map(_octets, named), *values]
    return sha256(
        previous + b"".join([b"-," if each is None else b"%d:%b," % (len(each), each) for each in said])
    ).digest()


def covered(kind: EntryKind, values: Mapping[str, Any] | RowMapping) -> tuple[bytes | None, ...]:
    """What an entry of that kind covers of a row."""
    return tuple([_octets(values[name]) for name in COVERED[kind]])


def _octets(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").encode()
    return str(value).encode()


def note(connection: Connection, kind: EntryKind, row_id: int, part: int, values: Mapping[str, Any]) -> None:
    """A row was written in this transaction: it becomes an entry when the transaction is committed."""
    noted = connection.info.setdefault(_NOTED, [])
    noted.append((kind, row_id, part, covered(kind, values)))


def discard_notes(connection: Connection) -> None:
    """A transaction begins: what an earlier one noted and did not commit was never written."""
    connection.info.pop(_NOTED, None)


def append_notes(connection: Connection) -> None:
    """A transaction is about to be committed: chain what it has noted."""
    noted: Sequence[tuple[EntryKind, int, int, tuple[bytes | None, ...]]] = connection.info.pop(_NOTED, ())
    if not noted:
        return
    found = _FREE_CHAIN.first(connection) or _ANY_CHAIN.first(connection)
    if found is None:
        raise StoreError("the message log has no chain", hint="the table message_chain was emptied: restore a backup")
    chain, length, head = found
    hashes = []
    for number, (kind, row_id, part, values) in enumerate(noted, length + 1):
        head = next_hash(head, Place(chain, number, kind, row_id, part), values)
        hashes.append(head)
    last = length + len(noted)
    _ADD.many(
        connection,
        chain=repeat(chain),
        number=range(length + 1, last + 1),
        kind=[each[0] for each in noted],
        row_id=[each[1] for each in noted],
        part=[each[2] for each in noted],
        entry_hash=hashes,
    )
    _LENGTHEN.change(connection, this=chain, new_length=last, new_head=head)


def heads(connection: Connection) -> list[Head]:
    """How the chains end that have any entry."""
    return [Head(chain, length, head.hex()) for chain, length, head in connection.execute(_HEADS)]
