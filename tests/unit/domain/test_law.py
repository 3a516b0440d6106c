"""What the statutes take out of a balance, and what they leave in it: a table of cases with their right answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.domain.law import Law, VacatedDebt, load_law
from ccms_ws.domain.ledger import ZERO, EntryKind, LedgerEntry, balance_of, removals_of
from ccms_ws.domain.statutes import Statutes
from ccms_ws.errors import ConfigError

TODAY = date(2026, 11, 30)
LAW = load_law()


def debt(fee_kind: str, statute: str, imposed: date, amount: str = "300.00") -> LedgerEntry:
    key = ("E1", "CA034015J", "22CR001", "P1", EntryKind.ASSESSMENT)
    return LedgerEntry(*key, fee_kind, Decimal(amount), imposed, statute=statute, imposed_on=imposed)


def left_of(*entries: LedgerEntry, on: date = TODAY, law: Law = LAW) -> Decimal:
    return balance_of(entries, on, law.vacated_debt).due


OLD, BEFORE_2022, NEW = date(2014, 5, 1), date(2021, 3, 1), date(2025, 3, 1)

GONE = [
    # restitution fines, ten years after imposition
    ("RestitutionFine", "PC 1202.4", OLD),
    ("RestitutionFine", "PC 1202.4(b)", OLD),
    ("RestitutionFine", "PC1202.4", date(2016, 11, 30)),
    ("CollectionCost", "PC 1202.4", OLD),
    # AB 1869
    *(
        (kind, f"PC {section}", BEFORE_2022)
        for kind in ("AdministrativeFee", "ProbationSupervision", "A court's own name")
        for section in (
            *("987.4", "987.5(a)", "987.8", "1203", "1203(c)", "1203.1e", "1203.016", "1203.016(g)", "1203.018"),
            *("1203.1b", "1208.2", "1210.15", "1463.07", "3010.8", "4024.2", "6266"),
        )
    ),
    *(
        ("AdministrativeFee", f"GOV {section}", BEFORE_2022)
        for section in ("27712", "29550(c)", "29550(f)", "29550.1", "29550.2", "29550.3")
    ),
    # AB 177
    *(
        ("AdministrativeFee", f"PC {section}", BEFORE_2022)
        for section in (
            *("1001.15", "1001.16", "1001.90", "1202.4", "1203.1", "1203.1ab", "1203.1c", "1203.1m", "1203.4a"),
            *("1203.9", "1205", "1214.5", "2085.5", "2085.6", "2085.7"),
        )
    ),
    # civil assessments, however their statute is spelled
    ("CivilAssessment", "", BEFORE_2022),
    ("Failure to appear", "PC 1214.1(a)", BEFORE_2022),
    ("Failure to appear", "PC1214.1", BEFORE_2022),
    # juvenile costs
    ("JuvenileCost", "", date(2017, 12, 31)),
]


@pytest.mark.parametrize(("fee_kind", "statute", "imposed"), GONE)
def test_debt_that_a_statute_ended_is_not_owed(fee_kind: str, statute: str, imposed: date) -> None:
    assert left_of(debt(fee_kind, statute, imposed)) == ZERO


STANDS = [
    # restitution to a victim, whatever statute a file puts beside it
    *(
        ("Restitution", statute, OLD)
        for statute in ("PC 1202.4", "PC 1202.4(f)", "PC 1202.4(b)", "", "PC 1203.1b", "PC 1214.1", "PC 2085.5")
    ),
    # other fines of the same neighbourhood
    ("RestitutionFine", "PC 1202.4", date(2016, 12, 1)),
    ("RestitutionFine", "PC 1202.4(f)", OLD),
    ("RestitutionFine", "PC 1202.45", OLD),
    ("ParoleRevocationFine", "PC 1202.45", OLD),
    ("ProbationRevocationFine", "PC 1202.44", OLD),
    ("BaseFine", "PC 1205", BEFORE_2022),
    ("BaseFine", "PC 1203.1", BEFORE_2022),
    # the diversion restitution fee itself, and costs imposed when AB 177 was law already
    ("DiversionRestitutionFee", "PC 1001.90", BEFORE_2022),
    ("DiversionRestitutionFee", "PC 1001.90", NEW),
    ("Diversion", "PC 1001.90", NEW),
    ("AdministrativeFee", "PC 1001.90", NEW),
    ("AdministrativeFee", "VC 40510.5", NEW),
    ("AdministrativeFee", "VC 40510.5", BEFORE_2022),  # not confirmed: counsel decides
    # not in GOV 6111
    ("AdministrativeFee", "GOV 27753", BEFORE_2022),
    ("AdministrativeFee", "GOV 29550(d)", BEFORE_2022),
    ("CivilAssessment", "PC 1214.1", date(2022, 7, 1)),
    ("JuvenileCost", "", date(2018, 1, 1)),
    ("JuvenileRestitutionFine", "WI 730.6", OLD),  # not confirmed: counsel decides
]


@pytest.mark.parametrize(("fee_kind", "statute", "imposed"), STANDS)
def test_debt_that_no_statute_ended_is_owed(fee_kind: str, statute: str, imposed: date) -> None:
    assert left_of(debt(fee_kind, statute, imposed)) == Decimal("300.00")


@pytest.mark.parametrize(
    ("imposed", "last_day"),
    [
        (date(2014, 5, 1), date(2024, 12, 31)),  # never before the statute was in force
        (date(2016, 6, 1), date(2026, 5, 31)),
        (date(2016, 2, 29), date(2026, 2, 28)),
    ],
)
def test_a_restitution_fine_ends_ten_years_after_it_was_imposed(imposed: date, last_day: date) -> None:
    fine = debt("RestitutionFine", "PC 1202.4", imposed)
    assert left_of(fine, on=last_day) == Decimal("300.00")
    assert left_of(fine, on=date.fromordinal(last_day.toordinal() + 1)) == ZERO


def test_counsel_turns_a_rule_on_and_off() -> None:
    unconfirmed = debt("JuvenileRestitutionFine", "WI 730.6", OLD)
    assert left_of(unconfirmed, law=load_law(switches={"juvenile-restitution-fines": True})) == ZERO
    confirmed = debt("RestitutionFine", "PC 1202.4", OLD)
    assert left_of(confirmed, law=load_law(switches={"restitution-fines": False})) == Decimal("300.00")


def test_a_court_adds_a_rule_of_its_own_that_no_other_court_sees(tmp_path: Path) -> None:
    own = tmp_path / "law.toml"
    own.write_text(
        """principal_kinds = ["ParkFine"]
        [[vacated_debt]]
        name = "a rule of the county"
        source = "counsel, 2026-11"
        effective = 2026-01-01
        imposed_from = 2020-01-01
        statutes = ["PC 484"]
        """,
        "utf-8",
    )
    fee, fine = debt("Theft", "PC 484(a)", NEW), debt("ParkFine", "PC 484(a)", NEW)
    assert left_of(fee, law=load_law(own)) == ZERO
    assert left_of(fine, law=load_law(own)) == Decimal("300.00")
    assert left_of(debt("Theft", "PC 484(a)", OLD), law=load_law(own)) == Decimal("300.00")
    assert left_of(fee, law=load_law()) == Decimal("300.00")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[vacated_debt]]\nname = 'x'\nsource = 'y'\neffective = 2026-01-01", "neither fee_kinds nor statutes"),
        ("[[vacated_debt]]\nname = 'x'\neffective = 2026-01-01\nfee_kinds = ['A']", "without source"),
        ("[[vacated_debt]]\nname = 'x'\nsource = 'y'\neffective = 2026-01-01\nfee_kind = ['A']", "has no fee_kind"),
        ("[[vacated_debt]]\nname = 'x'\nsource = 'y'\neffective = 2026-01-01\nstatutes = ['A']", "no section"),
        ("[failure_to_comply]\nclosed_case = 'maybe'", "closed_case is refuse or warn"),
        ("[[limits]]\nid = 'civil-assessments'\nname = 'x'\nsource = 'y'\nfee_kinds = []\nmost = '1'\n"
         "imposed_from = 2026-01-01", "same id"),
    ],
)  # fmt: skip
def test_a_rule_that_says_something_else_than_rules_say_is_refused(tmp_path: Path, text: str, said: str) -> None:
    own = tmp_path / "law.toml"
    own.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        load_law(own)


def test_a_switch_for_no_rule_is_refused() -> None:
    with pytest.raises(ConfigError, match="no rule ab-1"):
        load_law(switches={"ab-1": True})


def test_every_rule_has_its_source_and_an_id_of_its_own() -> None:
    assert all(rule.id and rule.source for rule in LAW.rules)
    assert LAW.undecided == {rule.id for rule in LAW.rules if not rule.confirmed} == LAW.off


def test_more_than_a_civil_assessment_may_be_is_noticed() -> None:
    (limit,) = LAW.limits
    too_much = debt("CivilAssessment", "PC 1214.1", date(2022, 7, 1), "100.01")
    assert limit.is_exceeded(too_much, too_much.amount)
    assert not limit.is_exceeded(too_much, Decimal("100.00"))
    assert not limit.is_exceeded(replace(too_much, imposed_on=date(2022, 6, 30)), too_much.amount)
    assert left_of(too_much) == Decimal("100.01")


def test_what_was_removed_is_said_with_rule_day_amount_and_debts() -> None:
    fine = debt("RestitutionFine", "PC 1202.4", OLD)
    paid = replace(fine, entry_id="E2", kind=EntryKind.PAYMENT, amount=Decimal("80.00"), posted_on=date(2020, 1, 1))
    (removal,) = removals_of([fine, paid], TODAY, LAW.vacated_debt)
    assert (removal.rule.id, removal.on, removal.amount) == ("restitution-fines", date(2025, 1, 1), Decimal("220.00"))
    assert removal.debts == (fine,)


@pytest.mark.parametrize(
    ("paid", "vacated_by_court", "by_law"),
    [
        ("50.00", [(2024, "100.00")], "50.00"),  # the court writes down the first only after the second has ended
        ("50.00", [(2022, "100.00")], "50.00"),
        ("0.00", [(2022, "100.00"), (2024, "40.00")], "60.00"),
        ("0.00", [(2024, "200.00")], "0.00"),
    ],
)
def test_two_debts_that_end_on_different_days_are_taken_out_once(
    paid: str, vacated_by_court: list[tuple[int, str]], by_law: str
) -> None:
    law = [
        VacatedDebt(name=section, effective=day, statutes=Statutes.of([section]))
        for section, day in (("PC 1", date(2021, 1, 1)), ("PC 2", date(2023, 1, 1)))
    ]
    first = debt("Fee", "PC 1", date(2020, 1, 1), "100.00")
    ledger = [first, replace(first, entry_id="E2", statute="PC 2")]
    later = [("E3", EntryKind.PAYMENT, paid, 2021)] if Decimal(paid) else []
    later += [(f"V{year}", EntryKind.VACATUR, amount, year) for year, amount in vacated_by_court]
    for key, kind, amount, year in later:
        posted = date(year, 6, 1)
        ledger.append(replace(first, entry_id=key, kind=kind, amount=Decimal(amount), posted_on=posted))
    assert balance_of(ledger, TODAY, law).due == ZERO
    assert sum((each.amount for each in removals_of(ledger, TODAY, law)), ZERO) == Decimal(by_law)


# -- what holds for every rule and every ledger ------------------------------------------------------------------------
KINDS = ["BaseFine", "Restitution", "RestitutionFine", "CivilAssessment", "AdministrativeFee", "Own"]
STATUTES = ["", "PC 1202.4", "PC 1202.4(f)", "PC 1214.1", "PC 1203.1b", "PC 2085.6", "VC 40510.5", "nonsense"]
days = st.dates(date(2010, 1, 1), TODAY)
rules = st.builds(
    lambda kinds, statutes, **more: VacatedDebt(
        name="a rule",
        fee_kinds=kinds if kinds or statutes else frozenset({"Own"}),
        statutes=Statutes.of(statutes),
        spared_kinds=frozenset({"BaseFine", "Restitution", "RestitutionFine"}),
        **more,
    ),
    st.frozensets(st.sampled_from(KINDS), max_size=2),
    st.lists(st.sampled_from(["PC 1202.4", "PC 1214.1", "PC 1203.1b", "PC 2085.5-2085.7"]), max_size=2),
    effective=days,
    imposed_before=st.none() | days,
    imposed_from=st.none() | days,
    after_years=st.none() | st.integers(0, 12),
)


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from([each for each in EntryKind if each is not EntryKind.REVERSAL]))
        fee, amount = draw(st.sampled_from(KINDS)), f"{draw(st.integers(1, 50_000)) / 100:.2f}"
        line = replace(debt(fee, draw(st.sampled_from(STATUTES)), draw(days), amount), entry_id=f"E{number}", kind=kind)
        if kind is not EntryKind.ASSESSMENT:
            line = replace(line, statute="", imposed_on=None)
        made.append(line)
    return made


@given(ledgers(), st.lists(rules, max_size=4), days)
def test_a_rule_makes_no_debt_and_no_credit_of_what_was_paid_in_time(
    ledger: list[LedgerEntry], law: list[VacatedDebt], as_of: date
) -> None:
    for without, with_rules in zip(
        balance_of(ledger, as_of, ()).fees, balance_of(ledger, as_of, law).fees, strict=True
    ):
        assert with_rules.due <= without.due
        paid_later = [
            line.amount for line in ledger
            if line.fee_kind == without.fee_kind and line.kind in (EntryKind.PAYMENT, EntryKind.WAIVER)
        ]  # fmt: skip
        assert with_rules.due >= min(without.due, ZERO) - sum(paid_later, ZERO)


@given(ledgers(), st.lists(rules, max_size=4), days)
def test_a_rule_touches_only_what_it_names(ledger: list[LedgerEntry], law: list[VacatedDebt], as_of: date) -> None:
    for removal in removals_of(ledger, as_of, law):
        rule = removal.rule
        assert ZERO <= removal.amount <= sum((each.amount for each in removal.debts), ZERO)
        assert removal.on >= rule.effective
        for each in removal.debts:
            assert each.fee_kind in rule.fee_kinds if rule.fee_kinds else each.fee_kind not in rule.spared_kinds
            assert not rule.statutes or rule.statutes.covers(each.statute)
    named = {kind for rule in law for kind in rule.fee_kinds} if all(rule.fee_kinds for rule in law) else set(KINDS)
    removed, whole = balance_of(ledger, as_of, law), balance_of(ledger, as_of, ())
    for after, before in zip(removed.fees, whole.fees, strict=True):
        assert after.fee_kind in named or after == before


@given(ledgers(), days)
def test_the_law_leaves_restitution_to_victims_as_it_is(ledger: list[LedgerEntry], as_of: date) -> None:
    everything_on = load_law(switches=dict.fromkeys(LAW.undecided, True)).vacated_debt
    after, before = balance_of(ledger, as_of, everything_on), balance_of(ledger, as_of, ())
    assert [fee for fee in after.fees if fee.fee_kind == "Restitution"] == [
        fee for fee in before.fees if fee.fee_kind == "Restitution"
    ]


@given(ledgers(), st.lists(rules, max_size=4), days)
def test_the_removals_are_what_is_vacated_beside_the_courts_own(
    ledger: list[LedgerEntry], law: list[VacatedDebt], as_of: date
) -> None:
    by_law = sum((removal.amount for removal in removals_of(ledger, as_of, law)), ZERO)
    vacated = [sum((fee.vacated for fee in balance_of(ledger, as_of, each).fees), ZERO) for each in (law, ())]
    assert vacated[0] - vacated[1] == by_law
