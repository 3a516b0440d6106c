"""The balance is what the ledger says, whatever the order in which it was written."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.domain.law import load_law
from ccms_ws.domain.ledger import EntryKind, LedgerEntry, balance_of

DAY = date(2022, 6, 15)  # some of the histories go over the day on which AB 199 took effect
LAW = load_law().vacated_debt


def entry(
    number: int,
    kind: EntryKind,
    amount: str,
    *,
    on: date = DAY,
    fee: str = "BaseFine",
    imposed: date | None = None,
    reverses: str | None = None,
    statute: str = "",
    of: str = "P1",
    obligation: str | None = None,
) -> LedgerEntry:
    return LedgerEntry(
        f"E{number}",
        "CA034015J",
        "22CR001",
        of,
        kind,
        fee,
        Decimal(amount),
        on,
        statute=statute,
        imposed_on=imposed,
        reverses=reverses,
        obligation=obligation,
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


def test_a_new_civil_assessment_stands_beside_an_old_one_that_was_vacated() -> None:
    old, new = date(2021, 3, 1), date(2023, 3, 1)
    entries = [
        entry(1, EntryKind.ASSESSMENT, "300.00", on=old, fee="CivilAssessment", imposed=old),
        entry(2, EntryKind.PAYMENT, "100.00", on=old, fee="CivilAssessment"),
        entry(3, EntryKind.ASSESSMENT, "100.00", on=new, fee="CivilAssessment", imposed=new),
    ]
    assert balance_of(entries, date(2022, 6, 30), LAW).due == Decimal("200.00")
    assert balance_of(entries, date(2022, 7, 1), LAW).due == Decimal("0.00")
    assert balance_of(entries, new, LAW).due == Decimal("100.00")


def test_what_the_court_vacated_itself_is_not_vacated_twice() -> None:
    imposed = date(2021, 3, 1)
    entries = [
        entry(1, EntryKind.ASSESSMENT, "300.00", on=imposed, fee="CivilAssessment", imposed=imposed),
        entry(2, EntryKind.VACATUR, "300.00", on=date(2022, 8, 1), fee="CivilAssessment"),
    ]
    for day in (date(2022, 7, 1), date(2022, 8, 1), date(2026, 1, 1)):
        assert balance_of(entries, day, LAW).due == Decimal("0.00")


def test_a_statute_that_ended_vacates_by_its_section_whatever_the_fee_is_called() -> None:
    entries = [
        entry(1, EntryKind.ASSESSMENT, "80.00", on=date(2020, 1, 1), fee="Supervision", statute="PC 1203.1b"),
        entry(2, EntryKind.ASSESSMENT, "20.00", on=date(2022, 5, 1), fee="Supervision", statute="PC 1203.1b"),
    ]
    assert balance_of(entries, date(2021, 6, 30), LAW).due == Decimal("80.00")
    assert balance_of(entries, date(2023, 1, 1), LAW).due == Decimal("0.00")


def test_a_joint_debt_is_owed_by_each_and_once_on_the_case() -> None:
    shared = [
        entry(1, EntryKind.ASSESSMENT, "900.00", fee="Restitution", obligation="r", statute="PC 1202.4(f)"),
        entry(2, EntryKind.PAYMENT, "300.00", fee="Restitution", obligation="r", of="P2"),
    ]
    own = {person: entry(3 + n, EntryKind.ASSESSMENT, "50.00", of=person) for n, person in enumerate(("P1", "P2"))}
    for fine in own.values():
        assert balance_of([*shared, fine], DAY, ()).due == Decimal("650.00")
    case = balance_of([*shared, *own.values()], DAY, ())
    assert case.due == Decimal("700.00")
    assert [(fee.fee_kind, fee.joint, fee.statute, fee.due) for fee in case.fees][-1] == (
        "Restitution", True, "PC 1202.4(f)", Decimal("600.00"),
    )  # fmt: skip


def test_a_fee_names_its_statute_if_there_is_one_alone() -> None:
    both = [entry(n, EntryKind.ASSESSMENT, "1.00", statute=s) for n, s in enumerate(("VC 1", "VC 1", "VC 2"))]
    assert balance_of(both[:2], DAY, ()).fees[0].statute == "VC 1"
    assert balance_of(both, DAY, ()).fees[0].statute == ""


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
        st.sampled_from(["BaseFine", "StatePenalty", "CivilAssessment"]),
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
