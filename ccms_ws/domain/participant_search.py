"""By what a case participant is looked up, and among which cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ccms_ws.domain.courts import Case, CaseType, DriverLicense, PersonName


@dataclass(frozen=True, slots=True)
class AccessScope:
    """Which cases a sender may know of: no sealed one; of `open_types` those that are not confidential, of
    `confidential_types` all others.
    """

    open_types: frozenset[CaseType]
    confidential_types: frozenset[CaseType] = frozenset()

    def covers(self, case: Case) -> bool:
        """True if `case` is within the scope."""
        if case.sealed:
            return False
        return case.case_type in self.confidential_types or (
            case.case_type in self.open_types and not case.confidential
        )


@dataclass(frozen=True, slots=True)
class ByCase:
    """Everybody on the case of that number, in the court's own spelling."""

    number: str


@dataclass(frozen=True, slots=True)
class ById:
    """The participant of that id, on each of his or her cases."""

    participant_id: str


@dataclass(frozen=True, slots=True)
class ByLicense:
    """The holders of that driver license, on each case."""

    driver_license: DriverLicense


@dataclass(frozen=True, slots=True)
class ByBirth:
    """People born that day who can have that surname, now or formerly or as an alias, on each case.

    More than fit the name may be found (`name_matching.same_name` decides), but no person whose date of birth is not on
    file: a name alone identifies no person.
    """

    name: PersonName
    birth_date: date


Lookup = ByCase | ById | ByLicense | ByBirth
