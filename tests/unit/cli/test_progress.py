"""A progress bar is for somebody who looks: on a terminal it shows rate and remaining time, in a pipe nothing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ccms_ws.cli import progress as module
from ccms_ws.cli.progress import progress


def test_a_pipe_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("loading", 3) as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_count_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        module, "Console", lambda **_: Console(file=screen, force_terminal=True, width=120, color_system=None)
    )
    with progress("loading", 4) as advance:
        advance(2)
    assert "loading" in screen.getvalue()
    assert "2/4" in screen.getvalue()
    assert "0:00:00" in screen.getvalue() or "-:--:--" in screen.getvalue()
