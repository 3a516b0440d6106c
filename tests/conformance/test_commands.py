"""`ccms-ws kit`: what it makes, prints and writes, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccms_ws.cli import main
from ccms_ws.clock import SystemClock
from ccms_ws.conformance.build import make_kit
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from ccms_ws.replay.court import Courthouse
from tests.conformance.partners import free_port, simulated


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["kit", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit") / "col903"
    make_kit(get_exchange("COL903"), folder, partner="AGENCY")
    return folder


@pytest.fixture(scope="module")
def fcc807_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit") / "fcc807"
    make_kit(get_exchange("FCC807"), folder)
    return folder


@pytest.mark.parametrize("words", [("col903",), ("make", "COL903")])
def test_a_kit_is_made(capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, _ = run(capsys, *words, "-o", tmp_path / "kit")
    assert (code, out.splitlines()[-1]) == (0, f"next: read {tmp_path / 'kit' / 'README.md'}")
    assert (tmp_path / "kit" / "kit.toml").exists()


def test_an_exchange_that_nobody_knows_ends_with_4(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "ABC123", "-o", tmp_path / "kit")[0] == 4


def test_a_partner_that_conforms_ends_with_0_and_gets_every_report(
    capsys: pytest.CaptureFixture[str], kit: Path, tmp_path: Path
) -> None:
    page, text = tmp_path / "report.html", tmp_path / "report.txt"
    with Courthouse.demo(SystemClock().now()) as house, simulated(house, "COL903", "AGENCY") as running:
        code, out, err = run(
            capsys, "run", kit, "--endpoint", running.url, "--html", page, "--text", text, "--wait", 1, "--json"
        )
    facts = json.loads(out)
    assert (code, err, facts["result"], facts["subject"]) == (0, "", "conformant", running.url)
    assert "CONFORMANT" in page.read_text("utf-8")
    assert text.read_text("utf-8").endswith("RESULT: CONFORMANT\n")


def test_a_partner_that_signs_with_another_key_ends_with_1(
    capsys: pytest.CaptureFixture[str], kit: Path, tmp_path: Path
) -> None:
    pki.install(tmp_path)
    other = tmp_path / "dmv.crt"
    with Courthouse.demo(SystemClock().now()) as house, simulated(house, "COL903", "AGENCY") as running:
        code, out, _ = run(capsys, "run", kit, "--endpoint", running.url, "--certificate", other, "--wait", 0)
    assert (code, out.splitlines()[-1]) == (1, "RESULT: NOT CONFORMANT")
    assert "NO  M06" in out


def test_an_endpoint_that_is_not_there_ends_with_6(capsys: pytest.CaptureFixture[str], kit: Path) -> None:
    code, _, err = run(capsys, "run", kit, "--endpoint", f"http://127.0.0.1:{free_port()}/x")
    assert code == 6
    assert "127.0.0.1" in err


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("--endpoint", "ftp://127.0.0.1/x"),
        ("--endpoint", "http://127.0.0.1/x", "--listen", "8807"),
        ("--endpoint", "http://127.0.0.1/x", "--listen", "127.0.0.1:99999"),
    ],
)
def test_a_command_line_that_is_wrong_ends_with_2(
    capsys: pytest.CaptureFixture[str], kit: Path, wrong: tuple[str, ...]
) -> None:
    assert run(capsys, "run", kit, *wrong)[0] == 2


@pytest.mark.parametrize("wrong", [(), ("--endpoint", "http://127.0.0.1/x")])
def test_a_client_is_tested_by_listening(
    capsys: pytest.CaptureFixture[str], fcc807_kit: Path, wrong: tuple[str, ...]
) -> None:
    code, _, err = run(capsys, "run", fcc807_kit, *wrong)
    assert code == 2
    assert "--listen" in err


def test_what_is_no_kit_or_no_certificate_ends_with_3(
    capsys: pytest.CaptureFixture[str], kit: Path, tmp_path: Path
) -> None:
    assert run(capsys, "run", tmp_path, "--endpoint", "http://127.0.0.1/x")[0] == 3
    for option in ("--certificate", "--wsdl"):
        assert run(capsys, "run", kit, "--endpoint", "http://127.0.0.1/x", option, tmp_path / "none")[0] == 3


def test_a_run_that_is_interrupted_reports_all_the_same(fcc807_kit: Path) -> None:
    place = f"127.0.0.1:{free_port()}"
    with subprocess.Popen(
        [sys.executable, "-m", "ccms_ws", "kit", "run", fcc807_kit, "--listen", place],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == f"The court listens at {place}/FCC807/1.0; Ctrl-C ends the run.\n"
        running.send_signal(signal.SIGINT)
        out = running.stdout.read()
    assert (running.returncode, out.splitlines()[-1]) == (1, "RESULT: INCOMPLETE")
