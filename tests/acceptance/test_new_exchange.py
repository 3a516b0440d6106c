"""An exchange more is one folder, one entry of the registry, and its contract: everything else follows from these.

The project is copied, the exchange of `tests/skeleton` is added to the copy, and the programs of the copy are run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import free_port_base
from tests.support.new_exchange import CODE, ccms_ws, environment, make_project, python

PUBLISHED = """
from pathlib import Path
from ccms_ws.bootstrap import open_court
from ccms_ws.config import load_settings
from ccms_ws.replay.court import environ_of
from ccms_ws.replay.draft import Request

gateway = open_court(load_settings(Path("court/ccms-ws.toml"))).gateway()
for path, query in (("/", ""), ("/TST999/1.0", "wsdl")):
    environ = environ_of(Request(body=b"", content_type="", method="GET"), path) | {"QUERY_STRING": query}
    print(b"".join(gateway(environ, lambda status, _: print(status))).decode())
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    make_project(folder)
    return folder


@pytest.fixture(scope="module")
def port_base() -> int:
    return free_port_base()


@pytest.fixture(scope="module")
def steps(project: Path, port_base: int) -> list[dict[str, Any]]:
    """What the demo of the copy did; its court is in the folder `court`."""
    ccms_ws(project, "demo", "court", "--port-base", port_base, "--json", "steps.json")
    done: list[dict[str, Any]] = json.loads((project / "steps.json").read_text("utf-8"))["steps"]
    return done


def rows(project: Path, *arguments: object) -> list[dict[str, Any]]:
    """What a command prints about the exchange."""
    printed = json.loads(ccms_ws(project, *arguments, "--config", "court/ccms-ws.toml", "--json"))
    return [row for row in printed if CODE in (row.get("exchange"), row.get("labels", {}).get("exchange"))]


def test_its_folder_keeps_the_direction_of_imports(project: Path) -> None:
    shutil.copyfile(Path(__file__).parents[2] / "setup.cfg", project / "setup.cfg")
    said = python(project, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert " 0 broken" in said


def test_its_contract_is_linted_and_exported(project: Path, steps: list[dict[str, Any]]) -> None:
    assert steps
    assert python(project, "tools/lint-contract") == "no findings\n"
    ccms_ws(project, "contract", "export", CODE, "-o", "package.zip", "--config", "court/ccms-ws.toml")
    names = {name.partition("/")[2] for name in zipfile.ZipFile(project / "package.zip").namelist()}
    assert {
        "samples/TST999-notice.xml",
        "samples/signed/soap12/TST999-error.xml",
        "wsdl/partner/TST999-1.0.wsdl",
    } < names


def test_it_is_in_the_documents_that_are_made(project: Path) -> None:
    page = python(project, "-c", "from tools.input_docs import exchanges_page; print(exchanges_page())")
    assert "| TST999 1.0 | Court Sends Notice | court to partner | franchise-tax-board |" in page
    assert "## TST999 1.0" in page


def test_it_is_published(project: Path, steps: list[dict[str, Any]]) -> None:
    assert steps
    said = python(project, "-c", PUBLISHED)
    assert said.count("200 OK") == 2
    assert "Court Sends Notice" in said
    assert 'location="http://127.0.0.1' in said


def test_the_command_line_knows_it(project: Path, steps: list[dict[str, Any]]) -> None:
    assert steps
    (row,) = rows(project, "exchanges", "list")
    assert (row["direction"], row["partners"]) == ("court to partner", "FTB")
    assert "take_error" in ccms_ws(project, "exchanges", "show", CODE.lower(), "--config", "court/ccms-ws.toml")
    assert "TST999\n" in python(project, "-c", "from ccms_ws.cli.completion import exchanges; print(*exchanges('T'))")


def test_the_demo_sends_it_and_a_simulated_partner_answers(project: Path, steps: list[dict[str, Any]]) -> None:
    own = [step for step in steps if step["exchange"] == CODE]
    assert [(step["outcome"], step["ok"]) for step in own] == [("delivered", True)] * 2
    assert all(step["ok"] for step in steps), "the other exchanges are not disturbed"
    seen = rows(project, "messages", "list")
    assert sorted((row["way"], row["message"], row["outcome"]) for row in seen) == [
        ("in", "CaseNoticeError", "accepted"),
        ("out", "CaseNotice", "delivered"),
        ("out", "CaseNotice", "delivered"),
    ]


def test_it_is_in_the_metrics(project: Path, steps: list[dict[str, Any]]) -> None:
    assert steps
    counted = {(row["name"], row["labels"].get("outcome", "")): row["value"] for row in rows(project, "metrics")}
    assert counted["ccms_ws_messages_delivered_total", ""] == 2
    assert counted["ccms_ws_messages_received_total", "accepted"] == 1
    assert "ccms_ws_answers_overdue" not in {name for name, _ in counted}, "silence is success"


def test_its_messages_are_recorded_without_personal_data_and_played_again(
    project: Path, steps: list[dict[str, Any]]
) -> None:
    assert steps
    record = ("replay", "record", "--since", "1h", "--exchange", CODE, "--anonymize", "-o", "cases")
    ccms_ws(project, *record, "--config", "court/ccms-ws.toml")
    (case,) = (project / "cases").iterdir()
    texts = "".join(path.read_text("utf-8") for path in case.iterdir())
    assert "CaseNoticeError" in texts
    assert "CR-404" not in texts
    assert all(step["transaction_id"] not in texts for step in steps), "its own ids are renewed"
    assert "1 same" in ccms_ws(project, "replay", "run", "cases")


def test_its_own_command_queues_a_message(project: Path, steps: list[dict[str, Any]]) -> None:
    assert steps
    command = ("tst999", "send", "--case", "TR-1", "--config", "court/ccms-ws.toml", "--json")
    assert json.loads(ccms_ws(project, *command))["partner"] == "FTB"


def test_the_kit_tests_a_partner_by_it(project: Path, steps: list[dict[str, Any]], port_base: int) -> None:
    """The simulated partner of the demo court, to which the kit's court is the court, reports one error."""
    assert steps
    ccms_ws(project, "kit", CODE, "-o", "kit")
    for file in (project / "kit" / "keys").iterdir():
        shutil.copyfile(file, project / "court" / "pki" / file.name)
    config = ("--config", "court/ccms-ws.toml")
    partner = subprocess.Popen(
        [sys.executable, "-m", "ccms_ws", "simulate", "FTB", "--script", "error", *config, "--json"],
        cwd=project, env=environment(project), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert partner.stdout is not None
        urls = json.loads(_read_json(partner.stdout))["urls"]
        (url,) = (url for url in urls if url.endswith(CODE))
        listen = f"127.0.0.1:{port_base + 7}"
        said = ccms_ws(project, "kit", "run", "kit", "--endpoint", url, "--listen", listen, "--wait", 2)
        assert "CONFORMANT" in said
        assert "NOT CONFORMANT" not in said
    finally:
        partner.terminate()
        partner.communicate(timeout=10)


def _read_json(stream: Any) -> str:
    """The first JSON value that a program prints."""
    text, deadline = "", time.monotonic() + 30
    while time.monotonic() < deadline:
        text += stream.readline()
        try:
            json.loads(text)
        except ValueError:
            continue
        return str(text)
    raise AssertionError(f"no JSON: {text!r}")
