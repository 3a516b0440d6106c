"""A partner's contract as it was imported: `contract.lock` beside its files has the origin and the hash of each."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from ccms_ws.contract.wsdl_import import Gathering
from ccms_ws.errors import ConfigError, ContractError

LOCK: Final = "contract.lock"
_HEAD: Final = (
    "# A partner's contract as it was imported. The court does not use a file that is not as it is pinned here.\n"
    "# source: where it came from; received: SHA-256 of what was there; sha256: of the file here.\n"
)


def write_pinned(gathering: Gathering, folder: Path, on: date) -> None:
    """Write the gathered files and their pins, in place of those of an earlier import.

    Raises ContractMissing if something is missing, ConfigError if the folder has other files.
    """
    earlier = set(_pinned(folder)) | {LOCK} if (folder / LOCK).is_file() else set[str]()
    others = {path.name for path in folder.iterdir()} - earlier if folder.is_dir() else set[str]()
    if others:
        raise ConfigError(
            f"{folder} holds {sorted(others)[0]}, which no import put there", hint="choose an empty folder"
        )
    gathering.write(folder)
    for name in earlier - gathering.files.keys() - {LOCK}:
        (folder / name).unlink(missing_ok=True)
    lines = [_HEAD, f"entry = {json.dumps(gathering.entry)}", f"imported = {on}"]
    for name, content in sorted(gathering.files.items()):
        source = gathering.sources[name]
        lines += [
            "",
            f"[files.{json.dumps(name)}]",
            f"source = {json.dumps(source.location)}",
            f'received = "{source.received}"',
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        ]
    (folder / LOCK).write_text("\n".join(lines) + "\n", encoding="utf-8")


def pin_problems(folder: Path) -> Iterator[str]:
    """The differences from the pins. Raises ContractError if there are no pins."""
    for name, expected in _pinned(folder).items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is not there any more"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            yield f"{name} was changed since it was imported"


def _pinned(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by its name, a plain name in this folder."""
    try:
        pinned = tomllib.loads((folder / LOCK).read_text("utf-8"))["files"]
        return {Path(name).name: str(entry["sha256"]) for name, entry in pinned.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContractError(
            f"{folder / LOCK} holds no pins: {error}", hint="ccms-ws contract import writes them"
        ) from error


def check_pins(wsdl: Path) -> None:
    """Raise ContractError if there are pins beside the WSDL and a file differs from its pin."""
    if (wsdl.parent / LOCK).is_file() and (problems := list(pin_problems(wsdl.parent))):
        raise ContractError(
            f"{wsdl.parent}: {'; '.join(problems)}",
            hint="import the partner's contract again, after ccms-ws contract diff has shown what changed",
        )
