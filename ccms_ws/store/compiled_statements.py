"""Statements that a message waits for: compiled once, then run on the driver's own cursor.

SQLAlchemy's execution is made for every case and costs some forty microseconds a statement; a query of a balance needs
seven of them. What it adds for these few is kept: its SQL, its types in both directions, its transactions, our errors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

import psycopg
from sqlalchemy import Connection, Date, Enum, Select
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

from ccms_ws.store.column_types import Money
from ccms_ws.store.db_errors import in_our_words

Row = tuple[Any, ...]
Statement = Select[*tuple[Any, ...]] | UpdateBase
_Processor = Callable[[Any], Any]
_FAILURES = (sqlite3.Error, psycopg.Error, ValueError, TypeError)


class Prepared:
    """A Core statement without expanding parameters. Make it once, at import; threads may share it."""

    def __init__(self, statement: Statement, columns: Sequence[str] | None = None) -> None:
        """`columns`: those that an INSERT without values fills."""
        self._statement = statement
        self._columns = columns
        self._forms: dict[str, _Form] = {}

    def all(self, connection: Connection, **values: object) -> list[Row]:
        """All rows, as plain tuples."""
        form = self._form(connection)
        cursor = form.execute(connection, values)
        return form.rows(cursor, cursor.fetchall())

    def first(self, connection: Connection, **values: object) -> Row | None:
        """The first row; the statement should have one at most."""
        form = self._form(connection)
        cursor = form.execute(connection, values)
        row = cursor.fetchone()
        return None if row is None else form.rows(cursor, [row])[0]

    def change(self, connection: Connection, **values: object) -> int:
        """Run an INSERT, UPDATE or DELETE; how many rows it touched."""
        count: int = self._form(connection).execute(connection, values).rowcount
        return count

    def many(self, connection: Connection, **columns: Iterable[object]) -> int:
        """The same for many rows at once, whose values come as columns; how many rows were touched in all.

        A column may be endless (`repeat`), but not all of them. No rows at all are no change.
        """
        count: int = self._form(connection).execute_many(connection, columns).rowcount
        return max(count, 0)

    def _form(self, connection: Connection) -> _Form:
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self._statement, self._columns, dialect)
        return form


class _Form:
    """The statement in the words of one kind of database."""

    def __init__(self, statement: Statement, columns: Sequence[str] | None, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}
        self.order = compiled.positiontup
        kinds = {name: bind.type for bind, name in compiled.bind_names.items()}
        self.binds = {name: found for name, kind in kinds.items() if (found := _bind(kind, dialect))}
        self.names = tuple(kinds)
        self._kinds = [column.type.dialect_impl(dialect) for column in statement.exported_columns]
        self._dialect = dialect
        self._processors: list[tuple[int, _Processor]] | None = None

    def execute(self, connection: Connection, values: Mapping[str, object]) -> Any:
        """The driver's cursor after the statement, in the connection's transaction."""
        if not connection.in_transaction():
            connection.begin()
        given = {**self.constants, **values} if self.constants else values
        binds = self.binds
        driver: Any = connection.connection.driver_connection
        try:
            ready = {name: binds[name](given[name]) if name in binds else given[name] for name in self.names}
            return driver.execute(self.sql, ready if self.order is None else [ready[name] for name in self.order])
        except _FAILURES as error:
            raise _translated(error, connection, driver) from error

    def execute_many(self, connection: Connection, columns: Mapping[str, Iterable[object]]) -> Any:
        """The driver's cursor after the statement was run for each row."""
        if not connection.in_transaction():
            connection.begin()
        names = self.names if self.order is None else self.order
        given = {**{name: repeat(value) for name, value in self.constants.items()}, **columns}
        driver: Any = connection.connection.driver_connection
        try:
            ready = [map(self.binds[name], given[name]) if name in self.binds else given[name] for name in names]
            rows: Iterable[Any] = zip(*ready, strict=False)
            if self.order is None:
                rows = (dict(zip(names, row, strict=True)) for row in rows)
            cursor = driver.cursor()
            cursor.executemany(self.sql, rows)
        except _FAILURES as error:
            raise _translated(error, connection, driver) from error
        return cursor

    def rows(self, cursor: Any, rows: list[Row]) -> list[Row]:
        """The rows as our types have them."""
        processors = self._processors
        if processors is None:  # what the driver hands out is known with the first answer
            found = [
                _result(kind, self._dialect, description[1])
                for kind, description in zip(self._kinds, cursor.description, strict=True)
            ]
            processors = self._processors = [(index, process) for index, process in enumerate(found) if process]
        if not rows or not processors:
            return rows
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))  # by columns: quicker than row by row
        for index, process in processors:
            columns[index] = map(process, columns[index])
        return list(zip(*columns, strict=True))


def _translated(error: Exception, connection: Connection, driver: Any) -> Exception:
    """What a driver, or one of our types, says against a statement, in our words."""
    if getattr(driver, "closed", False):
        connection.invalidate(error)
    return in_our_words(error)


def _result(kind: TypeEngine[Any], dialect: Dialect, code: Any) -> _Processor | None:
    if isinstance(kind, Enum) and kind.enum_class is not None:
        members: dict[Any, Any] = {member.value: member for member in kind.enum_class}
        return {None: None, **members}.__getitem__
    return _remembering(kind, dialect, "result", kind.result_processor(dialect, code))


def _bind(kind: TypeEngine[Any], dialect: Dialect) -> _Processor | None:
    return _remembering(kind, dialect, "bind", kind.dialect_impl(dialect).bind_processor(dialect))


_remembered: dict[tuple[type, str], _Processor] = {}


def _remembering(kind: TypeEngine[Any], dialect: Dialect, way: str, process: _Processor | None) -> _Processor | None:
    """Amounts and days come again and again: what was made of one is kept, for all statements.

    PostgreSQL's driver hands out and takes decimals and days themselves; 0 and 0.00 are equal, but not the same.
    """
    if process is None or dialect.name != "sqlite" or not isinstance(kind, Money | Date):
        return process
    return _remembered.setdefault((type(kind), way), lru_cache(maxsize=10_000, typed=True)(process))
