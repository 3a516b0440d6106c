"""As little on file as makes recorded answers true: books made from the messages, for courts that are not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from lxml.etree import _Element

from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseType,
    JointDebtor,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.law import current_law
from ccms_ws.domain.ledger import Balance, EntryKind, FeeBalance, LedgerEntry, balance_of
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Query, RejectionReason, Response
from ccms_ws.exchanges.fcc807.wire import Q_QUERY, Q_RESPONSE, query_from_xml, response_from_xml
from ccms_ws.replay.reading import find_tree

_SOMEBODY: Final = PersonName("Somebody", "Else")
_ZERO: Final = Decimal(0)
_BEFORE_THE_LAW: Final = min(rule.effective for rule in current_law().vacated_debt) - timedelta(days=1)
"""A day on which no debt was vacated yet."""


def ensure_on_case(subject: CaseParticipant, uow: UnitOfWork, case_type: CaseType = CaseType.CRIMINAL) -> None:
    """Put the case, the person, and the person on the case on file, as far as they are not yet."""
    person = subject.participant
    if uow.books.find_case(person.court_ori, subject.case_number) is None:
        uow.books.add(Case(person.court_ori, subject.case_number, case_type))
    if uow.books.find_participant(person.court_ori, person.participant_id) is None:
        uow.books.add(person)
    on_case = uow.books.on_case(person.court_ori, subject.case_number)
    if all(each.participant.participant_id != person.participant_id for each in on_case):
        uow.books.add(subject)


def make_books(query: bytes, answer: bytes, uow: UnitOfWork) -> None:
    """What must be on file for the FCC807 query in the envelope `query` to get the answer in `answer`."""
    asked, answered = _payload(query, Q_QUERY), _payload(answer, Q_RESPONSE)
    if asked is None or answered is None:
        return
    given, said = query_from_xml(asked), response_from_xml(answered)
    for subject in _subjects(given, said):
        ensure_on_case(subject, uow, _case_type(given))
    if isinstance(said, BalanceFound):
        uow.books.add(*_joint_debtors(said.subject, said.balance), *_entries(said.subject, said.balance))


def _payload(envelope: bytes, name: str) -> _Element | None:
    """The message of that name; None if the envelope holds another, or is none."""
    root = find_tree(envelope)
    return None if root is None else next(root.iter(name), None)


def _case_type(query: Query) -> CaseType:
    return CaseType.JUVENILE_DELINQUENCY if query.unit is ProbationUnit.JUVENILE else CaseType.CRIMINAL


def _subjects(query: Query, answer: Response) -> Iterator[CaseParticipant]:
    if isinstance(answer, BalanceFound):
        yield answer.subject
        return
    meant = _meant(query)
    if answer.reason is RejectionReason.NO_FINANCIAL_RECORD:
        yield meant
    elif answer.reason is RejectionReason.PARTICIPANT_NOT_ON_CASE:
        yield replace(meant, participant=Participant(query.court_ori, "replay-other", _SOMEBODY))
    elif answer.reason is RejectionReason.MULTIPLE_MATCHES:
        for number in (1, 2):
            yield replace(meant, participant=replace(meant.participant, participant_id=f"replay-{number}"))


def _meant(query: Query) -> CaseParticipant:
    """Somebody to whom every key of the query fits."""
    person = Participant(
        query.court_ori,
        query.participant_id or "replay-1",
        query.name or _SOMEBODY,
        query.birth_date,
        query.driver_license,
    )
    return CaseParticipant(person, query.case_number or "REPLAY-1", ParticipantRole.DEFENDANT)


# -- ledger -----------------------------------------------------------------------------------------------------------
def _entries(subject: CaseParticipant, balance: Balance) -> list[LedgerEntry]:
    """Entries that give this balance, under the law that vacates debt."""
    return [entry for fee in balance.fees for entry in _fee_entries(subject, balance, fee)]


def _joint_debtors(subject: CaseParticipant, balance: Balance) -> Iterator[JointDebtor]:
    person = subject.participant
    for fee in balance.fees:
        if fee.joint:
            yield JointDebtor(person.court_ori, subject.case_number, _obligation(fee), person.participant_id)


def _obligation(fee: FeeBalance) -> str:
    return f"replay-{fee.fee_kind}"


def _fee_entries(subject: CaseParticipant, balance: Balance, fee: FeeBalance) -> list[LedgerEntry]:
    """Everything on the day of the balance, if the law leaves that as it is; else as much earlier as it asks for."""
    entries = list(_posted(subject, balance, fee))
    by_law = sum((each.vacated for each in balance_of(entries, balance.as_of, current_law().vacated_debt).fees), _ZERO)
    if by_law > fee.vacated:  # what was paid or waived before the debt was vacated did not have to be vacated any more
        entries = list(_posted(subject, balance, fee, in_time=fee.assessed - fee.vacated))
    elif by_law < fee.vacated:
        entries.append(_entry(subject, fee, EntryKind.VACATUR, fee.vacated - by_law, balance.as_of))
    return entries


def _posted(
    subject: CaseParticipant, balance: Balance, fee: FeeBalance, in_time: Decimal | None = None
) -> Iterator[LedgerEntry]:
    """`in_time`: so much is taken off the debt before any law took effect; None: all of it is of the balance's day."""
    assessed_on = balance.as_of if in_time is None else _BEFORE_THE_LAW
    if fee.assessed > 0:
        yield _entry(subject, fee, EntryKind.ASSESSMENT, fee.assessed, assessed_on)
    left = in_time or _ZERO
    for kind, amount in ((EntryKind.PAYMENT, fee.paid), (EntryKind.WAIVER, fee.waived)):
        early = max(_ZERO, min(amount, left))
        left -= early
        if early > 0:
            yield _entry(subject, fee, kind, early, _BEFORE_THE_LAW)
        if amount > early:
            yield _entry(subject, fee, kind, amount - early, balance.as_of)
    if fee.paid < 0:
        yield _entry(subject, fee, EntryKind.REFUND, -fee.paid, balance.as_of)


def _entry(subject: CaseParticipant, fee: FeeBalance, kind: EntryKind, amount: Decimal, on: date) -> LedgerEntry:
    return LedgerEntry(
        entry_id=f"replay-{uuid4()}",
        court_ori=subject.participant.court_ori,
        case_number=subject.case_number,
        participant_id=subject.participant.participant_id,
        kind=kind,
        fee_kind=fee.fee_kind,
        amount=amount,
        posted_on=on,
        imposed_on=on if kind is EntryKind.ASSESSMENT else None,
        statute=fee.statute if kind is EntryKind.ASSESSMENT else "",
        obligation=_obligation(fee) if fee.joint else None,
    )
