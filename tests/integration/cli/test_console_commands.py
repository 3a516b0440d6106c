"""`ccms-ws console`: who may sign in, and the console as the program that it is."""

from __future__ import annotations

import io
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.config import load_settings
from ccms_ws.console.operators import Operators
from tests.support.commands import Commands, free_port_base, wait_until_it_listens
from tests.support.consoles import PASSWORD, write_operators
from tests.support.court import Court


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What stands on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_an_operator_is_added_with_the_password_from_standard_input(
    ccms_ws: Commands, court_folder: Path, typed: Any
) -> None:
    typed(f"{PASSWORD}\n")
    told = ccms_ws("console", "add-operator", "m.lee", "--json").json
    file = court_folder / "operators.toml"
    assert told == {"operator": "m.lee", "role": "operator", "new": True, "file": str(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    typed(f"{PASSWORD}\n")
    assert ccms_ws("console", "add-operator", "r.ortiz", "--reader").code == ExitCode.OK
    may_act = {each.name: each.may_act for each in Operators(file).all().values()}
    assert may_act == {"m.lee": True, "r.ortiz": False}


def test_a_password_that_is_too_short_or_missing_changes_nothing(
    ccms_ws: Commands, court_folder: Path, typed: Any
) -> None:
    for text in ("short\n", ""):
        typed(text)
        assert ccms_ws("console", "add-operator", "m.lee").code == ExitCode.CONFIGURATION
    assert not (court_folder / "operators.toml").exists()


def test_at_a_terminal_the_password_is_asked_for_twice(
    ccms_ws: Commands, court_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PASSWORD, PASSWORD + "?", PASSWORD, PASSWORD])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    assert ccms_ws("console", "add-operator", "m.lee").code == ExitCode.CONFIGURATION
    assert not (court_folder / "operators.toml").exists()
    assert ccms_ws("console", "add-operator", "m.lee").code == ExitCode.OK


def test_without_operators_it_does_not_start(ccms_ws: Commands) -> None:
    ended = ccms_ws("console", "serve")
    assert ended.code == ExitCode.CONFIGURATION
    assert "ccms-ws console add-operator NAME" in ended.err


def test_it_serves_until_it_is_told_to_end(court_folder: Path) -> None:
    settings_file, port = court_folder / "ccms-ws.toml", free_port_base() + 9
    settings_file.write_text(settings_file.read_text("utf-8").replace("port = 8809", f"port = {port}"), "utf-8")
    settings = load_settings(settings_file).console
    assert settings is not None
    write_operators(settings.operators)
    Court(court_folder)
    command = [sys.executable, "-m", "ccms_ws", "console", "serve", "--json", "--config", str(settings_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            wait_until_it_listens(process, port)
            with urllib.request.urlopen(f"{settings.url}/", timeout=30) as answer:
                assert answer.url == f"{settings.url}/sign-in"
                assert "Content-Security-Policy" in answer.headers
            with pytest.raises(urllib.error.HTTPError) as refused:  # more than a form of the console's can be
                urllib.request.urlopen(f"{settings.url}/sign-in", data=b"x" * 100_000, timeout=30)
            assert refused.value.code in (403, 413)
            refused.value.close()
        finally:
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=40)
    assert process.returncode == ExitCode.OK
    assert f'"url": "{settings.url}"' in told
