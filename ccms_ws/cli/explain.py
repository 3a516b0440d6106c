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


def quarantine(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show verified answers that fit no open message: kept, not applied.

    Example: ccms-ws quarantine --json
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
