"""Load records in bulk: new ones are added, those that are there already stay or are brought up to date.

A ledger entry never changes: one that is on file with other content is refused. What is refused is named, one by one,
and keeps nothing else from loading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, tuple_, update
from sqlalchemy import select as select_rows

from ccms_ws.domain.courts import Participant
from ccms_ws.domain.ports import Record
from ccms_ws.errors import StoreError
from ccms_ws.store.book_tables import ledger_entry, participant, participant_key
from ccms_ws.store.books import SqlCourtbooks, key_rows, row_of
from ccms_ws.store.unit_of_work import SqlUnitOfWork

P = TypeVar("P")
Item = tuple[P, Record]
_AT_ONCE = 1000


@dataclass(slots=True)
class Loaded:
    """What became of the records, by the name of their table."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    refused: int = 0


def load(
    engine: Engine,
    records: Iterable[Item[P]],
    *,
    refuse: Callable[[P, str], None],
    done: Callable[[int], None] = lambda count: None,
    dry_run: bool = False,
) -> Loaded:
    """Load `records`, each with the place it came from; what a record refers to must have come before it.

    Committed a thousand at a time: after a crash the same can be loaded again. `refuse(place, reason)` is told of each
    that the tables do not take. A dry run does all of it and takes it back.
    """
    loaded, source = Loaded(), iter(records)
    with SqlUnitOfWork(engine) as unit:
        while chunk := list(islice(source, _AT_ONCE)):
            _Chunk(unit.connection, loaded, refuse).load(chunk)
            if not dry_run:
                unit.commit()
            done(len(chunk))
    return loaded


class _Chunk:
    def __init__(self, connection: Connection, loaded: Loaded, refuse: Callable[[Any, str], None]) -> None:
        self._connection = connection
        self._loaded = loaded
        self._refuse = refuse

    def load(self, items: Sequence[Item[Any]]) -> None:
        new: dict[tuple[str, tuple[Any, ...]], Item[Any]] = {}
        for item, table, row, found in self._with_found(items):
            key = (table.name, _key(table, row))
            earlier = found or (row_of(new[key][1])[0] if key in new else None)
            if earlier is None:
                new[key] = item
            elif earlier == row:
                self._loaded.unchanged[table.name] += 1
            elif table is ledger_entry or key in new:
                self._say_no(item[0], "is on file already, with other content")
            else:
                self._change(item, table, row)
        self._add(list(new.values()))

    def _with_found(
        self, items: Sequence[Item[Any]]
    ) -> Iterator[tuple[Item[Any], Table, dict[str, Any], dict[str, Any] | None]]:
        """Each item with its row, and with the row of the same key that is on file."""
        rows = [(item, *row_of(item[1])) for item in items]
        found: dict[tuple[str, tuple[Any, ...]], dict[str, Any]] = {}
        for table in {table.name: table for _, _, table in ((i, r, t) for i, r, t in rows)}.values():
            keys = [_key(table, row) for _, row, other in rows if other is table]
            columns = list(table.primary_key)
            query = select_rows(table).where(tuple_(*columns).in_(keys))
            for there in self._connection.execute(query).mappings():
                found[table.name, _key(table, dict(there))] = dict(there)
        for item, row, table in rows:
            yield item, table, row, found.get((table.name, _key(table, row)))

    def _add(self, items: list[Item[Any]]) -> None:
        """All at once; if that is refused, halves, down to the ones that are."""
        if not items:
            return
        try:
            with self._connection.begin_nested():
                SqlCourtbooks(self._connection).add(*(record for _, record in items))
        except StoreError as error:
            if len(items) == 1:
                self._say_no(items[0][0], str(error))
                return
            middle = len(items) // 2
            self._add(items[:middle])
            self._add(items[middle:])
            return
        for _, record in items:
            self._loaded.added[row_of(record)[1].name] += 1

    def _change(self, item: Item[Any], table: Table, row: dict[str, Any]) -> None:
        same = [column == row[column.key] for column in table.primary_key]
        try:
            with self._connection.begin_nested():
                self._connection.execute(update(table).where(*same).values(row))
                if table is participant and isinstance(item[1], Participant):
                    self._look_up_anew(item[1])
        except StoreError as error:
            self._say_no(item[0], str(error))
        else:
            self._loaded.changed[table.name] += 1

    def _look_up_anew(self, person: Participant) -> None:
        key = participant_key.c
        mine = (key.court_ori == person.court_ori, key.participant_id == person.participant_id)
        self._connection.execute(participant_key.delete().where(*mine))
        key_rows(self._connection, person.court_ori, person.participant_id)

    def _say_no(self, place: Any, reason: str) -> None:
        self._loaded.refused += 1
        self._refuse(place, reason)


@cache
def _key_names(table: Table) -> list[str]:
    return [column.key for column in table.primary_key]


def _key(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple([row[name] for name in _key_names(table)])
