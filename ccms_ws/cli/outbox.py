"""`ccms-ws outbox`: what waits to go out, and what became of what went."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import records_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows

app = typer.Typer(help="Outgoing messages and their attempts.", no_args_is_help=True)


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    json: JsonOption = False,
) -> None:
    """Show outgoing messages, the newest first.

    Example: ccms-ws outbox list --limit 20
    """
    with records_of(config)() as uow:
        entries = uow.outbox.list_entries(limit=limit)
    rows = [
        {
            "transaction": entry.message_id,
            "exchange": entry.exchange,
            "partner": entry.partner_id,
            "state": entry.state.value,
            "attempts": entry.attempts,
            "created": entry.created_at,
            "next_attempt": entry.next_attempt_at,
            "last_error": entry.last_error,
        }
        for entry in entries
    ]
    show_rows(rows, as_json=json, empty="the outbox is empty")


@app.command()
def show(
    message_id: Annotated[UUID, typer.Argument(help="The transaction id of the message.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one outgoing message with each attempt to send it.

    Example: ccms-ws outbox show 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    """
    with records_of(config)() as uow:
        entry, attempts = uow.outbox.get(message_id), uow.outbox.attempts(message_id)
    facts = {
        "transaction": entry.message_id,
        "exchange": entry.exchange,
        "partner": entry.partner_id,
        "state": entry.state.value,
        "created": entry.created_at,
        "next_attempt": entry.next_attempt_at,
    }
    rows = [
        {
            "attempt": attempt.number,
            "started": attempt.started_at,
            "seconds": round((attempt.ended_at - attempt.started_at).total_seconds(), 3),
            "outcome": attempt.outcome,
            "http": attempt.http_status,
            "error": attempt.error_code,
            "detail": attempt.detail,
        }
        for attempt in attempts
    ]
    if json:
        show_json({**facts, "attempts": rows})
        return
    show_facts(facts, as_json=False)
    say("")
    show_rows(rows, as_json=False, empty="no attempt yet")
