"""Changing keys and pins in settings files: one file, one rename, and nothing else in it touched.

A program that reads the file meanwhile sees the old settings or the new ones.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from ccms_ws.errors import ConfigError


def name_in(folder: Path, path: Path) -> str:
    """`path` as it is written in a file of `folder`."""
    relative = os.path.relpath(path.resolve(), folder.resolve())
    return str(path.resolve()) if relative.startswith("../../..") else Path(relative).as_posix()


def switch_identity(settings_file: Path, key: Path, certificate: Path) -> None:
    """Let [identity] name another key and certificate. Raises ConfigError if the file has an unusual form."""
    text = settings_file.read_text("utf-8-sig")
    wanted = tomllib.loads(text)
    for name, path in (("key", key), ("certificate", certificate)):
        value = name_in(settings_file.parent, path)
        wanted["identity"][name] = value
        text = _with_value(text, "identity", name, f'"{value}"')
    _replace(settings_file, text, wanted)


def switch_pins(profile_file: Path, certificates: Sequence[Path]) -> None:
    """Let a partner's profile name these certificates. Raises ConfigError if the file has an unusual form."""
    text = profile_file.read_text("utf-8-sig")
    wanted = tomllib.loads(text)
    values = [name_in(profile_file.parent, path) for path in certificates]
    wanted["certificates"] = values
    listed = ", ".join(f'"{value}"' for value in values)
    _replace(profile_file, _with_value(text, "", "certificates", f"[{listed}]"), wanted)


def profile_of(folder: Path, partner_id: str) -> Path:
    """The file in `folder` that describes a partner. Raises ConfigError."""
    for path in sorted(folder.glob("*.toml")):
        if tomllib.loads(path.read_text("utf-8-sig")).get("id") == partner_id:
            return path
    raise ConfigError(f"no file in {folder} describes {partner_id}")


def _with_value(text: str, table: str, key: str, value: str) -> str:
    """`text` with another value for one key: a string or a list, on one line or on several."""
    start = 0
    if table:
        head = re.search(rf"^\[{table}\][^\n]*\n", text, re.MULTILINE)
        start = head.end() if head else len(text)
    end = re.compile(r"^\[", re.MULTILINE).search(text, start)
    stop = end.start() if end else len(text)
    line = re.compile(rf"^({key}\s*=\s*)(\"[^\"\n]*\"|'[^'\n]*'|\[[^\]]*\])", re.MULTILINE)
    return text[:start] + line.sub(lambda found: found[1] + value, text[start:stop], count=1) + text[stop:]


def _replace(path: Path, text: str, wanted: object) -> None:
    """Put `text` in the place of `path` if it says what is wanted and nothing else."""
    if tomllib.loads(text) != wanted:
        raise ConfigError(f"{path} is written in a form that cannot be changed here", hint="change it by hand")
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
