"""`ccms-ws tst999`: send notices."""

from __future__ import annotations

from typing import Annotated

import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts
from ccms_ws.exchanges.tst999 import TST999
from ccms_ws.exchanges.tst999.handler import compose

app = typer.Typer(help="TST999: notices about cases.", no_args_is_help=True)


@app.callback()
def main() -> None: ...


@app.command()
def send(
    case: Annotated[str, typer.Option(help="The case number.")],
    partner: Annotated[str, typer.Option(help="Who gets the notice.", metavar="PARTNER")] = "FTB",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Queue a notice about a case.

    Example: ccms-ws tst999 send --case TR-2025-011250
    """
    (message_id,) = court_of(config).push(TST999, partner, lambda context, uow: [compose(case, context, uow)])
    show_facts({"notice": message_id, "partner": partner}, as_json=json)
