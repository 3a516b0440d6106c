"""The scripts of `tools/` on files as people have them, run again, killed midway, and with nobody to read them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ccms_ws.demo.installation import Ports
from tests.support.debtors import hold_order
from tests.support.process_cluster import House

TOOLS = Path(__file__).parents[2] / "tools"
HEADER = (
    "case_number,participant_id,given,surname,account_number,effective_on,reason,paid,referred_amount,"
    "previous_balance,current_balance"
)
ROW = "TR-{0},P-{0},Ana,Example,A-{0},2026-01-05,,100.00,900.00,500.00,400.00"


def command(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(TOOLS / name), *map(str, arguments)]


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(command(name, *arguments), capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in ended.stderr
    return ended


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A court, and FTB's program, which is not started."""
    house = House(tmp_path, people=1)
    house.programs = {"ftb": house.programs["ftb"]}
    profile = house.settings.parent / "partners" / "FTB.toml"
    written, found = re.subn(r"batch_size = \d+", "batch_size = 2", profile.read_text("utf-8"))
    assert found == 1
    profile.write_text(written, "utf-8")
    return house


def updates(tmp_path: Path, *rows: str) -> Path:
    file = tmp_path / "updates.csv"
    file.write_text("\n".join([HEADER, *rows]), "utf-8")
    return file


