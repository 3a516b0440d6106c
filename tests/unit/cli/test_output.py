"""What commands print: whole lines in a pipe, exact values in JSON."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from rich.console import Console

from ccms_ws.cli.output import show_facts, show_rows

ROW = {
    "transaction": UUID("0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8"),
    "balance_due": Decimal("710.00"),
    "created": datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
    "note": "",
}


def test_json_keeps_money_exact_and_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW], as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "transaction": "0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8",
            "balance_due": "710.00",
            "created": "2026-11-20T08:30:00Z",
            "note": "",
        }
    ]


def test_a_row_is_one_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW | {"note": "x" * 200}], as_json=False)
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["transaction", "balance", "due", "created", "note"]
    assert line.split()[:2] == [str(ROW["transaction"]), "710.00"]
    assert "x" * 200 in line


def test_no_rows_are_said_in_words_and_as_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], as_json=False, empty="the outbox is empty")
    show_rows([], as_json=True)
    assert capsys.readouterr().out == "the outbox is empty\n[]\n"


def test_a_missing_value_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    show_facts({"answer_code": ""}, as_json=False)
    assert capsys.readouterr().out.split() == ["answer", "code", "-"]


def test_square_brackets_in_a_value_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show_facts({"reason": "[red]x[/red] [BSP R5205]"}, as_json=False)
    assert "[red]x[/red] [BSP R5205]" in capsys.readouterr().out


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_facts({"reason": "a\x1b[31mb\nc"}, as_json=False)
    assert capsys.readouterr().out == "reason  a\\x1b[31mb\\nc\n"


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_a_narrow_terminal_breaks_lines_between_values_and_never_an_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(Console, "is_terminal", True)
    other = {"partner": "JUVENILE-PROBATION", "outcome": "delivered", "detail": "it was not there " * 8}
    show_rows([ROW | other, ROW | other], as_json=False)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= columns
    assert shown.count(str(ROW["transaction"])) == 2
    assert shown.count("JUVENILE-PROBATION") == 2
    assert shown.startswith("transaction")


def test_what_fits_is_one_line_for_each_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Console, "is_terminal", True)
    show_rows([ROW, ROW], as_json=False)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_amounts_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"fee": "a", "due": Decimal("1250.00")}, {"fee": "b", "due": Decimal("5.00")}], as_json=False)
    assert capsys.readouterr().out.splitlines() == ["fee      due", "a    1250.00", "b       5.00"]
