"""`ccms-ws log verify`: is the message log still what was written?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.exits import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_json, show_rows
from ccms_ws.cli.progress import progress
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.store.chains import Head

app = typer.Typer(no_args_is_help=True, help="The message log: every accepted message with its answer.")

AgainstOption = Annotated[
    Path | None,
    typer.Option("--against", metavar="FILE", help="An earlier answer of this command with --json, kept elsewhere."),
]


@app.command("verify")
def verify(config: ConfigOption = DEFAULT_CONFIG, against: AgainstOption = None, json: JsonOption = False) -> None:
    """Look at every entry: was it changed, is one missing or out of its place? Ends with 0 if not, 5 if so.

    Example: ccms-ws log verify --json > heads.json; later: ccms-ws log verify --against heads.json
    """
    from ccms_ws.config import load_settings
    from ccms_ws.store.chains import Break, heads, verify
    from ccms_ws.store.engine import open_engine

    engine = open_engine(load_settings(config).database.url)
    with engine.connect().execution_options(read_only=True) as connection:
        breaks, entries, ends = [], 0, heads(connection)
        with progress("verify", sum(head.length for head in ends)) as advance:
            for found in verify(connection, _heads(against)):
                if isinstance(found, Break):
                    breaks.append(found)
                else:
                    advance(found - entries)
                    entries = found
    engine.dispose()
    rows = [{"chain": b.chain, "from": b.number, "to": b.last, "fault": b.fault.value} for b in breaks]
    told = [{"chain": head.chain, "length": head.length, "hash": head.hash} for head in ends]
    if json:
        show_json({"entries": entries, "faults": rows, "heads": told})
    else:
        say(f"{entries} entries")
        show_rows(rows, as_json=False, empty="the message log is what was written")
    raise typer.Exit(ExitCode.REFUSED if breaks else ExitCode.OK)


def _heads(file: Path | None) -> list[Head]:
    from ccms_ws.store.chains import Head

    if file is None:
        return []
    try:
        told = json.loads(file.read_text("utf-8"))["heads"]
        return [Head(int(head["chain"]), int(head["length"]), str(head["hash"])) for head in told]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{file} is no answer of `ccms-ws log verify --json`", hint=str(error)) from error