def push(house: House, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return run("push_col903.py", "--config", house.settings, "--partner", "FTB", file, *more)


def batches(file: Path) -> list[str]:
    lines = map(json.loads, Path(f"{file}.sent.jsonl").read_text("utf-8").splitlines())
    return [line["batch"] for line in lines if "rows" in line]


# -- push_col903 ------------------------------------------------------------------------------------------------------
def test_a_file_that_is_sent_twice_has_one_effect(house: House, tmp_path: Path) -> None:
    file = updates(tmp_path, *map(ROW.format, range(3)))
    with house:
        first = push(house, file)
        assert (first.returncode, len(batches(file))) == (0, 2), first.stderr
        again = push(house, file)
        assert again.returncode == 0
        assert "2 rows skipped: FTB has them in batch" in again.stdout
        assert "0 updates in 0 batches" in again.stdout
        assert len(batches(file)) == 2

        updates(tmp_path, *map(ROW.format, range(3)), ROW.format(7))  # the file grew
        more = push(house, file)
        assert (more.returncode, len(batches(file))) == (0, 3)
        assert "1 updates in 1 batches" in more.stdout

        on_purpose = push(house, file, "--again")
        assert (on_purpose.returncode, len(batches(file))) == (0, 5)


def test_a_batch_that_was_begun_is_sent_again_as_it_was(house: House, tmp_path: Path) -> None:
    file = updates(tmp_path, *map(ROW.format, range(3)))
    kept = Path(f"{file}.sent.jsonl")
    with socket.create_server(
        ("127.0.0.1", Ports(house.base).named["ftb_port"])
    ):  # takes the message, and never answers
        sending = subprocess.Popen(
            command("push_col903.py", "--config", house.settings, "--partner", "FTB", file), stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not (kept.exists() and kept.read_text("utf-8").endswith("\n")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        busy = push(house, file)
        assert (busy.returncode, "another program is sending this file" in busy.stderr) == (2, True)
        sending.send_signal(signal.SIGKILL)
        sending.wait(30)
    (begun,) = batches(file)
    with kept.open("a", encoding="utf-8") as torn:
        torn.write('{"batch": "0b7f2d94')  # as if it had died while it wrote
    with house:
        resumed = push(house, file)
    assert resumed.returncode == 0, resumed.stderr
    assert f"{begun} was begun" in resumed.stdout
    assert f"{begun} taken" in resumed.stdout
    assert batches(file)[0] == begun
    assert len(batches(file)) == 2


def test_a_batch_that_was_begun_with_other_rows_is_not_sent_in_silence(house: House, tmp_path: Path) -> None:
    file = updates(tmp_path, ROW.format(1))
    assert push(house, file).returncode == 1  # nobody is there
    assert len(batches(file)) == 1
    updates(tmp_path, ROW.format(1).replace("400.00", "399.00").replace(",100.00", ",101.00"))
    changed = push(house, file)
    assert changed.returncode == 2
    assert "rows that are not in the file any more" in changed.stderr
    assert "--again" in changed.stderr
    updates(tmp_path, ROW.format(1))
    with house:
        assert push(house, file).returncode == 0
    assert len(batches(file)) == 1


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (
            f"{HEADER}\n{ROW.format(1)[:-6]}1,500.00\n",
            1,
            "updates.csv line 2: has more cells (12) than the header (11)",
        ),
        (
            f"{HEADER},current_balance\n{ROW.format(1)},0.00\n",
            2,
            "line 1: the column current_balance stands there twice",
        ),
        (f"{HEADER}\n{ROW.format(1)}\n".replace("Ana", "Mar\udceda"), 2, "line 2: given: byte 13 (0xed) is not UTF-8"),
        (f"{HEADER};x\n", 2, "unknown column"),
        ("", 2, "is empty"),
    ],
)
def test_a_bad_file_sends_nothing(house: House, tmp_path: Path, content: str, code: int, said: str) -> None:
    file = tmp_path / "updates.csv"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    ended = push(house, file)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
    assert not Path(f"{file}.sent.jsonl").exists()


# -- push_dmv907 ------------------------------------------------------------------------------------------------------
ORDERS = "action,case,participant,violated,violation_date,noncompliance_date,order_date,order_kind"
ORDER = "hold,{},{},VC 14601.1(a),2025-05-02,2026-04-06,2025-10-06,Program"


def order(house: House, file: Path) -> subprocess.CompletedProcess[str]:
    return run("push_dmv907.py", "file", file, "--config", house.settings)


def test_a_second_run_tells_what_was_done_before_from_what_is_refused(house: House, tmp_path: Path) -> None:
    known = hold_order(0)
    case, person = known.case_number, known.participant_id
    file = tmp_path / "orders.csv"
    bad = ORDER.format(case, person).replace("VC 14601.1(a)", 'VC  hello<&>"')
    file.write_text("\r\n".join([ORDERS, "", ORDER.format(case, person), bad.replace('"', "")]), "utf-8")
    first = order(house, file)
    assert first.returncode == 1
    assert "line 4 refused: violated is not a section like VC 14601.1(a)" in first.stderr
    assert "1 ordered, 0 done before, 1 refused" in first.stdout
    again = order(house, file)
    assert "line 3 done before: the same was ordered before" in again.stderr
    assert "0 ordered, 1 done before, 1 refused" in again.stdout
    file.write_text("\n".join([ORDERS, ORDER.format(case, person)]), "utf-8")
    assert order(house, file).returncode == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{ORDERS}\n", "has no order, only a header"),
        (f"{ORDERS}\n,,,,,,,\n", "has no order, only a header"),
        (f"{ORDERS},case\n", "case stands there twice"),
        (ORDERS.replace(",", ";"), "separated by semicolons"),
        (f"{ORDERS},conviction\n", "unknown column conviction"),
    ],
)
def test_a_file_without_orders_orders_nothing(house: House, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(content, "utf-8")
    ended = order(house, file)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr


# -- receive_answers, and standard output -----------------------------------------------------------------------------
@pytest.mark.parametrize("since", ["nan", "inf", "-1", "1e300", "yesterday", "٣"])
def test_an_odd_time_is_a_wrong_command_line(house: House, since: str) -> None:
    ended = run("receive_answers.py", "--config", house.settings, f"--since={since}")
    assert (ended.returncode, "between 0 and 87600" in ended.stderr) == (2, True)


def test_a_file_that_cannot_be_written_or_read_is_named(house: House, tmp_path: Path) -> None:
    out = run("receive_answers.py", "--config", house.settings, "--out", tmp_path / "none" / "out.json")
    assert (out.returncode, "cannot be written" in out.stderr) == (2, True)
    sent = tmp_path / "sent.jsonl"
    sent.write_text("{}\n", "utf-8")
    odd = run("receive_answers.py", "--config", house.settings, "--sent", sent)
    assert (odd.returncode, "line 1: is not what push_col903.py keeps" in odd.stderr) == (2, True)
    missing = run("receive_answers.py", "--config", house.settings, "--sent", tmp_path / "nothing")
    assert (missing.returncode, "cannot be used" in missing.stderr) == (2, True)


def test_a_full_disk_and_a_reader_that_goes_away_end_no_work(house: House, tmp_path: Path) -> None:
    file = updates(tmp_path, ROW.format(1))
    sending = command("push_col903.py", "--config", house.settings, "--partner", "FTB", file, "--dry-run")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(sending, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (
        2,
        "push_col903: standard output cannot be written: No space left on device\n",
    )
    reading, writing = os.pipe()
    os.close(reading)
    try:
        gone = subprocess.run(sending, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    finally:
        os.close(writing)
    assert (gone.returncode, gone.stderr) == (0, "")
