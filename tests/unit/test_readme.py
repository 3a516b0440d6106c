"""README.md and ARCHITECTURE.md list every exchange, folder, dependency and command, and none that does not exist."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from ccms_ws.cli.app import app, exchange_commands
from ccms_ws.registry import EXCHANGES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ccms_ws" / "docs" / "ARCHITECTURE.md").read_text("utf-8")


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = document.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def test_the_exchange_table_is_the_registry() -> None:
    assert [row[:3] for row in rows(README, "The exchanges")] == [
        [exchange.code, exchange.title, exchange.direction.value] for exchange in EXCHANGES
    ]


def test_every_folder_and_module_is_on_the_map() -> None:
    listed = " ".join(row[0] for row in rows(ARCHITECTURE, "Where things are"))
    for path in (ROOT / "ccms_ws").iterdir():
        if (path.is_dir() and path.name != "__pycache__") or path.suffix == ".py":
            name = f"ccms_ws/{path.name}/" if path.is_dir() else path.name
            assert name in listed or path.name in ("__init__.py", "__main__.py"), name
    for name in re.findall(r"`([\w/.]+)`", listed):
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "ccms_ws")), name


def test_every_dependency_has_its_reason() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    required = re.findall(r"^([\w-]+)", settings["options"]["install_requires"], re.MULTILINE)
    listed = [name.strip() for row in rows(ARCHITECTURE, "Dependencies") for name in row[0].split(",")]
    assert sorted(name.lower() for name in listed) == sorted(name.lower() for name in required)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`ccms-ws (\w+)", README))))
def test_every_command_it_names_exists(command: str) -> None:
    commands = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    groups = {each.name for each in app.registered_groups} | exchange_commands().keys()
    assert command in commands | groups
