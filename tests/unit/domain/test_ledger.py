"""The balance is what the ledger says, whatever the order in which it was written."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.domain.law import current_law
from ccms_ws.domain.ledger import EntryKind, LedgerEntry, balance_of

DAY = date(2023, 1, 1)
LAW = current_law().vacated_debt


def entry(
    number: int,
    kind: EntryKind,
    amount: str,
    *,
    on: date = DAY,
    fee: str = "BaseFine",
    imposed: date | None = None,
    reverses: str | None = None,
) -> LedgerEntry:
    return LedgerEntry(
        f"E{number}",
        "CA034015J",
        "22CR001",
        "P1",
        kind,
        fee,
        Decimal(amount),
        on,
        imposed_on=imposed,
        reverses=reverses,
    )


def test_a_balance_is_assessed_less_paid_waived_and_vacated() -> None:
    entries = [
        entry(1, EntryKind.ASSESSMENT, "500.00"),
        entry(2, EntryKind.PAYMENT, "120.10"),
        entry(3, EntryKind.WAIVER, "30.00"),
        entry(4, EntryKind.VACATUR, "50.00"),
        entry(5, EntryKind.REFUND, "20.10"),
    ]
    assert balance_of(entries, DAY, ()).due == Decimal("320.00")


def test_a_reversal_undoes_its_entry_whole() -> None:
    entries = [
        entry(1, EntryKind.ASSESSMENT, "500.00"),
        entry(2, EntryKind.PAYMENT, "120.00"),
        entry(3, EntryKind.REVERSAL, "120.00", reverses="E2"),
    ]
    assert balance_of(entries, DAY, ()).due == Decimal("500.00")


def test_a_civil_assessment_imposed_before_july_2022_is_never_in_a_balance_from_then_on() -> None:
    imposed = date(2021, 3, 1)
    entries = [entry(1, EntryKind.ASSESSMENT, "300.00", on=imposed, fee="CivilAssessment", imposed=imposed)]
    assert balance_of(entries, date(2022, 6, 30), LAW).due == Decimal("300.00")
    assert balance_of(entries, date(2022, 7, 1), LAW).due == Decimal("0.00")


def test_a_civil_assessment_imposed_on_or_after_that_day_stands() -> None:
    imposed = date(2022, 7, 1)
    entries = [entry(1, EntryKind.ASSESSMENT, "100.00", on=imposed, fee="CivilAssessment", imposed=imposed)]
    assert balance_of(entries, date(2026, 1, 1), LAW).due == Decimal("100.00")


def test_what_was_paid_on_a_debt_before_it_was_vacated_makes_no_credit() -> None:
    imposed = date(2021, 3, 1)
    entries = [
        entry(1, EntryKind.ASSESSMENT, "300.00", on=imposed, fee="CivilAssessment", imposed=imposed),
        entry(2, EntryKind.PAYMENT, "100.00", on=imposed, fee="CivilAssessment"),
    ]
    balance = balance_of(entries, date(2023, 1, 1), LAW)
    assert (balance.due, balance.fees[0].vacated) == (Decimal("0.00"), Decimal("200.00"))


def test_paying_too_much_is_a_credit() -> None:
    entries = [entry(1, EntryKind.ASSESSMENT, "50.00"), entry(2, EntryKind.PAYMENT, "60.00")]
    assert balance_of(entries, DAY, ()).due == Decimal("-10.00")


histories = st.lists(
    st.builds(
        lambda number, kind, cents, fee, days: entry(
            number, kind, f"{Decimal(cents) / 100:.2f}", fee=fee, on=DAY + timedelta(days=days)
        ),
        st.integers(1, 10**6),
        st.sampled_from([kind for kind in EntryKind if kind is not EntryKind.REVERSAL]),
        st.integers(1, 10**6),
        st.sampled_from(["BaseFine", "StatePenalty", "RestitutionFine"]),
        st.integers(0, 30),
    ),
    unique_by=lambda line: line.entry_id,
)


@given(histories, st.randoms())
def test_the_breakdown_adds_up_and_the_order_of_posting_does_not_matter(
    history: list[LedgerEntry], random: st.DataObject
) -> None:
    balance = balance_of(history, DAY + timedelta(days=30), LAW)
    assert sum((fee.due for fee in balance.fees), Decimal(0)) == balance.due
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert balance_of(shuffled, DAY + timedelta(days=30), LAW) == balance


@given(histories, st.integers(0, 30))
def test_a_past_balance_knows_only_what_was_posted_by_then(history: list[LedgerEntry], days: int) -> None:
    as_of = DAY + timedelta(days=days)
    prefix = [line for line in history if line.posted_on <= as_of]
    assert balance_of(history, as_of, LAW) == balance_of(prefix, as_of, LAW)
