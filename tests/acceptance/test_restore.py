"""A backup, traffic and a restore of the older copy with real programs: nothing is mixed up, what is lost is said."""

from __future__ import annotations

import os
import shutil
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
from ccms_ws.demo.processes import listens
from tests.support.commands import Ended, free_port_base, run_program, wait_until_it_listens

ROOT = Path(__file__).parents[2]
CASE = "TR-2025-004417"


class Drill:
    """A demo court and its programs."""

    def __init__(self, folder: Path) -> None:
        self.ports = Ports(free_port_base())
        self.settings = make_installation(folder, SystemClock(), ports=self.ports).settings_file
        self.folder = folder
        self.database = folder / "court.db"

    def run(self, *arguments: object) -> Ended:
        return run_program(*arguments, "--config", self.settings)

    @contextmanager
    def program(self, port: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "ccms_ws", *map(str, arguments), "--config", str(self.settings)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                wait_until_it_listens(process, self.ports.named[port])
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait(30)

    def ask(self, times: int) -> None:
        """Partners' messages, taken in by a process that then ends."""
        code = (
            "import sys; from pathlib import Path; from ccms_ws.clock import SystemClock;"
            "from tests.support.court import Court; court = Court(Path(sys.argv[1]), SystemClock().now());"
            "[court.ask(court.query(case_number=sys.argv[2])) for _ in range(int(sys.argv[3]))]"
        )
        command = [sys.executable, "-c", code, str(self.folder), CASE, str(times)]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})

    def mix_up(self, backup: Path) -> None:
        """What a copy by hand does: an older file beside the newest part of another's commits."""
        self.ask(40)
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("SELECT 1 FROM inbox_message").fetchone()
            self.ask(10)
            shutil.copy(f"{self.database}-wal", self.folder / "stale-wal")
        for path in self.folder.glob("court.db*"):
            path.unlink()
        shutil.copy(backup, self.database)
        shutil.move(self.folder / "stale-wal", f"{self.database}-wal")


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    return Drill(tmp_path / "court")


def test_an_older_copy_is_restored_and_reconciled(drill: Drill, tmp_path: Path) -> None:
    backup, envelopes = tmp_path / "backup.db", tmp_path / "envelopes"
    assert drill.run("db", "backup", backup).code == ExitCode.OK
    assert backup.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("backup.db*")) == [backup]
    with drill.program("ftb_port", "simulate", "FTB"):
        with drill.program("court_port", "serve") as endpoint:
            assert drill.run("query", "--case", CASE).code == ExitCode.OK
            (batch,) = drill.run("col903", "build", "--partner", "FTB", "--json").json
            assert drill.run("worker", "--once", "--envelopes", envelopes, "--json").json["attempts"] >= 1
            taken = drill.run("db", "restore", backup, "--reason", "too early")
            assert taken.code == ExitCode.FAILED
            assert "has" in taken.err
            assert "open" in taken.err
            # It ends as in a power failure: its newest commits are still in court.db-wal.
            os.killpg(endpoint.pid, signal.SIGKILL)
            endpoint.wait(30)
            deadline = time.monotonic() + 30
            while listens(drill.ports.named["court_port"]):  # the processes that serve for it notice by themselves
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert drill.run("log", "sign").code == ExitCode.OK
        with closing(sqlite3.connect(drill.database)) as other:
            other.execute("SELECT count(*) FROM inbox_message").fetchone()
            drill.ask(2)
            shutil.copy(f"{drill.database}-wal", tmp_path / "kept-wal")
        shutil.copy(tmp_path / "kept-wal", f"{drill.database}-wal")
        assert Path(f"{drill.database}-wal").stat().st_size > 0

    # What was sent is there byte for byte.
    sent = tmp_path / "sent.xml"
    assert drill.run("messages", "export", batch["batch"], "--envelope", "-o", sent).code == ExitCode.OK
    assert sent.read_bytes() in [file.read_bytes() for file in envelopes.iterdir()]
    Path(f"{drill.database}-wal").write_bytes((tmp_path / "kept-wal").read_bytes())

    restored = drill.run("db", "restore", backup, "--reason", "drill", "--json")
    assert restored.code == ExitCode.OK, restored.err
    assert not Path(f"{drill.database}-wal").exists()
    (replaced,) = [path for path in drill.folder.glob("court.db.replaced-*") if path.name.endswith("Z")]
    assert replaced.with_name(replaced.name + "-wal").exists()

    with drill.program("court_port", "serve"):
        assert drill.run("query", "--case", CASE).code == ExitCode.OK
    verified = drill.run("log", "verify", "--json")
    assert (verified.code, verified.json["faults"]) == (ExitCode.OK, [])
    assert verified.json["restores"][0]["entries"] >= 3

    reconciled = drill.run("outbox", "reconcile", "--replaced", replaced, "--json")
    assert reconciled.code == ExitCode.REFUSED
    found = {(each["finding"], each["id"]) for each in reconciled.json["found"]}
    assert ("unknown here", batch["batch"]) in found
    assert "answer lost" in {finding for finding, _ in found}
    assert reconciled.json["lost"][0]["reason"] == "drill"
    # Without the database that was replaced, what the partner says it has.
    told = tmp_path / "ftb.txt"
    told.write_text(f"{batch['batch']}\n")
    assert [each["id"] for each in drill.run("outbox", "reconcile", "--list", told, "--json").json["found"]] == [
        batch["batch"]
    ]
    assert drill.run("outbox", "reconcile", "--json").json["found"] == []


