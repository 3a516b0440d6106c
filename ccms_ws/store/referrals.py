"""Debts referred to collecting partners: what `ccms_ws.domain.ports.Referrals` asks, and the table."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import (
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Named,
    Table,
    Text,
    TypedColumns,
    bindparam,
    insert,
    select,
)

from ccms_ws.domain.collections import Referral
from ccms_ws.errors import NotStored
from ccms_ws.store import court_tables  # noqa: F401  (its tables are referred to by name)
from ccms_ws.store.column_types import Money, check, metadata, partial_index

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

_BY_ID = select(referral).where(referral.c.referral_id == bindparam("id"))


class SqlReferrals:
    """Referrals in their table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, referral_: Referral) -> None:
        """Raises ConcurrentChange if the id is taken, or if the partner has this debt already."""
        row = {column.key: getattr(referral_, column.key) for column in referral.c}
        self._connection.execute(insert(referral), [row])

    def get(self, referral_id: str) -> Referral:
        """Raises NotStored."""
        row = self._connection.execute(_BY_ID, {"id": referral_id}).first()
        if row is None:
            raise NotStored(f"there is no referral {referral_id}")
        return Referral(*row)
