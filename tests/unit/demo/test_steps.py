"""The demo's table: every step with its mark, on any terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ccms_ws.demo.run import DemoResult
from ccms_ws.demo.steps import Step, as_table

STEP = Step(
    exchange="DMV907",
    what="hold: TR-2025-011250",
    partner="DMV",
    transaction_id="8585f38c-902b-49f2-b626-6f35ae92c1c0",
    outcome="accepted: ACCEPTED",
    expected="accepted: ACCEPTED",
    ok=True,
    seconds=0.4,
)
FAILED = replace(STEP, ok=False, outcome="in error: [X]")


def printed(width: int, *steps: Step) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width)
    console.print(as_table(steps, console.width))
    return output.getvalue()


@pytest.mark.parametrize("width", [80, 200])
def test_an_id_is_never_broken(width: int) -> None:
    assert STEP.transaction_id in printed(width, STEP)


def test_a_wide_terminal_has_a_line_for_each_step() -> None:
    assert len(printed(200, STEP, STEP).splitlines()) == 3


def test_a_step_that_went_wrong_says_what_was_expected() -> None:
    output = printed(200, STEP, FAILED)
    assert output.splitlines()[1].startswith("ok")
    assert output.splitlines()[2].startswith("NO")
    assert "in error: [X] (expected: accepted: ACCEPTED)" in output


def test_one_wrong_step_makes_the_whole_demo_wrong() -> None:
    result = DemoResult(court="x", steps=[STEP], page="", wsdls=[], partner_wsdls=Path(), envelopes=Path(), logs=Path())
    assert result.ok
    assert not replace(result, steps=[STEP, FAILED]).ok
    assert '"ok": false' in replace(result, steps=[FAILED]).to_json()
