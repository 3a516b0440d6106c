"""`ccms-ws init`: a complete court, and never the end of another one."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ccms_ws.cli import main
from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.demo.pki import has_pki
from ccms_ws.registry import EXCHANGES
from tests.support.commands import Ended

NAMES = ("court", "adult-probation", "juvenile-probation", "ftb", "collection-agency", "dmv")


def init(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    with pytest.raises(SystemExit) as ended:
        main(["init", *map(str, arguments)])
    captured = capsys.readouterr()
    return Ended(int(ended.value.code or 0), captured.out, captured.err)


def test_what_is_made_can_be_used_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = init(capsys, tmp_path / "court", "--json").json
    settings = load_settings(Path(made["settings"]), [exchange.code for exchange in EXCHANGES])
    assert set(made["partners"]) == {"ADULT-PROBATION", "JUVENILE-PROBATION", "FTB", "AGENCY", "DMV"}
    assert made["cases"] == 25
    assert settings.endpoint.port == 8807
    assert has_pki(tmp_path / "court/pki", NAMES, SystemClock().now())
    assert (tmp_path / "court/pki/ca.crt").is_file()
    assert stat.S_IMODE((tmp_path / "court/pki/dmv.key").stat().st_mode) == 0o600


def test_the_next_command_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"next: ccms-ws serve --config {tmp_path}/court/ccms-ws.toml" in init(capsys, tmp_path / "court").out


def test_ports_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, tmp_path, "--port-base", 9800)
    settings = load_settings(tmp_path / "ccms-ws.toml")
    assert settings.endpoint.public_url == "http://127.0.0.1:9807"
    assert settings.partner("DMV").receives["DMV907"].url == "http://127.0.0.1:9907/DMV907"


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    for arguments in ((tmp_path,), (tmp_path, "--force")):
        ended = init(capsys, *arguments)
        assert ended.code == ExitCode.CONFIGURATION
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_force_makes_a_demo_court_afresh_and_keeps_its_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    court_folder = tmp_path / "court"
    init(capsys, court_folder)
    key = (court_folder / "pki/court.key").read_bytes()
    (court_folder / "court.db").write_bytes(b"")
    (court_folder / "partners/FTB.toml").write_text("spoilt")
    assert init(capsys, court_folder).code == ExitCode.CONFIGURATION
    made = init(capsys, court_folder, "--force", "--json").json
    assert made["keys_made"] is False
    assert (court_folder / "pki/court.key").read_bytes() == key
    assert load_settings(court_folder / "ccms-ws.toml").partner("FTB").name


def test_force_never_replaces_a_court_that_exists(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = court_folder / "ccms-ws.toml"
    settings.write_text(settings.read_text().replace("CA099015J", "CA034015J"))
    database = (court_folder / "court.db").read_bytes()
    ended = init(capsys, court_folder, "--force", "--json")
    assert ended.code == ExitCode.CONFIGURATION
    assert "holds no demo court" in json.loads(ended.out)["error"]["detail"]
    assert (court_folder / "court.db").read_bytes() == database
