"""The hash chains of the message log: how an entry is linked to the one before it, and how the whole log is verified.

Each chain numbers its entries without gaps, and each entry's hash covers the hash before it and all that the entry
says. `message_chain` says how long a chain is and how it ends. There are several, so that many processes can write at
once: who writes takes, for the last moments of its transaction, one that nobody else has. A hash chain shows a change
by whoever does not compute the chain anew; heads that were written down elsewhere show that as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select

from ccms_ws.store.message_tables import inbox_message, message_chain

_COVERED: Final = (
    *("chain", "number", "partner_id", "message_id", "exchange", "root", "relates_to", "content_digest"),
    *("received_at", "answer_kind", "answer_id", "answer_action", "answer_error_code", "answer_error_reason"),
    *("raw", "answer_raw"),
)
"""What an entry's hash covers, in this order: all of it but its place in the table. It never changes."""

_i, _c = inbox_message.c, message_chain.c
_ENTRIES = select(_i.inbox_id, _i.entry_hash, *(_i[name] for name in _COVERED)).order_by(_i.chain, _i.number)
_READ_AT_ONCE = 200


class Fault(StrEnum):
    """What can be wrong with a chain."""

    CHANGED = "changed"
    """The entry, or the one before it, does not say what was written."""
    MISSING = "missing"
    """Entries are not there."""
    CUT_OFF = "cut off"
    """The chain does not end as it did."""
    REWRITTEN = "rewritten"
    """The chain is in itself as it should be, but not the one whose head was written down."""


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the log is not what was written; `number` to `last` are places in the chain."""

    chain: int
    number: int
    last: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Head:
    """How a chain ended at some time."""

    chain: int
    length: int
    hash: str


def link(previous: bytes, entry: Mapping[str, Any] | RowMapping) -> bytes:
    """The hash of an entry that follows the one with the hash `previous`."""
    said = [_octets(entry[name]) for name in _COVERED]
    return sha256(
        previous + b"".join([b"-," if each is None else b"%d:%b," % (len(each), each) for each in said])
    ).digest()


def _octets(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").encode()
    return str(value).encode()


def heads(connection: Connection) -> list[Head]:
    """How the chains end that have any entry."""
    rows = connection.execute(select(message_chain).where(_c.length > 0).order_by(_c.chain))
    return [Head(chain, length, head.hex()) for chain, length, head in rows]


def verify(connection: Connection, written_down: Sequence[Head] = ()) -> Iterator[Break | int]:
    """Every place where the log is not what was written, and in between how many entries were looked at so far.

    `written_down`: heads of an earlier time, kept where who can write to the database cannot.
    """
    ends = {head.chain: head for head in heads(connection)}
    noted = {(head.chain, head.length): head.hash for head in written_down}
    reached: dict[int, tuple[int, bytes]] = {}
    count = 0
    for chunk in connection.execute(_ENTRIES.execution_options(yield_per=_READ_AT_ONCE)).mappings().partitions():
        for entry in chunk:
            chain, number, found = entry["chain"], entry["number"], entry["entry_hash"]
            last, previous = reached.get(chain, (0, bytes(32)))
            if number != last + 1:
                yield Break(chain, last + 1, number - 1, Fault.MISSING)
            elif link(previous, entry) != found:
                yield Break(chain, number, number, Fault.CHANGED)
            if noted.pop((chain, number), found.hex()) != found.hex():
                yield Break(chain, number, number, Fault.REWRITTEN)
            reached[chain] = (number, found)
        count += len(chunk)
        yield count
    for chain in sorted({*ends, *reached}):
        number, last_hash = reached.get(chain, (0, bytes(32)))
        end = ends.get(chain, Head(chain, 0, bytes(32).hex()))
        if (end.length, end.hash) != (number, last_hash.hex()):
            yield Break(chain, min(number, end.length) + 1, max(number, end.length), Fault.CUT_OFF)
    yield from (Break(chain, number, number, Fault.CUT_OFF) for chain, number in sorted(noted))
