#!/usr/bin/env python3
"""What partners answered to what the court pushed: COL903 error messages, DMV907 responses and error messages.

    receive_answers.py --config demo-court/ccms-ws.toml --since 24
    receive_answers.py --config demo-court/ccms-ws.toml --partner DMV --follow
    receive_answers.py --config demo-court/ccms-ws.toml --to 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --out answers.json

With --sent it says to which rows of a file that `push_col903.py` has sent an answer is. `ccms-ws serve` takes answers
in and `ccms-ws worker` those that come back at once; both verify, apply and keep them. This script reads what was kept,
for the court's own case management: one line, or one object in --out, for each answer. Ends with 0 if there was an
answer, 1 if there was none, 2 if nothing could be read or written.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ccms_ws.clients import read_stored
from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.exchanges.col903.messages import BatchError
from ccms_ws.exchanges.dmv907.messages import AbstractResponse
from ccms_ws.log import configure_logging
from ccms_ws.scripts import hours, positive, reader_has_gone, run, say, writable
from ccms_ws.store.engine import open_engine
from ccms_ws.store.message_history import Traffic, TrafficLog, Wanted, Way, open_traffic
from ccms_ws.tabular_files import FileRefused

PUSHED = ("COL903", "DMV907")
PAUSE = 0.5


def in_words(kept: Traffic, log: TrafficLog) -> dict[str, Any]:
    """One answer: to which message, and what it says. No personal data: a license number is not among it."""
    answer = read_stored(log.contents(kept).message, kept.exchange)
    told: dict[str, Any] = {
        "at": kept.at.isoformat(timespec="seconds"),
        "partner": kept.partner_id,
        "exchange": kept.exchange,
        "answers": str(answer.metadata.correlation_id),
        "applied": kept.outcome != "quarantined",
    }
    if isinstance(answer, AbstractResponse):
        return told | {"answer": "response", "code": answer.message_code, "text": answer.message_text}
    told |= {"answer": "error", "code": answer.problem.code, "text": answer.problem.reason}
    if isinstance(answer, BatchError):
        items = [{"sequence": item.sequence, "code": item.problem.code} for item in answer.items]
        told |= {"whole_batch": answer.refused, "items": items}
    return told


def rows_of(told: dict[str, Any], sent: dict[str, dict[str, Any]]) -> list[str]:
    """Case and participant of the rows of a file that an answer is about; none if it is about none of the file."""
    rows = sent.get(told["answers"], {}).get("rows", {})
    refused = [str(item["sequence"]) for item in told.get("items", ())]
    return [" ".join(rows[number]) for number in (rows if told.get("whole_batch") else refused) if number in rows]


def read_sent(path: Path) -> dict[str, dict[str, Any]]:
    """What `push_col903.py` has kept of each batch. Raises FileRefused."""
    sent: dict[str, dict[str, Any]] = {}
    number = 0
    try:
        for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):  # noqa: B007 - for the error
            if line:
                kept = json.loads(line)
                sent[kept["batch"]] = sent.get(kept["batch"], {}) | kept
    except (ValueError, TypeError, KeyError) as error:
        raise FileRefused(path.name, "is not what push_col903.py keeps", line=number) from error
    return sent


def answers(database: str, options: argparse.Namespace, since: datetime) -> Iterator[dict[str, Any]]:
    """The answers since then, oldest first; with --follow, those to come as well."""
    engine = open_engine(database)
    seen: set[tuple[str, UUID]] = set()
    while True:
        with open_traffic(engine) as log:
            wanted = [Wanted(way=Way.IN, exchange=code, partner_id=options.partner, since=since) for code in PUSHED]
            found = [kept for each in wanted for kept in log.list(each, limit=options.limit)]
            new = [kept for kept in found if kept.root and (kept.partner_id, kept.message_id) not in seen]
            told = [in_words(kept, log) for kept in sorted(new, key=lambda kept: kept.at)]
        seen |= {(kept.partner_id, kept.message_id) for kept in new}
        yield from (each for each in told if options.to is None or each["answers"] == str(options.to))
        if not options.follow:
            return
        time.sleep(PAUSE)


def main() -> int:
    """Read, and say."""
    parser = argparse.ArgumentParser(description="What partners answered to COL903 batches and DMV907 abstracts.")
    parser.add_argument("--config", type=Path, default=Path("ccms-ws.toml"))
    parser.add_argument("--partner", default="", help="only of this partner")
    parser.add_argument("--to", type=UUID, metavar="ID", help="only to this batch or abstract")
    parser.add_argument("--since", type=hours, default="24", metavar="HOURS", help="how far to look back")
    parser.add_argument("--limit", type=positive, default=1000, help="at most so many of each exchange")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--sent", type=Path, metavar="FILE", help="what push_col903.py has kept of a file's batches")
    parser.add_argument("--out", type=writable, help="write them there as JSON, too")
    options = parser.parse_args()
    configure_logging("ERROR")
    told: list[dict[str, Any]] = []
    sent = read_sent(options.sent) if options.sent else {}
    database = load_settings(options.config).database.url
    try:
        for each in answers(database, options, SystemClock().now() - options.since):
            each["rows"] = rows_of(each, sent)
            applied = "" if each["applied"] else " (quarantined: it fits no message of the books)"
            applied = f" about {'; '.join(each['rows'])}" if each["rows"] else applied
            words = f"{each['exchange']} {each['partner']} {each['answer']} {each['code']}"
            say(f"{each['at']} {words} to {each['answers']}{applied}")
            told.append(each)
            if reader_has_gone() and options.out is None:
                break
    except KeyboardInterrupt:
        pass
    if options.out is not None:
        options.out.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if told else 1


if __name__ == "__main__":
    run("receive_answers", main)
