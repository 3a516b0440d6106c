"""What a database says, in the words of `ccms_ws.errors`. No value that was to be stored gets into an error."""

from __future__ import annotations

import sqlite3

import psycopg
from sqlalchemy.engine import ExceptionContext

from ccms_ws.errors import ConcurrentChange, StoreError, StoreUnavailable

_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
_SQLITE_CHANGED = {
    sqlite3.SQLITE_BUSY_SNAPSHOT,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
}
# SQLSTATE classes: connection, resources, operator intervention, system; codes: a lock not had in time, a deadlock.
_POSTGRESQL_AWAY = ("08", "53", "57", "58", "55P03", "40P01")
_POSTGRESQL_CHANGED = ("40001", "23505")


def translate(context: ExceptionContext) -> StoreError | None:
    """The error to raise in place of the driver's (an engine's `handle_error` event)."""
    if context.is_pre_ping:
        return None  # a stale connection is replaced by the pool, which wants to see the driver's own error
    return in_our_words(context.original_exception)


def in_our_words(original: BaseException) -> StoreError:
    """What the driver's error, or one about a value, means."""
    if isinstance(original, sqlite3.Error):
        return _from_sqlite(original)
    if isinstance(original, psycopg.Error):
        return _from_postgresql(original)
    return StoreError(f"a value cannot be stored: {original}")


def _from_sqlite(error: sqlite3.Error) -> StoreError:
    extended = getattr(error, "sqlite_errorcode", 0)
    detail = f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
    if extended in _SQLITE_CHANGED:
        return ConcurrentChange(detail)
    return StoreUnavailable(detail) if extended & 0xFF in _SQLITE_AWAY else StoreError(detail)


def _from_postgresql(error: psycopg.Error) -> StoreError:
    """PostgreSQL quotes the offending values in its messages, so only names are kept, in the chained error too."""
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return StoreUnavailable("the database server cannot be reached, or the connection broke")
    diag = error.diag
    detail = " ".join(filter(None, (type(error).__name__, error.sqlstate, diag.table_name, diag.constraint_name)))
    error.args = (detail,)
    state = error.sqlstate or ""
    if state.startswith(_POSTGRESQL_CHANGED):
        return ConcurrentChange(detail)
    return StoreUnavailable(detail) if state.startswith(_POSTGRESQL_AWAY) else StoreError(detail)
