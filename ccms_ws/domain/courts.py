"""Courts, cases and the people on them, in the court's words. Values only: they know no table and no message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CaseType(StrEnum):
    """What kind of matter a case is; it decides who may know of it."""

    CRIMINAL = "criminal"
    TRAFFIC = "traffic"
    JUVENILE_DELINQUENCY = "juvenile-delinquency"
    JUVENILE_DEPENDENCY = "juvenile-dependency"
    CIVIL = "civil"
    OTHER = "other"

    @property
    def is_juvenile(self) -> bool:
        """True if the case file is confidential by its kind (W&I 827)."""
        return self in (CaseType.JUVENILE_DELINQUENCY, CaseType.JUVENILE_DEPENDENCY)


class CaseStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class ParticipantRole(StrEnum):
    DEFENDANT = "Defendant"
    MINOR = "Minor"
    PARENT_OR_GUARDIAN = "ParentOrGuardian"
    OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Court:
    """A trial court. `ori` is its nine-character NCIC identification, `county_code` the state's 01-58."""

    ori: str
    name: str
    county_code: str
    dmv_court_code: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case of one court. Case numbers have no statewide format and mean nothing without their court."""

    court_ori: str
    number: str
    case_type: CaseType
    status: CaseStatus = CaseStatus.OPEN
    title: str = ""
    confidential: bool = False
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class PersonName:
    """A person's name as it stands in the court's file."""

    given: str
    surname: str
    middle: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.given, self.middle, self.surname, self.suffix)))


@dataclass(frozen=True, slots=True)
class DriverLicense:
    """A driver licence: the printed number and the USPS code of the state that issued it."""

    number: str
    jurisdiction: str = "CA"


@dataclass(frozen=True, slots=True)
class Participant:
    """A person known to one court under its participant id."""

    court_ori: str
    participant_id: str
    name: PersonName
    birth_date: date | None = None
    driver_license: DriverLicense | None = None


@dataclass(frozen=True, slots=True)
class CaseParticipant:
    """A participant in the role that he or she has on one case."""

    participant: Participant
    case_number: str
    role: ParticipantRole
