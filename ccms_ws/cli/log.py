"""`ccms-ws log`: is the message log still what was written, and the signed record of it outside the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows
from ccms_ws.cli.progress import progress
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.store.hash_chain import Head

app = typer.Typer(
    no_args_is_help=True, help="The message log: every message in both directions, with answers, attempts and acts."
)

AgainstOption = Annotated[
    Path | None,
    typer.Option("--against", metavar="FILE", help="An earlier answer of this command with --json, kept elsewhere."),
]


@app.command("verify")
def verify(config: ConfigOption = DEFAULT_CONFIG, against: AgainstOption = None, json: JsonOption = False) -> None:
    """Look at every record: was it changed, is one missing or out of its place? Ends with 0 if not, 5 if so.

    The chains are compared with the signed heads that programs keep in audit.heads.

    Example: ccms-ws log verify --config demo-court/ccms-ws.toml
    """
    from ccms_ws.config import load_settings
    from ccms_ws.health.signed_heads import record_of
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.hash_chain import heads
    from ccms_ws.store.hash_chain_verification import Violation, snapshot, verify

    settings = load_settings(config)
    written = _heads(against)
    record = record_of(settings)  # before the database is asked: it may grow meanwhile
    engine = open_engine(settings.database.url)
    with snapshot(engine) as connection:
        breaks, entries, ends = [], 0, heads(connection)
        with progress("verify", sum(head.length for head in ends)) as advance:
            for found in verify(connection, [*written, *record.heads]):
                if isinstance(found, Violation):
                    breaks.append(found)
                else:
                    advance(found - entries)
                    entries = found
    engine.dispose()
    rows: list[dict[str, object]] = [
        {"chain": b.chain or "", "from": b.number or "", "to": b.last or "", "fault": b.fault.value, "what": b.what}
        for b in breaks
    ]
    if not record.lines and entries:
        missing = f"no heads were ever written to {settings.audit.heads.name}: ccms-ws log sign does"
        record_faults: tuple[str, ...] = (missing,)
    else:
        record_faults = record.faults
    rows += [{"chain": "", "from": "", "to": "", "fault": "heads", "what": fault} for fault in record_faults]
    if json:
        ending = [{"chain": head.chain, "length": head.length, "hash": head.hash} for head in ends]
        lost = [{"at": each.at, "since": each.since, "entries": each.entries} for each in record.lost]
        show_json({"entries": entries, "faults": rows, "heads": ending, "signed": record.last, "restores": lost})
    else:
        say(f"{entries} entries; {record.lines} signed heads, the last of {record.last or 'never'}")
        for each in record.lost:
            say(f"restored on {each.at}: at least {each.entries} entries since {each.since} are lost ({each.reason})")
        show_rows(rows, as_json=False, empty="the message log is what was written")
    raise typer.Exit(ExitCode.REFUSED if rows else ExitCode.OK)


@app.command()
def sign(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Write down now how the message log ends, signed. Programs do it by themselves, every minute or so.

    Example: ccms-ws log sign --config demo-court/ccms-ws.toml
    """
    court = court_of(config)
    new = court.head_keeper.write()
    show_facts({"file": court.settings.audit.heads, "written": new}, as_json=json)


def _heads(file: Path | None) -> list[Head]:
    from ccms_ws.store.hash_chain import Head

    if file is None:
        return []
    try:
        told = json.loads(file.read_text("utf-8"))["heads"]
        return [Head(int(head["chain"]), int(head["length"]), str(head["hash"])) for head in told]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{file} is no answer of `ccms-ws log verify --json`", hint=str(error)) from error
