#!/usr/bin/env python3
"""Order holds and releases of driver licenses (DMV907), one or a CSV file of many, and wait for DMV's word if asked.

    push_dmv907.py hold --case TR-2025-011250 --participant P-1004 --violated 'VC 14601.1(a)'
        --violation-date 2025-05-02 --order-date 2025-06-17 --noncompliance-date 2026-01-15
        --order-kind Program --convicted 2025-06-17 --wait 30
    push_dmv907.py release --hold 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    push_dmv907.py file orders.csv

Columns of a file: action (hold or release) and the options' names with _ for -; several sections with a semicolon.
Each order is recorded and put into the court's outbox in one commit; `ccms-ws worker` delivers it, in order. What the
law forbids is refused with every rule against it; what was ordered before is not ordered again, and said. Ends with 0
if all were ordered, now or before (and, with --wait, accepted), 1 if not, 2 if nothing could begin.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from rich.console import Console
from rich.progress import track

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.domain.abstracts import OrderKind, ReleaseReason, SectionRole, SectionViolated, VehicleKind
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.exchanges.dmv907.messages import Notification
from ccms_ws.exchanges.dmv907.orders import read_section
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.exchanges.dmv907.rules import AlreadyOrdered
from ccms_ws.log import configure_logging
from ccms_ws.plain_values import day
from ccms_ws.scripts import complain, run, say
from ccms_ws.tabular_files import BadRow, Columns, FileRefused, Row, read_rows

E = TypeVar("E", bound=StrEnum)
DATES = ("violation_date", "order_date", "noncompliance_date", "convicted", "on")
HOLD = ("case", "participant", "violated", "compliance", *DATES[:4], "order_kind", "vehicle_kind")
RELEASE = ("hold", "reason", "on")
COLUMNS = Columns(names=tuple(dict.fromkeys(["action", *HOLD, *RELEASE])), required=("action",))


def sections(said: Mapping[str, str], field: str, usual: str = "") -> list[SectionViolated]:
    role = SectionRole.UNDERLYING if field == "violated" else SectionRole.COMPLIANCE
    parts = (part.strip() for part in (said.get(field) or usual).split(";"))  # 'VC 14601.1(a); VC 22350'
    return [read_section(part, role, field) for part in parts if part]


def day_of(said: Mapping[str, str], name: str) -> date:
    try:
        return day(said.get(name, ""))
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def day_if(said: Mapping[str, str], name: str) -> date | None:
    return day_of(said, name) if said.get(name) else None


def one_of(kind: type[E], said: Mapping[str, str], field: str, usual: E | None = None) -> E:
    try:
        return kind(said.get(field) or usual or "")
    except ValueError:
        raise ValueError(f"{field} is not one of {', '.join(kind)}") from None


def order(said: Mapping[str, str], context: Context, uow: UnitOfWork) -> list[Notification]:
    """What one row orders. Raises NoticeRefused for what the law forbids, ValueError for what cannot be read."""
    action = said.get("action")
    if action not in ("hold", "release"):
        raise ValueError("action is not hold or release")
    needed = ("hold",) if action == "release" else ("case", "participant", "violated", "order_kind")
    if missing := [name for name in needed if not said.get(name)]:
        raise ValueError(f"{', '.join(missing)} is empty")
    if action == "release":
        return [release(said, context, uow)]
    asked = HoldOrder(
        case_number=said["case"],
        participant_id=said["participant"],
        sections=(*sections(said, "compliance", "VC 40508(c)"), *sections(said, "violated")),
        violation_date=day_of(said, "violation_date"),
        order_kind=one_of(OrderKind, said, "order_kind"),
        vehicle_kind=one_of(VehicleKind, said, "vehicle_kind", VehicleKind.MOTOR_VEHICLE),
        order_date=day_if(said, "order_date"),
        convicted_on=day_if(said, "convicted"),
        noncompliance_date=day_of(said, "noncompliance_date"),
    )
    return [order_hold(asked, context, uow)]


def release(said: Mapping[str, str], context: Context, uow: UnitOfWork) -> Notification:
    try:
        hold_id = UUID(said["hold"])
    except ValueError:
        raise ValueError("hold is not the id of an abstract") from None
    reason = one_of(ReleaseReason, said, "reason", ReleaseReason.COMPLIED)
    return order_release(hold_id, reason, day_if(said, "on") or context.today, context, uow)


def wait_for(court: CourtApplication, abstract_id: UUID, until: float) -> str:
    """Where the abstract stands when DMV has said its word, or at `until`."""
    while True:
        with court.reading() as uow:
            abstract = uow.of(Abstracts).find(abstract_id)
        if abstract and (abstract.state.is_answered or time.monotonic() > until):
            return " ".join(filter(None, (abstract.state.value, abstract.answer_code, abstract.answer_text)))
        time.sleep(0.1)


def orders_of(options: argparse.Namespace) -> list[Row | BadRow]:
    """The rows of the file, or the one order of the command line. Raises FileRefused."""
    if options.action != "file":
        return [Row(0, {name: value for name, value in vars(options).items() if isinstance(value, str)})]
    rows = list(read_rows(options.file, COLUMNS))
    if not rows:
        raise FileRefused(options.file.name, "has no order, only a header")
    return rows


def main() -> int:
    """Order, one by one; a bad row holds up no other."""
    parser = argparse.ArgumentParser(description="Order holds and releases of driver licenses (DMV907).")
    verbs = parser.add_subparsers(dest="action", required=True)
    for verb, names in (("hold", HOLD), ("release", RELEASE), ("file", ())):
        below = verbs.add_parser(verb)
        below.add_argument("--config", type=Path, default=Path("ccms-ws.toml"))
        below.add_argument("--partner", default="DMV")
        below.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait for DMV's word")
        for name in names:
            needed = name in ("case", "participant", "violated", "order_kind", "hold")
            below.add_argument(f"--{name.replace('_', '-')}", default="", required=needed)
    verbs.choices["file"].add_argument("file", type=Path)
    options = parser.parse_args()
    configure_logging("ERROR")
    court = load_court(options.config)
    court.push_settings(options.partner, DMV907.code)
    rows = orders_of(options)
    ordered = before = failed = 0
    until = time.monotonic() + min(options.wait, 86_400)
    for row in track(rows, "ordering", console=Console(stderr=True), transient=True):
        place = f"line {row.line}" if row.line else "the order"
        if isinstance(row, BadRow):
            complain(f"{place} refused: {row.field} {row.reason}")
            failed += 1
            continue
        said = {name: cell.strip() for name, cell in row.cells.items()}
        try:
            (abstract_id,) = court.push(DMV907, options.partner, partial(order, said))
            ordered += 1
        except AlreadyOrdered as error:
            complain(f"{place} done before: {error}")
            before += 1
            if error.abstract_id is None:
                continue
            abstract_id = error.abstract_id
        except (CcmsWsError, ValueError) as error:
            complain(f"{place} refused: {error}")
            failed += 1
            continue
        state = wait_for(court, abstract_id, until) if options.wait > 0 else "queued"
        failed += not state.startswith(("queued", "accepted"))
        say(f"{abstract_id} {said['action']} {state}")
    if options.action == "file":
        say(f"{ordered} ordered, {before} done before, {failed} refused or not accepted")
    return 1 if failed else 0


if __name__ == "__main__":
    run("push_dmv907", main)
