"""`ccms-ws console`: the page for operators, and who may sign in to it."""

from __future__ import annotations

import getpass
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.db import require_ready
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts, show_json
from ccms_ws.cli.serve import check_port
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from ccms_ws.bootstrap import CourtApplication
    from ccms_ws.health.certificates import Entry
    from ccms_ws.services.admission import Program
    from ccms_ws.services.http import WsgiApplication

app = typer.Typer(help="The page for operators, and who may sign in.", no_args_is_help=True)

_THREADS, _WAITING = 4, 16


@app.command()
def serve(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Run the console: messages, refusals and dead letters in a browser. Ctrl-C or SIGTERM ends it, and every session.

    With --json it first prints its address; its log goes to standard error either way.

    Example: ccms-ws console serve --config demo-court/ccms-ws.toml
    """
    from ccms_ws.audit.keeper import keep_heads
    from ccms_ws.console.operators import settings_of
    from ccms_ws.console.request_guard import LARGEST_FORM
    from ccms_ws.log import get_logger
    from ccms_ws.services import server
    from ccms_ws.services.admission import Capacity

    court = court_of(config)
    settings = settings_of(court.settings)
    require_ready(config)
    _application(court)  # everything that can be wrong is said here, before a worker process starts
    check_port(settings.host, settings.port, "console.port")
    end_heads = keep_heads(court.head_keeper, court.settings.audit.every_seconds)
    get_logger(__name__).info("console.started", url=settings.url, port=settings.port)
    if json:
        show_json({"url": settings.url})
    server.serve(
        partial(_load, config.resolve()),
        Capacity(at_once=_THREADS, waiting=_WAITING, largest=LARGEST_FORM),
        host=settings.host,
        port=settings.port,
        workers=1,  # who is signed in is known in its memory
    )
    end_heads()
    get_logger(__name__).info("console.stopped")


@app.command("add-operator")
def add_operator(
    name: Annotated[str, typer.Argument(help="How the operator signs in and stands in the records.")],
    reader: Annotated[
        bool, typer.Option("--reader", help="May look, but neither open what messages say nor act on them.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Add an operator account or change its password. Prompts for it, or reads it from standard input.

    Example: ccms-ws console add-operator m.lee --config demo-court/ccms-ws.toml
    """
    from ccms_ws.config import load_settings
    from ccms_ws.console.operators import Role, put_operator, settings_of

    file = settings_of(load_settings(config)).operators
    role = Role.READER if reader else Role.OPERATOR
    new = put_operator(file, name, role, _password())
    show_facts({"operator": name, "role": role.value, "new": new, "file": file}, as_json=json)


def _password() -> str:
    """Never from the command line, which other users of the machine can read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise ConfigError("the two passwords differ", hint="try again; nothing was changed")
    return password


def _load(config: Path) -> Program:
    """The program of the one serving process."""
    from ccms_ws.services.admission import Program

    return Program(_application(court_of(config)))


def _application(court: CourtApplication) -> WsgiApplication:
    from ccms_ws.console.app import make_console
    from ccms_ws.health.certificates import inventory, reminders

    def endings(now: datetime) -> list[Entry]:
        return reminders(inventory(court.settings, now), starting=True)

    return cast("WsgiApplication", make_console(court, endings))
