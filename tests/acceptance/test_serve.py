"""`ccms-ws serve` and its neighbours as real processes: ready, reachable, ended when told."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from ccms_ws.demo.processes import listens
from tests.support.commands import free_port_base, run_program


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return make_installation(tmp_path / "court", SystemClock(), ports=Ports(free_port_base())).settings_file


def port_of(settings: Path) -> int:
    return int(settings.read_text().partition("\nport = ")[2].split()[0])


@contextmanager
def serving(settings: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "ccms_ws", "serve", "--config", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        try:
            deadline = time.monotonic() + 30
            while not listens(port_of(settings)):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process
        finally:
            if process.poll() is None:
                process.terminate()  # killed, it would leave the processes behind that serve for it
                process.wait(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_endpoint_ends_when_it_is_told(settings: Path, number: signal.Signals) -> None:
    with serving(settings) as process:
        process.send_signal(number)
        assert process.wait(30) == ExitCode.OK
        assert process.stderr is not None
        assert "endpoint.stopped" in process.stderr.read()
    assert not listens(port_of(settings))


def test_nobody_serves_on_when_the_endpoint_is_killed(settings: Path) -> None:
    with serving(settings) as process:
        process.kill()
        process.wait(30)
        deadline = time.monotonic() + 15
        while listens(port_of(settings)):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_settings_that_cannot_be_used_change_nothing(settings: Path) -> None:
    with serving(settings) as process:
        good = settings.read_text()
        settings.write_text(good.replace("pki/court.key", "pki/dmv.key"))
        process.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        settings.write_text(good)
        assert run_program("query", "--case", "TR-2025-004417", "--config", settings, "--json").code == ExitCode.OK
        process.terminate()
        assert process.stderr is not None
        said = process.stderr.read()
    assert "endpoint.not-reloaded" in said
    assert "endpoint.reloads" not in said


def test_a_worker_goes_on_with_new_settings_and_not_with_useless_ones(settings: Path) -> None:
    command = [sys.executable, "-m", "ccms_ws", "worker", "--config", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None

        def wait_for(event: str) -> None:
            assert process.stderr is not None
            assert any(event in line for line in process.stderr)

        wait_for("worker.started")
        process.send_signal(signal.SIGHUP)
        wait_for("worker.started")
        settings.write_text(settings.read_text().replace("pki/court.key", "pki/dmv.key"))
        process.send_signal(signal.SIGHUP)
        wait_for("worker.not-reloaded")
        process.terminate()
        assert process.wait(30) == ExitCode.OK


def test_a_query_is_answered_over_the_wire(settings: Path) -> None:
    with serving(settings):
        found = run_program("query", "--case", "TR-2025-004417", "--config", settings, "--json")
        assert (found.code, found.json["answer"], found.json["balance_due"]) == (0, "balance", "245.00")
        old = run_program("query", "--case", "TR-2025-004417", "--config", settings, "--json", "--soap", "1.1")
        assert old.json["balance_due"] == "245.00"
        no = run_program("query", "--case", "JV-2025-000318", "--config", settings, "--json")
        assert (no.code, no.json["answer"], no.json["code"]) == (ExitCode.REFUSED, "rejection", "CaseNotFound")


def test_what_is_no_message_gets_a_fault_without_a_trace_of_python(settings: Path) -> None:
    with serving(settings):
        url = f"http://127.0.0.1:{port_of(settings)}/FCC807/1.0"
        request = urllib.request.Request(url, b"<x/>", {"Content-Type": "application/soap+xml"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        with caught.value as answer:
            body = answer.read().decode()
        assert "IncidentID" in body
        for word in ("Traceback", "ccms_ws", "lxml", ".py"):
            assert word not in body


def test_logs_are_json_if_wanted(settings: Path) -> None:
    with serving(settings, CCMS_WS_LOG__FORMAT="json") as process:
        process.terminate()
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert all(line.startswith("{") for line in lines)


def test_a_port_that_is_taken_is_said_in_plain_words(settings: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port_of(settings)))
        other.listen()
        ended = run_program("serve", "--config", settings)
    assert ended.code == ExitCode.CONFIGURATION
    assert f"port {port_of(settings)} of 127.0.0.1 cannot be used" in ended.err
    assert "Traceback" not in ended.err


def test_a_wrong_setting_is_said_in_plain_words(settings: Path) -> None:
    settings.write_text(settings.read_text().replace("public_url", "pubic_url"))
    ended = run_program("serve", "--config", settings)
    assert ended.code == ExitCode.CONFIGURATION
    assert "did you mean public_url?" in ended.err
    assert "Traceback" not in ended.err


def test_a_key_of_another_certificate_is_said_in_plain_words(settings: Path) -> None:
    settings.write_text(settings.read_text().replace("pki/court.key", "pki/dmv.key"))
    ended = run_program("serve", "--config", settings)
    assert ended.code == ExitCode.CONFIGURATION
    assert "does not belong to the certificate" in ended.err


def test_an_endpoint_whose_processes_keep_dying_ends_with_a_code(settings: Path) -> None:
    with serving(settings) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline, ended = time.monotonic() + 30, set[str]()
        while process.poll() is None:
            assert time.monotonic() < deadline
            for child in set(children.read_text().split()) - ended:
                ended.add(child)
                os.kill(int(child), signal.SIGKILL)
            time.sleep(0.2)
        assert process.returncode == ExitCode.FAILED
        assert process.stderr is not None
        assert "the serving processes exited repeatedly" in process.stderr.read()


def test_the_endpoint_is_ready_while_it_can_write_to_its_database(settings: Path) -> None:
    def status(path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port_of(settings)}{path}", timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def wait_until(wanted: int) -> None:
        deadline = time.monotonic() + 30
        while status("/ready") != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    database = settings.parent / "court.db"
    with serving(settings):
        wait_until(200)
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("DROP TABLE heartbeat")
            wait_until(503)
            assert status("/health") == 200
