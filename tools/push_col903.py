#!/usr/bin/env python3
"""Tell a collecting partner new balances from a CSV file of the court's own (COL903), at once and without the outbox.

    push_col903.py --config demo-court/ccms-ws.toml --partner FTB updates.csv --dry-run
    push_col903.py --config demo-court/ccms-ws.toml --partner FTB updates.csv

Columns: case_number, participant_id, given, surname, account_number, referred_amount, previous_balance,
current_balance, paid, reason (of what was not paid), effective_on.
A file with a bad row is refused, each reason said, unless --send-rest. Which rows went in which batch is kept beside
the file, in FILE.sent.jsonl, and what came of it: run again, the script skips the rows that the partner has, and sends
again, with its id as it was, a batch that was begun and not ended. --again sends all rows under new ids. These batches
are not in the court's books, so an error message that comes later lands in quarantine, and `receive_answers.py --sent
FILE.sent.jsonl` says which rows it is about. For the court's daily work there is `ccms-ws col903 build`: it finds what
changed by itself, keeps order, tries again, and takes errors in. Ends with 0 if all was taken, 1 if not, 2 if nothing
could begin.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.clients import read_stored
from ccms_ws.clock import court_day
from ccms_ws.delivery.routes import Route
from ccms_ws.dispatch import compose
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.messages import Batch, Update
from ccms_ws.exchanges.col903.rows import read_updates
from ccms_ws.exchanges.col903.sent_rows import KeptBatch, SentRows, numbered_again, row_key
from ccms_ws.log import configure_logging
from ccms_ws.message_parts.metadata import MessageKind, first_metadata
from ccms_ws.scripts import complain, run, say
from ccms_ws.tabular_files import FileRefused

Ready = tuple[OutgoingMessage, KeptBatch, list[Update]]


def composed(updates: list[Update], court: CourtApplication, partner: str, kept: KeptBatch | None = None) -> Ready:
    """A batch, valid by the schema: under a new id, or as it was `kept` when it was begun. Raises SchemaViolated."""
    context = court.context(partner)
    if kept is not None:
        context = replace(context, message_id=kept.batch_id, now=kept.at)
    metadata = first_metadata(COL903.code, context, MessageKind.NOTIFICATION)
    client_id = court.push_settings(partner, COL903.code).client_id
    batch = Batch(metadata=metadata, client_id=client_id, updates=tuple(updates))
    message = compose(COL903, batch, message_id=batch.batch_id, partner_id=partner, now=context.now)
    rows = {update.sequence: row_key(update) for update in updates}
    body = hashlib.sha256(message.body).hexdigest()
    return message, KeptBatch(batch.batch_id, partner, context.now, rows, body), updates


def resumed(kept: KeptBatch, rows: dict[str, Update], court: CourtApplication, name: str) -> Ready:
    """A batch that was begun, as it was. Raises FileRefused if the file does not have it any more."""
    if not all(key in rows for key in kept.rows.values()):
        words = f"batch {kept.batch_id} was begun with rows that are not in the file any more"
        raise FileRefused(name, words, hint="bring the rows back, or send all of them under new ids with --again")
    updates = [replace(rows[key], sequence=number) for number, key in sorted(kept.rows.items())]
    ready = composed(updates, court, kept.partner_id, kept)
    if ready[1].body != kept.body:
        words = f"batch {kept.batch_id} was begun under other settings of the court or the partner"
        raise FileRefused(name, words, hint="bring them back, or send all rows under new ids with --again")
    return ready


def batches_of(updates: Sequence[Update], sent: SentRows | None, court: CourtApplication, partner: str) -> list[Ready]:
    """What is to be sent: first what was begun, then the rows that were not sent. Says what is skipped."""
    rows = {row_key(update): update for update in updates}
    ready: list[Ready] = []
    if sent is not None:
        done = sent.done(partner)
        for batch_id in dict.fromkeys(done[key].batch_id for key in rows if key in done):
            batch = sent.batches[batch_id]
            count = sum(1 for key in rows if key in done and done[key].batch_id == batch_id)
            say(
                f"{count} rows skipped: {partner} has them in batch {batch_id} of {batch.at:%Y-%m-%d} ({batch.outcome})"
            )
        ready = [resumed(kept, rows, court, sent.path.name) for kept in sent.begun(partner)]
        for message, kept, _ in ready:
            say(f"{message.message_id} was begun on {kept.at:%Y-%m-%d} and not ended: sent again as it was")
        begun = {key for _, kept, _ in ready for key in kept.rows.values()}
        rows = {key: update for key, update in rows.items() if key not in done and key not in begun}
    size, left = court.push_settings(partner, COL903.code).batch_size, list(rows.values())
    parts = [numbered_again(left[start : start + size]) for start in range(0, len(left), size)]
    return [*ready, *(composed(part, court, partner) for part in parts)]


def send(route: Route, message: OutgoingMessage) -> str:
    """What came of a batch: "taken", "refused", "partly refused"; empty if it is not known whether it arrived."""
    try:
        receipt = route.client.send(message, url=route.url, soap=route.soap)
    except CcmsWsError as error:  # it may be sent again: the same id and Body have one effect at the partner
        complain(f"{message.message_id} not delivered: {error}")
        return ""
    if receipt.answer is None:
        say(f"{message.message_id} taken")
        return "taken"
    answer = read_stored(receipt.answer.raw, COL903.code)
    outcome = "refused" if answer.refused else "partly refused"
    say(f"{message.message_id} {outcome}: {answer.problem.reason}")
    return outcome


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tell a collecting partner new balances from a CSV file (COL903).")
    parser.add_argument("file", type=Path)
    parser.add_argument("--config", type=Path, default=Path("ccms-ws.toml"))
    parser.add_argument("--partner", required=True)
    parser.add_argument("--dry-run", action="store_true", help="check and compose, send nothing")
    parser.add_argument("--send-rest", action="store_true", help="send the good rows of a file with bad ones")
    parser.add_argument("--again", action="store_true", help="send rows that were sent before, under new ids")
    return parser.parse_args()


def main() -> int:
    """Read, check, send, say what came back."""
    options = options_of()
    configure_logging("ERROR")  # or the clients' own log lines come between
    court = load_court(options.config)
    court.push_settings(options.partner, COL903.code)
    rows, problems = read_updates(options.file, court.court.ori, court_day(court.clock.now()), court.codes)
    for problem in problems:
        complain(f"{options.file.name} {problem}")
    if problems and not options.send_rest:
        return 1
    with ExitStack() as stack:
        path = options.file.with_name(f"{options.file.name}.sent.jsonl")
        keep = path.exists() or not options.dry_run
        sent = stack.enter_context(SentRows.open(path)) if keep else None
        updates = [row.update for row in rows]
        ready = batches_of(updates, None if options.again else sent, court, options.partner)
        total = sum((update.current_balance for *_, part in ready for update in part), Decimal("0.00"))
        say(f"{sum(len(part) for *_, part in ready)} updates in {len(ready)} batches, {total} USD in all")
        if options.dry_run or sent is None:
            return 1 if problems else 0
        taken, route = 0, court.routes()(options.partner, COL903.code)  # the client, made once and kept
        for message, kept, part in track(ready, "sending", console=Console(stderr=True), transient=True):
            sent.begin(kept, part)  # first: it may arrive whatever happens here
            outcome = send(route, message)
            taken += outcome == "taken"
            if outcome:
                sent.end(message.message_id, outcome)
    return 0 if taken == len(ready) and not problems else 1


if __name__ == "__main__":
    run("push_col903", main)
