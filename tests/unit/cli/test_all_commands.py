"""What holds for every command there is, and for every one that is ever added."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from ccms_ws.cli.app import app

ROOT = typer.main.get_command(app)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    context: Any = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*path, name))


ALL = [pytest.param(path, command, id=" ".join(path)) for path, command in commands(ROOT)]
every_command = pytest.mark.parametrize(("path", "command"), ALL)


def examples(command: Any) -> list[str]:
    """The command lines after "Example: " in its help."""
    told = " ".join(re.findall(r"Examples?: (.+)", " ".join((command.help or "").split())))
    return [line.strip(" ;.") for line in re.split(r"(?=\bccms-ws )", told) if line.strip()]


@every_command
def test_its_help_has_an_example_that_is_a_command_line_of_it(
    path: tuple[str, ...], command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = examples(command)
    assert lines, "its help should end with `Example: ccms-ws ...`"
    for line in lines:
        words = shlex.split(line.partition(" > ")[0].partition("; ")[0])
        assert tuple(words[: 1 + len(path)]) == ("ccms-ws", *path)
        for word in words:
            if word.endswith((".csv", ".jsonl")):
                (tmp_path / word).touch()
        command.make_context(" ".join(path), words[1 + len(path) :], resilient_parsing=False).close()


@every_command
def test_it_has_json_for_programs(path: tuple[str, ...], command: Any) -> None:
    assert "--json" in {option for parameter in command.params for option in parameter.opts}


@every_command
def test_every_option_is_explained(path: tuple[str, ...], command: Any) -> None:
    silent = [
        parameter.name
        for parameter in command.params
        if not getattr(parameter, "help", None) and not getattr(parameter, "hidden", False)
    ]
    assert silent == []


BASH = """
{source}
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMP_LINE="{words}"; COMP_POINT=${{#COMP_LINE}}
_ccms_ws_completion ccms-ws
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@cache
def told_to_bash() -> str:
    """What bash has to read first."""
    asked = os.environ | {"_CCMS_WS_COMPLETE": "source_bash"}
    return subprocess.run(
        [sys.executable, "-m", "ccms_ws"], env=asked, capture_output=True, text=True, check=True
    ).stdout


def completed(*words: str, cwd: Path | None = None) -> list[str]:
    """What bash offers for the last of the words, asked as bash asks."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    line = " ".join(shlex.quote(word) for word in ("ccms-ws", *words))
    script = BASH.format(source=told_to_bash(), words=line)
    ended = subprocess.run(
        ["bash", "-c", script], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True, cwd=cwd
    )
    return ended.stdout.split()


def test_bash_completes_commands_and_options() -> None:
    assert {"messages", "outbox", "exchanges", "partners", "doctor", "docs", "kit"} <= set(completed(""))
    assert set(completed("messages", "")) == {"list", "show", "export"}
    assert completed("messages", "list", "--exch") == ["--exchange"]


def test_bash_completes_exchanges_documents_and_the_partners_of_this_court(court_folder: Path) -> None:
    assert completed("exchanges", "show", "C") == ["COL903"]
    assert completed("docs", "OPER") == ["OPERATIONS"]
    assert completed("partners", "test", "", cwd=court_folder)[:2] == ["ADULT-PROBATION", "AGENCY"]
    assert completed("partners", "test", "D") == [], "without a court nobody is known, and nothing is said"


def test_a_shell_is_told_how_to_complete() -> None:
    assert "complete -o default -F _ccms_ws_completion ccms-ws" in told_to_bash()
