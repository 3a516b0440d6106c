"""COL903: batches of balance updates, and what of the ledger each collecting partner has been told."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Integer,
    Named,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from ccms_ws.domain.collections import BatchState
from ccms_ws.store import referrals  # noqa: F401  (its table is referred to by name)
from ccms_ws.store.column_types import Instant, Money, check, code, metadata, partial_index


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
    corrected_by: Named[UUID | None] = Column(
        Uuid, ForeignKey("collection_batch.batch_id"), comment="The batch in which a refused item went out again"
    )


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


class ReportedColumns(TypedColumns):
    referral_id: Named[str] = Column(Text, ForeignKey("referral.referral_id"), comment="The debt")
    entry_id: Named[str] = Column(Text, comment="The entry of the court's ledger")
    batch_id: Named[UUID] = Column(Uuid, comment="The batch that told of it")


# Not a number that grows with the ledger: entries are posted late, take effect later, and are committed in any order.
reported_entry = Table(
    "reported_entry",
    metadata,
    ReportedColumns,
    PrimaryKeyConstraint("referral_id", "entry_id"),
    sqlite_with_rowid=False,
    comment="A ledger entry that the partner was told of, beyond those that the referral itself contained",
)


class PendingColumns(TypedColumns):
    referral_id: Named[str] = Column(
        Text, ForeignKey("referral.referral_id"), primary_key=True, comment="The debt, left out of ordinary batches"
    )
    batch_id: Named[UUID] = Column(Uuid, ForeignKey("collection_batch.batch_id"), index=True, comment="The batch")
    sequence: Named[int] = Column(Integer, comment="The item that the partner refused")


pending_correction = Table(
    "pending_correction",
    metadata,
    PendingColumns,
    comment="A refused item that nothing newer has overtaken: it waits for the court's correction",
)
