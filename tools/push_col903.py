#!/usr/bin/env python3
"""Tell a collecting partner new balances from a CSV file of the court's own (COL903), at once and without the outbox.

    push_col903.py --config demo-court/ccms-ws.toml --partner FTB updates.csv --dry-run
    push_col903.py --config demo-court/ccms-ws.toml --partner FTB updates.csv

Columns: case_number, participant_id, given, surname, account_number, referred_amount, previous_balance,
current_balance, paid, reason (of what was not paid), effective_on.
A file with a bad row is refused, each reason said, unless --send-rest. Which rows went in which batch is kept beside
the file, in FILE.sent.jsonl: these batches are not in the court's books, so an error message that comes later lands in
quarantine, and `receive_answers.py --sent FILE.sent.jsonl` says which rows it is about. For the court's daily work
there is `ccms-ws col903 build`: it finds what changed by itself, keeps order, tries again, and takes errors in. Ends
with 0 if all was taken, 1 if not, 2 if nothing could begin.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.clients import read_kept
from ccms_ws.clock import court_day
from ccms_ws.dispatch import compose
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.messages import Batch, Update
from ccms_ws.exchanges.col903.rows import read_updates
from ccms_ws.log import configure_logging
from ccms_ws.parts.metadata import MessageKind, first_metadata


def message_of(
    updates: list[Update], court: CourtApplication, partner: str
) -> tuple[OutgoingMessage, dict[str, object]]:
    """A batch, valid by the schema, with an id of its own; and what is kept of it. Raises SchemaViolated."""
    context = court.context(partner)
    metadata = first_metadata(COL903.code, context, MessageKind.NOTIFICATION)
    client_id = court.push_settings(partner, COL903.code).client_id
    batch = Batch(metadata=metadata, client_id=client_id, updates=tuple(updates))
    message = compose(COL903, batch, message_id=batch.batch_id, partner_id=partner, now=context.now)
    rows = {u.sequence: [u.subject.case_number, u.subject.participant.participant_id] for u in updates}
    return message, {"batch": str(batch.batch_id), "partner": partner, "at": str(context.now), "rows": rows}


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tell a collecting partner new balances from a CSV file (COL903).")
    parser.add_argument("file", type=Path)
    parser.add_argument("--config", type=Path, default=Path("ccms-ws.toml"))
    parser.add_argument("--partner", required=True)
    parser.add_argument("--dry-run", action="store_true", help="check and compose, send nothing")
    parser.add_argument("--send-rest", action="store_true", help="send the good rows of a file with bad ones")
    return parser.parse_args()


def main() -> int:
    """Read, check, send, say what came back."""
    options = options_of()
    configure_logging("ERROR")  # or the clients' own log lines come between
    try:
        court = load_court(options.config)
        push = court.push_settings(options.partner, "COL903")
        with options.file.open(encoding="utf-8-sig", newline="") as lines:
            updates, problems = read_updates(lines, court.court.ori, court_day(court.clock.now()))
        print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
        if problems and not options.send_rest:
            return 1
        parts = [updates[start : start + push.batch_size] for start in range(0, len(updates), push.batch_size)]
        messages = [message_of(part, court, options.partner) for part in parts]
        sent = options.file.with_name(f"{options.file.name}.sent.jsonl")
        if not options.dry_run:
            sent.touch(mode=0o600)
    except (CcmsWsError, OSError) as error:
        print(f"push_col903: cannot begin: {error}", file=sys.stderr)
        return 2
    print(f"{len(updates)} updates in {len(messages)} batches, {sum(u.current_balance for u in updates)} USD in all")
    if options.dry_run:
        return 1 if problems else 0
    taken, route = 0, court.routes()(options.partner, "COL903")  # the client, made once and kept
    for message, kept in track(messages, "sending", console=Console(stderr=True), transient=True):
        with sent.open("a", encoding="utf-8") as lines:  # first: it may arrive whatever happens here
            print(json.dumps(kept), file=lines)
        try:
            receipt = route.client.send(message, url=route.url, soap=route.soap)
        except CcmsWsError as error:  # it may be sent again: the same id and Body have one effect at the partner
            print(f"{message.message_id} not delivered: {error}", file=sys.stderr)
            continue
        if receipt.answer is None:
            taken += 1
            print(f"{message.message_id} taken")
        else:
            said = read_kept(receipt.answer.raw, "COL903")
            print(f"{message.message_id} {'refused' if said.refused else 'partly refused'}: {said.problem.reason}")
    return 0 if taken == len(messages) and not problems else 1


if __name__ == "__main__":
    sys.exit(main())
