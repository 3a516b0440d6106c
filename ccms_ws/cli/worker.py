"""`ccms-ws worker`: deliver what waits in the outbox."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.db import require_ready
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts
from ccms_ws.errors import CcmsWsError
from ccms_ws.health.certificates import remind_daily
from ccms_ws.memory_tuning import tune_memory

if TYPE_CHECKING:
    from ccms_ws.bootstrap import CourtApplication
    from ccms_ws.clients import OnWire

log = structlog.get_logger(__name__)

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
    """Deliver outgoing messages to partners, with retries. Any number of workers may run. Ctrl-C or SIGTERM ends it,
    SIGHUP lets it go on with the settings as they then are.

    Example: ccms-ws worker --config demo-court/ccms-ws.toml
    """
    from ccms_ws.audit.keeper import keep_heads
    from ccms_ws.clients.wire_dump import record_into

    court = court_of(config)
    court.check_wsdls()
    require_ready(config)
    on_wire = record_into(envelopes) if envelopes else None
    tune_memory()
    if once:
        show_facts({"attempts": court.worker(on_wire=on_wire).run_once()}, as_json=json)
        return
    remind_daily(config.resolve())
    end_heads = keep_heads(court.head_keeper, court.settings.audit.every_seconds)
    _run(court, config, on_wire)
    end_heads()


def _run(court: CourtApplication, config: Path, on_wire: OnWire | None) -> None:
    """Deliver until stopped. At SIGHUP started messages are finished, and the rest waits in the outbox meanwhile."""
    courts, delivery, ended = [court], court.worker(on_wire=on_wire), threading.Event()

    def go_on(_number: int, _frame: object) -> None:
        try:
            court = court_of(config)
            court.check_wsdls()
        except CcmsWsError as error:
            log.error("worker.not-reloaded", code=error.code, why=error.detail, hint=error.hint)
        else:
            courts[:] = [court]
            delivery.stop()

    def end(_number: int, _frame: object) -> None:
        ended.set()
        delivery.stop()

    signal.signal(signal.SIGHUP, go_on)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while courts and not ended.is_set():
        delivery = courts.pop().worker(on_wire=on_wire)
        if not ended.is_set():  # a signal may come at any point; from here on it stops this one
            delivery.run()
