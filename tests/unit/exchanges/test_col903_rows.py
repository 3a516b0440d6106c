"""Balance updates from a court's own file: good rows become items, bad ones are named with line and reason."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ccms_ws.exchanges.col903.rows import read_updates

HEADER = (
    "case_number,participant_id,given,surname,account_number,referred_amount,previous_balance,current_balance,"
    "paid,reason,effective_on"
)
GOOD = "CR-1,P-1,Ana,Example,A-1,900,500.00,360.5,100,TimeServed,2026-01-05"
TODAY = date(2026, 11, 20)


def test_a_good_row_is_an_item_with_exact_amounts() -> None:
    (update,), problems = read_updates([HEADER, GOOD], "CA099015J", TODAY)
    assert problems == []
    assert update.payments[0].amount == Decimal("100.00")
    (adjustment,) = update.adjustments
    assert (adjustment.increase, adjustment.amount, adjustment.reason) == (False, Decimal("39.50"), "TimeServed")
    assert (update.sequence, update.current_balance, update.subject.case_number) == (1, Decimal("360.50"), "CR-1")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("360.5", "500", "nothing to tell"),
        ("360.5", "-1", "current_balance is no amount"),
        ("360.5", "1.001", "current_balance is no amount"),
        ("360.5", "much", "current_balance is no amount"),
        ("360.5", "NaN", "current_balance is no amount"),
        ("2026-01-05", "2026-11-21", "a day to come"),
        ("2026-01-05", "5.1.2026", "isoformat"),
        ("P-1", "", "participant_id is empty"),
        ("TimeServed", "", "-39.50 USD changed without a payment"),
        ("TimeServed", "Kindness", "reason is one of"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_and_holds_up_no_other(old: str, new: str, said: str) -> None:
    good, (problem,) = read_updates([HEADER, GOOD.replace(old, new), GOOD], "CA099015J", TODAY)
    assert [update.sequence for update in good] == [1]
    assert problem.startswith("line 2: ")
    assert said in problem


def test_a_participant_on_a_case_stands_there_once() -> None:
    good, (problem,) = read_updates([HEADER, GOOD, GOOD], "CA099015J", TODAY)
    assert len(good) == 1
    assert problem == "line 3: CR-1 P-1 stands there twice"


def test_a_missing_column_is_named() -> None:
    assert read_updates(["case_number", "CR-1"], "CA099015J", TODAY)[1] == [
        "line 2: there is no column 'referred_amount'"
    ]
