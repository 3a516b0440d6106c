"""The ledger and the balance it says: assessed - paid - waived - vacated, per case and participant, in USD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ccms_ws.domain.law import VacatedDebt, VacatingRules

ZERO = Decimal("0.00")


class EntryKind(StrEnum):
    """What an entry does to the balance. Nothing is ever deleted: a wrong entry is reversed by another."""

    ASSESSMENT = "assessment"
    PAYMENT = "payment"
    WAIVER = "waiver"
    VACATUR = "vacatur"
    REFUND = "refund"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the ledger.

    `amount` is positive, two places. `imposed_on` is when the court imposed the debt (assessments: it decides whether a
    statute vacated it later); `reverses` names the entry that a reversal undoes, whole; `obligation` the joint and
    several obligation that the entry belongs to (see `JointDebtor`), None if the debt is the participant's alone.
    `reported_by`: the partner that took the payment and reported it, empty if the court took it itself. `due_on`: the
    last day on which an assessment could be paid in time, None if it is not known.
    """

    entry_id: str
    court_ori: str
    case_number: str
    participant_id: str
    kind: EntryKind
    fee_kind: str
    amount: Decimal
    posted_on: date
    statute: str = ""
    imposed_on: date | None = None
    reason: str = ""
    reverses: str | None = None
    obligation: str | None = None
    reported_by: str = ""
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class FeeBalance:
    """What stands in the ledger for one kind of fee; `due` may be negative (a credit).

    `statute` is the one under which it was imposed, empty if the ledger names none or several; `joint` says that others
    owe the same amount, once for all of them.
    """

    fee_kind: str
    assessed: Decimal
    paid: Decimal
    waived: Decimal
    vacated: Decimal
    statute: str = ""
    joint: bool = False

    @property
    def due(self) -> Decimal:
        return self.assessed - self.paid - self.waived - self.vacated


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owed at the end of `as_of`; the fees add up to `due`."""

    as_of: date
    fees: tuple[FeeBalance, ...]

    @property
    def due(self) -> Decimal:
        return sum((fee.due for fee in self.fees), ZERO)


_COLUMN = {
    EntryKind.ASSESSMENT: ("assessed", 1),
    EntryKind.PAYMENT: ("paid", 1),
    EntryKind.REFUND: ("paid", -1),
    EntryKind.WAIVER: ("waived", 1),
    EntryKind.VACATUR: ("vacated", 1),
}
_DEBT_SIGN = {
    EntryKind.ASSESSMENT: 1,
    EntryKind.PAYMENT: -1,
    EntryKind.REFUND: 1,
    EntryKind.WAIVER: -1,
    EntryKind.VACATUR: -1,
}


@dataclass(frozen=True, slots=True)
class Removal:
    """What a statute took out of a balance: `amount` of the `debts`, which it vacated on the day `on`.

    The amount is less than the debts if something was paid or waived before, or vacated by the court itself.
    """

    rule: VacatedDebt
    on: date
    amount: Decimal
    debts: tuple[LedgerEntry, ...]


def balance_of(entries: Iterable[LedgerEntry], as_of: date, vacated_debt: Iterable[VacatedDebt]) -> Balance:
    """The balance that `entries` say at the end of the day `as_of`.

    With the entries that count for one participant on a case (their own, and those of the obligations they share), it
    is what the participant owes; with all entries of the case, what is owed on it, joint obligations once. What was
    paid on one account leaves no other one smaller.
    """
    accounts, rules = _accounts(entries, as_of), _rules(vacated_debt)
    return Balance(as_of, tuple(_fee(account, accounts[account], rules, as_of) for account in sorted(accounts)))


def removals_of(
    entries: Iterable[LedgerEntry], as_of: date, vacated_debt: Iterable[VacatedDebt]
) -> tuple[Removal, ...]:
    """What statutes took out of the balance of that day (`balance_of`): which rule, when, how much of which debts."""
    accounts, rules = _accounts(entries, as_of), _rules(vacated_debt)
    return tuple(
        removal for account in sorted(accounts) for removal in _vacated_by_law(accounts[account], rules, as_of)
    )


def debts_of(entries: Iterable[LedgerEntry], as_of: date) -> list[LedgerEntry]:
    """The assessments in effect at the end of that day."""
    accounts = _accounts(entries, as_of)
    return [entry for account in sorted(accounts) for entry in accounts[account] if entry.kind is EntryKind.ASSESSMENT]


_Account = tuple[str, bool, str]
"""Kind of fee, whether it is a joint obligation, and its name or the participant's id."""


