"""`ccms-ws simulate` and `worker` as real processes: an answer in the HTTP response, and one that comes later."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from ccms_ws.demo.processes import listens
from tests.support.commands import free_port_base, run_program


@pytest.fixture
def base() -> int:
    return free_port_base()


@pytest.fixture
def settings(tmp_path: Path, base: int) -> Path:
    return make_installation(tmp_path / "court", SystemClock(), ports=Ports(base)).settings_file


@contextmanager
def running(port: int, *arguments: object) -> Iterator[None]:
    """A program that listens at `port`; it must end well when it is told to."""
    with subprocess.Popen([sys.executable, "-m", "ccms_ws", *map(str, arguments)]) as process:
        try:
            wait_for(lambda: listens(port))
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == ExitCode.OK
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(30)


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_a_partner_that_answers_in_the_http_response_refuses_a_batch_at_once(settings: Path, base: int) -> None:
    (batch,) = run_program("col903", "build", "--partner", "AGENCY", "--config", settings, "--json").json
    with running(base + 104, "simulate", "AGENCY", "--script", "error", "--config", settings):
        sent = run_program("worker", "--once", "--config", settings, "--json")
    assert sent.json == {"attempts": 1}
    shown = run_program("col903", "show", batch["batch"], "--config", settings, "--json").json
    assert (shown["state"], shown["error_code"]) == ("rejected", "SystemUnavailable")


def test_a_partner_that_answers_later_brings_its_answer_to_the_court(settings: Path, base: int) -> None:
    hold = run_program(
        *("dmv907", "hold", "--case", "TR-2025-011250", "--participant", "P-1004", "--violated", "VC 14601.1(a)"),
        *("--violation-date", "2025-05-02", "--convicted", "2025-06-17", "--noncompliance-date", "2026-01-15"),
        *("--order-kind", "Program", "--config", settings, "--json"),
    ).json

    def shown() -> Any:
        return run_program("dmv907", "show", hold["abstract"], "--config", settings, "--json").json

    with running(base + 7, "serve", "--config", settings), running(base + 107, "simulate", "DMV", "--config", settings):
        run_program("worker", "--once", "--config", settings)
        wait_for(lambda: shown()["state"] == "accepted")
    assert shown()["answer_code"] == "ACCEPTED"


def test_a_message_that_nobody_takes_waits_and_is_taken_later(settings: Path, base: int) -> None:
    (batch,) = run_program("col903", "build", "--partner", "FTB", "--config", settings, "--json").json
    run_program("worker", "--once", "--config", settings)
    waiting = run_program("outbox", "show", batch["batch"], "--config", settings, "--json").json
    assert (waiting["state"], len(waiting["attempts"])) == ("pending", 1)
    with running(base + 103, "simulate", "FTB", "--config", settings):
        wait_for(lambda: run_program("worker", "--once", "--config", settings, "--json").json["attempts"])
    assert run_program("outbox", "show", batch["batch"], "--config", settings, "--json").json["state"] == "delivered"


def test_a_script_with_an_unknown_act_is_refused_in_plain_words(settings: Path) -> None:
    ended = run_program("simulate", "FTB", "--script", "explode", "--config", settings)
    assert ended.code == ExitCode.CONFIGURATION
    assert "no act explode" in ended.err
