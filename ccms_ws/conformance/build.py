"""Make a kit: a folder that a partner can be given, and that needs nothing but this package to be run."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import ccms_ws
from ccms_ws.conformance.faults import Task, tasks_of
from ccms_ws.conformance.guide import guide
from ccms_ws.conformance.kit import FILE, Kit, read_kit
from ccms_ws.contract.codes import published_codes
from ccms_ws.contract.export import export
from ccms_ws.demo.installation import partners_of, wsdl_of
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Direction, Exchange
from ccms_ws.registry import part
from ccms_ws.replay import pki
from ccms_ws.replay.casefile import find_cases, read_case, shipped_cases
from ccms_ws.services.contract_package import package_of

COURT_URL: Final = "http://127.0.0.1:8807"


def make_kit(exchange: Exchange, folder: Path, *, partner: str = "") -> Kit:
    """Make the kit in `folder`, which must be new or empty. `partner`: whose part is played, a partner of the demo.

    Raises ConfigError.
    """
    tasks = tasks_of(exchange) if exchange.direction is Direction.INBOUND else ()
    parts = getattr(part(exchange, "conformance"), "PARTNERS", partners_of(exchange))
    partner = partner or next(iter(parts), "")
    if partner not in parts:
        raise ConfigError(
            f"{partner!r} has no part in {exchange.code}", hint=f"the kit can be for {' or '.join(parts)}"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty", hint="name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    _unpack(export(package_of(exchange, COURT_URL, SecurityPolicy(), published_codes())), folder / "contract")
    _keys(partner, folder / "keys")
    for case in _cases(exchange):
        shutil.copytree(case, folder / "cases" / case.name)
    wsdl = wsdl_of(exchange, partner)
    lines = {
        "exchange": exchange.code,
        "version": exchange.version,
        "partner": partner,
        "wsdl": f"contract/wsdl/{wsdl}" if wsdl else "",
        "made_by": f"ccms-ws {ccms_ws.__version__}",
    }
    (folder / FILE).write_text("".join(f'{key} = "{value}"\n' for key, value in lines.items()), "utf-8")
    kit = read_kit(folder)
    if tasks:
        _write_tasks(folder / "tasks.csv", tasks)
    (folder / "README.md").write_text(guide(kit), "utf-8")
    return kit


def _unpack(archive: bytes, folder: Path) -> None:
    """The contract package, without the folder that it has at its top."""
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        for name in package.namelist():
            target = folder.joinpath(*PurePosixPath(name).parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(package.read(name))


def _keys(partner: str, folder: Path) -> None:
    """The court's certificate and the partner's key pair: published, so that they prove nothing."""
    pki.install(folder)
    kept = {"court.crt", f"{pki.NAME_OF[partner]}.crt", f"{pki.NAME_OF[partner]}.key"}
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()


def _write_tasks(file: Path, tasks: Sequence[Task]) -> None:
    """One row for each task: the case number, then the search keys that any of them has."""
    keys = dict.fromkeys(key for task in tasks for key in task.also)
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, ("case_number", *keys))
        writer.writeheader()
        writer.writerows({"case_number": task.case_number, **task.also} for task in tasks)


def _cases(exchange: Exchange) -> Iterator[Path]:
    """The cases that are about this exchange alone."""
    return (folder for folder in find_cases([shipped_cases()]) if read_case(folder).exchanges == (exchange.code,))
