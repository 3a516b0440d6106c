"""`ccms-ws replay`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.cli import main
from ccms_ws.replay import shipped_cases


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["replay", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A case whose recorded balance is not what the court says."""
    folder = tmp_path / "changed"
    shutil.copytree(shipped_cases() / "fcc807-balance-by-case", folder)
    answer = folder / "answer.xml"
    answer.write_bytes(answer.read_bytes().replace(b">245.00<", b">1.00<"))
    return folder


def test_what_is_as_recorded_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "run", "--only", "dmv907-response-*")
    assert (code, err) == (0, "")
    assert out.startswith("11 same (offline, the demo court") or " same (offline, the demo court" in out


def test_what_differs_ends_with_1_and_says_where(capsys: pytest.CaptureFixture[str], changed: Path) -> None:
    code, out, _ = run(capsys, "run", changed)
    assert code == 1
    assert "fcc807:BalanceDueAmount: expected '1.00', was '245.00'" in out


def test_reports_are_written_whatever_came_of_it(
    capsys: pytest.CaptureFixture[str], changed: Path, tmp_path: Path
) -> None:
    junit, page = tmp_path / "replay.xml", tmp_path / "replay.html"
    code, out, _ = run(capsys, "run", changed, "--junit", junit, "--html", page, "--json")
    facts = json.loads(out)
    assert (code, facts["same"], facts["counts"]["different"]) == (1, False, 1)
    assert etree.parse(junit).getroot().tag == "testsuites"
    assert "fcc807:BalanceDueAmount" in page.read_text("utf-8")


def test_cases_are_listed_with_what_must_come_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--only", "fcc807-bad-stale", "--json")
    (row,) = json.loads(out)
    assert (code, row["outcome"]) == (0, "fault security.timestamp-out-of-range")


def test_a_name_that_no_case_has_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "run", "--only", "nothing")
    assert code == 3
    assert "ccms-ws replay list" in err


def test_live_needs_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "run", "--mode", "live")[0] == 2


def test_an_endpoint_that_is_not_there_ends_with_6(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(
        capsys, "run", "--mode", "live", "--to", "http://127.0.0.1:9", "--only", "fcc807-balance-by-case"
    )
    assert code == 6
    assert "no answer" in err


def test_the_script_that_documents_the_interface_runs(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "tools" / "replay.py"
    cases = [shipped_cases() / name for name in ("fcc807-balance-by-case", "session-hold-and-release")]
    ended = subprocess.run(
        [sys.executable, script, *cases, "--junit", tmp_path / "x.xml", "--html", tmp_path / "x.html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["same      fcc807-balance-by-case", "same      session-hold-and-release"]
    assert (tmp_path / "x.xml").exists()
    assert (tmp_path / "x.html").exists()
