"""`ccms-ws explain` and `ccms-ws quarantine`: what the court knows of messages that it did not act on."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import records_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts, show_rows


def explain(
    incident_id: Annotated[UUID, typer.Argument(help="The incident id that the sender was told.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Say why a message was refused: the sender learns one sentence and an incident id, the court keeps the reason.

    Example: ccms-ws explain 7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47
    """

    with records_of(config)() as uow:
        refusal = uow.inbox.get_refusal(incident_id)
    show_facts(
        {
            "incident": refusal.incident_id,
            "at": refusal.at,
            "address": refusal.address,
            "partner": refusal.partner_id or "not established",
            "code": refusal.code,
            "rule": refusal.rule,
            "reason": refusal.detail,
            "bytes": refusal.size,
            "sha256": refusal.digest.hex(),
        },
        as_json=json,
    )


quarantine = typer.Typer(help="Verified answers that fit no open message: kept, not applied.")


@quarantine.callback(invoke_without_command=True)
def _list_by_default(context: typer.Context, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Verified answers that fit no open message: kept, not applied. Without a command they are listed.

    Example: ccms-ws quarantine --json
    """
    if context.invoked_subcommand is None:
        list_quarantine(config, json)


@quarantine.command()
def show(
    message_id: Annotated[UUID, typer.Argument(help="The answer's own message id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one answer in quarantine. Its bytes: `ccms-ws messages show`.

    Example: ccms-ws quarantine show 7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47
    """
    from ccms_ws.errors import NotStored

    with records_of(config)() as uow:
        found = next((answer for answer in uow.inbox.quarantined() if answer.message_id == message_id), None)
    if found is None:
        raise NotStored(f"no answer {message_id} is in quarantine", hint="ccms-ws quarantine list shows those that are")
    show_facts(
        {
            "message": found.message_id,
            "partner": found.partner_id,
            "exchange": found.exchange,
            "received": found.received_at,
            "reason": found.reason,
        },
        as_json=json,
    )


@quarantine.command("list")
def list_quarantine(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show verified answers that fit no open message: kept, not applied.

    Example: ccms-ws quarantine list --json
    """
    with records_of(config)() as uow:
        answers = uow.inbox.quarantined()
    rows = [
        {
            "message": answer.message_id,
            "partner": answer.partner_id,
            "exchange": answer.exchange,
            "received": answer.received_at,
            "reason": answer.reason,
        }
        for answer in answers
    ]
    show_rows(rows, as_json=json, empty="nothing is in quarantine")
