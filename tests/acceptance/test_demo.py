"""The demo as a reader runs it: real processes, a checked outcome, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.demo.processes import listens
from tests.support.commands import free_port_base, run_program


def programs_using(folder: Path) -> list[str]:
    """The command lines of running processes that name `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in command and "ccms_ws" in command:
            found.append(command)
    return found


@dataclass(frozen=True)
class Served:
    """What a demo that serves showed: as long as it ran, and when it was told to end."""

    folder: Path
    published: bytes
    ports: dict[int, tuple[bool, bool]]
    """Whether a port listened before and after."""
    code: int


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A demo that ran twice, the second time with --serve until it was interrupted."""
    folder = tmp_path_factory.mktemp("demo")
    base = free_port_base()
    arguments = ("demo", folder / "court", "--json", folder / "steps.json", "--port-base", base)
    ended = run_program(*arguments)
    assert ended.code == ExitCode.OK, ended.out + ended.err
    ports = {base + offset: False for offset in (7, 103, 107)}
    command = [sys.executable, "-m", "ccms_ws", *map(str, arguments), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        output = ""
        while "All of it is running" not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        with urllib.request.urlopen(f"http://127.0.0.1:{base + 7}/FCC807/1.0?wsdl", timeout=10) as answer:
            published = answer.read()
        ports = {port: listens(port) for port in ports}
        os.kill(process.pid, signal.SIGINT)
        code = process.wait(90)
    (folder / "output.txt").write_text(output)
    return Served(folder, published, {port: (before, listens(port)) for port, before in ports.items()}, code)


@pytest.fixture
def demo(served: Served) -> Path:
    """The folder of that demo, with its JSON."""
    return served.folder


def test_every_step_is_what_it_should_be_on_the_second_run_too(demo: Path) -> None:
    told = json.loads((demo / "steps.json").read_text())
    assert told["ok"] is True
    assert [(step["exchange"], step["partner"], step["outcome"]) for step in told["steps"]] == [
        ("FCC807", "ADULT-PROBATION", "balance due 710.00 USD"),
        ("FCC807", "ADULT-PROBATION", "rejected: CaseNotFound"),
        ("FCC807", "ADULT-PROBATION", "error message: exchange.as-of-date-in-future"),
        ("COL903", "FTB", "assumed accepted, 3 updates"),
        ("COL903", "FTB", "rejected: SystemUnavailable"),
        ("DMV907", "DMV", "accepted: ACCEPTED"),
        ("DMV907", "DMV", "accepted: ACCEPTED"),
        ("DMV907", "DMV", "in error: RecordUnavailable"),
    ]


def test_the_table_names_each_transaction_and_where_to_look(demo: Path) -> None:
    output = (demo / "output.txt").read_text()
    for step in json.loads((demo / "steps.json").read_text())["steps"]:
        assert step["transaction_id"] in output
    assert str(demo / "court/envelopes") in output
    assert "/FCC807/1.0?wsdl" in output


def test_each_envelope_can_be_read(demo: Path) -> None:
    names = [path.name.split("-", 3)[-1] for path in sorted((demo / "court/envelopes").iterdir())]
    assert names.count("CaseParticipantBalanceQuery.xml") == 3
    assert names.count("Fault-CaseParticipantBalanceQueryError.xml") == 1
    assert names.count("CollectionBalanceUpdateBatch.xml") == 2
    assert names.count("CollectionBalanceUpdateError.xml") == 1
    assert names.count("FailureToComplyAbstract.xml") == 3
    assert names.count("FailureToComplyAbstractResponse.xml") == 2
    assert names.count("FailureToComplyAbstractError.xml") == 1
    for path in (demo / "court/envelopes").iterdir():
        assert etree.fromstring(path.read_bytes()).find(".//{*}Signature") is not None


def test_nothing_is_left_running(demo: Path) -> None:
    assert programs_using(demo) == []


def test_no_log_holds_personal_data(demo: Path) -> None:
    logs = "".join(path.read_text() for path in (demo / "court/logs").iterdir())
    assert "message.received" in logs
    for private in ("Okafor", "Monteverde", "Y2087713", "D9999999", "1984-07-23"):
        assert private not in logs


def test_ports_that_are_taken_are_named(tmp_path: Path) -> None:
    base = free_port_base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 103))
        other.listen()
        ended = run_program("demo", tmp_path / "court", "--port-base", base)
    assert ended.code == ExitCode.CONFIGURATION
    assert f"port {base + 103} (ftb)" in ended.err
    assert "--port-base" in ended.err
    assert not (tmp_path / "court").exists()


def test_serve_leaves_all_running_until_it_is_told_to_end(served: Served) -> None:
    assert b"definitions" in served.published
    assert [*served.ports.values()] == [(True, False)] * 3
    assert served.code == ExitCode.OK


def test_a_demo_that_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ccms_ws", "demo", str(tmp_path / "court"), "--port-base", str(free_port_base())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        deadline = time.monotonic() + 30
        while len(programs_using(tmp_path)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(90) == 130
    assert programs_using(tmp_path) == []
