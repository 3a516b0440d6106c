"""As little on file as makes recorded answers true: books made from the messages, for courts that are not at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from lxml.etree import _Element

from ccms_ws.domain.courts import (
    Case,
    CaseNumberStyle,
    CaseParticipant,
    CaseType,
    JointDebtor,
    NameKind,
    OtherName,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.law import VacatedDebt
from ccms_ws.domain.ledger import Balance, EntryKind, FeeBalance, LedgerEntry, balance_of
from ccms_ws.domain.name_matching import same_name
from ccms_ws.domain.partners import Partner
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.exchanges.fcc807.access_policy import scope_of
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Query, RejectionReason
from ccms_ws.exchanges.fcc807.search import printed
from ccms_ws.exchanges.fcc807.wire import Q_QUERY, Q_RESPONSE, query_from_xml, response_from_xml
from ccms_ws.replay.seed_participants import ensure_on_case
from ccms_ws.replay.unverified_reader import find_tree

_ANOTHER: Final = PersonName("Somebody", "Else")
_ZERO: Final = Decimal(0)


def make_books(
    query: bytes, answer: bytes, asker: Partner, style: CaseNumberStyle, uow: UnitOfWork, *, law: Iterable[VacatedDebt]
) -> None:
    """What must be on file for the FCC807 query in the envelope `query`, which `asker` sent, to get the answer in
    `answer`. `style`: how the court writes case numbers; `law`: what vacates debt there.
    """
    asked, answered = _payload(query, Q_QUERY), _payload(answer, Q_RESPONSE)
    if asked is None or answered is None:
        return
    given, said = query_from_xml(asked), response_from_xml(answered)
    given = replace(given, case_number=style.normal(given.case_number))
    kind = _case_type(asker)
    if isinstance(said, BalanceFound):
        ensure_on_case(said.subject, uow, kind)
        _ensure_found_by(given, said.subject, uow)
        uow.books.add(*_joint_debtors(said.subject, said.balance), *_entries(said.subject, said.balance, law))
    elif said.reason is RejectionReason.PARTICIPANT_NOT_ON_CASE:
        uow.books.add(Case(given.court_ori, given.case_number, kind))
    else:
        for subject in _subjects(given, said.reason):
            ensure_on_case(subject, uow, kind)


def _payload(envelope: bytes, name: str) -> _Element | None:
    """The message of that name; None if the envelope holds another, or is none."""
    root = find_tree(envelope)
    return None if root is None else next(root.iter(name), None)


def _case_type(asker: Partner) -> CaseType:
    """A type of case of which the asker may know."""
    scope = scope_of(asker)
    allowed = scope.open_types | scope.confidential_types
    return next((kind for kind in CaseType if kind in allowed), CaseType.OTHER)


def _ensure_found_by(query: Query, subject: CaseParticipant, uow: UnitOfWork) -> None:
    """The answer does not say under which of several names the court knew the person."""
    person, name = subject.participant, query.name
    if name is not None and not same_name(name, person.name):
        uow.books.add(OtherName(person.court_ori, person.participant_id, NameKind.ALIAS, name))


def _subjects(query: Query, reason: str) -> Iterator[CaseParticipant]:
    """Those to whom the keys of a rejected query lead."""
    meant = _meant(query)
    if reason is RejectionReason.NO_FINANCIAL_RECORD:
        yield meant
    elif reason is RejectionReason.MULTIPLE_MATCHES and query.case_number:
        for number in (1, 2):
            yield replace(meant, participant=replace(meant.participant, participant_id=f"replay-{number}"))
    elif reason is RejectionReason.MULTIPLE_MATCHES:
        for number in (1, 2):
            yield replace(meant, case_number=f"REPLAY-{number}")


def _meant(query: Query) -> CaseParticipant:
    """A participant whom every key of the query fits."""
    license = query.driver_license
    person = Participant(
        query.court_ori,
        query.participant_id or "replay-1",
        query.name or _ANOTHER,
        query.birth_date,
        None if license is None else printed(license),
    )
    return CaseParticipant(person, query.case_number or "REPLAY-1", ParticipantRole.DEFENDANT)


# -- ledger -----------------------------------------------------------------------------------------------------------
def _joint_debtors(subject: CaseParticipant, balance: Balance) -> Iterator[JointDebtor]:
    person = subject.participant
    for account in _accounts(subject, balance):
        if account.obligation:
            yield JointDebtor(person.court_ori, subject.case_number, account.obligation, person.participant_id)


def _entries(subject: CaseParticipant, balance: Balance, law: Iterable[VacatedDebt]) -> list[LedgerEntry]:
    """Entries that give this balance, under the law that vacates debt."""
    entries = [entry for account in _accounts(subject, balance) for entry in account.entries(law)]
    # There is a ledger in any case; on the day that was asked for it may have had no entry yet.
    return entries or [_later(subject, balance)]


def _later(subject: CaseParticipant, balance: Balance) -> LedgerEntry:
    nothing = FeeBalance("BaseFine", _ZERO, _ZERO, _ZERO, _ZERO)
    day = balance.as_of + timedelta(days=1)
    return _Account(subject, nothing, balance.as_of, None).entry(EntryKind.ASSESSMENT, Decimal(1), day)


def _accounts(subject: CaseParticipant, balance: Balance) -> Iterator[_Account]:
    """One for each fee that the answer names. Joint ones are obligations that keep the order of the answer."""
    for number, fee in enumerate(balance.fees, start=1):
        yield _Account(subject, fee, balance.as_of, f"replay-{number:04}" if fee.joint else None)


@dataclass(frozen=True, slots=True)
class _Account:
    """What a participant owes for one kind of fee at the end of a day."""

    subject: CaseParticipant
    fee: FeeBalance
    as_of: date
    obligation: str | None

    def entries(self, law: Iterable[VacatedDebt]) -> list[LedgerEntry]:
        """All on the day of the balance, if the law leaves that as it is; else as much earlier as the law requires."""
        fee = self.fee
        before_the_law = min((rule.effective for rule in law), default=self.as_of) - timedelta(days=1)
        entries = list(self._posted(before_the_law))
        by_law = sum((each.vacated for each in balance_of(entries, self.as_of, law).fees), _ZERO)
        if (
            by_law > fee.vacated
        ):  # what was paid or waived before the debt was vacated did not have to be vacated any more
            entries = list(self._posted(before_the_law, in_time=fee.assessed - fee.vacated))
        elif by_law < fee.vacated:
            entries.append(self.entry(EntryKind.VACATUR, fee.vacated - by_law, self.as_of))
        if not entries:  # what was posted took itself back
            entries = [self.entry(kind, Decimal(1), self.as_of) for kind in (EntryKind.PAYMENT, EntryKind.REFUND)]
        return entries

    def _posted(self, early_day: date, in_time: Decimal | None = None) -> Iterator[LedgerEntry]:
        """`in_time`: so much is taken off the debt on `early_day`; None: all is of the balance's day."""
        fee = self.fee
        if fee.assessed > 0:
            yield self.entry(EntryKind.ASSESSMENT, fee.assessed, self.as_of if in_time is None else early_day)
        left = in_time or _ZERO
        for kind, amount in ((EntryKind.PAYMENT, fee.paid), (EntryKind.WAIVER, fee.waived)):
            early = max(_ZERO, min(amount, left))
            left -= early
            if early > 0:
                yield self.entry(kind, early, early_day)
            if amount > early:
                yield self.entry(kind, amount - early, self.as_of)
        if fee.paid < 0:
            yield self.entry(EntryKind.REFUND, -fee.paid, self.as_of)

    def entry(self, kind: EntryKind, amount: Decimal, on: date) -> LedgerEntry:
        """One line of the account."""
        assessed = kind is EntryKind.ASSESSMENT
        return LedgerEntry(
            entry_id=f"replay-{uuid4()}",
            court_ori=self.subject.participant.court_ori,
            case_number=self.subject.case_number,
            participant_id=self.subject.participant.participant_id,
            kind=kind,
            fee_kind=self.fee.fee_kind,
            amount=amount,
            posted_on=on,
            imposed_on=on if assessed else None,
            statute=self.fee.statute if assessed else "",
            obligation=self.obligation,
        )
