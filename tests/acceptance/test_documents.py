"""Every command and snippet in the documents works as it stands there, in a demo court that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ccms_ws.cli.app import app, exchange_commands
from ccms_ws.cli.docs import FOLDER, all_documents
from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from ccms_ws.demo.processes import Processes, Program, listens
from tests.support.command_server import quick_commands
from tests.support.commands import free_port_base
from tests.support.documents import Snippet, script, snippets

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md", "xsd/README.md")),
    *(path.resolve() for path in all_documents().values()),
]
COMMANDS = typer.main.get_command(app).commands | exchange_commands()  # type: ignore[attr-defined]
RUNNING = [path for path in DOCUMENTS if any(each.is_run for each in snippets(path))]


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder above a demo court whose endpoint, worker and partners run, and the base of its ports."""
    folder, base = tmp_path_factory.mktemp("reader"), free_port_base()
    made = make_installation(folder / "demo-court", SystemClock(), ports=Ports(base))
    config = ("--config", str(made.settings_file))
    ports = Ports(base).named
    with Processes(folder / "logs") as processes, quick_commands(folder / "bin"):
        processes.start(
            [
                Program("endpoint", ("serve", *config), lambda _: listens(ports["court_port"])),
                Program("ftb", ("simulate", "FTB", *config), lambda _: listens(ports["ftb_port"])),
                Program("dmv", ("simulate", "DMV", *config), lambda _: listens(ports["dmv_port"])),
                Program("worker", ("worker", *config), lambda log: "worker.started" in log.read_text()),
            ]
        )
        yield folder, base


@pytest.mark.parametrize("path", RUNNING, ids=lambda path: path.stem)
def test_what_a_document_says_to_do_works(path: Path, court: tuple[Path, int]) -> None:
    folder, base = court
    blocks = [each for each in snippets(path) if each.is_run and not each.missing]
    left_out = {f"{each.missing} is not installed" for each in snippets(path) if each.is_run and each.missing}
    for name in ("tools", "ccms_ws"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(ROOT / name)
    ports = {str(8800 + number): str(base + number) for number in (7, 50, 103, 107)}
    ended = subprocess.run(
        ["bash", "-c", script(blocks, ports)],
        cwd=folder,
        env=os.environ
        | {
            "PATH": f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "200",
            "PYTHONSAFEPATH": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    if left_out:
        pytest.skip(f"the rest ran; {', '.join(sorted(left_out))}")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_no_snippet_of_a_document_goes_unrun(path: Path) -> None:
    """The demo has tests of its own; the other two run these tests."""
    allowed = {"tools/demo", "tools/test", "tools/check"}

    def excused(each: Snippet) -> bool:
        return (
            each.language not in ("sh", "python", "") or {line.split()[0] for line in each.text.splitlines()} <= allowed
        )

    unrun = [f"{each.document}:{each.line}" for each in snippets(path) if not each.is_run and not excused(each)]
    if path.name == "README.md":
        unrun = [place for place in unrun if "ok  FCC807" not in path.read_text()]
    assert unrun == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_of_a_document_leads_to_a_file(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_test_that_a_document_names_is_there(path: Path) -> None:
    """A claim names the test that shows it: `tests/unit/test_x.py::test_y`, or a file of tests."""
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", path.read_text("utf-8")):
        assert (ROOT / file).is_file(), file
        assert not name or f"def {name}(" in (ROOT / file).read_text("utf-8"), f"{file}::{name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    named = re.findall(r"`((?:ccms_ws|xsd|wsdl|tests|tools)/[\w./-]*)(?=[`: ])", path.read_text("utf-8"))
    assert [name for name in named if not re.search("NAME|PATH", name) and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_command_that_a_document_names_is_there(path: Path) -> None:
    for first, second in re.findall(
        r"(?:`|^|\()ccms-ws ([a-z][\w-]*)(?: ([a-z][\w-]*))?", path.read_text("utf-8"), re.M
    ):
        command = COMMANDS.get(first)
        assert command is not None, first
        below = getattr(command, "commands", None)
        assert below is None or not second or second in below, f"{first} {second}"


def test_the_documents_are_installed_with_the_package() -> None:
    assert {"INTEGRATING", "OPERATIONS", "TESTING", "ARCHITECTURE", "THREAT-MODEL", "CHANGELOG"} <= set(all_documents())
    assert FOLDER.is_relative_to(ROOT / "ccms_ws")


@pytest.mark.parametrize("name", ["query_fcc807", "push_col903", "push_dmv907", "receive_answers"])
def test_each_script_is_run_by_a_document(name: str) -> None:
    script_file = ROOT / "tools" / f"{name}.py"
    assert os.access(script_file, os.X_OK)
    assert any(f"tools/{name}.py" in each.text for path in RUNNING for each in snippets(path) if each.is_run)
