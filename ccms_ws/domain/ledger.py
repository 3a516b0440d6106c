"""The ledger and the balance it says: assessed - paid - waived - vacated, per case and participant, in USD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ccms_ws.domain.law import VacatedDebt

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
    statute vacated it later); `reverses` names the entry that a reversal undoes, whole.
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


@dataclass(frozen=True, slots=True)
class FeeBalance:
    """What stands in the ledger for one kind of fee; `due` may be negative (a credit)."""

    fee_kind: str
    assessed: Decimal
    paid: Decimal
    waived: Decimal
    vacated: Decimal

    @property
    def due(self) -> Decimal:
        return self.assessed - self.paid - self.waived - self.vacated


@dataclass(frozen=True, slots=True)
class Balance:
    """What one participant owes on one case at the end of `as_of`; the fees add up to `due`."""

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


def balance_of(entries: Iterable[LedgerEntry], as_of: date, vacated_debt: Iterable[VacatedDebt]) -> Balance:
    """The balance that `entries` (all of one case and participant) say at the end of the day `as_of`.

    What is left of a debt on the day a statute vacates it is taken out: it is never in a balance, and no credit arises
    from what was paid or waived before.
    """
    rules = tuple(vacated_debt)
    posted = [entry for entry in entries if entry.posted_on <= as_of]
    by_id = {entry.entry_id: entry for entry in posted}
    reversed_ids = {entry.reverses for entry in posted if entry.kind is EntryKind.REVERSAL}
    sums: dict[str, dict[str, Decimal]] = {}
    for entry in by_id.values():
        if entry.kind is EntryKind.REVERSAL or entry.entry_id in reversed_ids:
            continue
        column, sign = _COLUMN[entry.kind]
        fee = sums.setdefault(entry.fee_kind, {"assessed": ZERO, "paid": ZERO, "waived": ZERO, "vacated": ZERO})
        fee[column] += sign * entry.amount
        if entry.kind is EntryKind.ASSESSMENT and any(rule.covers(entry, as_of) for rule in rules):
            fee["vacated"] += entry.amount
    return Balance(as_of, tuple(_settled(kind, fee) for kind, fee in sorted(sums.items())))


def _settled(fee_kind: str, fee: dict[str, Decimal]) -> FeeBalance:
    """A vacated fee leaves neither debt nor credit: what was paid on it before stays paid, and less is vacated."""
    assessed, paid, waived, vacated = fee["assessed"], fee["paid"], fee["waived"], fee["vacated"]
    if vacated:
        vacated = max(ZERO, min(vacated, assessed - paid - waived))
    return FeeBalance(fee_kind, assessed, paid, waived, vacated)