def test_no_program_starts_on_a_file_with_another_s_wal(drill: Drill, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    assert drill.run("db", "backup", backup).code == ExitCode.OK
    drill.mix_up(backup)
    before = drill.database.read_bytes()
    for command in (("serve",), ("worker",), ("worker", "--once"), ("console", "serve")):
        ended = drill.run(*command)
        assert ended.code == ExitCode.FAILED, ended.err
        assert "is damaged" in ended.err
        assert "db restore" in ended.err
        assert "started" not in ended.err
        assert drill.database.read_bytes() == before  # and nobody has made it worse
    looked = drill.run("doctor", "--no-partners", "--json")
    assert looked.code == ExitCode.REFUSED
    assert drill.database.read_bytes() == before
    # The command that is there for it puts it right.
    assert drill.run("db", "restore", backup, "--reason", "mixed up").code == ExitCode.OK
    with drill.program("court_port", "serve"):
        assert drill.run("query", "--case", CASE).code == ExitCode.OK
    assert drill.run("log", "verify").code == ExitCode.OK


def test_no_program_starts_on_a_database_that_cannot_be_written(drill: Drill) -> None:
    with drill.database.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")  # SQLite 1.3.2, file format write version: above 2 the file is read only, for root as well
    for wal in drill.folder.glob("court.db-*"):
        wal.unlink()
    for command in ("serve", "worker"):
        ended = drill.run(command)
        assert ended.code == ExitCode.FAILED, ended.err
        assert "cannot be written" in ended.err
        assert "started" not in ended.err


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_backup_that_is_not_sound_replaces_nothing(drill: Drill, tmp_path: Path, ending: str) -> None:
    backup = tmp_path / "backup.db"
    assert drill.run("db", "backup", backup).code == ExitCode.OK
    if ending:
        Path(f"{backup}{ending}").write_bytes(b"x" * 100)
    else:
        with backup.open("r+b") as file:
            file.seek(4096 * 3)
            file.write(os.urandom(4096 * 8))
    before = drill.database.read_bytes()
    assert drill.run("db", "restore", backup, "--reason", "x").code in (ExitCode.FAILED, ExitCode.CONFIGURATION)
    assert drill.database.read_bytes() == before
    assert not list(drill.folder.glob("*replaced*"))
    assert drill.run("log", "verify").code == ExitCode.OK


def test_a_backup_of_a_database_in_use_is_whole(drill: Drill, tmp_path: Path) -> None:
    with drill.program("court_port", "serve"):
        for _ in range(3):
            assert drill.run("query", "--case", CASE).code == ExitCode.OK
        started = time.monotonic()
        assert drill.run("db", "backup", tmp_path / "backup.db").code == ExitCode.OK
        assert time.monotonic() - started < 60
    with closing(sqlite3.connect(tmp_path / "backup.db")) as copy:
        assert copy.execute("SELECT count(*) FROM inbox_message").fetchone() == (3,)
    again = drill.run("db", "backup", tmp_path / "backup.db")
    assert again.code == ExitCode.CONFIGURATION
