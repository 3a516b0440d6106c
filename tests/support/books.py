"""A court's books in memory, for tests of rules that need no database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseType,
    Court,
    DriverLicense,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.domain.naming import same_name
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
        "court": COURT, "partner": partner, "now": NOW, "test": True,
        "message_id": UUID(int=1), "reply_id": UUID(int=2),
    }  # fmt: skip
    return Context(**(given | changes))


def person(participant_id: str, given: str, surname: str, born: date | None = None, licence: str = "") -> Participant:
    return Participant(
        ORI, participant_id, PersonName(given, surname), born, DriverLicense(licence) if licence else None
    )


class Books:
    """The Courtbooks port over lists."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.people: list[Participant] = []
        self.on: list[CaseParticipant] = []
        self.entries: list[LedgerEntry] = []

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

    def participants_named(self, court_ori: str, name: PersonName, birth_date: date | None) -> Sequence[Participant]:
        return [p for p in self.people if same_name(name, p.name) and birth_date in (None, p.birth_date)]

    def on_case(self, court_ori: str, case_number: str) -> Sequence[CaseParticipant]:
        return [subject for subject in self.on if subject.case_number == case_number]

    def cases_of(self, court_ori: str, participant_id: str) -> Sequence[CaseParticipant]:
        return [subject for subject in self.on if subject.participant.participant_id == participant_id]

    def ledger(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[LedgerEntry]:
        return [e for e in self.entries if (e.case_number, e.participant_id) == (case_number, participant_id)]


def unit(books: Books) -> Any:
    """A unit of work that has books and nothing else."""
    return SimpleNamespace(books=books)
