"""Referrals with all that COL903 needs to say what changed, read in bulk: a few statements for each thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, and_, bindparam, exists, select

from ccms_ws.domain.collections import Account, Referral, ReferralState
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.exchanges.col903.tables import balance_update, pending_correction, reported_entry
from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.court_records import IN_ROLE, SAME_PERSON, in_role
from ccms_ws.store.court_tables import case_participant, joint_debtor, ledger_entry, participant
from ccms_ws.store.referrals import referral, referral_line

PAGE = 1000

_r, _cp, _l, _j, _t = referral.c, case_participant.c, ledger_entry.c, joint_debtor.c, reported_entry.c
_n = referral_line.c
_REFERRAL_COLUMNS = len(_r)
_after: BindParameter[str] = bindparam("after")
_last: BindParameter[str] = bindparam("last")


class AccountQuery:
    """The accounts that a condition on `referral` selects, in the order of their ids. Compiled once."""

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self._page = Prepared(
            select(referral, *IN_ROLE)
            .join_from(referral, case_participant, _same_account(_cp))
            .join(participant, SAME_PERSON)
            .where(condition, _r.referral_id > _after)
            .order_by(_r.referral_id)
            .limit(PAGE)
        )
        in_page = and_(condition, _r.referral_id > _after, _r.referral_id <= _last)
        own = select(_r.referral_id, ledger_entry).join_from(referral, ledger_entry, _same_account(_l)).where(in_page)
        shared = (
            select(_r.referral_id, ledger_entry)
            .join_from(referral, joint_debtor, _same_account(_j))
            .join(
                ledger_entry,
                and_(
                    *(_l.court_ori == _j.court_ori, _l.case_number == _j.case_number),
                    *(_l.obligation == _j.obligation, _l.participant_id != _r.participant_id),
                ),
            )
            .where(in_page)
        )
        self._entries = Prepared(own)
        self._shared = Prepared(shared)
        self._told = Prepared(
            select(_t.referral_id, _t.entry_id)
            .join_from(referral, reported_entry, _t.referral_id == _r.referral_id)
            .where(in_page)
        )
        self._lines = Prepared(
            select(_n.referral_id, _n.entry_id, _n.added_on)
            .join_from(referral, referral_line, _n.referral_id == _r.referral_id)
            .where(in_page)
        )

    def run(self, connection: Connection, **values: object) -> Iterator[Account]:
        """The accounts as the transaction sees them that is under way on this connection.

        If there is none, each page is read in one of its own, which holds up no writer: what is made of a page takes
        much longer than to read it. Then commits in between do no harm.
        """
        if connection.in_transaction():
            return _each(lambda after: self._read(connection, after, values))
        engine = connection.engine

        def read(after: str) -> list[Account]:
            with engine.connect().execution_options(read_only=True) as reader:
                return self._read(reader, after, values)

        return _each(read)

    def _read(self, connection: Connection, after: str, values: Mapping[str, object]) -> list[Account]:
        """The next page."""
        rows = self._page.all(connection, after=after, **values)
        if not rows:
            return []
        bounds = {"after": after, "last": rows[-1][0], **values}
        entries: dict[str, list[LedgerEntry]] = defaultdict(list)
        for statement in (self._entries, self._shared):
            for referral_id, *entry in statement.all(connection, **bounds):
                entries[referral_id].append(LedgerEntry(*entry))
        told: dict[str, set[str]] = defaultdict(set)
        for referral_id, entry_id in self._told.all(connection, **bounds):
            told[referral_id].add(entry_id)
        lines: dict[str, list[tuple[str, date]]] = defaultdict(list)
        for referral_id, entry_id, added_on in self._lines.all(connection, **bounds):
            lines[referral_id].append((entry_id, added_on))
        return [
            _account(row, entries.get(row[0], ()), told.get(row[0], frozenset()), lines.get(row[0], ())) for row in rows
        ]


def _each(read: Callable[[str], list[Account]]) -> Iterator[Account]:
    """A page at a time; `read` gets the id that the page before ended with."""
    after = ""
    while page := read(after):
        yield from page
        after = page[-1].referral.referral_id


def _account(
    row: Sequence[Any],
    entries: Sequence[LedgerEntry],
    told: set[str] | frozenset[str],
    lines: Sequence[tuple[str, date]],
) -> Account:
    fields = [*row[:_REFERRAL_COLUMNS], tuple([entry_id for entry_id, _ in lines])]
    referral_ = Referral(*fields)
    added = {entry_id for entry_id, added_on in lines if added_on > referral_.referred_on}
    return Account(referral_, in_role(row[_REFERRAL_COLUMNS:]), entries, told, added)


def _same_account(other: Any) -> ColumnElement[bool]:
    return and_(
        *(other.court_ori == _r.court_ori, other.case_number == _r.case_number),
        other.participant_id == _r.participant_id,
    )


def _waiting(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(pending_correction.c.referral_id == _r.referral_id, *conditions)


def _in_batch() -> Select[str]:
    return select(balance_update.c.referral_id).where(balance_update.c.batch_id == bindparam("batch"))


_IS_OPEN = and_(_r.ended_on.is_(None), _r.state == ReferralState.OPEN)
OPEN = AccountQuery(and_(_r.partner_id == bindparam("partner"), _IS_OPEN, ~_waiting()))
"""Of a partner, without those that wait for a correction or for the court's decision on a recall."""
TO_CORRECT = AccountQuery(and_(_IS_OPEN, _waiting(pending_correction.c.batch_id == bindparam("batch"))))
"""Those that wait for the correction of a batch."""
OF_BATCH = AccountQuery(_r.referral_id.in_(_in_batch()))
"""Those that a batch has an item for."""
