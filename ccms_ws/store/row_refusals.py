"""Why the tables do not take a record, in the words of its fields: the same on every kind of database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select, tuple_

from ccms_ws.domain.courts import CaseParticipant, JointDebtor, OtherIdentification, OtherName, Participant
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.ports import Record
from ccms_ws.store.column_types import MOST_MONEY
from ccms_ws.store.court_tables import case_participant, court, court_case, joint_debtor, ledger_entry, participant

Refusal = tuple[str, str]
"""The field at fault, and why."""

_NO_PERSON = ("participant_id", "is no participant on file")
_NO_CASE = ("case_number", "is no case on file")
_NOT_ON_CASE = ("participant_id", "is not on this case")
_UNKNOWN: Refusal = ("", "breaks a rule of the tables (ccms_ws/docs/tables.md)")
_l = ledger_entry.c
_OWED = (EntryKind.ASSESSMENT, EntryKind.REFUND)


def why_refused(connection: Connection, record: Record) -> Refusal:
    """What the record refers to that is not there, or which rule of the tables it breaks."""
    return next(iter(_reasons(connection, record)), _UNKNOWN)


def _reasons(connection: Connection, record: Record) -> Iterable[Refusal]:
    match record:
        case Participant():
            if not _there(connection, court, court.c.ori == record.court_ori):
                yield "", "is of a court that is not on file"
        case OtherName() | OtherIdentification():
            if not _person(connection, record.court_ori, record.participant_id):
                yield _NO_PERSON
        case CaseParticipant():
            ori, person = record.participant.court_ori, record.participant.participant_id
            yield from _case_or_person_missing(connection, ori, record.case_number, person)
        case JointDebtor():
            yield from _account_missing(connection, record.court_ori, record.case_number, record.participant_id)
        case LedgerEntry():
            yield from _account_missing(connection, record.court_ori, record.case_number, record.participant_id)
            yield from _entry_reasons(connection, record)


def _case_or_person_missing(connection: Connection, ori: str, case_number: str, person: str) -> Iterable[Refusal]:
    if not _there(connection, court_case, court_case.c.court_ori == ori, court_case.c.number == case_number):
        yield _NO_CASE
    if not _person(connection, ori, person):
        yield _NO_PERSON


def _account_missing(connection: Connection, ori: str, case_number: str, person: str) -> Iterable[Refusal]:
    yield from _case_or_person_missing(connection, ori, case_number, person)
    on = case_participant.c
    if not _there(
        connection, case_participant, on.court_ori == ori, on.case_number == case_number, on.participant_id == person
    ):
        yield _NOT_ON_CASE


def _entry_reasons(connection: Connection, entry: LedgerEntry) -> Iterable[Refusal]:
    d = joint_debtor.c
    account = (
        *(d.court_ori == entry.court_ori, d.case_number == entry.case_number),
        *(d.obligation == entry.obligation, d.participant_id == entry.participant_id),
    )
    if entry.obligation is not None and not _there(connection, joint_debtor, *account):
        yield "obligation", "is none that this participant owes on this case (record = joint-debtor)"
    if entry.reverses is None:
        return
    here = (_l.court_ori == entry.court_ori, _l.entry_id == entry.reverses)
    undone = connection.execute(select(ledger_entry).where(*here)).mappings().first()
    if undone is None:
        yield "reverses", "is no entry on file"
        return
    for field in ("case_number", "participant_id", "fee_kind", "amount", "obligation"):
        if undone[field] != getattr(entry, field):
            yield field, "is not that of the entry that is reversed"
    if undone["kind"] is EntryKind.REVERSAL:
        yield "reverses", "is a reversal itself"
    if _there(connection, ledger_entry, _l.court_ori == entry.court_ori, _l.reverses == entry.reverses):
        yield "reverses", "is an entry that was reversed already"


def _person(connection: Connection, ori: str, person: str) -> bool:
    return _there(connection, participant, participant.c.court_ori == ori, participant.c.participant_id == person)


def _there(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> bool:
    return connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one() > 0


class CaseSums:
    """What the ledgers of cases add up to, so that no sum gets longer than what a message can carry."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sums: defaultdict[tuple[str, str, bool], Decimal] = defaultdict(Decimal)

    def read(self, entries: Collection[Mapping[str, Any]]) -> None:
        """Begin with what is on file for the cases of these entries."""
        cases = {(row["court_ori"], row["case_number"]) for row in entries}
        if not cases:
            return
        sums = (
            select(_l.court_ori, _l.case_number, _l.kind, func.sum(_l.amount))
            .where(tuple_(_l.court_ori, _l.case_number).in_(cases))
            .group_by(_l.court_ori, _l.case_number, _l.kind)
        )
        for ori, number, kind, total in self._connection.execute(sums):
            if kind is not EntryKind.REVERSAL:
                self._sums[ori, number, kind in _OWED] += total

    def has_room_for(self, entry: LedgerEntry) -> bool:
        """True if what is owed, and what is paid and waived, stay short enough with this entry; it is counted then."""
        if entry.kind is EntryKind.REVERSAL:
            return True
        key = (entry.court_ori, entry.case_number, entry.kind in _OWED)
        total = self._sums[key] + entry.amount
        if total > MOST_MONEY:
            return False
        self._sums[key] = total
        return True