def _accounts(entries: Iterable[LedgerEntry], as_of: date) -> dict[_Account, list[LedgerEntry]]:
    """The entries in effect at the end of that day, by what they are about."""
    posted = [entry for entry in entries if entry.posted_on <= as_of]
    undone = {entry.reverses for entry in posted if entry.kind is EntryKind.REVERSAL}
    accounts: dict[_Account, list[LedgerEntry]] = {}
    for entry in posted:
        if entry.kind is not EntryKind.REVERSAL and entry.entry_id not in undone:
            account = (entry.fee_kind, entry.obligation is not None, entry.obligation or entry.participant_id)
            accounts.setdefault(account, []).append(entry)
    return accounts


def _rules(rules: Iterable[VacatedDebt]) -> VacatingRules:
    return rules if isinstance(rules, VacatingRules) else VacatingRules(rules)


def _fee(account: _Account, entries: list[LedgerEntry], rules: VacatingRules, as_of: date) -> FeeBalance:
    sums = {"assessed": ZERO, "paid": ZERO, "waived": ZERO, "vacated": ZERO}
    statutes = set()
    for entry in entries:
        column, sign = _COLUMN[entry.kind]
        sums[column] += entry.amount if sign > 0 else -entry.amount
        if entry.kind is EntryKind.ASSESSMENT:
            statutes.add(entry.statute)
    for removal in _vacated_by_law(entries, rules, as_of):
        sums["vacated"] += removal.amount
    return FeeBalance(account[0], **sums, statute=statutes.pop() if len(statutes) == 1 else "", joint=account[1])


def _vacated_by_law(entries: list[LedgerEntry], rules: VacatingRules, as_of: date) -> list[Removal]:
    """What statutes take out: of the debt that each covers, what was left on the day it took effect.

    No credit arises from what was paid or waived until then; payments count first for debt that is not covered. What
    is assessed later under a statute that was vacated is taken out whole. What the court's own vacatur of that day or
    later says already is not taken out twice.
    """
    concerned = rules.concerning(entries[0].fee_kind)
    if not concerned:
        return []
    groups: dict[tuple[date, int], list[LedgerEntry]] = {}
    for debt in entries:
        if debt.kind is not EntryKind.ASSESSMENT:
            continue
        days = ((day, number) for number, rule in enumerate(concerned) if (day := rule.vacates_from(debt)) is not None)
        first = min(days, default=None)
        if first is not None and first[0] <= as_of:
            groups.setdefault(first, []).append(debt)
    removals: list[Removal] = []
    total = matched = by_court_at_first = ZERO
    for day, number in sorted(groups):
        covered = groups[day, number]
        on_time = _sum(debt.amount for debt in covered if debt.posted_on < day)
        late = _sum(debt.amount for debt in covered if debt.posted_on >= day)
        left = _sum(_DEBT_SIGN[entry.kind] * entry.amount for entry in entries if entry.posted_on < day)
        by_court = _sum(entry.amount for entry in entries if entry.kind is EntryKind.VACATUR and entry.posted_on >= day)
        by_court_at_first = max(by_court_at_first, by_court)
        pending = max(ZERO, matched - (by_court_at_first - by_court))  # matched already, and not yet in what is left
        taken = max(ZERO, min(on_time, left - total - pending)) + late
        told = min(taken, by_court - pending)
        matched += told
        total += taken - told
        removals.append(Removal(concerned[number], day, taken - told, tuple(covered)))
    return removals


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
