"""What outgoing messages say, in parts: written as they come, read again one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, count

from sqlalchemy import Connection, Engine, bindparam, insert, select

from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.outbox_tables import outbox_body

PART_BYTES = 256 * 1024
"""About how large the parts of a large payload are."""

_c = outbox_body.c
_ADD = Prepared(insert(outbox_body), ["outbox_id", "part", "content"])
_PART = Prepared(select(_c.content).where(_c.outbox_id == bindparam("id"), _c.part == bindparam("number")))


class BodyDigest:
    """A SHA-256 of the parts of a message, one after the other: of each its length and its content."""

    def __init__(self) -> None:
        self._hash = sha256()

    def add(self, content: bytes) -> None:
        self._hash.update(b"%d:" % len(content))
        self._hash.update(content)

    def digest(self) -> bytes:
        return self._hash.digest()


def add_body(connection: Connection, outbox_id: int, body: bytes, further: Iterable[bytes]) -> bytes:
    """Store the parts of a message, and return their digest; `further` is gone through once, never held together."""
    digest = BodyDigest()
    for part, content in enumerate(chain([body], _gathered(further))):
        _ADD.change(connection, outbox_id=outbox_id, part=part, content=content)
        digest.add(content)
    return digest.digest()


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of about the size of a part."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= PART_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


@dataclass(frozen=True, slots=True)
class StoredParts:
    """The parts of a message after its first, each read in a short transaction of its own."""

    engine: Engine
    outbox_id: int

    def __iter__(self) -> Iterator[bytes]:
        for part in count(1):
            with self.engine.connect().execution_options(read_only=True) as connection:
                row = _PART.first(connection, id=self.outbox_id, number=part)
                if row is None and self.engine.dialect.name == "sqlite":
                    # Each connection would keep what it has read, until they all are full of batches sent long ago.
                    connection.exec_driver_sql("PRAGMA shrink_memory")
            if row is None:
                return
            yield bytes(row[0])
