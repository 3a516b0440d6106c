"""Balance updates from a court's own file: good rows become items, bad ones are named with line and reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ccms_ws.contract.codes import published_codes
from ccms_ws.exchanges.col903.rows import FileUpdate, read_updates
from ccms_ws.tabular_files import FileRefused

HEADER = (
    "case_number,participant_id,given,surname,account_number,referred_amount,previous_balance,current_balance,"
    "paid,reason,effective_on"
)
GOOD = "CR-1,P-1,Ana,Example,A-1,900,500.00,360.5,100,TimeServed,2026-01-05"
TODAY = date(2026, 11, 20)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[FileUpdate], list[str]]]:
    def read(*lines: str) -> tuple[list[FileUpdate], list[str]]:
        file = tmp_path / "updates.csv"
        file.write_text("\n".join(lines), "utf-8")
        return read_updates(file, "CA099015J", TODAY, published_codes())

    return read


Read = Callable[..., tuple[list[FileUpdate], list[str]]]


def test_a_good_row_is_an_item_with_exact_amounts(read: Read) -> None:
    ((line, update),), problems = read(HEADER, GOOD)
    assert line == 2
    assert problems == []
    assert update.payments[0].amount == Decimal("100.00")
    (adjustment,) = update.adjustments
    assert (adjustment.increase, adjustment.amount, adjustment.reason) == (False, Decimal("39.50"), "TimeServed")
    assert (update.current_balance, update.subject.case_number) == (Decimal("360.50"), "CR-1")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("360.5", "500", "nothing to tell"),
        ("360.5", "-1", "current_balance is not an amount"),
        ("360.5", "1.001", "current_balance is not an amount"),
        ("360.5", "much", "current_balance is not an amount"),
        ("360.5", "NaN", "current_balance is not an amount"),
        ("360.5", "1e2", "current_balance is not an amount"),
        ("360.5", "3_60", "current_balance is not an amount"),
        ("360.5", "\u0663\u0666\u0660", "current_balance is not an amount"),
        ("360.5", "$360.50", "current_balance is not an amount"),
        ("360.5", "1,360.50", "has more cells (12) than the header (11)"),
        ("2026-01-05", "0001-01-01", "effective_on is not between"),
        ("Example", "Exa\u0007mple", "surname has a character that no value has (U+0007)"),
        ("A-1", "9" * 65, "account_number is longer than 64 characters"),
        ("2026-01-05", "2026-11-21", "a day to come"),
        ("2026-01-05", "5.1.2026", "effective_on is not a day like 2026-03-01"),
        ("P-1", "", "participant_id is empty"),
        ("TimeServed", "", "-39.50 USD changed without a payment"),
        ("TimeServed", "Kindness", "reason: -39.50 USD changed without a payment, so it is one of"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_and_holds_up_no_other(read: Read, old: str, new: str, said: str) -> None:
    good, (problem,) = read(HEADER, GOOD.replace(old, new), GOOD)
    assert [row.line for row in good] == [3]
    assert problem.startswith("line 2: ")
    assert said in problem


def test_a_participant_on_a_case_stands_there_once(read: Read) -> None:
    good, (problem,) = read(HEADER, GOOD, GOOD)
    assert len(good) == 1
    assert problem == "line 3: case_number and participant_id are those of line 2"


def test_a_missing_column_refuses_the_file(read: Read) -> None:
    with pytest.raises(FileRefused, match="has no column participant_id, given"):
        read("case_number", "CR-1")


def test_a_column_that_stands_twice_refuses_the_file(read: Read) -> None:
    with pytest.raises(FileRefused, match="line 1: the column current_balance stands there twice"):
        read(f"{HEADER},current_balance", f"{GOOD},0.00")
