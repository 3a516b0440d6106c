"""COL903: what changed since the partner was told last, explained to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.contract.codes import published_codes
from ccms_ws.domain.law import VacatedDebt
from ccms_ws.domain.ledger import ZERO, EntryKind, LedgerEntry, balance_of
from ccms_ws.exchanges.col903.changes import Changes, explain, new_entries, reasons_by_name
from ccms_ws.exchanges.col903.messages import Adjustment, Payment

REASONS = reasons_by_name(published_codes())
REFERRED, TODAY = date(2026, 6, 1), date(2026, 11, 20)
LAW = [VacatedDebt(name="AB 1", effective=date(2026, 9, 1), fee_kinds=frozenset({"Fee"}))]
FINE = LedgerEntry("E1", "CA037015J", "C1", "P1", EntryKind.ASSESSMENT, "BaseFine", Decimal("100.00"), date(2026, 3, 1))


def entry(entry_id: str, kind: EntryKind, amount: str, on: date = date(2026, 7, 1), **changes: object) -> LedgerEntry:
    made = replace(FINE, entry_id=entry_id, kind=kind, amount=Decimal(amount), posted_on=on)
    return replace(made, **changes)  # type: ignore[arg-type]


def changes(
    previous: str, entries: Sequence[LedgerEntry], told: Iterable[str] = (), law: Iterable[VacatedDebt] = ()
) -> Changes:
    balance = balance_of(entries, TODAY, law)
    new = new_entries(entries, set(told), REFERRED, TODAY)
    return explain(Decimal(previous), balance, max(balance.due, ZERO), entries, new, reasons=REASONS)


def test_a_payment_is_told_with_its_receipt() -> None:
    paid = entry("E2", EntryKind.PAYMENT, "30.00")
    assert changes("100.00", [FINE, paid]) == Changes((Payment(Decimal("30.00"), date(2026, 7, 1), "E2"),), (), ("E2",))


def test_what_the_referral_contained_is_not_told_again() -> None:
    before = entry("E2", EntryKind.PAYMENT, "30.00", REFERRED)
    assert changes("70.00", [FINE, before]) == Changes((), (), ())


def test_what_was_told_is_not_told_again() -> None:
    payments = [entry(f"E{n}", EntryKind.PAYMENT, "10.00") for n in (2, 3)]
    assert changes("90.00", [FINE, *payments], told=["E2"]).entries == ("E3",)


def test_an_entry_that_is_not_yet_in_effect_is_told_when_it_is() -> None:
    tomorrow = entry("E2", EntryKind.PAYMENT, "30.00", date(2026, 11, 21))
    assert changes("100.00", [FINE, tomorrow]) == Changes((), (), ())


def test_each_kind_of_entry_has_its_direction_and_reason() -> None:
    entries = [
        FINE,
        entry("E2", EntryKind.WAIVER, "10.00", reason="Community service, 10 hours"),
        entry("E3", EntryKind.WAIVER, "5.00"),
        entry("E4", EntryKind.VACATUR, "1.00"),
        entry("E5", EntryKind.ASSESSMENT, "50.00"),
        entry("E6", EntryKind.REFUND, "7.00"),
    ]
    found = changes("100.00", entries).adjustments
    assert [(one.increase, str(one.amount), one.reason) for one in found] == [
        (False, "10.00", "CommunityService"),
        (False, "5.00", "JudicialReduction"),
        (False, "1.00", "VacatedByStatute"),
        (True, "50.00", "AddedAssessment"),
        (True, "7.00", "Refund"),
    ]
    assert found[0].description == "Community service, 10 hours"


def test_a_payment_that_was_told_and_comes_back_is_an_increase() -> None:
    entries = [
        FINE,
        entry("E2", EntryKind.PAYMENT, "30.00"),
        entry("E3", EntryKind.REVERSAL, "30.00", reverses="E2"),
    ]
    (returned,) = changes("70.00", entries, told=["E2"]).adjustments
    assert returned == Adjustment(True, Decimal("30.00"), date(2026, 7, 1), "ReturnedPayment")


def test_an_entry_and_its_reversal_that_are_both_new_cancel_each_other() -> None:
    entries = [
        FINE,
        entry("E2", EntryKind.PAYMENT, "30.00"),
        entry("E3", EntryKind.REVERSAL, "30.00", reverses="E2"),
        entry("E4", EntryKind.PAYMENT, "1.00"),
    ]
    found = changes("100.00", entries)
    assert ([p.receipt_id for p in found.payments], found.adjustments, found.entries) == (
        ["E4"],
        (),
        ("E2", "E3", "E4"),
    )


def test_what_a_statute_takes_away_has_no_entry_and_is_told_all_the_same() -> None:
    fee = entry("E2", EntryKind.ASSESSMENT, "40.00", date(2026, 4, 1), fee_kind="Fee")
    (vacated,) = changes("140.00", [FINE, fee], law=LAW).adjustments
    assert vacated == Adjustment(False, Decimal("40.00"), TODAY, "VacatedByStatute")


def test_a_payment_beyond_the_debt_leaves_no_credit() -> None:
    found = changes("100.00", [FINE, entry("E2", EntryKind.PAYMENT, "150.00")])
    assert found.adjustments == (Adjustment(True, Decimal("50.00"), TODAY, "Correction"),)


def test_a_balance_that_was_told_wrong_is_corrected() -> None:
    assert changes("120.00", [FINE]).adjustments == (Adjustment(False, Decimal("20.00"), TODAY, "Correction"),)


amounts = st.integers(1, 50_000).map(lambda cents: Decimal(cents).scaleb(-2))
kinds = st.sampled_from([kind for kind in EntryKind if kind is not EntryKind.REVERSAL])
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    entries = [
        entry(f"E{number}", kind, str(amount), on, fee_kind=fee)
        for number, (kind, amount, on, fee) in enumerate(
            draw(st.lists(st.tuples(kinds, amounts, days, st.sampled_from(["BaseFine", "Fee"])), max_size=8))
        )
    ]
    undone = draw(st.lists(st.sampled_from(entries), unique_by=lambda e: e.entry_id, max_size=3)) if entries else []
    reversals = [
        replace(one, entry_id=f"R{one.entry_id}", kind=EntryKind.REVERSAL, reverses=one.entry_id, posted_on=draw(days))
        for one in undone
    ]
    return [*entries, *reversals]


@given(ledger=ledgers(), previous=amounts, told=st.sets(st.sampled_from([f"E{n}" for n in range(8)])))
def test_previous_less_payments_and_decreases_plus_increases_is_current(
    ledger: list[LedgerEntry], previous: Decimal, told: set[str]
) -> None:
    balance = balance_of(ledger, TODAY, LAW)
    current = max(balance.due, ZERO)
    found = explain(previous, balance, current, ledger, new_entries(ledger, told, REFERRED, TODAY), reasons=REASONS)
    everything: list[Payment | Adjustment] = [*found.payments, *found.adjustments]
    moved = sum((a.amount if a.increase else -a.amount for a in found.adjustments), ZERO)
    assert previous - sum((p.amount for p in found.payments), ZERO) + moved == current
    assert all(one.amount > 0 for one in everything)
