"""Debts that may be ripe for referral, found by the due dates of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, or_, select

from ccms_ws.domain.collections import ReferralPurpose
from ccms_ws.domain.ledger import EntryKind
from ccms_ws.store.court_tables import joint_debtor, ledger_entry
from ccms_ws.store.referrals import referral

_l, _j, _r = ledger_entry.c, joint_debtor.c, referral.c


class Candidate(NamedTuple):
    """A participant who owes something on a case that was due some time ago."""

    participant_id: str
    case_number: str


class Candidates:
    """In a unit of work: `uow.of(Candidates)`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def overdue(
        self,
        ori: str,
        before: date,
        partner_id: str,
        purpose: ReferralPurpose,
        *,
        participant_id: str | None = None,
    ) -> Iterator[Candidate]:
        """Who has an assessment that was due before that day, on a case where no other referral is in the way."""
        owned = select(_l.participant_id, _l.case_number).where(_is_overdue())
        shared = (
            select(_j.participant_id, _l.case_number)
            .join_from(
                ledger_entry,
                joint_debtor,
                and_(*(_j.court_ori == _l.court_ori, _j.case_number == _l.case_number, _j.obligation == _l.obligation)),
            )
            .where(_is_overdue())
        )
        debt = owned.union(shared).subquery()
        same = and_(
            *(_r.court_ori == bindparam("ori"), _r.case_number == debt.c.case_number),
            *(_r.participant_id == debt.c.participant_id, _r.ended_on.is_(None)),
        )
        in_the_way = _r.partner_id == bindparam("partner")
        if purpose is ReferralPurpose.COLLECT:
            in_the_way = or_(in_the_way, _r.purpose == ReferralPurpose.COLLECT)
        query = (
            select(debt.c.participant_id, debt.c.case_number)
            .where(~exists().where(same, in_the_way))
            .order_by(debt.c.participant_id, debt.c.case_number)
        )
        if participant_id is not None:
            query = query.where(debt.c.participant_id == participant_id)
        values = {"ori": ori, "before": before, "partner": partner_id}
        for row in self._connection.execute(query, values).all():
            yield Candidate(*row)


def _is_overdue() -> ColumnElement[bool]:
    return and_(_l.court_ori == bindparam("ori"), _l.kind == EntryKind.ASSESSMENT, _l.due_on < bindparam("before"))
