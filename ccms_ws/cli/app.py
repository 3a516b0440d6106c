"""The command line as a whole: its commands in the order of `--help`, and the one place where an error ends it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import ccms_ws
from ccms_ws.cli import (
    cases,
    certs,
    conformance,
    console,
    contract,
    db,
    demo,
    docs,
    doctor,
    exchanges,
    explain,
    import_,
    init,
    kit,
    law,
    log,
    messages,
    metrics,
    outbox,
    partners,
    replay,
    serve,
    simulate,
    worker,
)
from ccms_ws.cli.court import write_heads
from ccms_ws.cli.exit_codes import ExitCode, exit_code_of, file_trouble, tell, tell_defect
from ccms_ws.cli.output import json_is_wanted, want_json
from ccms_ws.errors import CcmsWsError
from ccms_ws.scripts import lose_output

_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF)
EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 configuration, 4 not found, 5 refused by a rule or by the "
    "other side, 6 unavailable now, 130 interrupted."
)


@cache
def exchange_commands() -> dict[str, Any]:
    """The commands of exchanges: a group under the code of the exchange in lower case, a single one under its name."""
    from ccms_ws.registry import EXCHANGES, part

    commands: dict[str, Any] = {}
    for exchange in EXCHANGES:
        if (module := part(exchange, "commands")) is not None:
            command = typer.main.get_command(module.app)
            command.name = exchange.code.lower() if hasattr(command, "commands") else command.name
            commands[str(command.name)] = command
    return commands


class _Commands(TyperGroup):
    """Loads the exchanges only for their own commands and for the list of all: they need much that others do not."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or exchange_commands().get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        groups = names.index("messages")
        return [*names[:groups], *exchange_commands(), *names[groups:]]


app = typer.Typer(
    name="ccms-ws",
    cls=_Commands,
    help="The endpoint through which California trial courts exchange data with their justice partners.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    init.init,
    serve.serve,
    worker.worker,
    simulate.simulate,
    explain.explain,
    conformance.conformance,
    demo.demo,
    doctor.doctor,
    metrics.metrics,
    docs.docs,
    import_.demo_data,
):
    app.command()(command)
app.add_typer(messages.app, name="messages")
app.add_typer(outbox.app, name="outbox")
app.add_typer(explain.quarantine, name="quarantine")
app.add_typer(console.app, name="console")
app.add_typer(exchanges.app, name="exchanges")
app.add_typer(partners.app, name="partners")
app.add_typer(certs.app, name="certs")
app.add_typer(contract.app, name="contract")
app.add_typer(replay.app, name="replay")
app.add_typer(kit.app, name="kit")
app.add_typer(import_.app, name="import")
app.add_typer(cases.app, name="cases")
app.add_typer(law.app, name="law")
app.add_typer(log.app, name="log")
app.add_typer(db.app, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ccms-ws {ccms_ws.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    trace: Annotated[bool, typer.Option("--trace", help="Show where an unforeseen error happened.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """What stands before a command. `main` looks for --trace itself, since a defect may come before this is called."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the program with an `ExitCode`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _open_standard_streams()
    want_json(False)
    try:
        try:
            app(arguments, prog_name="ccms-ws")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except CcmsWsError as error:
        _end(error)
    except Exception as error:
        if "--trace" in arguments:
            raise
        if isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT:
            _end_without_output(error)
        if trouble := file_trouble(error):
            _end(trouble)
        tell_defect(error, as_json=json_is_wanted())
        sys.exit(ExitCode.FAILED)
    finally:
        write_heads()


def _end_without_output(error: OSError) -> NoReturn:
    """End a command that has done its work but cannot print the result."""
    lose_output(error)
    if error.errno != errno.EPIPE:
        sys.stderr.write(f"ccms-ws: the output cannot be written: {error.strerror}\n")
    sys.exit(ExitCode.FAILED)


def _open_standard_streams() -> None:
    """Open those that are closed (`2>&-`) to nothing, so that no file or connection gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def _end(error: CcmsWsError) -> NoReturn:
    tell(error, as_json=json_is_wanted())
    sys.exit(exit_code_of(error))
