"""Failure-to-comply abstracts: holds that a court asks DMV to place on a driver license, and their releases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from ccms_ws.domain.courts import DriverLicense


class AbstractAction(StrEnum):
    HOLD = "Hold"
    RELEASE = "Release"


class ReleaseReason(StrEnum):
    COMPLIED = "Complied"
    ADJUDICATED = "Adjudicated"
    DISMISSED = "Dismissed"
    ISSUED_IN_ERROR = "Error"
    DECEASED = "Deceased"


class OrderKind(StrEnum):
    """What the order demanded that was not complied with. VC 40509.1 leaves out the first three."""

    APPEAR = "Appear"
    PAY = "Pay"
    TRAFFIC_SCHOOL = "TrafficSchool"
    COMMUNITY_SERVICE = "CommunityService"
    PROGRAM = "Program"
    PROOF_OF_CORRECTION = "ProofOfCorrection"
    OTHER = "Other"


class VehicleKind(StrEnum):
    """How the person travelled when the Vehicle Code was violated (VC 1803(b)(6) is about that)."""

    MOTOR_VEHICLE = "MotorVehicle"
    BICYCLE = "Bicycle"
    MOTORIZED_SCOOTER = "MotorizedScooter"
    PEDESTRIAN = "Pedestrian"
    VESSEL = "Vessel"
    OFF_HIGHWAY = "OffHighway"


class AbstractState(StrEnum):
    """Where an abstract stands between court and DMV."""

    QUEUED = "queued"
    AWAITING_RESPONSE = "awaiting response"
    OVERDUE = "overdue"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not accepted"
    IN_ERROR = "in error"
    UNDELIVERABLE = "undeliverable"

    @property
    def is_answered(self) -> bool:
        """True if DMV has said its word; a second word goes to quarantine."""
        return self in (AbstractState.ACCEPTED, AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR)


class SectionRole(StrEnum):
    """Why a section is named: the order that was not complied with, or the violation behind it."""

    COMPLIANCE = "Compliance"
    UNDERLYING = "Underlying"


@dataclass(frozen=True, slots=True)
class SectionViolated:
    """A section of a code book, "VC" 40508(c) for one."""

    code_book: str
    section: str
    role: SectionRole


@dataclass(frozen=True, slots=True)
class Conviction:
    """A conviction, or a bail forfeiture (VC 1803(a)). `reported_on`: when DMV902 was sent for it, if that is known."""

    court_ori: str
    case_number: str
    participant_id: str
    convicted_on: date
    reported_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstract:
    """One failure-to-comply abstract (VC 40509.1). `abstract_id` is also its transaction id.

    `driver_license`: None for a person who has none. `order_kind` and `vehicle_kind` are those of the hold, also in its
    release. `releases` names the hold that a release takes back.

    Dates: violation <= order <= non-compliance <= day of notice.
    """

    abstract_id: UUID
    action: AbstractAction
    state: AbstractState
    court_ori: str
    case_number: str
    participant_id: str
    driver_license: DriverLicense | None
    sections: tuple[SectionViolated, ...]
    violation_date: date
    created_at: datetime
    order_kind: OrderKind | None = None
    vehicle_kind: VehicleKind | None = None
    order_date: date | None = None
    noncompliance_date: date | None = None
    citation_number: str = ""
    commercial_vehicle: bool = False
    hazardous_material: bool = False
    certified_by: str = ""
    releases: UUID | None = None
    release_reason: ReleaseReason | None = None
    release_date: date | None = None
    answer_due_at: datetime | None = None
    answer_code: str = ""
    answer_text: str = ""
