"""What of a ledger falls to the lines that were referred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.domain.law import VacatedDebt
from ccms_ws.domain.ledger import ZERO, EntryKind, LedgerEntry, balance_of
from ccms_ws.domain.referred_debt import is_paid_in_full, open_lines, referred_part

FIRST, REFERRED, TODAY = date(2026, 1, 1), date(2026, 6, 1), date(2026, 11, 20)
FINE = LedgerEntry("F1", "CA037015J", "C1", "P1", EntryKind.ASSESSMENT, "BaseFine", Decimal("100.00"), FIRST)
LATER = replace(FINE, entry_id="F2", amount=Decimal("500.00"), posted_on=date(2026, 11, 18))
LAW = [
    VacatedDebt(
        name="AB 1", effective=date(2026, 9, 1), fee_kinds=frozenset({"BaseFine"}), imposed_before=date(2026, 2, 1)
    )
]


def entry(entry_id: str, kind: EntryKind, amount: str, on: date = date(2026, 7, 1), **changes: object) -> LedgerEntry:
    made = replace(FINE, entry_id=entry_id, kind=kind, amount=Decimal(amount), posted_on=on)
    return replace(made, **changes)  # type: ignore[arg-type]


def due(entries: Sequence[LedgerEntry], *lines: str, law: Sequence[VacatedDebt] = ()) -> Decimal:
    return balance_of(referred_part(entries, lines, law), TODAY, law).due


def test_a_line_that_was_not_referred_does_not_count() -> None:
    """A4: a fine of two days ago, and restitution beyond the referral, are not the partner's business."""
    restitution = replace(FINE, entry_id="R1", fee_kind="Restitution", amount=Decimal("5000.00"))
    assert due([FINE, LATER, restitution], "F1") == Decimal("100.00")
    assert due([FINE, LATER, restitution], "F2", "R1") == Decimal("5500.00")


def test_a_payment_pays_the_oldest_line_first() -> None:
    paid = entry("P", EntryKind.PAYMENT, "130.00", date(2026, 11, 19))
    assert due([FINE, LATER, paid], "F1") == ZERO
    assert due([FINE, LATER, paid], "F2") == Decimal("470.00")
    assert referred_part([FINE, LATER, paid], ["F1"], ())[-1] == replace(paid, amount=Decimal("100.00"))


def test_a_payment_for_a_kind_of_fee_without_debt_counts() -> None:
    paid = entry("P", EntryKind.PAYMENT, "30.00", fee_kind="StatePenalty")
    assert due([FINE, LATER, paid], "F1") == Decimal("70.00")
    assert open_lines([FINE, paid], TODAY, ()) == {"F1": Decimal("100.00")}


def test_what_no_line_had_room_for_pays_a_later_one() -> None:
    paid = entry("P", EntryKind.PAYMENT, "130.00")
    assert due([FINE, LATER, paid], "F1") == ZERO
    assert due([FINE, LATER, paid], "F2") == Decimal("470.00")


def test_what_a_statute_takes_out_is_paid_last() -> None:
    old = replace(FINE, imposed_on=FIRST)
    new = replace(FINE, entry_id="F2", imposed_on=date(2026, 3, 1), posted_on=date(2026, 3, 1))
    paid = entry("P", EntryKind.PAYMENT, "30.00")
    assert due([old, new, paid], "F2", law=LAW) == Decimal("70.00")
    assert due([old, new, paid], "F1", law=LAW) == ZERO
    late = replace(paid, amount=Decimal("150.00"), posted_on=date(2026, 10, 1))
    assert due([old, new, late], "F1", law=LAW) == ZERO
    assert due([old, new, late], "F2", law=LAW) == Decimal("-50.00")


def test_an_undone_payment_leaves_its_line_open_again() -> None:
    paid = entry("P", EntryKind.PAYMENT, "130.00", date(2026, 11, 18))
    undone = replace(paid, entry_id="U", kind=EntryKind.REVERSAL, reverses="P", posted_on=TODAY)
    assert due([FINE, LATER, paid, undone], "F1") == Decimal("100.00")
    part = referred_part([FINE, LATER, paid, undone], ["F1"], ())
    assert [each.amount for each in part] == [Decimal("100.00")] * 3


def test_open_lines_are_those_that_something_is_due_on() -> None:
    paid = entry("P", EntryKind.PAYMENT, "100.00")
    assert open_lines([FINE, LATER, paid], TODAY, ()) == {"F2": Decimal("500.00")}
    assert open_lines([FINE, LATER, paid], FIRST, ()) == {"F1": Decimal("100.00")}
    assert open_lines([replace(FINE, imposed_on=FIRST)], TODAY, LAW) == {}


def is_paid(*entries: LedgerEntry, law: Sequence[VacatedDebt] = ()) -> bool:
    return is_paid_in_full(entries, balance_of(entries, TODAY, law), REFERRED, law)


def test_only_what_was_paid_is_paid_in_full() -> None:
    """A5: a collector would book what nobody paid as collected."""
    paid = entry("P", EntryKind.PAYMENT, "100.00")
    assert is_paid(FINE, paid)
    assert not is_paid(FINE, entry("W", EntryKind.WAIVER, "100.00"))
    assert not is_paid(FINE, entry("V", EntryKind.VACATUR, "100.00"))
    assert not is_paid(FINE, replace(paid, amount=Decimal("60.00")), entry("W", EntryKind.WAIVER, "40.00"))
    assert not is_paid(replace(FINE, imposed_on=FIRST), law=LAW)
    assert not is_paid(FINE, entry("D", EntryKind.REVERSAL, "100.00", reverses="F1"))


def test_what_was_taken_away_before_the_referral_is_not_counted() -> None:
    waived = entry("W", EntryKind.WAIVER, "40.00", date(2026, 5, 1))
    assert is_paid(FINE, waived, entry("P", EntryKind.PAYMENT, "60.00"))


cents = st.integers(1, 50_000).map(lambda number: Decimal(number).scaleb(-2))


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    kinds = [EntryKind.ASSESSMENT, EntryKind.PAYMENT, EntryKind.WAIVER, EntryKind.REFUND, EntryKind.REVERSAL]
    made: list[LedgerEntry] = [FINE]
    for number in range(draw(st.integers(0, 9))):
        kind = draw(st.sampled_from(kinds))
        on = FIRST + timedelta(days=draw(st.integers(0, 300)))
        one = entry(f"E{number}", kind, str(draw(cents)), on)
        if kind is EntryKind.REVERSAL:
            undone = {each.reverses for each in made}
            free = [each for each in made if each.kind is not EntryKind.REVERSAL and each.entry_id not in undone]
            if not free:
                continue
            target = draw(st.sampled_from(free))
            one = replace(one, amount=target.amount, reverses=target.entry_id, posted_on=max(on, target.posted_on))
        made.append(one)
    return made


@given(ledgers(), st.sets(st.integers(0, 8)))
def test_the_referred_lines_and_the_others_are_the_whole(entries: list[LedgerEntry], chosen: set[int]) -> None:
    """A4: nothing is counted twice, and nothing is lost, however the lines are divided."""
    lines = {each.entry_id for each in entries if each.kind is EntryKind.ASSESSMENT}
    referred = lines & {f"E{number}" for number in chosen}
    whole = balance_of(entries, TODAY, ()).due
    assert due(entries, *referred) + due(entries, *(lines - referred)) == whole
    assert due(entries, *lines) == whole
