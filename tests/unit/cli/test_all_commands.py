"""What holds for every command there is, and for every one that is ever added."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
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
