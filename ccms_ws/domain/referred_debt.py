"""What of a ledger belongs to a referral: the lines that were referred, and what of each payment falls to them.

A payment is posted for a kind of fee, not for a line. Where an account has lines that were referred and others, it pays
the oldest line first, and a line that a statute takes out last, as `balance_of` does. The court's own convention: no
statute orders the lines of one kind of fee among themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from ccms_ws.domain.law import VacatedDebt, VacatingRules
from ccms_ws.domain.ledger import ZERO, Balance, EntryKind, LedgerEntry, balance_of

_CREDITS = {EntryKind.PAYMENT, EntryKind.WAIVER, EntryKind.VACATUR}
_RANK = {EntryKind.ASSESSMENT: 0, EntryKind.REVERSAL: 2}


def referred_part(
    entries: Iterable[LedgerEntry], lines: Collection[str], vacated_debt: Iterable[VacatedDebt]
) -> list[LedgerEntry]:
    """The entries of the referred `lines` alone, each with the amount that falls to them.

    What is left of an account when a part of its lines is taken is what the other lines have: nothing counts twice. A
    payment for a kind of fee of which the books have no debt is not another line's, so it counts here.
    """
    entries, lines = list(entries), frozenset(lines)
    if all(entry.entry_id in lines for entry in entries if entry.kind is EntryKind.ASSESSMENT):
        return entries  # the usual case
    return _part(entries, lines, vacated_debt, without_debt=True)


def _part(
    entries: Iterable[LedgerEntry],
    lines: Collection[str],
    vacated_debt: Iterable[VacatedDebt],
    *,
    without_debt: bool = False,
) -> list[LedgerEntry]:
    """`without_debt`: with the entries of accounts that have no debt."""
    rules = vacated_debt if isinstance(vacated_debt, VacatingRules) else VacatingRules(vacated_debt)
    accounts: dict[tuple[str, bool, str], list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        shared = entry.obligation is not None
        accounts[entry.fee_kind, shared, entry.obligation or entry.participant_id].append(entry)
    part: list[LedgerEntry] = []
    for account in accounts.values():
        referred = {entry.entry_id in lines for entry in account if entry.kind is EntryKind.ASSESSMENT}
        if referred == {True} or (not referred and without_debt):
            part += account
        elif True in referred:
            part += _Shares(account, rules).of(lines)
    return part


def open_lines(entries: Sequence[LedgerEntry], as_of: date, vacated_debt: Iterable[VacatedDebt]) -> dict[str, Decimal]:
    """The assessments of which something is due at the end of that day, with what is due of each, in US dollars."""
    rules = VacatingRules(vacated_debt) if not isinstance(vacated_debt, VacatingRules) else vacated_debt
    posted = [entry for entry in entries if entry.posted_on <= as_of]
    undone = {entry.reverses for entry in posted}
    lines = [entry.entry_id for entry in posted if entry.kind is EntryKind.ASSESSMENT and entry.entry_id not in undone]
    due = {line: balance_of(_part(posted, {line}, rules), as_of, rules).due for line in lines}
    return {line: amount for line, amount in due.items() if amount > ZERO}


def is_paid_in_full(
    part: Sequence[LedgerEntry], balance: Balance, referred_on: date, vacated_debt: Iterable[VacatedDebt]
) -> bool:
    """True if all that was owed on the day of the referral, and was added since, was paid.

    `part`: the entries of the referred lines; `balance`: what they say now. False if any of it was waived, vacated or
    reversed since: then that part was not paid.
    """
    before = balance_of(part, referred_on, vacated_debt)
    undone = {entry.reverses for entry in part if entry.posted_on <= referred_on}
    owed = _sum(
        entry.amount
        for entry in part
        if entry.kind is EntryKind.ASSESSMENT and entry.posted_on <= balance.as_of and entry.entry_id not in undone
    )
    taken = _sum(fee.waived + fee.vacated for fee in before.fees)
    return _sum(fee.paid for fee in balance.fees) >= owed - taken


class _Shares:
    """How the entries of one account fall to its lines. Every entry falls to lines whole."""

    def __init__(self, entries: Sequence[LedgerEntry], rules: VacatingRules) -> None:
        self._entries = entries
        self._room: dict[str, Decimal] = {}
        self._vacated_from: dict[str, date | None] = {}
        self._shares: dict[str, dict[str, Decimal]] = {}
        self._last = ""
        """The line that has what no line has room for."""
        concerned = rules.concerning(entries[0].fee_kind)
        by_id = {entry.entry_id: entry for entry in entries}
        paying: list[LedgerEntry] = []
        for entry in sorted(entries, key=lambda each: (each.posted_on, _RANK.get(each.kind, 1), each.entry_id)):
            if entry.kind is EntryKind.ASSESSMENT:
                days = [day for rule in concerned if (day := rule.vacates_from(entry)) is not None]
                self._vacated_from[entry.entry_id] = min(days, default=None)
                self._room[entry.entry_id] = entry.amount
                self._shares[entry.entry_id] = {entry.entry_id: entry.amount}
                self._spread_again(paying)
                self._last = entry.entry_id
            elif entry.kind is EntryKind.REVERSAL:
                undone = by_id.get(entry.reverses or "")
                if undone is not None:
                    self._undo(entry, undone, paying)
            elif entry.kind in _CREDITS:
                paying.append(entry)
                self._shares[entry.entry_id] = self._spread(entry.amount, entry.posted_on)
            else:
                self._shares[entry.entry_id] = self._give_back(entry.amount, paying)

    def of(self, lines: Collection[str]) -> list[LedgerEntry]:
        """The entries with what falls to `lines`."""
        part = []
        for entry in self._entries:
            shares = self._shares.get(entry.entry_id, {})
            amount = _sum(share for line, share in shares.items() if (line or self._last) in lines)
            if amount > ZERO:
                part.append(entry if amount == entry.amount else replace(entry, amount=amount))
        return part

    def _spread(self, amount: Decimal, on: date) -> dict[str, Decimal]:
        """A credit on the lines, the oldest first; under no name what none of them has room for."""
        shares: dict[str, Decimal] = {}
        for line in sorted(self._room, key=lambda each: self._vacated_from[each] is not None):
            vacated = self._vacated_from[line]
            taken = ZERO if vacated is not None and vacated <= on else min(amount, self._room[line])
            if taken > ZERO:
                shares[line] = taken
                self._room[line] -= taken
                amount -= taken
        if amount > ZERO:
            shares[""] = amount
        return shares

    def _spread_again(self, paying: Iterable[LedgerEntry]) -> None:
        """A new line, or one that has room again, takes what no line had room for."""
        for credit in paying:
            shares = self._shares[credit.entry_id]
            for line, amount in self._spread(shares.pop("", ZERO), credit.posted_on).items():
                shares[line] = shares.get(line, ZERO) + amount

    def _give_back(self, amount: Decimal, paying: Iterable[LedgerEntry]) -> dict[str, Decimal]:
        """A refund: of what no line had room for, then of the newest line that something was paid on."""
        spare = _sum(self._shares[credit.entry_id].get("", ZERO) for credit in paying)
        shares = {"": min(amount, spare)} if spare > ZERO else {}
        left = amount - _sum(shares.values())
        for line in reversed(self._room):
            given = min(left, self._shares[line][line] - self._room[line])
            if given > ZERO:
                shares[line] = given
                self._room[line] += given
                left -= given
        if left > ZERO:
            shares[""] = shares.get("", ZERO) + left
        return shares

    def _undo(self, reversal: LedgerEntry, undone: LedgerEntry, paying: list[LedgerEntry]) -> None:
        shares = dict(self._shares.get(undone.entry_id, {}))
        self._shares[reversal.entry_id] = shares
        if undone.kind is EntryKind.ASSESSMENT:
            self._room.pop(undone.entry_id, None)
            for credit in paying:
                freed = self._shares[credit.entry_id].pop(undone.entry_id, ZERO)
                self._shares[credit.entry_id][""] = self._shares[credit.entry_id].get("", ZERO) + freed
        else:
            if undone in paying:
                paying.remove(undone)
            for line, amount in shares.items():
                if line in self._room:
                    self._room[line] += amount if undone.kind in _CREDITS else -amount
        self._spread_again(paying)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
