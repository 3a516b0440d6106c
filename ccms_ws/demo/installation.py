"""Make a court's installation from nothing: settings, keys, partner profiles, WSDLs, and a database to try out."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from ccms_ws.clock import Clock
from ccms_ws.config import Settings, load_settings
from ccms_ws.contract import catalog
from ccms_ws.demo.court import fill
from ccms_ws.demo.pki import has_pki, make_pki
from ccms_ws.domain.courts import Court
from ccms_ws.domain.partners import PartnerKind
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Direction, Exchange
from ccms_ws.registry import EXCHANGES, part
from ccms_ws.services.samples import partner_wsdls
from ccms_ws.store import migrate
from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import unit_of_work

COURT = Court(
    ori="CA099015J",  # 99 is no county of California, 54 is the one that the fictional court borrows
    name="Superior Court of California, County of Sequoia",
    county_code="54",
    dmv_court_code="99015",
)
NAMES = ("court", "adult-probation", "juvenile-probation", "ftb", "collection-agency", "dmv")
DEFAULT_PORT_BASE = 8800
_SETTINGS: Final = "answer_days = 5\n"


@dataclass(frozen=True, slots=True)
class DemoPartner:
    """`port`: the name of the one where its endpoint listens, empty if it has none; `at_once`: it answers in the HTTP
    response.
    """

    kind: PartnerKind
    port: str = ""
    soap: str = "1.2"
    at_once: bool = False


PARTNERS: Final = {
    "ADULT-PROBATION": DemoPartner(PartnerKind.PROBATION),
    "JUVENILE-PROBATION": DemoPartner(PartnerKind.PROBATION),
    "FTB": DemoPartner(PartnerKind.FRANCHISE_TAX_BOARD, "ftb_port"),
    "AGENCY": DemoPartner(PartnerKind.COLLECTION_AGENCY, "agency_port", soap="1.1", at_once=True),
    "DMV": DemoPartner(PartnerKind.MOTOR_VEHICLES, "dmv_port"),
}


def partners_of(exchange: Exchange) -> tuple[str, ...]:
    """The demo partners that take part in an exchange: of its kinds, and with an endpoint if the court begins."""
    return tuple(
        partner_id
        for partner_id, partner in PARTNERS.items()
        if partner.kind in exchange.partner_kinds and (partner.port or exchange.direction is Direction.INBOUND)
    )


def wsdl_of(exchange: Exchange, partner_id: str) -> str:
    """The WSDL that stands for the partner's own, below `wsdl/`; empty for an exchange that partners begin."""
    if exchange.direction is Direction.INBOUND:
        return ""
    names = partner_wsdls(exchange)
    return names[-1] if PARTNERS[partner_id].at_once else names[0]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the court (8807, its console 8809 for base 8800) and its partners (8903, 8904, 8907) listen on loopback."""

    base: int = DEFAULT_PORT_BASE

    @property
    def named(self) -> Mapping[str, int]:
        return {
            "court_port": self.base + 7,
            "console_port": self.base + 9,
            "ftb_port": self.base + 103,
            "agency_port": self.base + 104,
            "dmv_port": self.base + 107,
        }


@dataclass(frozen=True, slots=True)
class Installation:
    """What was made."""

    settings_file: Path
    settings: Settings
    cases: int
    keys_made: bool


def make_installation(
    folder: Path, clock: Clock, *, ports: Ports | None = None, force: bool = False, ftb_answer_days: float = 10
) -> Installation:
    """Make the demo court in `folder`. `ftb_answer_days`: how long FTB may take to send an error message.

    `force` replaces an earlier demo court: settings, profiles and database are made afresh, usable keys are kept.
    Raises ConfigError if the folder holds anything else, or anything at all without `force`.
    """
    folder = folder.resolve()
    _check_folder(folder, force=force)
    _write_settings(
        folder, ports or Ports(), ftb_answer_days
    )  # first: whatever happens next, the folder is known as a demo court's
    keys_made = not has_pki(folder / "pki", NAMES, clock.now())
    if keys_made:
        make_pki(folder / "pki", NAMES, clock.now())
    _copy_contract(folder)
    exchanges = [exchange.code for exchange in EXCHANGES]
    settings = load_settings(folder / "ccms-ws.toml", exchanges, environment=False)
    cases = _make_database(folder, settings)
    return Installation(folder / "ccms-ws.toml", settings, cases, keys_made)


def _check_folder(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder", hint="name a folder that does not exist yet")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        raise ConfigError(
            f"{folder} is not empty", hint="name another folder, or --force to replace the demo court that is there"
        )
    if not _is_demo(folder / "ccms-ws.toml"):
        # What is replaced is deleted: never the database of a court that exists.
        raise ConfigError(f"{folder} holds no demo court", hint="it stays as it is; name another folder")


def _is_demo(settings: Path) -> bool:
    try:
        return tomllib.loads(settings.read_text("utf-8"))["court"]["ori"] == COURT.ori  # type: ignore[no-any-return]
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _copy_contract(folder: Path) -> None:
    """A court keeps the WSDLs that its partners gave it with its settings; ours stand for those."""
    for kind, pattern in (("wsdl", "partner/*.wsdl"), ("xsd", "**/*.xsd")):
        source = catalog.folder(kind)
        for path in source.glob(pattern):
            target = folder / kind / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _write_settings(folder: Path, ports: Ports, ftb_answer_days: float) -> None:
    values = {
        "ori": COURT.ori,
        "name": COURT.name,
        "county_code": COURT.county_code,
        "dmv_court_code": COURT.dmv_court_code,
        "ftb_answer_days": f"{ftb_answer_days:g}",
        **{name: str(port) for name, port in ports.named.items()},
    }
    templates = resources.files(__package__) / "templates"
    (folder / "partners").mkdir(parents=True, exist_ok=True)
    for name in ("ccms-ws", *PARTNERS):
        text = (templates / f"{name}.toml").read_text("utf-8")
        text = Template(text if name == "ccms-ws" else text + _exchanges_of(name)).substitute(values)
        target = folder / f"{name}.toml" if name == "ccms-ws" else folder / "partners" / f"{name}.toml"
        target.write_text(text, "utf-8")


def _exchanges_of(partner_id: str) -> str:
    """The part of a partner's profile that says in which exchanges it takes part. The demo part of an exchange may add
    `SETTINGS`: lines of TOML by partner.
    """
    partner, own = PARTNERS[partner_id], [each for each in EXCHANGES if partner_id in partners_of(each)]
    text = f"sends = {json.dumps([each.code for each in own])}\n"
    for exchange in own:
        if exchange.direction is Direction.OUTBOUND:
            demo = part(exchange, "demo")
            text += f"""
[receives.{exchange.code}]
wsdl = "../wsdl/{wsdl_of(exchange, partner_id)}"
url = "http://127.0.0.1:${partner.port}/{exchange.code}"
soap = "{partner.soap}"
{getattr(demo, "SETTINGS", {}).get(partner_id, _SETTINGS)}"""
    return text


def _make_database(folder: Path, settings: Settings) -> int:
    for path in folder.glob("court.db*"):
        path.unlink()
    settings.audit.heads.unlink(missing_ok=True)  # of the database that is gone
    engine = open_engine(settings.database.url)
    migrate.upgrade(engine)
    with unit_of_work(engine)() as uow:
        cases = fill(uow, COURT)
        uow.commit()
    engine.dispose()
    return cases
