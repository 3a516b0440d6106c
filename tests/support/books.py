"""A court's books in memory, for tests of rules that need no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from ccms_ws.contract.codes import published_codes
from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseType,
    Court,
    DriverLicense,
    JointDebtor,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.law import load_law
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.domain.name_matching import surname_keys
from ccms_ws.domain.participant_search import AccessScope, ByBirth, ByCase, ById, ByLicense, Lookup
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.exchange import Context

ORI = "CA034015J"
COURT = Court(ORI, "Superior Court of California, County of Example", "34", "34470")
ADULT = Partner("ADULT-PROBATION", "County Probation, Adult", PartnerKind.PROBATION, ProbationUnit.ADULT)
JUVENILE = Partner("JUVENILE-PROBATION", "County Probation, Juvenile", PartnerKind.PROBATION, ProbationUnit.JUVENILE)
DMV = Partner("DMV", "Department of Motor Vehicles", PartnerKind.MOTOR_VEHICLES)
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def context(partner: Partner = ADULT, **changes: Any) -> Context:
    """A context of 20 November 2026, with ids that tests can name."""
    given: dict[str, Any] = {
        "court": COURT, "law": load_law(), "codes": published_codes(), "partner": partner, "now": NOW, "test": True,
        "message_id": UUID(int=1), "reply_id": UUID(int=2),
    }  # fmt: skip
    return Context(**(given | changes))


def person(participant_id: str, given: str, surname: str, born: date | None = None, license: str = "") -> Participant:
    return Participant(
        ORI, participant_id, PersonName(given, surname), born, DriverLicense(license) if license else None
    )


class Books:
    """The ports Courtbooks and Subjects over lists."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.people: list[Participant] = []
        self.on: list[CaseParticipant] = []
        self.entries: list[LedgerEntry] = []
        self.names: dict[str, list[PersonName]] = {}
        self.debtors: list[JointDebtor] = []

    def case(self, number: str, *people: Participant, case_type: CaseType = CaseType.CRIMINAL, **flags: Any) -> None:
        self.cases.append(Case(ORI, number, case_type, **flags))
        for someone in people:
            if someone not in self.people:
                self.people.append(someone)
            self.on.append(CaseParticipant(someone, number, ParticipantRole.DEFENDANT))

    def add(self, *entries: LedgerEntry) -> None:
        self.entries.extend(entries)

    def find_court(self, ori: str) -> Court | None:
        return COURT if ori == ORI else None

    def find_case(self, court_ori: str, number: str) -> Case | None:
        return next((case for case in self.cases if case.number == number), None)

    def find_participant(self, court_ori: str, participant_id: str) -> Participant | None:
        return next((someone for someone in self.people if someone.participant_id == participant_id), None)

    def on_case(self, court_ori: str, case_number: str) -> Sequence[CaseParticipant]:
        return [subject for subject in self.on if subject.case_number == case_number]

    def ledger(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[LedgerEntry]:
        shared = {debt.obligation for debt in self.debtors if debt.participant_id == participant_id}
        return [
            entry
            for entry in self.case_ledger(court_ori, case_number)
            if entry.participant_id == participant_id or entry.obligation in shared
        ]

    def case_ledger(self, court_ori: str, case_number: str) -> Sequence[LedgerEntry]:
        return [entry for entry in self.entries if entry.case_number == case_number]

    # -- the search ----------------------------------------------------------------------------------------------------
    def find(self, court_ori: str, lookup: Lookup, scope: AccessScope) -> Sequence[CaseParticipant] | None:
        cases = {case.number for case in self.cases if scope.covers(case)}
        if isinstance(lookup, ByCase) and lookup.number not in cases:
            return None
        return [subject for subject in self.on if subject.case_number in cases and self._leads_to(lookup, subject)]

    def is_on_file(self, court_ori: str, lookup: Lookup) -> bool:
        if isinstance(lookup, ByCase):
            return any(case.number == lookup.number for case in self.cases)
        return any(self._leads_to(lookup, subject) for subject in self.on)

    def other_names(self, court_ori: str, participant_ids: Sequence[str]) -> Mapping[str, Sequence[PersonName]]:
        return {person: self.names.get(person, []) for person in participant_ids}

    def _leads_to(self, lookup: Lookup, subject: CaseParticipant) -> bool:
        someone = subject.participant
        match lookup:
            case ByCase(number):
                return subject.case_number == number
            case ById(participant_id):
                return someone.participant_id == participant_id
            case ByLicense(license):
                return someone.driver_license == license
            case ByBirth(name, birth_date):
                names = [someone.name, *self.names.get(someone.participant_id, [])]
                keys = frozenset[str]().union(*map(surname_keys, names))
                return someone.birth_date == birth_date and bool(surname_keys(name) & keys)


def unit(books: Books) -> Any:
    """A unit of work that has books and the search, and nothing else."""
    return SimpleNamespace(books=books, participants=books)
