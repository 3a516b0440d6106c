"""Who goes first, where the databases do not say it by themselves.

SQLite lets one transaction write at a time, but makes the others sleep and try again in no order: within a process they
queue here instead. PostgreSQL lets all write, so those whose order matters take a named lock until they end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, bindparam, text

from ccms_ws.errors import StoreUnavailable

_HELD, _AFTER = "ccms_ws.turn", "ccms_ws.after"
_TAKE = text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) AS key").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)


class WriterLock:
    """One writer at a time among the connections of an engine. `info` is the connection's own dictionary."""

    def __init__(self, patience: float) -> None:
        self._lock = threading.Lock()
        self._patience = patience

    def take(self, info: dict[Any, Any]) -> None:
        """Wait for the turn, unless this connection has it. Raises StoreUnavailable if it does not come in time."""
        if _HELD in info:
            return
        if not self._lock.acquire(timeout=self._patience):
            raise StoreUnavailable("the database is locked: another transaction has been writing for too long")
        info[_HELD] = self._lock


def after(info: dict[Any, Any], commit: Future[None] | None) -> None:
    """The next transaction of this connection begins when that commit has been made, and fails if that failed."""
    info[_AFTER] = commit


def wait_for_commit(info: dict[Any, Any]) -> None:
    """Raises what the commit raised that this connection goes after."""
    commit: Future[None] | None = info.pop(_AFTER, None)
    if commit is not None:
        commit.result()


def release(info: dict[Any, Any]) -> None:
    """Give the turn back, if this connection has it."""
    lock = info.pop(_HELD, None)
    if lock is not None:
        lock.release()


def uses_advisory_lock(connection: Connection) -> bool:
    """Whether transactions need to take turns by name: where there is one writer at a time, they do not."""
    return connection.dialect.name == "postgresql"


def advisory_lock(connection: Connection, names: Iterable[str]) -> None:
    """Until this transaction ends, no other one takes a turn of any of these names."""
    if not uses_advisory_lock(connection):
        return
    # Always in the same order: two that want the same names do not wait for each other.
    keys = sorted({int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True) for name in names})
    connection.execute(_TAKE, {"keys": keys})
