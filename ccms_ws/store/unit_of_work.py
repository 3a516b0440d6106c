"""One transaction, and the repositories that work in it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.failpoints import failpoint
from ccms_ws.store.circuit_breakers import SqlCircuitBreakers
from ccms_ws.store.court_records import SqlCourtRecords
from ccms_ws.store.dead_letters import SqlDeadLetters
from ccms_ws.store.engine import READ_ONLY
from ccms_ws.store.held_messages import SqlHeldMessages
from ccms_ws.store.inbox import SqlInbox
from ccms_ws.store.locks import after, release, wait_for_commit
from ccms_ws.store.outbox import SqlOutbox
from ccms_ws.store.participant_search import SqlParticipantSearch
from ccms_ws.store.referrals import SqlReferrals

R = TypeVar("R")

_COMMITTING = ThreadPoolExecutor(8, "commit")
"""Where commits behind are made: more at once than programs compose at once."""


class SqlUnitOfWork:
    """`ccms_ws.domain.ports.UnitOfWork` on a database. For one thread; may be entered again after it was left.

    After `commit` or `rollback` the next statement begins a new transaction. A `read_only` unit waits for no writer and
    is never committed.
    """

    books: SqlCourtRecords
    participants: SqlParticipantSearch
    referrals: SqlReferrals
    outbox: SqlOutbox
    dead_letters: SqlDeadLetters
    held_messages: SqlHeldMessages
    circuit_breakers: SqlCircuitBreakers
    inbox: SqlInbox

    def __init__(self, engine: Engine, *, read_only: bool = False) -> None:
        self._engine = engine
        self._read_only = read_only
        self._connection: Connection | None = None
        self._info: dict[Any, Any] = {}
        self._behind: Future[None] | None = None

    def __enter__(self) -> Self:
        self._connect()
        return self

    def _connect(self) -> None:
        try:
            connection = self._engine.connect()
        except PoolTimeout as error:
            raise StoreUnavailable("all connections to the database are in use") from error
        self._connection, self._info = connection, connection.info
        if self._read_only:
            self._info[READ_ONLY] = True
        self.books = SqlCourtRecords(connection)
        self.participants = SqlParticipantSearch(connection)
        self.referrals = SqlReferrals(connection)
        self.outbox = SqlOutbox(connection)
        self.dead_letters = SqlDeadLetters(self.outbox)
        self.held_messages = SqlHeldMessages(connection)
        self.circuit_breakers = SqlCircuitBreakers(connection)
        self.inbox = SqlInbox(connection)

    def of(self, kind: Callable[[Connection], R]) -> R:
        """The repository of an exchange's own tables in this transaction."""
        return kind(self._open)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._open, None
        try:
            _end(connection, self._info)
        finally:
            self._committed_behind(raising=error is None)

    def commit(self) -> None:
        if self._read_only:
            raise StoreError("a unit of work that only reads cannot be committed")
        _commit(self._open, self._info)

    def commit_async(self) -> None:
        """Let another thread commit, and go on in a new transaction, whose first statement waits for that.

        For who has much to compose between two commits: the disk takes its time meanwhile. What goes wrong is raised by
        that statement, or at the end of the block, which waits as well. What is still being read in the transaction
        before cannot be read on.
        """
        if self._read_only:
            raise StoreError("a unit of work that only reads cannot be committed")
        wait_for_commit(self._info)
        connection, info = self._open, self._info
        self._connect()
        self._behind = _COMMITTING.submit(_commit_and_end, connection, info)
        after(self._info, self._behind)

    def _committed_behind(self, *, raising: bool = True) -> None:
        behind, self._behind = self._behind, None
        if behind is not None and (error := behind.exception()) is not None and raising:
            raise error

    def rollback(self) -> None:
        try:
            self._open.rollback()
        finally:
            release(self._info)

    @property
    def connection(self) -> Connection:
        """For the store's own use."""
        return self._open

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise StoreError("the unit of work is not open")
        return self._connection


def _commit(connection: Connection, info: dict[Any, Any]) -> None:
    try:
        connection.commit()
    except BaseException:
        # SQLAlchemy holds a transaction for ended whose commit failed; the database may not.
        connection.invalidate()
        raise
    finally:
        release(info)


def _commit_and_end(connection: Connection, info: dict[Any, Any]) -> None:
    """For a transaction whose unit of work has gone on without it."""
    failpoint("behind.before-commit")
    try:
        _commit(connection, info)
    finally:
        _end(connection, info)
    failpoint("behind.after-commit")


def _end(connection: Connection, info: dict[Any, Any]) -> None:
    try:
        connection.close()
    finally:
        after(info, None)
        release(info)


def unit_of_work(engine: Engine) -> Callable[[], SqlUnitOfWork]:
    """The factory of units of work that read and write (`ccms_ws.domain.ports.UnitOfWorkFactory`)."""
    return lambda: SqlUnitOfWork(engine)


def read_only(engine: Engine) -> Callable[[], SqlUnitOfWork]:
    """The factory of units of work that only read: reports and lists, which must not wait for writers."""
    return lambda: SqlUnitOfWork(engine, read_only=True)
