"""Justice partners, as far as the court's rules need to know them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ccms_ws.domain.courts import CaseType


class PartnerKind(StrEnum):
    """The kinds of integration partner that the data sheets name."""

    PROBATION = "probation"
    FRANCHISE_TAX_BOARD = "franchise-tax-board"
    REVENUE_RECOVERY = "revenue-recovery"
    COLLECTION_AGENCY = "collection-agency"
    MOTOR_VEHICLES = "motor-vehicles"


class ProbationUnit(StrEnum):
    """Which side of probation asks; juvenile case files are open to the juvenile unit alone."""

    ADULT = "adult"
    JUVENILE = "juvenile"


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner as its profile in the court's configuration describes it.

    `case_types`: the only types of cases that it may know of; None: all that its kind may. `client_id`: what a
    collecting partner calls the court. `is_told_own_payments`: a collecting partner gets the payments that it has
    reported itself back as items of its balance updates.
    """

    partner_id: str
    name: str
    kind: PartnerKind
    unit: ProbationUnit | None = None
    case_types: frozenset[CaseType] | None = None
    client_id: str = ""
    is_told_own_payments: bool = False
