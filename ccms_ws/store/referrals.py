"""Debts referred to collecting partners: what `ccms_ws.domain.ports.Referrals` asks, and the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Named,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    TypedColumns,
    and_,
    bindparam,
    exists,
    insert,
    select,
    update,
)

from ccms_ws.domain.collections import CASE_SEALED, Referral, ReferralPurpose, ReferralState
from ccms_ws.domain.ledger import EntryKind
from ccms_ws.domain.referred_debt import open_lines
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from ccms_ws.store.column_types import Money, check, code, metadata, partial_index
from ccms_ws.store.court_records import SqlCourtRecords
from ccms_ws.store.court_tables import court_case, ledger_entry

_ACCOUNT = ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"]
_DEBT = ("court_ori", "case_number", "participant_id")


class ReferralColumns(TypedColumns):
    referral_id: Named[str] = Column(Text, primary_key=True, comment="The court's id of the referral")
    partner_id: Named[str] = Column(Text, comment="The collecting partner")
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="Who owes")
    referred_on: Named[date] = Column(Date, comment="When the debt was referred (COL901)")
    referred_amount: Named[Decimal] = Column(Money, comment="The debt at that time, US dollars")
    account_number: Named[str] = Column(Text, comment="The partner's number of the account; empty if not known")
    ended_on: Named[date | None] = Column(Date, comment="When it was recalled (COL904) or returned (COL805)")
    reported_balance: Named[Decimal | None] = Column(Money, comment="The balance that the partner was last told")
    purpose: Named[ReferralPurpose] = Column(code(ReferralPurpose), comment="Whether the partner collects or monitors")
    state: Named[ReferralState] = Column(code(ReferralState), comment="Where the referral stands")
    reason: Named[str] = Column(Text, comment="Why a recall is proposed, or why it has ended; empty if open")
    delinquent_on: Named[date | None] = Column(Date, comment="The first day on which the debt was overdue")


referral = Table(
    "referral",
    metadata,
    ReferralColumns,
    ForeignKeyConstraint(["court_ori", "case_number", "participant_id"], _ACCOUNT),
    check("referral_id", "referral_id <> ''"),
    check("partner_id", "partner_id <> ''"),
    check("referred_amount", "referred_amount > 0"),
    check("reported_balance", "reported_balance >= 0"),
    check("ended_on", "ended_on >= referred_on"),
    check("ended", "(state = 'ended') = (ended_on IS NOT NULL)"),
    partial_index("uq_referral_collect", *_DEBT, where="ended_on IS NULL AND purpose = 'Collect'", unique=True),
    partial_index("uq_referral_open", *_DEBT, "partner_id", where="ended_on IS NULL", unique=True),
    partial_index("ix_referral_open", "partner_id", "referral_id", where="ended_on IS NULL"),
    comment="A participant's debt on a case in the hands of a collecting partner",
)


class ReferralLineColumns(TypedColumns):
    referral_id: Named[str] = Column(Text, ForeignKey("referral.referral_id"), comment="The referral")
    entry_id: Named[str] = Column(Text, comment="The assessment in the court's ledger")
    court_ori: Named[str] = Column(Text, comment="The court")
    added_on: Named[date] = Column(Date, comment="When it became part of the referral")


referral_line = Table(
    "referral_line",
    metadata,
    ReferralLineColumns,
    PrimaryKeyConstraint("referral_id", "entry_id"),
    ForeignKeyConstraint(["court_ori", "entry_id"], ["ledger_entry.court_ori", "ledger_entry.entry_id"]),
    sqlite_with_rowid=False,
    comment="A line of the ledger that was referred; balance updates count these and no others",
)

_r, _n, _l = referral.c, referral_line.c, ledger_entry.c
_BY_ID = select(referral).where(_r.referral_id == bindparam("id"))
_ON_CASE = (
    select(referral)
    .where(_r.court_ori == bindparam("ori"), _r.case_number == bindparam("number"))
    .order_by(_r.referred_on, _r.referral_id)
)
_OF_PERSON = select(referral).where(
    _r.court_ori == bindparam("ori"), _r.participant_id == bindparam("person"), _r.ended_on.is_(None)
)
_LINES = select(_n.referral_id, _n.entry_id).order_by(_n.referral_id, _n.entry_id)
_CASE_OF = and_(court_case.c.court_ori == _r.court_ori, court_case.c.number == _r.case_number)
_IS_SEALED = exists().where(_CASE_OF, court_case.c.sealed)
_MOVE = update(referral).where(_r.partner_id == bindparam("partner"), _r.ended_on.is_(None))
_PROPOSE = _MOVE.where(_r.state == ReferralState.OPEN, _IS_SEALED).values(
    state=ReferralState.RECALL_PROPOSED, reason=CASE_SEALED
)
_UNSEALED = _MOVE.where(_r.state == ReferralState.RECALL_PROPOSED, _r.reason == CASE_SEALED, ~_IS_SEALED).values(
    state=ReferralState.OPEN, reason=""
)
_PROPOSED = (
    select(referral)
    .where(_r.partner_id == bindparam("partner"), _r.state == ReferralState.RECALL_PROPOSED)
    .order_by(_r.referral_id)
)
_END = (
    update(referral)
    .where(_r.referral_id == bindparam("id"), _r.ended_on.is_(None))
    .values(state=ReferralState.ENDED, ended_on=bindparam("on"), reason=bindparam("why"))
)
_PAGE = 1000


class SqlReferrals:
    """Referrals in their tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, referral_: Referral) -> None:
        """Without lines, it gets all that were open on its first day; no rule of law is applied to them.

        Raises ConcurrentChange if the id is taken, if a partner collects this debt already, or if this one has it;
        StoreError if a line is no assessment that the participant owes on the case.
        """
        holder = self.holder(referral_) if referral_.ended_on is None else None
        row: dict[str, Any] = {column.key: getattr(referral_, column.key) for column in _r}
        if referral_.ended_on is not None:
            row["state"] = ReferralState.ENDED
        try:
            self._connection.execute(insert(referral), [row])
        except ConcurrentChange as error:
            if holder is not None:
                error.detail = (
                    f"the debt is with {holder.partner_id} already, as {holder.referral_id} ({holder.purpose})"
                )
                error.hint = "one partner collects a debt at a time: end the other referral first"
            raise
        self.add_lines(referral_, referral_.lines or self._open_lines(referral_), referral_.referred_on)

    def holder(self, referral_: Referral) -> Referral | None:
        """The open referral of the same debt that is in the way of this one, if there is any."""
        others = self.open_of(referral_.court_ori, referral_.participant_id)
        return next((other for other in others if _are_exclusive(other, referral_)), None)

    def add_lines(self, referral_: Referral, lines: Iterable[str], on: date) -> None:
        """Make more of the participant's assessments on the case part of the referral. Raises StoreError."""
        wanted = sorted(set(lines))
        debts = {entry.entry_id for entry in self._entries(referral_) if entry.kind is EntryKind.ASSESSMENT}
        if not debts.issuperset(wanted):
            raise StoreError("a line of the referral is no assessment of the participant on this case")
        rows = [
            {"referral_id": referral_.referral_id, "entry_id": line, "court_ori": referral_.court_ori, "added_on": on}
            for line in wanted
        ]
        if rows:
            self._connection.execute(insert(referral_line), rows)

    def _entries(self, referral_: Referral) -> Sequence[Any]:
        books = SqlCourtRecords(self._connection)
        return books.ledger(referral_.court_ori, referral_.case_number, referral_.participant_id)

    def _open_lines(self, referral_: Referral) -> Iterable[str]:
        return open_lines(self._entries(referral_), referral_.referred_on, ())

    def get(self, referral_id: str) -> Referral:
        """Raises NotStored."""
        found = self._read(_BY_ID, id=referral_id)
        if not found:
            raise NotStored(f"there is no referral {referral_id}", hint="ccms-ws cases show names those of a case")
        return found[0]

    def on_case(self, court_ori: str, case_number: str) -> Sequence[Referral]:
        """All referrals of a case, the oldest first."""
        return self._read(_ON_CASE, ori=court_ori, number=case_number)

    def open_of(self, court_ori: str, participant_id: str) -> Sequence[Referral]:
        """The referrals of a participant, on all cases, that have not ended."""
        return self._read(_OF_PERSON, ori=court_ori, person=participant_id)

    def propose_recalls(self, partner_id: str) -> None:
        """Propose a recall of the open referrals whose case is sealed; take the proposal back if it no longer is."""
        for statement in (_PROPOSE, _UNSEALED):
            self._connection.execute(statement, {"partner": partner_id})

    def to_recall(self, partner_id: str) -> Sequence[Referral]:
        """The referrals of a partner for which a recall is proposed."""
        return self._read(_PROPOSED, partner=partner_id)

    def end(self, referral_id: str, on: date, reason: str) -> None:
        """The partner no longer has the debt. Raises ConcurrentChange if the referral has ended, or does not exist."""
        if self._connection.execute(_END, {"id": referral_id, "on": on, "why": reason}).rowcount != 1:
            raise ConcurrentChange(f"the referral {referral_id} has ended already, or does not exist")

    def _read(self, query: Select[*tuple[Any, ...]], **values: object) -> list[Referral]:
        rows = self._connection.execute(query, values).all()
        lines: dict[str, list[str]] = defaultdict(list)
        for referral_id, entry_id in self._connection.execute(_LINES.where(_n.referral_id.in_([r[0] for r in rows]))):
            lines[referral_id].append(entry_id)
        return [replace(Referral(*row), lines=tuple(lines[row[0]])) for row in rows]


def _are_exclusive(one: Referral, other: Referral) -> bool:
    """True if not both can be open: of one debt, one partner collects it, and each has it once (the indexes)."""
    both_collect = one.purpose is other.purpose is ReferralPurpose.COLLECT
    return one.case_number == other.case_number and (both_collect or one.partner_id == other.partner_id)
