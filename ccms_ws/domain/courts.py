"""Courts, cases and the people on them, in the court's words. Values only: they know no table and no message."""

from __future__ import annotations

import re
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
class CaseNumberStyle:
    """How a court writes its case numbers, so that other spellings lead to the same case.

    `pattern` (with named groups) is tried on the number in capitals without white space at its ends; `form` puts the
    groups together (`{kind}-{year}-{serial:0>6}`). A number that does not match, or of a court without a pattern, is
    opaque.
    """

    pattern: re.Pattern[str] | None = None
    form: str = ""

    def normal(self, number: str) -> str:
        """The court's own spelling of `number`."""
        found = self.match(number)
        return number.strip() if found is None else self.form.format(**{k: v or "" for k, v in found.items()})

    def match(self, number: str) -> dict[str, str | None] | None:
        """The parts of `number`, None if it is not of the court's form."""
        found = self.pattern.fullmatch(number.strip().upper()) if self.pattern else None
        return found.groupdict() if found else None


OPAQUE = CaseNumberStyle()


@dataclass(frozen=True, slots=True)
class Court:
    """A trial court. `ori` is its nine-character NCIC identification, `county_code` the state's 01-58."""

    ori: str
    name: str
    county_code: str
    dmv_court_code: str
    case_numbers: CaseNumberStyle = OPAQUE


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
    """A driver license: the printed number and the USPS code of the state that issued it."""

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


class NameKind(StrEnum):
    FORMER = "former"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class OtherName:
    """A name that a participant had before, or is known by as well. A search by it finds the participant."""

    court_ori: str
    participant_id: str
    kind: NameKind
    name: PersonName


@dataclass(frozen=True, slots=True)
class OtherIdentification:
    """What others call a participant by: the number of another file (`kind` says which)."""

    court_ori: str
    participant_id: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class CaseParticipant:
    """A participant in the role that he or she has on one case."""

    participant: Participant
    case_number: str
    role: ParticipantRole


@dataclass(frozen=True, slots=True)
class JointDebtor:
    """One of those who owe an obligation of a case jointly and severally: each owes all of it, until it is paid once.

    `obligation` names it within its case; ledger entries that name it count for every one of its debtors.
    """

    court_ori: str
    case_number: str
    obligation: str
    participant_id: str
