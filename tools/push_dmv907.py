#!/usr/bin/env python3
"""Order holds and releases of driver licences (DMV907), one or a CSV file of many, and wait for DMV's word if asked.

    push_dmv907.py hold --case TR-2025-011250 --participant P-1004 --violated 'VC 14601.1(a)'
        --violation-date 2025-05-02 --order-date 2025-06-17 --noncompliance-date 2026-01-15
        --convicted 2025-06-17 --wait 30
    push_dmv907.py release --hold 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    push_dmv907.py file orders.csv

Columns of a file: action (hold or release) and the options' names with _ for -; several sections with a semicolon.
Each order is recorded and put into the court's outbox in one commit; `ccms-ws worker` delivers it, in order. What the
law forbids is refused with every rule against it. Ends with 0 if all were ordered (and, with --wait, accepted).
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.progress import track

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.domain.abstracts import ReleaseReason, SectionRole, SectionViolated
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.exchanges.dmv907.messages import Notification
from ccms_ws.log import configure_logging

DATES = ("violation_date", "order_date", "noncompliance_date", "convicted", "on")
HOLD = ("case", "participant", "violated", "compliance", *DATES[:4])


def sections(text: str, role: SectionRole) -> Iterable[SectionViolated]:
    parts = (part.strip().partition(" ") for part in text.split(";"))  # 'VC 14601.1(a); VC 22350'
    return [SectionViolated(code_book, section.strip(), role) for code_book, _, section in parts if code_book]


def order(row: Mapping[str, object], context: Context, uow: UnitOfWork) -> list[Notification]:
    """What one row orders. Raises NoticeRefused for what the law forbids, ValueError for what cannot be read."""
    said = {key: str(value or "").strip() for key, value in row.items()}
    days = {key: date.fromisoformat(said[key]) for key in DATES if said.get(key)}
    if said["action"] == "release":
        reason = ReleaseReason(said.get("reason") or "Complied")
        return [order_release(UUID(said["hold"]), reason, days.get("on", context.today), context, uow)]
    if said["action"] != "hold":
        raise ValueError(f"action is hold or release, not {said['action']!r}")
    asked = HoldOrder(
        case_number=said["case"],
        participant_id=said["participant"],
        sections=(
            *sections(said.get("compliance") or "VC 40508(c)", SectionRole.COMPLIANCE),
            *sections(said["violated"], SectionRole.UNDERLYING),
        ),
        violation_date=days["violation_date"],
        order_date=days.get("order_date"),
        convicted_on=days.get("convicted"),
        noncompliance_date=days["noncompliance_date"],
    )
    return [order_hold(asked, context, uow)]


def wait_for(court: CourtApplication, abstract_id: UUID, until: float) -> str:
    """Where the abstract stands when DMV has said its word, or at `until`."""
    while True:
        with court.reading() as uow:
            abstract = uow.abstracts.find(abstract_id)
        if abstract and (abstract.state.is_answered or time.monotonic() > until):
            return " ".join(filter(None, (abstract.state.value, abstract.answer_code, abstract.answer_text)))
        time.sleep(0.1)


def main() -> int:
    """Order, one by one; a bad row holds up no other."""
    parser = argparse.ArgumentParser(description="Order holds and releases of driver licences (DMV907).")
    verbs = parser.add_subparsers(dest="action", required=True)
    for verb, names in (("hold", HOLD), ("release", ("hold", "reason", "on")), ("file", ())):
        below = verbs.add_parser(verb)
        below.add_argument("--config", type=Path, default=Path("ccms-ws.toml"))
        below.add_argument("--partner", default="DMV")
        below.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait for DMV's word")
        for name in names:
            needed = name in ("case", "participant", "violated", "hold")
            below.add_argument(f"--{name.replace('_', '-')}", default="", required=needed)
    verbs.choices["file"].add_argument("file", type=Path)
    options = parser.parse_args()
    configure_logging("ERROR")
    lines = options.file.read_text("utf-8-sig").splitlines() if options.action == "file" else []
    rows = list(csv.DictReader(lines)) or [vars(options)]
    court = load_court(options.config)
    failed, until = 0, time.monotonic() + options.wait
    for number, row in enumerate(track(rows, "ordering", console=Console(stderr=True), transient=True), start=1):
        try:
            (abstract_id,) = court.push(DMV907, options.partner, partial(order, row))
        except (CcmsWsError, ValueError, KeyError) as error:
            print(f"order {number} refused: {error}", file=sys.stderr)
            failed += 1
            continue
        state = wait_for(court, abstract_id, until) if options.wait else "queued"
        failed += not state.startswith(("queued", "accepted"))
        print(f"{abstract_id} {row['action']} {state}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CcmsWsError as error:
        sys.exit(f"push_dmv907: cannot begin: {error}")
