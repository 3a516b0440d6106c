"""Why a balance is another one than the partner was told: payments, adjustments, and what the law took away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ccms_ws.contract.codes import CodeLists
from ccms_ws.domain.ledger import ZERO, Balance, EntryKind, LedgerEntry
from ccms_ws.exchanges.col903.messages import Adjustment, Payment

BY_STATUTE = "VacatedByStatute"
CORRECTION = "Correction"
RETURNED = "ReturnedPayment"
PARTNER = "Partner"
"""Source of a payment that a collecting partner reported."""
_LONGEST = 200

_DECREASES = {EntryKind.PAYMENT, EntryKind.WAIVER, EntryKind.VACATUR}
_REASONS = {
    EntryKind.WAIVER: "JudicialReduction",
    EntryKind.VACATUR: BY_STATUTE,
    EntryKind.ASSESSMENT: "AddedAssessment",
    EntryKind.REFUND: "Refund",
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What explains the difference, to the cent; `entries` are the ids of all ledger entries that it tells of."""

    payments: tuple[Payment, ...]
    adjustments: tuple[Adjustment, ...]
    entries: tuple[str, ...]


def new_entries(
    entries: Iterable[LedgerEntry], told: Collection[str], referred_on: date, today: date, added: Collection[str] = ()
) -> Sequence[LedgerEntry]:
    """The entries in effect that the partner has not been told of, oldest first.

    Of an entry posted up to the day of the referral, the referral itself has told, unless it is among the `added`
    lines, which became part of the referral later.
    """
    new = [
        e
        for e in entries
        if (referred_on < e.posted_on or e.entry_id in added) and e.posted_on <= today and e.entry_id not in told
    ]
    new.sort(key=lambda entry: (entry.posted_on, entry.entry_id))
    return new


def own_entries(new: Sequence[LedgerEntry], partner_id: str) -> Sequence[LedgerEntry]:
    """Of the `new` entries the payments that the partner itself reported, and its reversals of earlier ones.

    A payment and its reversal that are both new are not among them: they cancel each other.
    """
    new_ids = {entry.entry_id for entry in new}
    undone = {entry.reverses for entry in new}
    return [
        entry
        for entry in new
        if entry.reported_by == partner_id
        and entry.entry_id not in undone
        and (entry.kind is EntryKind.PAYMENT or (entry.kind is EntryKind.REVERSAL and entry.reverses not in new_ids))
    ]


def without_own(previous: Decimal, own: Iterable[LedgerEntry]) -> Decimal:
    """What the partner believes is owed: what it was told, and its `own` entries since."""
    left = sum((-entry.amount if entry.kind is EntryKind.PAYMENT else entry.amount for entry in own), previous)
    return max(left, ZERO)


def reasons_by_name(codes: CodeLists) -> Mapping[str, str]:
    """The court's adjustment reasons, each by its name as a clerk's words may begin with it."""
    return {code.casefold(): code for code in codes["col903-adjustment-reasons"].codes}


def explain(
    previous: Decimal,
    balance: Balance,
    current: Decimal,
    entries: Sequence[LedgerEntry],
    new: Sequence[LedgerEntry],
    *,
    reasons: Mapping[str, str],
) -> Changes:
    """From the `previous` balance to the `current` one (`balance`, but never below zero) by the `new` of the `entries`.

    An entry and its reversal, both new, cancel each other. What the new entries do not explain, a statute does that has
    taken effect meanwhile, as far as the ledger has vacated debt; the rest is a correction. `reasons`: what
    `reasons_by_name` says.
    """
    undone = {entry.reverses for entry in new if entry.kind is EntryKind.REVERSAL}
    by_id = {entry.entry_id: entry for entry in entries} if undone else {}
    new_ids = {entry.entry_id for entry in new}
    payments: list[Payment] = []
    adjustments: list[Adjustment] = []
    left = previous
    for entry in new:
        if entry.entry_id in undone or entry.reverses in new_ids:
            continue
        if entry.kind is EntryKind.PAYMENT:
            payments.append(
                Payment(entry.amount, entry.posted_on, entry.entry_id, PARTNER if entry.reported_by else "")
            )
            left -= entry.amount
            continue
        adjustment = (
            _reversal(entry, by_id, reasons) if entry.kind is EntryKind.REVERSAL else _adjustment(entry, reasons)
        )
        adjustments.append(adjustment)
        left += adjustment.amount if adjustment.increase else -adjustment.amount
    if left != current:
        adjustments += _rest(current - left, balance, entries)
    return Changes(tuple(payments), tuple(adjustments), tuple(entry.entry_id for entry in new))


def _adjustment(entry: LedgerEntry, reasons: Mapping[str, str]) -> Adjustment:
    reason = _reason_in_words(entry.reason, reasons) or _REASONS[entry.kind]
    return Adjustment(
        entry.kind not in _DECREASES, entry.amount, entry.posted_on, reason, entry.reason[:_LONGEST].rstrip()
    )


def _reversal(entry: LedgerEntry, by_id: Mapping[str, LedgerEntry], reasons: Mapping[str, str]) -> Adjustment:
    """What the entry that is undone did, the other way round."""
    undone = by_id.get(entry.reverses or "")
    kind = undone.kind if undone is not None else None
    usual = RETURNED if kind is EntryKind.PAYMENT else CORRECTION
    reason = _reason_in_words(entry.reason, reasons) or usual
    return Adjustment(kind in _DECREASES, entry.amount, entry.posted_on, reason, entry.reason[:_LONGEST].rstrip())


def _rest(difference: Decimal, balance: Balance, entries: Sequence[LedgerEntry]) -> Iterable[Adjustment]:
    if difference > ZERO:
        yield Adjustment(increase=True, amount=difference, on=balance.as_of, reason=CORRECTION)
        return
    by_law = min(-difference, _vacated_by_law(balance, entries))
    if by_law > ZERO:
        yield Adjustment(increase=False, amount=by_law, on=balance.as_of, reason=BY_STATUTE)
    if -difference > by_law:
        yield Adjustment(increase=False, amount=-difference - by_law, on=balance.as_of, reason=CORRECTION)


def _vacated_by_law(balance: Balance, entries: Sequence[LedgerEntry]) -> Decimal:
    """What statutes, and not the court's own entries, have taken out of the balance."""
    vacated = sum((fee.vacated for fee in balance.fees), ZERO)
    by_court = sum((e.amount for e in entries if e.kind is EntryKind.VACATUR and e.posted_on <= balance.as_of), ZERO)
    return max(ZERO, vacated - by_court)


def _reason_in_words(words: str, reasons: Mapping[str, str]) -> str:
    """The code whose name the clerk's words begin with ("Community service, 40 hours"), empty if they do not."""
    if not words:
        return ""
    plain = "".join(filter(str.isalpha, words)).casefold()
    return next((code for name, code in reasons.items() if plain.startswith(name)), "")
