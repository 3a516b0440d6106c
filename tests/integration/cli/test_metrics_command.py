"""`ccms-ws metrics`: printed once, and served over a socket by the program that it is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import make_installation
from ccms_ws.metrics.families import FAMILIES
from tests.support.commands import Commands, free_port_base, wait_until_it_listens
from tests.support.court import Court


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of today: the command counts what was refused in the last hour by the machine's clock."""
    folder = tmp_path_factory.mktemp("installation") / "court"
    make_installation(folder, SystemClock())
    return folder


@pytest.fixture
def court(court_folder: Path) -> Court:
    return Court(court_folder, SystemClock().now())


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


def value(text: str, name: str, **labels: str) -> float:
    samples = [sample for metric in parse(text) for sample in metric.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_what_went_in_and_out_is_printed_once(ccms_ws: Commands, court: Court) -> None:
    court.ask(court.query(case_number="CR-2023-002931"))
    court.post(b"<nothing/>")
    assert ccms_ws("col903", "build", "--partner", "FTB").code == ExitCode.OK
    ended = ccms_ws("metrics")
    assert (ended.code, ended.err) == (ExitCode.OK, "")
    assert value(ended.out, "ccms_ws_messages_received_total", exchange="FCC807", partner="ADULT-PROBATION") == 1
    assert value(ended.out, "ccms_ws_messages_refused_total") == 1
    assert value(ended.out, "ccms_ws_outbox_messages", exchange="COL903", partner="FTB", state="pending") == 1
    assert value(ended.out, "ccms_ws_certificate_expiry_timestamp_seconds", whose="the court") > 0
    as_json = ccms_ws("metrics", "--json").json
    assert {each["name"] for each in as_json} == {family.name for family in FAMILIES}
    told = ended.out + json.dumps(as_json)
    assert "CR-2023-002931" not in told
    assert "P-1002" not in told


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:", ":", "127.0.0.1:70000", "0"])
def test_an_address_that_is_none_is_refused(ccms_ws: Commands, address: str) -> None:
    ended = ccms_ws("metrics", "--listen", address)
    assert ended.code == ExitCode.CONFIGURATION
    assert "--listen 9464" in ended.err


def test_a_database_of_another_version_is_refused(ccms_ws: Commands, court_folder: Path) -> None:
    settings = court_folder / "ccms-ws.toml"
    (court_folder / "other.db").touch(0o600)
    settings.write_text(settings.read_text("utf-8").replace("court.db", "other.db"), "utf-8")
    assert ccms_ws("metrics").code == ExitCode.CONFIGURATION


def test_partners_find_no_numbers_where_they_send(court: Court) -> None:
    for path in ("/metrics", "/FCC807/1.0/metrics"):
        assert court.request(path=path, method="GET").status == 404


def test_they_are_served_on_this_machine_until_it_is_told_to_end(court: Court, court_folder: Path) -> None:
    port = free_port_base() + 9
    config = ("--config", str(court_folder / "ccms-ws.toml"))
    command = [sys.executable, "-m", "ccms_ws", "metrics", "--listen", str(port), "--json", *config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            wait_until_it_listens(process, port)
            url = f"http://127.0.0.1:{port}/metrics"
            for number in (1, 2):
                court.ask(court.query(case_number="CR-2023-002931"))
                with urllib.request.urlopen(url, timeout=30) as answer:
                    text = answer.read().decode()
                    assert answer.headers["Content-Type"].startswith("text/plain; version=")
                assert value(text, "ccms_ws_messages_received_total", exchange="FCC807") == number
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30)
            assert refused.value.code == 404
            refused.value.close()
        finally:
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=40)
    assert process.returncode == ExitCode.OK
    assert json.loads(told) == {"url": url}
