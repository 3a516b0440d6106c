"""The court's books: what `ccms_ws.domain.ports.Courtbooks` asks, one statement each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing
from sqlalchemy.sql.dml import Insert

from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    Court,
    DriverLicense,
    JointDebtor,
    OtherIdentification,
    OtherName,
    Participant,
    PersonName,
)
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.name_matching import surname_keys
from ccms_ws.domain.ports import Record
from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.court_tables import (
    case_participant,
    court,
    court_case,
    joint_debtor,
    ledger_entry,
    participant,
    participant_identification,
    participant_key,
    participant_name,
)

_p, _cp, _l, _j, _k = participant.c, case_participant.c, ledger_entry.c, joint_debtor.c, participant_key.c
PERSON = (
    *(_p.court_ori, _p.participant_id, _p.given, _p.surname, _p.middle, _p.suffix),
    *(_p.birth_date, _p.license_number, _p.license_jurisdiction),
)
"""The columns of a participant, then of a case participant, as `in_role` reads them."""
IN_ROLE = (*PERSON, _cp.case_number, _cp.role)
SAME_PERSON = and_(_p.court_ori == _cp.court_ori, _p.participant_id == _cp.participant_id)

_COURT = Prepared(select(court).where(court.c.ori == bindparam("ori")))
_CASE = Prepared(
    select(court_case).where(court_case.c.court_ori == bindparam("ori"), court_case.c.number == bindparam("number"))
)
_PARTICIPANT = Prepared(
    select(*PERSON).where(_p.court_ori == bindparam("ori"), _p.participant_id == bindparam("person"))
)
_ON_CASE = Prepared(
    select(*IN_ROLE)
    .join_from(case_participant, participant, SAME_PERSON)
    .where(_cp.court_ori == bindparam("ori"), _cp.case_number == bindparam("number"))
    .order_by(_cp.participant_id)
)
_ENTRIES: Select[*tuple[Any, ...]] = (
    select(ledger_entry)
    .where(_l.court_ori == bindparam("ori"), _l.case_number == bindparam("number"))
    .order_by(_l.posted_on, _l.entry_id)
)
_SHARED = select(_j.obligation).where(
    _j.court_ori == bindparam("ori"), _j.case_number == bindparam("number"), _j.participant_id == bindparam("person")
)
_CASE_LEDGER = Prepared(_ENTRIES)
_LEDGER = Prepared(_ENTRIES.where(or_(_l.participant_id == bindparam("person"), _l.obligation.in_(_SHARED))))


class SqlCourtRecords:
    """Courts, cases, participants and the ledger in the tables of `book_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *records: Record) -> None:
        """Add records in any order; what they refer to must be among them or there already.

        Raises ConcurrentChange for a key that is taken, StoreError for what the tables do not allow.
        """
        rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            for step, row in _rows(record):
                rows[step].append(row)
        for step in sorted(rows):
            self._connection.execute(_INSERTS[step], rows[step])

    def find_court(self, ori: str) -> Court | None:
        row = _COURT.first(self._connection, ori=ori)
        return None if row is None else Court(*row)

    def find_case(self, court_ori: str, number: str) -> Case | None:
        row = _CASE.first(self._connection, ori=court_ori, number=number)
        return None if row is None else Case(*row)

    def find_participant(self, court_ori: str, participant_id: str) -> Participant | None:
        row = _PARTICIPANT.first(self._connection, ori=court_ori, person=participant_id)
        return None if row is None else participant_of(row)

    def on_case(self, court_ori: str, case_number: str) -> Sequence[CaseParticipant]:
        return [in_role(row) for row in _ON_CASE.all(self._connection, ori=court_ori, number=case_number)]

    def ledger(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[LedgerEntry]:
        """The entries that count for one participant on one case, oldest first."""
        rows = _LEDGER.all(self._connection, ori=court_ori, number=case_number, person=participant_id)
        return [LedgerEntry(*row) for row in rows]

    def case_ledger(self, court_ori: str, case_number: str) -> Sequence[LedgerEntry]:
        """All entries of a case, oldest first."""
        return [LedgerEntry(*row) for row in _CASE_LEDGER.all(self._connection, ori=court_ori, number=case_number)]


def in_role(row: Sequence[Any]) -> CaseParticipant:
    """The case participant in a row of `IN_ROLE`."""
    return CaseParticipant(participant_of(row), row[9], row[10])


def participant_of(row: Sequence[Any]) -> Participant:
    """The participant in a row of `PERSON`, or of `IN_ROLE`."""
    ori, participant_id, given, surname, middle, suffix, born, number, jurisdiction = row[:9]
    license = None if number is None else DriverLicense(number, jurisdiction)
    return Participant(ori, participant_id, PersonName(given, surname, middle, suffix), born, license)


# -- writing ----------------------------------------------------------------------------------------------------------
_BORN = select(_p.court_ori, _p.birth_date, bindparam("key", type_=_k.surname_key.type), _p.participant_id).where(
    _p.court_ori == bindparam("ori"), _p.participant_id == bindparam("person"), _p.birth_date.is_not(None)
)
_INSERTS: tuple[Insert, ...] = (
    insert(court),
    insert(participant),
    insert(participant_name),
    insert(participant_identification),
    # Of one who was born on a day that is on file.
    insert_or_nothing(participant_key)
    .from_select(["court_ori", "birth_date", "surname_key", "participant_id"], _BORN)
    .on_conflict_do_nothing(),
    insert(court_case),
    insert(case_participant),
    insert(joint_debtor),
    insert(ledger_entry),
    insert(ledger_entry),
)
"""In the order in which records can refer to each other; reversals come after the entries they undo."""


_TABLES = (
    *(court, participant, participant_name, participant_identification, participant_key),
    *(court_case, case_participant, joint_debtor, ledger_entry, ledger_entry),
)


_DEBTOR, _ENTRY = tuple(joint_debtor.c.keys()), tuple(ledger_entry.c.keys())


def row_of(record: Record) -> tuple[dict[str, Any], Table]:
    """The row of a record, and its table."""
    step, row = _row(record)
    return row, _TABLES[step]


def _rows(record: Record) -> Iterable[tuple[int, dict[str, Any]]]:
    """The rows of a record with those that follow from it, each with its place in `_INSERTS`."""
    yield _row(record)
    if isinstance(record, Participant | OtherName):
        yield from _key_rows(record.court_ori, record.participant_id, record.name)


def _row(record: Record) -> tuple[int, dict[str, Any]]:  # noqa: PLR0911 - one for each kind of record
    match record:
        case Court():
            return 0, _fields(record, "ori", "name", "county_code", "dmv_court_code")
        case Participant():
            return 1, _participant_row(record)
        case OtherName():
            key = _fields(record, "court_ori", "participant_id", "kind")
            return 2, {**key, **_fields(record.name, "given", "surname", "middle", "suffix")}
        case OtherIdentification():
            return 3, _fields(record, "court_ori", "participant_id", "kind", "value")
        case Case():
            fields = ("court_ori", "number", "case_type", "status", "title", "confidential", "sealed")
            return 5, _fields(record, *fields)
        case CaseParticipant():
            key = _fields(record.participant, "court_ori", "participant_id")
            return 6, {**key, "case_number": record.case_number, "role": record.role}
        case JointDebtor():
            return 7, _fields(record, *_DEBTOR)
        case LedgerEntry():
            return 9 if record.kind is EntryKind.REVERSAL else 8, _fields(record, *_ENTRY)


def key_rows(connection: Connection, court_ori: str, participant_id: str) -> None:
    """Write the search keys of one person anew, from the names that are on file."""
    here = (_p.court_ori == court_ori, _p.participant_id == participant_id)
    names = connection.execute(select(_p.surname, _p.suffix).where(*here)).all()
    others = select(participant_name.c.surname, participant_name.c.suffix).where(
        participant_name.c.court_ori == court_ori, participant_name.c.participant_id == participant_id
    )
    keys = {
        key
        for surname, suffix in [*names, *connection.execute(others)]
        for key in surname_keys(PersonName("", surname, "", suffix))
    }
    rows = [{"ori": court_ori, "person": participant_id, "key": key} for key in sorted(keys)]
    if rows:
        connection.execute(_INSERTS[4], rows)


def _key_rows(court_ori: str, participant_id: str, name: PersonName) -> Iterable[tuple[int, dict[str, Any]]]:
    for key in surname_keys(name):
        yield 4, {"ori": court_ori, "person": participant_id, "key": key}


def _fields(record: object, *names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _participant_row(person: Participant) -> dict[str, Any]:
    license = person.driver_license
    return {
        **_fields(person, "court_ori", "participant_id", "birth_date"),
        **_fields(person.name, "given", "surname", "middle", "suffix"),
        "license_number": license.number if license else None,
        "license_jurisdiction": license.jurisdiction if license else None,
    }
