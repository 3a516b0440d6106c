"""A log that cannot be written stops no program: it is closed, its disk is full, or its reader has stopped reading."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from tests.support.commands import free_port_base, run_program
from tests.support.serving import served_court

STREAMS = ["closed", "full", "unread"]


@contextmanager
def log_stream(kind: str) -> Iterator[int]:
    """The descriptor of a stream to log to."""
    if kind == "full":
        with Path("/dev/full").open("wb", buffering=0) as full:
            yield full.fileno()
        return
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    if kind == "closed":
        os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)
        if kind == "unread":
            os.close(reader)


def rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return connection.execute(query).fetchall()


def wait_for(database: Path, query: str) -> tuple[object, ...]:
    """The first row that the query finds, within half a minute."""
    deadline = time.monotonic() + 30
    while not (found := rows(database, query)):
        assert time.monotonic() < deadline, query
        time.sleep(0.1)
    return found[0]


def order(settings: Path) -> None:
    """Something to send, to a partner that is not there."""
    assert run_program("col903", "build", "--partner", "FTB", "--config", settings).code == ExitCode.OK


@pytest.mark.parametrize("kind", STREAMS)
def test_the_endpoint_answers_on(tmp_path: Path, kind: str) -> None:
    with log_stream(kind) as stream, served_court(tmp_path / "court", stderr=stream) as served:
        for _ in range(30):
            with served.connect() as partner:
                partner.post(served.query(case_number="TR-2025-004417"))
                assert partner.answer()[0] == 200
        with served.connect() as other:
            other.post(b"<nothing/>")
            status, _, body = other.answer()
            assert status in (400, 500)
            assert b"IncidentID" in body
        wait_for(served.database, "SELECT 1 FROM heartbeat WHERE program = 'endpoint' AND dropped_lines > 0")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == ExitCode.OK


@pytest.mark.parametrize("kind", STREAMS)
def test_the_worker_sends_on(tmp_path: Path, kind: str) -> None:
    made = make_installation(tmp_path / "court", SystemClock(), ports=Ports(free_port_base()))
    database = made.settings_file.parent / "court.db"
    command = [sys.executable, "-m", "ccms_ws", "worker", "--config", str(made.settings_file)]
    with log_stream(kind) as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            wait_for(database, "SELECT 1 FROM heartbeat WHERE program = 'worker'")
            order(made.settings_file)
            wait_for(database, "SELECT 1 FROM delivery_attempt WHERE number = 2")  # nobody listens: it tries again
            assert process.poll() is None
        finally:
            process.terminate()
            code = process.wait(30)
    assert code == ExitCode.OK
    assert rows(database, "SELECT * FROM heartbeat") == []


def test_a_reader_that_ends_after_the_first_line_ends_nothing(tmp_path: Path) -> None:
    """`ccms-ws worker 2>&1 | head -n 1`."""
    made = make_installation(tmp_path / "court", SystemClock(), ports=Ports(free_port_base()))
    database = made.settings_file.parent / "court.db"
    command = [sys.executable, "-m", "ccms_ws", "worker", "--config", str(made.settings_file)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
        subprocess.Popen(["head", "-n", "1"], stdin=process.stdout, stdout=subprocess.PIPE, text=True) as head,
    ):
        assert process.stdout is not None
        process.stdout.close()
        assert head.communicate(timeout=30)[0].count("\n") == 1
        try:
            order(made.settings_file)
            wait_for(database, "SELECT 1 FROM delivery_attempt WHERE number = 2")
        finally:
            process.terminate()
            code = process.wait(30)
    assert code == ExitCode.OK


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full"])
def test_an_error_that_cannot_be_shown_has_its_exit_code(tmp_path: Path, redirected: str) -> None:
    command = f"exec {sys.executable} -m ccms_ws serve --config {tmp_path}/nothing.toml {redirected}"
    assert subprocess.run(["bash", "-c", command], check=False, timeout=60).returncode == ExitCode.CONFIGURATION
