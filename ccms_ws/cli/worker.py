"""`ccms-ws worker`: deliver what waits in the outbox."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.db import require_current
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts

EnvelopesOption = Annotated[
    Path | None,
    typer.Option("--envelopes", metavar="DIR", help="Keep every envelope there. They hold personal data: for tests."),
]


def worker(
    config: ConfigOption = DEFAULT_CONFIG,
    once: Annotated[bool, typer.Option("--once", help="Send what is due now, then end.")] = False,
    envelopes: EnvelopesOption = None,
    json: JsonOption = False,
) -> None:
    """Deliver outgoing messages to partners, with retries. Any number of workers may run. Ctrl-C or SIGTERM ends it.

    Example: ccms-ws worker --config demo-court/ccms-ws.toml
    """
    from ccms_ws.clients.recording import record_into

    court = court_of(config)
    require_current(config)
    delivery = court.worker(on_exchange=record_into(envelopes) if envelopes else None)
    if once:
        show_facts({"attempts": delivery.run_once()}, as_json=json)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: delivery.stop())
    delivery.run()
