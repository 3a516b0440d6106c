"""Connections: SQLite with a write-ahead log, or PostgreSQL; durable, and patient for some seconds before they fail."""

from __future__ import annotations

import logging
import sqlite3
import weakref
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from ccms_ws.errors import ConfigError, StoreError, StoreUnavailable
from ccms_ws.store.db_errors import in_our_words, translate
from ccms_ws.store.hash_chain import append_notes, discard_notes
from ccms_ws.store.locks import WriterLock, release, wait_for_commit

PATIENCE = 5.0
"""Seconds to wait for a lock, a free connection or the server, before StoreUnavailable."""

READ_ONLY = "ccms_ws.read_only"
"""Set in the dictionary of a connection whose next transaction waits for no writer, and is none."""

_POOL = {"pool_size": 32, "max_overflow": 0, "pool_timeout": PATIENCE, "pool_use_lifo": True, "hide_parameters": True}
_SESSION = f"-c timezone=UTC -c lock_timeout={PATIENCE:.0f}s"
_TCP = {
    "connect_timeout": int(PATIENCE),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def open_engine(url: str) -> Engine:
    """The engine of `sqlite:///path` (an absolute path has four slashes) or `postgresql://...`. Connects on first use.

    An SQLite file must exist: only `migrate.upgrade` makes one. Raises ConfigError for another kind of URL; later, all
    errors of the database are StoreErrors.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("the database URL cannot be read", hint="sqlite:///court.db or postgresql://...") from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database not in (None, "", ":memory:"):
            engine = _open_sqlite(parsed)
        case "postgresql":
            engine = _open_postgresql(parsed)
        case _:
            raise ConfigError(
                f"the database {parsed.drivername!r} is not supported", hint="sqlite:///court.db or postgresql://..."
            )
    event.listen(engine, "handle_error", translate, retval=True)
    event.listen(engine, "begin", lambda connection: wait_for_commit(connection.info), insert=True)
    event.listen(engine, "begin", discard_notes)
    event.listen(engine, "commit", append_notes)
    weakref.finalize(engine, engine.pool.dispose)  # a forgotten engine leaves no connection open
    return engine


def _open_sqlite(url: URL) -> Engine:
    path = Path(url.database or "").absolute()
    engine = create_engine(URL.create("sqlite", database=str(path)), creator=partial(_connect, path), **_POOL)
    turn = WriterLock(PATIENCE)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        try:
            if READ_ONLY in connection.info or connection.get_execution_options().get("read_only"):
                driver.execute("BEGIN")
                return
            turn.take(connection.info)
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise in_our_words(error) from error

    @event.listens_for(engine, "checkin")
    def checkin(_: Any, entry: ConnectionPoolEntry) -> None:
        release(entry.info)
        entry.info.pop(READ_ONLY, None)

    return engine


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            timeout=PATIENCE,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.OperationalError as error:
        raise not_opened(path, error) from error
    try:
        # FULL: a commit is on the disk before it is reported, in WAL mode too.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -16000"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_NOTADB:
            raise
        raise StoreError(f"{path} is no SQLite database", hint="is database.url the right file?") from error
    return connection


def not_opened(path: Path, error: sqlite3.Error) -> StoreUnavailable:
    """Why a file cannot be opened, as far as it tells."""
    why, hint = str(error), "may this user read and write it, and its folder?"
    try:
        path.stat()
    except OSError as seen:
        why = seen.strerror or why
        hint = "ccms-ws db upgrade makes one" if isinstance(seen, FileNotFoundError) else hint
    return StoreUnavailable(f"the database {path} cannot be opened: {why}", hint=hint)


def _open_postgresql(url: URL) -> Engine:
    # Every failure is raised as well. Its notices ("error ignored terminating ...") go to standard error where a
    # program has not set up logging, and contain values of the statement.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    options = " ".join(filter(None, (_SESSION, str(url.query.get("options", "")))))
    defaults = {key: value for key, value in _TCP.items() if key not in url.query}
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={**defaults, "options": options},
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        **_POOL,
    )
