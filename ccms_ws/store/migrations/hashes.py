"""The hashes of chained records as the migrations computed them. They do not follow `ccms_ws.store.hash_chain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

_INCOMING = (
    *("chain", "number", "partner_id", "message_id", "exchange", "root", "relates_to", "content_digest"),
    *("received_at", "answer_kind", "answer_id", "answer_action", "answer_error_code", "answer_error_reason"),
    *("raw", "answer_raw"),
)


def incoming_hash(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """The hash of an incoming message, from version 0005 on."""
    return _hash(previous, [entry[name] for name in _INCOMING])


def record_hash(previous: bytes, place: tuple[str, int, int, int, int], values: Iterable[Any]) -> bytes:
    """The hash of any other record, from version 0013 on. `place`: kind, chain, number, row and part."""
    return _hash(previous, [*place, *values])


def _hash(previous: bytes, values: Iterable[Any]) -> bytes:
    said = [_octets(value) for value in values]
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
