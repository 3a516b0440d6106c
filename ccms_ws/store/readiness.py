"""Can a program work on this database? Asked before it says that it has started; nothing is changed by asking.

SQLite takes whatever `-wal` file lies beside a database for its newest commits. One that was left by another copy gives
a database that is neither, and the first program that closes it writes the mixture down for good. So a file is looked
at through a connection that only reads, before anything else opens it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, text

from ccms_ws.errors import StoreDamaged, StoreError, StoreReadOnly
from ccms_ws.store.db_errors import in_our_words
from ccms_ws.store.engine import PATIENCE, not_opened

CHECK_SECONDS = 20.0
"""How long a program that starts looks through a file: enough for some GB. `ccms-ws doctor` looks to the end."""

_STEPS = 10_000
_RESTORE = "end all programs, then ccms-ws db restore a backup (it keeps the damaged files)"
_TABLES = "SELECT count(*) FROM sqlite_master WHERE name IN ('message_chain', 'message_chain_entry')"
# Each chain ends as it says: if not, pages of one copy lie over those of another.
_ENDS = """
SELECT count(*) FROM message_chain AS c
 WHERE c.length <> (SELECT coalesce(max(e.number), 0) FROM message_chain_entry AS e WHERE e.chain = c.chain)
    OR c.length > 0 AND c.head <> (
       SELECT e.entry_hash FROM message_chain_entry AS e WHERE e.chain = c.chain AND e.number = c.length)
"""
_READ_ONLY = ("SQLITE_READONLY", "ReadOnlySqlTransaction")
_WRITE = text("UPDATE message_chain SET length = length WHERE chain = 1")


def check_integrity(file: Path, seconds: float | None = CHECK_SECONDS) -> bool:
    """Look whether an SQLite file, with what lies beside it, is one sound database; False: not to its end in `seconds`.

    Raises StoreDamaged; StoreUnavailable if it cannot be opened.
    """
    finished = True
    with _reading(file) as connection:
        deadline = None if seconds is None else time.monotonic() + seconds
        connection.set_progress_handler(lambda: deadline is not None and time.monotonic() > deadline, _STEPS)
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)") if row[0] != "ok"]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            found, finished = [], False
        connection.set_progress_handler(None, 0)
        if not found and connection.execute(_TABLES).fetchone() == (2,) and connection.execute(_ENDS).fetchone()[0]:
            found = ["the chains of the message log do not end as they say"]
        if found:
            raise _damaged(file, "; ".join(found))
    return finished


def check_writable(engine: Engine) -> None:
    """Write to the database, for good, what it says already. Raises StoreReadOnly, StoreUnavailable."""
    with read_only_said(), engine.begin() as connection:
        connection.execute(_WRITE)


@contextmanager
def read_only_said() -> Iterator[None]:
    """That a database cannot be written is said as such, whatever statement found it out."""
    try:
        yield
    except StoreError as error:
        if not any(sign in error.detail for sign in _READ_ONLY):
            raise
        hint = "may this user write the file and its folder? or is the server a standby, or set to read only?"
        raise StoreReadOnly(f"the database cannot be written: {error.detail}", hint=hint) from error


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", timeout=PATIENCE, uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise _damaged(file, str(error)) from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
            raise not_opened(file, error) from error
        raise in_our_words(error) from error


def _damaged(file: Path, what: str) -> StoreDamaged:
    beside = file.with_name(f"{file.name}-wal")
    if beside.exists() and beside.stat().st_size:
        what += f"; {beside.name} beside it may be of another copy"
    return StoreDamaged(f"the database {file} is damaged: {what}", hint=_RESTORE)
