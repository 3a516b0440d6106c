"""Recordings find the court where they were made; against a running court, what one key cannot sign is skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccms_ws.bootstrap import open_court
from ccms_ws.cli import main
from ccms_ws.clock import FixedClock, SystemClock
from ccms_ws.config import load_settings
from ccms_ws.demo.installation import make_installation
from ccms_ws.replay import shipped_cases
from tests.support.court import Court
from tests.support.http_server import url_of, wsgi_server


def replay(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["replay", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture
def recorded(court: Court, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Two queries, of adult and of juvenile probation, kept as they came."""
    court.ask(court.query(case_number="TR-2025-004417"))
    court.ask(court.query("JUVENILE-PROBATION", case_number="CR-2023-002931"), signer="juvenile-probation")
    settings = court.folder / "ccms-ws.toml"
    code, *_ = replay(capsys, "record", "--since", "2026-11-01", "-o", tmp_path / "cases", "--config", settings)
    assert code == 0
    return tmp_path / "cases"


def test_a_recording_finds_its_court_by_itself(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = replay(capsys, "run", recorded)
    assert (code, err) == (0, "")
    assert out.startswith("2 same (offline, ")


def test_a_court_that_has_gone_is_named_with_what_to_do(
    recorded: Path, court: Court, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(court.folder, tmp_path / "copy")
    (court.folder / "ccms-ws.toml").unlink()
    code, _, err = replay(capsys, "run", recorded)
    assert code == 3
    assert str(court.folder / "ccms-ws.toml") in err.replace("\n", "")
    assert "--court FILE" in err
    assert replay(capsys, "run", recorded, "--court", copy / "ccms-ws.toml")[0] == 0


def test_cases_of_several_courts_are_not_played_in_one_of_them(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = replay(capsys, "run", recorded, shipped_cases() / "fcc807-balance-by-case")
    assert code == 3
    assert "the demo court" in err
    assert "each court alone" in err


# -- against a court that runs ----------------------------------------------------------------------------------------
@pytest.fixture
def running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[str, Path, Path]]:
    """A real court that listens, its folder, and recordings that ask for its own books."""
    now, folder = SystemClock().now(), tmp_path / "served"
    made = make_installation(folder, FixedClock(now))
    with wsgi_server() as server:
        url = url_of(server)
        settings = made.settings_file
        lines = settings.read_text("utf-8").splitlines()
        changed = [f'public_url = "{url}"' if line.startswith("public_url") else line for line in lines]
        settings.write_text("\n".join(changed) + "\n", "utf-8")
        court = Court(settings.parent, now)
        court.ask(court.query(case_number="TR-2025-004417"))
        court.ask(court.query("JUVENILE-PROBATION", case_number="CR-2023-002931"), signer="juvenile-probation")
        cases = tmp_path / "asked"
        code, *_ = replay(capsys, "record", "--since", "12h", "--books", "court", "-o", cases, "--config", settings)
        assert code == 0
        server.set_app(open_court(load_settings(settings)).gateway())
        yield url, settings.parent, cases


def live(url: str, folder: Path, signer: str) -> list[object]:
    pki = folder / "pki"
    return ["--mode", "live", "--to", url, "--court-certificate", pki / "court.crt", "--key", pki / f"{signer}.key",
            "--certificate", pki / f"{signer}.crt", "--json"]  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--partner", "ADULT-PROBATION"]])
def test_live_what_another_has_signed_is_skipped_with_the_reason(
    running: tuple[str, Path, Path], capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    url, folder, cases = running
    code, out, _ = replay(capsys, "run", cases, *live(url, folder, "adult-probation"), *options)
    facts = json.loads(out)
    assert (code, facts["counts"]["same"], facts["counts"]["skipped"]) == (0, 1, 1), facts
    (skipped,) = [each for each in facts["cases"] if each["verdict"] == "skipped"]
    assert skipped["reason"] == "it is signed by 'JUVENILE-PROBATION', and the key is ADULT-PROBATION's"


def test_live_a_key_that_has_signed_nothing_needs_a_name(
    running: tuple[str, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder, cases = running
    code, _, err = replay(capsys, "run", cases, *live(url, folder, "ftb")[:-1])
    assert code == 3
    assert "none of them with this key" in err
    assert "--partner PARTNER" in err


def test_as_is_what_the_court_cannot_verify_is_skipped_with_the_reason(
    running: tuple[str, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, _, cases = running
    ours, shipped = cases, shipped_cases() / "fcc807-balance-by-case"
    code, out, _ = replay(capsys, "run", ours, shipped, "--mode", "as-is", "--to", url, "--json")
    facts = json.loads(out)
    assert (code, facts["counts"]["same"], facts["counts"]["skipped"]) == (0, 2, 1), facts
    (skipped,) = [each for each in facts["cases"] if each["verdict"] == "skipped"]
    assert skipped["reason"] == "the endpoint does not know the key that signed the recorded message"
