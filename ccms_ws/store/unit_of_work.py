"""One transaction, and the repositories that work in it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.store.abstracts import SqlAbstracts
from ccms_ws.store.books import SqlCourtbooks
from ccms_ws.store.collections import SqlCollections
from ccms_ws.store.dead_letters import SqlDeadLetters
from ccms_ws.store.engine import READ_ONLY
from ccms_ws.store.held_messages import SqlHeldMessages
from ccms_ws.store.inbox import SqlInbox
from ccms_ws.store.lines import SqlLines
from ccms_ws.store.outbox import SqlOutbox
from ccms_ws.store.subjects import SqlSubjects
from ccms_ws.store.turns import end_turn


class SqlUnitOfWork:
    """`ccms_ws.domain.ports.UnitOfWork` on a database. For one thread; may be entered again after it was left.

    After `commit` or `rollback` the next statement begins a new transaction. A `read_only` unit waits for no writer and
    is never committed.
    """

    books: SqlCourtbooks
    subjects: SqlSubjects
    collections: SqlCollections
    abstracts: SqlAbstracts
    outbox: SqlOutbox
    dead_letters: SqlDeadLetters
    held_messages: SqlHeldMessages
    lines: SqlLines
    inbox: SqlInbox

    def __init__(self, engine: Engine, *, read_only: bool = False) -> None:
        self._engine = engine
        self._read_only = read_only
        self._connection: Connection | None = None
        self._info: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        try:
            connection = self._engine.connect()
        except PoolTimeout as error:
            raise StoreUnavailable("all connections to the database are in use") from error
        self._connection, self._info = connection, connection.info
        if self._read_only:
            self._info[READ_ONLY] = True
        self.books = SqlCourtbooks(connection)
        self.subjects = SqlSubjects(connection)
        self.collections = SqlCollections(connection)
        self.abstracts = SqlAbstracts(connection)
        self.outbox = SqlOutbox(connection)
        self.dead_letters = SqlDeadLetters(self.outbox)
        self.held_messages = SqlHeldMessages(connection)
        self.lines = SqlLines(connection)
        self.inbox = SqlInbox(connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._open, None
        try:
            connection.close()
        finally:
            end_turn(self._info)

    def commit(self) -> None:
        if self._read_only:
            raise StoreError("a unit of work that only reads cannot be committed")
        try:
            self._open.commit()
        finally:
            end_turn(self._info)

    def rollback(self) -> None:
        try:
            self._open.rollback()
        finally:
            end_turn(self._info)

    @property
    def connection(self) -> Connection:
        """For the store's own use."""
        return self._open

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise StoreError("the unit of work is not open")
        return self._connection


def unit_of_work(engine: Engine) -> Callable[[], SqlUnitOfWork]:
    """The factory of units of work that read and write (`ccms_ws.domain.ports.UnitOfWorkFactory`)."""
    return lambda: SqlUnitOfWork(engine)


def read_only(engine: Engine) -> Callable[[], SqlUnitOfWork]:
    """The factory of units of work that only read: reports and lists, which must not wait for writers."""
    return lambda: SqlUnitOfWork(engine, read_only=True)
