"""What the outbound exchanges keep: referrals and COL903 batches, DMV907 abstracts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
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
    UniqueConstraint,
    Uuid,
)

from ccms_ws.domain.abstracts import AbstractAction, AbstractState, ReleaseReason, SectionRole
from ccms_ws.domain.collections import BatchState
from ccms_ws.store.columns import Instant, Money, check, code, flag, metadata, partial_index

_ACCOUNT = ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"]


class ReferralColumns(TypedColumns):
    referral_id: Named[str] = Column(Text, primary_key=True, comment="The court's id of the referral")
    partner_id: Named[str] = Column(Text, comment="The collecting partner")
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="Who owes")
    referred_on: Named[date] = Column(Date, comment="When the debt was referred (COL901)")
    referred_amount: Named[Decimal] = Column(Money, comment="The debt at that time, US dollars")
    account_number: Named[str] = Column(Text, comment="The partner's number of the account; empty if not known")
    closed_on: Named[date | None] = Column(Date, comment="When it was recalled (COL904) or returned (COL805)")
    reported_balance: Named[Decimal | None] = Column(Money, comment="The balance that the partner was last told")


referral = Table(
    "referral",
    metadata,
    ReferralColumns,
    ForeignKeyConstraint(["court_ori", "case_number", "participant_id"], _ACCOUNT),
    check("referral_id", "referral_id <> ''"),
    check("partner_id", "partner_id <> ''"),
    check("referred_amount", "referred_amount > 0"),
    check("reported_balance", "reported_balance >= 0"),
    check("closed_on", "closed_on >= referred_on"),
    partial_index(
        "uq_referral_open",
        *("court_ori", "case_number", "participant_id", "partner_id"),
        where="closed_on IS NULL",
        unique=True,
    ),
    partial_index("ix_referral_open", "partner_id", "referral_id", where="closed_on IS NULL"),
    comment="A participant's debt on a case in the hands of a collecting partner",
)


class BatchColumns(TypedColumns):
    batch_id: Named[UUID] = Column(Uuid, primary_key=True, comment="Also the transaction id of its message")
    partner_id: Named[str] = Column(Text, comment="The collecting partner")
    court_ori: Named[str] = Column(Text, ForeignKey("court.ori"), comment="The court")
    state: Named[BatchState] = Column(code(BatchState), comment="Where the batch stands")
    created_at: Named[datetime] = Column(Instant, comment="When it was made")
    item_count: Named[int] = Column(Integer, comment="Number of items")
    total_balance: Named[Decimal] = Column(Money, comment="Sum of the items' current balances")
    delivered_at: Named[datetime | None] = Column(Instant, comment="When the partner took it")
    answer_due_at: Named[datetime | None] = Column(Instant, comment="Silence beyond this moment is acceptance")
    error_code: Named[str] = Column(Text, comment="Code of the partner's error message; empty if there is none")
    error_reason: Named[str] = Column(Text, comment="Reason in the partner's error message")


collection_batch = Table(
    "collection_batch",
    metadata,
    BatchColumns,
    check("partner_id", "partner_id <> ''"),
    check("item_count", "item_count > 0"),
    check("total_balance", "total_balance >= 0"),
    partial_index("ix_collection_batch_silent", "answer_due_at", where="state = 'delivered'"),
    comment="A COL903 batch of balance updates",
)


class UpdateColumns(TypedColumns):
    batch_id: Named[UUID] = Column(Uuid, ForeignKey("collection_batch.batch_id"), comment="The batch")
    sequence: Named[int] = Column(Integer, comment="Number of the item in the batch, from 1")
    referral_id: Named[str] = Column(Text, ForeignKey("referral.referral_id"), comment="Which debt")
    previous_balance: Named[Decimal] = Column(Money, comment="What the partner was told before")
    current_balance: Named[Decimal] = Column(Money, comment="What is owed now; zero means paid in full")
    effective_on: Named[date] = Column(Date, comment="The day of the current balance")
    error_code: Named[str] = Column(Text, comment="What the partner says against this item; empty if nothing")
    error_reason: Named[str] = Column(Text, comment="The reason that the partner gives")


balance_update = Table(
    "balance_update",
    metadata,
    UpdateColumns,
    PrimaryKeyConstraint("batch_id", "sequence"),
    UniqueConstraint("referral_id", "batch_id"),
    check("sequence", "sequence > 0"),
    check("balances", "previous_balance >= 0 AND current_balance >= 0"),
    comment="One item of a COL903 batch",
)


class AbstractColumns(TypedColumns):
    abstract_id: Named[UUID] = Column(Uuid, primary_key=True, comment="Also the transaction id of its message")
    action: Named[AbstractAction] = Column(code(AbstractAction), comment="Whether it places or releases a hold")
    state: Named[AbstractState] = Column(code(AbstractState), comment="Where it stands between court and DMV")
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="Whose licence")
    license_number: Named[str] = Column(Text, comment="Driver licence number")
    license_jurisdiction: Named[str] = Column(Text, comment="USPS code of the state that issued the licence")
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


abstract = Table(
    "abstract",
    metadata,
    AbstractColumns,
    ForeignKeyConstraint(["court_ori", "case_number", "participant_id"], _ACCOUNT),
    check("license", "license_number <> '' AND length(license_jurisdiction) = 2"),
    check("dates", "violation_date <= order_date AND order_date <= noncompliance_date"),
    check("violation", "violation_date <= noncompliance_date"),
    check("release", "(action = 'Release') = (releases IS NOT NULL)"),
    check("release_reason", "(action = 'Release') = (release_reason IS NOT NULL)"),
    check("release_date", "(action = 'Release') = (release_date IS NOT NULL)"),
    Index("ix_abstract_license", "court_ori", "case_number", "license_number", "license_jurisdiction"),
    partial_index("ix_abstract_awaiting", "answer_due_at", where="state = 'awaiting response'"),
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
