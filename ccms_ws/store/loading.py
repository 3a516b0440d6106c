"""Load records in bulk: new ones are added, those that are there already stay or are brought up to date.

What a file does not state of a record that is on file stays as it is. A ledger entry never changes: one that is on file
with other content is refused. What is refused is named, one by one, and keeps nothing else from loading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, Table, tuple_, update
from sqlalchemy import select as select_rows

from ccms_ws.domain.courts import Participant
from ccms_ws.domain.import_columns import Statement
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.store.court_records import SqlCourtRecords, key_rows, row_of
from ccms_ws.store.court_tables import ledger_entry, participant, participant_key
from ccms_ws.store.row_refusals import CaseSums, why_refused
from ccms_ws.store.unit_of_work import SqlUnitOfWork

P = TypeVar("P")
Row = dict[str, Any]
_Key = tuple[str, tuple[Any, ...]]
Refuse = Callable[[P, str, str], None]
"""Called with the place of a record, its field at fault (may be empty) and the reason."""
_AT_ONCE = 1000


@dataclass(slots=True)
class Loaded:
    """What became of the records, by the name of their table."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    refused: int = 0


class _Item(NamedTuple):
    place: Any
    statement: Statement
    table: Table
    row: Row


def load(
    engine: Engine,
    statements: Iterable[tuple[P, Statement]],
    *,
    refuse: Refuse[P],
    done: Callable[[int], None] = lambda count: None,
    dry_run: bool = False,
) -> Loaded:
    """Load records, each with the place it came from; what a record refers to must have come before it.

    Committed a thousand at a time: after a crash the same can be loaded again. `refuse` is called for each that the
    tables do not take. A dry run does all of it and takes it back. Raises StoreUnavailable.
    """
    loaded, source = Loaded(), iter(statements)
    with SqlUnitOfWork(engine) as unit:
        while chunk := list(islice(source, _AT_ONCE)):
            _Chunk(unit.connection, loaded, refuse).load(chunk)
            if not dry_run:
                unit.commit()
            done(len(chunk))
    return loaded


class _Chunk:
    def __init__(self, connection: Connection, loaded: Loaded, refuse: Refuse[Any]) -> None:
        self._connection = connection
        self._loaded = loaded
        self._refuse = refuse
        self._sums = CaseSums(connection)

    def load(self, statements: Sequence[tuple[Any, Statement]]) -> None:
        items = []
        for place, statement in statements:
            row, table = row_of(statement.record)
            items.append(_Item(place, statement, table, row))
        on_file = self._on_file(items)
        self._sums.read([item.row for item in items if item.table is ledger_entry])
        new: dict[_Key, _Item] = {}
        for item in items:
            key = (item.table.name, _key(item.table, item.row))
            found = on_file.get(key)
            if key in new:
                if _merged(item, new[key].row) == new[key].row:
                    self._loaded.unchanged[item.table.name] += 1
                    continue
                self._add(list(new.values()))
                new.clear()
                found = self._on_file([item]).get(key)
            if found is None:
                record = item.statement.record
                if isinstance(record, LedgerEntry) and not self._sums.has_room_for(record):
                    self._say_no(
                        item.place, "amount", "would make the sums of the case longer than a message can carry"
                    )
                else:
                    new[key] = item
                continue
            row = _merged(item, found)
            if row == found:
                self._loaded.unchanged[item.table.name] += 1
            elif item.table is ledger_entry:
                self._say_no(item.place, _first_difference(row, found), "is another one than on file: post a reversal")
            else:
                on_file[key] = self._change(item, row, found)
        self._add(list(new.values()))

    def _on_file(self, items: Sequence[_Item]) -> dict[_Key, Row]:
        """The rows of the same keys that are there already."""
        found: dict[_Key, Row] = {}
        for table in {item.table.name: item.table for item in items}.values():
            keys = [_key(table, item.row) for item in items if item.table is table]
            query = select_rows(table).where(tuple_(*table.primary_key).in_(keys))
            for there in self._connection.execute(query).mappings():
                found[table.name, _key(table, dict(there))] = dict(there)
        return found

    def _add(self, items: list[_Item]) -> None:
        """All at once; if that is refused, halves, down to the ones that are."""
        if not items:
            return
        try:
            with self._connection.begin_nested():
                SqlCourtRecords(self._connection).add(*(item.statement.record for item in items))
        except StoreUnavailable:
            raise
        except StoreError:
            if len(items) == 1:
                self._say_no(items[0].place, *why_refused(self._connection, items[0].statement.record))
                return
            middle = len(items) // 2
            self._add(items[:middle])
            self._add(items[middle:])
            return
        for item in items:
            self._loaded.added[item.table.name] += 1

    def _change(self, item: _Item, row: Row, found: Row) -> Row:
        """Bring the row on file up to date; what is on file then."""
        table, record = item.table, item.statement.record
        if isinstance(record, Participant) and (why := _license_in_doubt(item, row, found)):
            self._say_no(item.place, "license_jurisdiction", why)
            return found
        same = [column == row[column.key] for column in table.primary_key]
        try:
            with self._connection.begin_nested():
                self._connection.execute(update(table).where(*same).values(row))
                if table is participant and isinstance(record, Participant):
                    self._look_up_anew(record)
        except StoreUnavailable:
            raise
        except StoreError:
            self._say_no(item.place, *why_refused(self._connection, record))
            return found
        self._loaded.changed[table.name] += 1
        return row

    def _look_up_anew(self, person: Participant) -> None:
        key = participant_key.c
        mine = (key.court_ori == person.court_ori, key.participant_id == person.participant_id)
        self._connection.execute(participant_key.delete().where(*mine))
        key_rows(self._connection, person.court_ori, person.participant_id)

    def _say_no(self, place: Any, field_: str, reason: str) -> None:
        self._loaded.refused += 1
        self._refuse(place, field_, reason)


def _merged(item: _Item, found: Row) -> Row:
    """The row as the file states it, and as it is on file where the file states nothing."""
    unstated = item.statement.unstated
    if not unstated:
        return item.row
    row = {name: found[name] if name in unstated else value for name, value in item.row.items()}
    if row.get("license_number") and row["license_jurisdiction"] is None:
        row["license_jurisdiction"] = item.row["license_jurisdiction"]
    return row


def _license_in_doubt(item: _Item, row: Row, found: Row) -> str:
    """Why a new license number cannot stand beside the state on file: another state's number may be meant."""
    if "license_jurisdiction" not in item.statement.unstated or row["license_number"] == found["license_number"]:
        return ""
    other = found["license_jurisdiction"] not in (None, item.row["license_jurisdiction"])
    return "is not stated, and the number on file is another state's" if other else ""


def _first_difference(row: Row, found: Row) -> str:
    return next(name for name, value in row.items() if value != found[name])


@cache
def _key_names(table: Table) -> list[str]:
    return [column.key for column in table.primary_key]


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple([row[name] for name in _key_names(table)])
