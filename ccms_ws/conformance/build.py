"""Make a kit: a folder that a partner can be given, and that needs nothing but this package to be run."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import ccms_ws
from ccms_ws.conformance.faults import TASKS
from ccms_ws.conformance.guide import guide
from ccms_ws.conformance.kit import FILE, Kit, read_kit
from ccms_ws.contract.codes import published_codes
from ccms_ws.contract.export import export
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Direction, Exchange
from ccms_ws.replay import pki
from ccms_ws.replay.casefile import find_cases, read_case, shipped_cases
from ccms_ws.services.contract_package import package_of
from ccms_ws.services.samples import partner_wsdls

COURT_URL: Final = "http://127.0.0.1:8807"
_PARTS: Final = {"FCC807": ("ADULT-PROBATION",), "COL903": ("FTB", "AGENCY"), "DMV907": ("DMV",)}
"""Which demo partners' parts can be played, the usual one first."""
_AT_ONCE: Final = frozenset({"AGENCY"})
"""Demo partners whose WSDL declares an answer in the HTTP response."""


def make_kit(exchange: Exchange, folder: Path, *, partner: str = "") -> Kit:
    """Make the kit in `folder`, which must be new or empty. `partner`: whose part is played, a partner of the demo.

    Raises ConfigError.
    """
    parts = _PARTS[exchange.code]
    partner = partner or parts[0]
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
    wsdl = _wsdl(exchange, partner)
    lines = {
        "exchange": exchange.code,
        "version": exchange.version,
        "partner": partner,
        "wsdl": f"contract/wsdl/{wsdl}" if wsdl else "",
        "made_by": f"ccms-ws {ccms_ws.__version__}",
    }
    (folder / FILE).write_text("".join(f'{key} = "{value}"\n' for key, value in lines.items()), "utf-8")
    kit = read_kit(folder)
    if kit.tests_client:
        _write_tasks(folder / "tasks.csv")
    (folder / "README.md").write_text(guide(kit), "utf-8")
    return kit


def _wsdl(exchange: Exchange, partner: str) -> str:
    """The WSDL that stands for the partner's own: with later answers, or with answers in the HTTP response."""
    if exchange.direction is Direction.INBOUND:
        return ""
    names = partner_wsdls(exchange)
    return names[-1] if partner in _AT_ONCE else names[0]


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


def _write_tasks(file: Path) -> None:
    """Columns as `tools/query_fcc807.py --file` has them."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, ("case_number", "participant_id", "as_of"))
        writer.writeheader()
        writer.writerows({"case_number": task.case_number, **task.also} for task in TASKS)


def _cases(exchange: Exchange) -> Iterator[Path]:
    """The cases that are about this exchange alone."""
    return (folder for folder in find_cases([shipped_cases()]) if read_case(folder).exchanges == (exchange.code,))
