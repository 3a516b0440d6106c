"""`ccms-ws col903`: tell collecting partners what the referred debts amount to now."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import court_of, records_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts, show_rows

app = typer.Typer(help="COL903: collection balance updates, in batches.", no_args_is_help=True)


@app.command()
def build(
    partner: Annotated[str, typer.Option(help="The collecting partner.", metavar="PARTNER")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Put batches into the outbox with every balance that is not what the partner was last told.

    Example: ccms-ws col903 build --partner FTB
    """
    from ccms_ws.exchanges.col903 import COL903
    from ccms_ws.exchanges.col903.handler import build_batches

    court = court_of(config)
    push = court.push_settings(partner, COL903.code)
    batch_ids = court.push(
        COL903,
        partner,
        lambda context, uow: build_batches(context, uow, size=push.batch_size),
    )
    with court.reading() as uow:
        batches = [batch for batch_id in batch_ids if (batch := uow.collections.find_batch(batch_id))]
    rows = [
        {
            "batch": batch.batch_id,
            "partner": batch.partner_id,
            "updates": batch.item_count,
            "total_balance": batch.total_balance,
            "state": batch.state.value,
        }
        for batch in batches
    ]
    show_rows(rows, as_json=json, empty=f"{partner} knows every balance already")


@app.command()
def show(
    batch_id: Annotated[UUID, typer.Argument(help="The transaction id of the batch.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show where a batch stands.

    Example: ccms-ws col903 show 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    """
    from ccms_ws.errors import NotStored

    with records_of(config)() as uow:
        batch = uow.collections.find_batch(batch_id)
    if batch is None:
        raise NotStored(f"there is no batch {batch_id}", hint="ccms-ws outbox list shows what was sent")
    show_facts(
        {
            "batch": batch.batch_id,
            "partner": batch.partner_id,
            "state": batch.state.value,
            "updates": batch.item_count,
            "total_balance": batch.total_balance,
            "created": batch.created_at,
            "delivered": batch.delivered_at,
            "error_message_possible_until": batch.answer_due_at,
            "error_code": batch.error_code,
            "error_reason": batch.error_reason,
        },
        as_json=json,
    )
