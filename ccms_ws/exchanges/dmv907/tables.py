"""DMV907: convictions on file, abstracts, and the holds that are open."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Named,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypedColumns,
    Uuid,
)

from ccms_ws.domain.abstracts import AbstractAction, AbstractState, OrderKind, ReleaseReason, SectionRole, VehicleKind
from ccms_ws.store import court_tables  # noqa: F401  (its tables are referred to by name)
from ccms_ws.store.column_types import Instant, check, code, flag, metadata, partial_index

_ACCOUNT = ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"]


class AbstractColumns(TypedColumns):
    abstract_id: Named[UUID] = Column(Uuid, primary_key=True, comment="Also the transaction id of its message")
    action: Named[AbstractAction] = Column(code(AbstractAction), comment="Whether it places or releases a hold")
    state: Named[AbstractState] = Column(code(AbstractState), comment="Where it stands between court and DMV")
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="Whose licence")
    license_number: Named[str] = Column(Text, comment="Driver licence number; empty if there is none")
    license_jurisdiction: Named[str] = Column(
        Text, comment="USPS code of the state that issued the licence; empty if there is none"
    )
    violation_date: Named[date] = Column(Date, comment="When the Vehicle Code was violated")
    order_date: Named[date | None] = Column(Date, comment="When the court made its order")
    noncompliance_date: Named[date | None] = Column(Date, comment="Since when the order is not complied with")
    citation_number: Named[str] = Column(Text, comment="Citation; empty if none")
    commercial_vehicle: Named[bool] = Column(flag("commercial_vehicle"), comment="VC 1804")
    hazardous_material: Named[bool] = Column(flag("hazardous_material"), comment="VC 1804")
    certified_by: Named[str] = Column(Text, comment="The clerk who certifies; empty if not certified")
    releases: Named[UUID | None] = Column(
        Uuid, ForeignKey("abstract.abstract_id"), index=True, comment="The hold that a release takes back"
    )
    release_reason: Named[ReleaseReason | None] = Column(code(ReleaseReason), comment="Why the hold is released")
    release_date: Named[date | None] = Column(Date, comment="When the hold is released")
    created_at: Named[datetime] = Column(Instant, comment="When the court ordered it")
    answer_due_at: Named[datetime | None] = Column(Instant, comment="Without a response by then it is overdue")
    answer_code: Named[str] = Column(Text, comment="DMV's message or error code; empty before the answer")
    answer_text: Named[str] = Column(Text, comment="DMV's words, or why it could not be delivered")
    order_kind: Named[OrderKind | None] = Column(code(OrderKind), comment="What the order demanded")
    vehicle_kind: Named[VehicleKind | None] = Column(code(VehicleKind), comment="How the person travelled")


abstract = Table(
    "abstract",
    metadata,
    AbstractColumns,
    ForeignKeyConstraint(["court_ori", "case_number", "participant_id"], _ACCOUNT),
    check("license", "length(license_jurisdiction) = CASE WHEN license_number = '' THEN 0 ELSE 2 END"),
    check("dates", "violation_date <= order_date AND order_date <= noncompliance_date"),
    check("violation", "violation_date <= noncompliance_date"),
    check("release", "(action = 'Release') = (releases IS NOT NULL)"),
    check("release_reason", "(action = 'Release') = (release_reason IS NOT NULL)"),
    check("release_date", "(action = 'Release') = (release_date IS NOT NULL)"),
    Index("ix_abstract_license", "court_ori", "case_number", "license_number", "license_jurisdiction"),
    partial_index("ix_abstract_awaiting", "answer_due_at", where="state = 'awaiting response'"),
    partial_index("ix_abstract_overdue", "answer_due_at", where="state = 'overdue'"),
    comment="A failure-to-comply abstract (VC 40509.1): a hold on a driver licence, or its release",
)


class SectionColumns(TypedColumns):
    abstract_id: Named[UUID] = Column(Uuid, ForeignKey("abstract.abstract_id"), comment="The abstract")
    position: Named[int] = Column(Integer, comment="Place in the abstract, from 0")
    code_book: Named[str] = Column(Text, comment="Code book, VC for the Vehicle Code")
    section: Named[str] = Column(Text, comment="Section violated")
    role: Named[SectionRole] = Column(code(SectionRole), comment="Why the section is named")


abstract_section = Table(
    "abstract_section",
    metadata,
    SectionColumns,
    PrimaryKeyConstraint("abstract_id", "position"),
    comment="A section violated that an abstract names",
)


class OpenHoldColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    license_jurisdiction: Named[str] = Column(
        Text, comment="USPS code of the state that issued the licence; empty for a person who has none"
    )
    license_number: Named[str] = Column(Text, comment="Driver licence number; without a licence the participant's id")
    abstract_id: Named[UUID] = Column(Uuid, ForeignKey("abstract.abstract_id"), unique=True, comment="The hold")


# The primary key is the rule: two clerks at once cannot place two holds, on no database.
open_hold = Table(
    "open_hold",
    metadata,
    OpenHoldColumns,
    PrimaryKeyConstraint("court_ori", "case_number", "license_jurisdiction", "license_number"),
    comment="A hold that stands: not refused, not withdrawn, and no release of it under way or done",
)


class ConvictionColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="Who was convicted")
    convicted_on: Named[date] = Column(Date, comment="Day of the conviction or of the bail forfeiture (VC 1803(a))")
    reported_on: Named[date | None] = Column(Date, comment="Day on which the abstract of conviction (DMV902) was sent")


conviction = Table(
    "conviction",
    metadata,
    ConvictionColumns,
    PrimaryKeyConstraint("court_ori", "case_number", "participant_id", "convicted_on"),
    ForeignKeyConstraint(["court_ori", "case_number", "participant_id"], _ACCOUNT),
    check("reported_on", "reported_on >= convicted_on"),
    comment="A conviction on a case, with or without the DMV902 that reported it: what a hold presupposes",
)
