"""`ccms-ws metrics`: a court's numbers for Prometheus, printed once or served."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.db import require_current
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_json
from ccms_ws.cli.serve import check_port
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.metrics.collector import CourtCollector
    from ccms_ws.services.admission import Program

_HERE = "127.0.0.1"
_AT_ONCE = 2
_MOST_BODY = 1024

ListenOption = Annotated[
    str,
    typer.Option(
        "--listen",
        metavar="[HOST:]PORT",
        help="Serve them there at /metrics until stopped; a port alone is for this machine alone.",
    ),
]


def metrics(listen: ListenOption = "", config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Print the court's numbers once, as Prometheus reads them: for a look, or a textfile collector.

    With --listen they are served until Ctrl-C or SIGTERM, read again each time; with --json the address is
    printed first.

    Example: ccms-ws metrics --config demo-court/ccms-ws.toml;
    ccms-ws metrics --listen 127.0.0.1:9464 --config demo-court/ccms-ws.toml
    """
    from ccms_ws.metrics import exposition

    address = _address(listen) if listen else None
    require_current(config)
    collector = _collector(config)
    if address:
        _serve(config, *address, as_json=json)
    elif json:
        show_json(exposition.rows(collector))
    else:
        typer.echo(exposition.text(collector), nl=False)


def _serve(config: Path, host: str, port: int, *, as_json: bool) -> None:
    from ccms_ws.log import get_logger
    from ccms_ws.metrics.exposition import PATH
    from ccms_ws.services import server
    from ccms_ws.services.admission import Capacity

    check_port(host, port, "--listen to another")
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
    get_logger(__name__).info("metrics.started", url=url, port=port)
    if as_json:
        show_json({"url": url})
    server.serve(
        partial(_program, config.resolve()),
        Capacity(at_once=_AT_ONCE, waiting=_AT_ONCE, largest=_MOST_BODY),
        host=host,
        port=port,
        workers=1,  # what it has counted is in its memory
    )
    get_logger(__name__).info("metrics.stopped")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"{text!r} is no address to listen on", hint="--listen 127.0.0.1:9464, or --listen 9464")
    return host.strip("[]") or _HERE, int(port)


def _program(config: Path) -> Program:
    """The program of the one serving process."""
    from ccms_ws.metrics.exposition import application
    from ccms_ws.services.admission import Program

    return Program(application(_collector(config)))


def _collector(config: Path) -> CourtCollector:
    from ccms_ws.clock import SystemClock
    from ccms_ws.config import load_settings
    from ccms_ws.health.certificates import inventory
    from ccms_ws.log import configure_logging
    from ccms_ws.metrics.collector import CourtCollector
    from ccms_ws.registry import EXCHANGES
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.heartbeats import list_programs
    from ccms_ws.store.statistics import Meter

    settings = load_settings(config)
    configure_logging(settings.log.level, settings.log.format)
    engine = open_engine(settings.database.url)
    tracked = {each.code: each.notification.tracking for each in EXCHANGES if each.notification is not None}
    overdue = {code: tracking.count_overdue for code, tracking in tracked.items() if tracking.count_overdue is not None}
    programs = partial(list_programs, engine)
    return CourtCollector(
        settings.partners, Meter(engine, overdue).read, partial(inventory, settings), programs, SystemClock()
    )
