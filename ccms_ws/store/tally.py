"""Counting rows that are only ever added, again and again, without reading the old ones again.

What is counted must not change once it is written: neither that the row is there, nor what it is counted by.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, func, select

SETTLED: Final = timedelta(hours=1)
"""A row whose time is longer ago has no earlier one still to come: no transaction lasts nearly as long."""


class Tally:
    """How many rows a table has had, for each combination of the values in some columns.

    The first count reads the whole table; later ones the rows of the last `SETTLED`. For one thread.
    """

    def __init__(self, number: Column[int], at: Column[datetime], by: tuple[Column[Any], ...]) -> None:
        self._number, self._at, self._by = number, at, by
        self._counts: Counter[tuple[Any, ...]] = Counter()
        self._counted = 0

    def count(self, connection: Connection, now: datetime) -> Counter[tuple[Any, ...]]:
        """All rows up to now, as the transaction of this connection sees them."""
        newer = self._number > self._counted
        settled = connection.execute(
            select(self._number).where(newer, self._at < now - SETTLED).order_by(self._number.desc()).limit(1)
        ).scalar()
        if settled is not None:
            self._counts += self._count(connection, newer & (self._number <= settled))
            self._counted = settled
        return self._counts + self._count(connection, self._number > self._counted)

    def _count(self, connection: Connection, which: ColumnElement[bool]) -> Counter[tuple[Any, ...]]:
        rows = connection.execute(select(*self._by, func.count()).where(which).group_by(*self._by))
        return Counter({tuple(values): number for *values, number in rows})
