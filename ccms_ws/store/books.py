"""The court's books: what `ccms_ws.domain.ports.Courtbooks` asks, one statement each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Executable, Insert, Row, and_, bindparam, insert, or_, select

from ccms_ws.domain.courts import Case, CaseParticipant, Court, DriverLicense, Participant, PersonName
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.naming import name_key, same_name
from ccms_ws.store.book_tables import case_participant, court, court_case, ledger_entry, participant

Record = Court | Case | Participant | CaseParticipant | LedgerEntry

_p, _cp, _l = participant.c, case_participant.c, ledger_entry.c
_PERSON = (
    *(_p.court_ori, _p.participant_id, _p.given, _p.surname, _p.middle, _p.suffix),
    *(_p.birth_date, _p.license_number, _p.license_jurisdiction),
)
_COURT = select(court).where(court.c.ori == bindparam("ori"))
_CASE = select(court_case).where(court_case.c.court_ori == bindparam("ori"), court_case.c.number == bindparam("number"))
_PARTICIPANT = select(*_PERSON).where(_p.court_ori == bindparam("ori"), _p.participant_id == bindparam("person"))
_NAMED = select(*_PERSON).where(
    _p.court_ori == bindparam("ori"),
    _p.surname_key == bindparam("surname"),
    _p.given_key == bindparam("given"),
)
_BORN = _NAMED.where(or_(_p.birth_date == bindparam("born"), _p.birth_date.is_(None)))
_IN_ROLE = select(*_PERSON, _cp.case_number, _cp.role).join_from(
    case_participant,
    participant,
    and_(_p.court_ori == _cp.court_ori, _p.participant_id == _cp.participant_id),
)
_ON_CASE = _IN_ROLE.where(_cp.court_ori == bindparam("ori"), _cp.case_number == bindparam("number")).order_by(
    _cp.participant_id
)
_CASES_OF = _IN_ROLE.where(_cp.court_ori == bindparam("ori"), _cp.participant_id == bindparam("person")).order_by(
    _cp.case_number
)
_LEDGER = (
    select(ledger_entry)
    .where(_l.court_ori == bindparam("ori"), _l.case_number == bindparam("number"))
    .where(_l.participant_id == bindparam("person"))
    .order_by(_l.posted_on, _l.entry_id)
)


class SqlCourtbooks:
    """Courts, cases, participants and the ledger in the tables of `book_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *records: Record) -> None:
        """Add records in any order; what they refer to must be among them or there already.

        Raises ConcurrentChange for a key that is taken, StoreError for what the tables do not allow.
        """
        rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            step, row = _row(record)
            rows[step].append(row)
        for step in sorted(rows):
            self._connection.execute(_INSERTS[step], rows[step])

    def find_court(self, ori: str) -> Court | None:
        row = self._first(_COURT, ori=ori)
        return None if row is None else Court(*row)

    def find_case(self, court_ori: str, number: str) -> Case | None:
        row = self._first(_CASE, ori=court_ori, number=number)
        return None if row is None else Case(*row)

    def find_participant(self, court_ori: str, participant_id: str) -> Participant | None:
        row = self._first(_PARTICIPANT, ori=court_ori, person=participant_id)
        return None if row is None else _participant(row)

    def participants_named(self, court_ori: str, name: PersonName, birth_date: date | None) -> Sequence[Participant]:
        """All whom this name can mean; with `birth_date` only those of that birth date, or with none on file."""
        keys = {"ori": court_ori, "surname": name_key(name.surname), "given": name_key(name.given)}
        found = self._all(_NAMED, **keys) if birth_date is None else self._all(_BORN, **keys, born=birth_date)
        return [person for person in map(_participant, found) if same_name(name, person.name)]

    def on_case(self, court_ori: str, case_number: str) -> Sequence[CaseParticipant]:
        return [_in_role(row) for row in self._all(_ON_CASE, ori=court_ori, number=case_number)]

    def cases_of(self, court_ori: str, participant_id: str) -> Sequence[CaseParticipant]:
        return [_in_role(row) for row in self._all(_CASES_OF, ori=court_ori, person=participant_id)]

    def ledger(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[LedgerEntry]:
        """The account of one participant on one case, oldest entry first."""
        rows = self._all(_LEDGER, ori=court_ori, number=case_number, person=participant_id)
        return [LedgerEntry(*row) for row in rows]

    def _first(self, statement: Executable, **values: object) -> Row[*tuple[Any, ...]] | None:
        return self._connection.execute(statement, values).first()

    def _all(self, statement: Executable, **values: object) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._connection.execute(statement, values).all()


_INSERTS: tuple[Insert, ...] = (
    insert(court),
    insert(participant),
    insert(court_case),
    insert(case_participant),
    insert(ledger_entry),
    insert(ledger_entry),
)
"""In the order in which records can refer to each other; reversals come after the entries they undo."""


def _row(record: Record) -> tuple[int, dict[str, Any]]:
    """The place in `_INSERTS`, and the row."""
    match record:
        case Court():
            return 0, _fields(record, "ori", "name", "county_code", "dmv_court_code")
        case Participant():
            return 1, _participant_row(record)
        case Case():
            fields = ("court_ori", "number", "case_type", "status", "title", "confidential", "sealed")
            return 2, _fields(record, *fields)
        case CaseParticipant():
            key = _fields(record.participant, "court_ori", "participant_id")
            return 3, {**key, "case_number": record.case_number, "role": record.role}
        case LedgerEntry():
            return 5 if record.kind is EntryKind.REVERSAL else 4, _fields(record, *ledger_entry.c.keys())


def _fields(record: object, *names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _participant_row(person: Participant) -> dict[str, Any]:
    name, licence = person.name, person.driver_license
    return {
        **_fields(person, "court_ori", "participant_id", "birth_date"),
        **_fields(name, "given", "surname", "middle", "suffix"),
        "license_number": licence.number if licence else None,
        "license_jurisdiction": licence.jurisdiction if licence else None,
        "given_key": name_key(name.given),
        "surname_key": name_key(name.surname),
    }


def _participant(row: Sequence[Any]) -> Participant:
    ori, participant_id, given, surname, middle, suffix, born, number, jurisdiction = row[:9]
    licence = None if number is None else DriverLicense(number, jurisdiction)
    return Participant(ori, participant_id, PersonName(given, surname, middle, suffix), born, licence)


def _in_role(row: Sequence[Any]) -> CaseParticipant:
    case_number, role = row[9:]
    return CaseParticipant(_participant(row), case_number, role)
