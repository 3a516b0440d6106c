"""`ccms-ws outbox reconcile`: after a restore of an older copy, what partners have and the court does not know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_json, show_rows
from ccms_ws.errors import ConfigError
from ccms_ws.health.signed_heads import record_of

if TYPE_CHECKING:
    from ccms_ws.store.reconciling import Difference


def reconcile(
    replaced: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The database that was replaced, if it can still be read (SQLite)."),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE", help="Ids of messages that a partner says it has, one a line."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List what partners have and the court does not know, after an older copy of the database was restored.

    As far as anything tells: partners' answers in quarantine, the signed heads, the database that was replaced, a
    partner's list. Nothing is changed. Ends with 0 if nothing is found, 5 if something is.

    Example: ccms-ws outbox reconcile --replaced court.db.replaced-20261120T173000Z
    """
    from ccms_ws.config import load_settings
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.hash_chain import heads
    from ccms_ws.store.hash_chain_verification import snapshot
    from ccms_ws.store.reconciling import answers_to_unknown, differences, earlier, listed_but_unknown, without_doubles

    settings = load_settings(config)
    ids = _ids(listed)
    record = record_of(settings)
    engine = open_engine(settings.database.url)
    found: list[Difference] = []
    with snapshot(engine) as connection:
        behind = record.behind(heads(connection))
        if replaced is not None:
            with earlier(replaced) as before:
                found += differences(connection, before)
        found += answers_to_unknown(connection)
        found += listed_but_unknown(connection, ids)
    engine.dispose()
    rows: list[dict[str, object]] = [
        {
            "finding": each.finding.value,
            "partner": each.partner_id,
            "exchange": each.exchange,
            "id": each.message_id,
            "at": each.at,
            "known_from": each.known_from,
            "what": each.what,
        }
        for each in without_doubles(found)
    ]
    lost = [
        {"at": each.at, "since": each.since, "entries": each.entries, "reason": each.reason} for each in record.lost
    ]
    if json:
        show_json({"lost": lost, "behind": [[head.chain, head.length] for head in behind], "found": rows})
    else:
        for each in record.lost:
            say(f"restored on {each.at}: at least {each.entries} entries since {each.since} are lost ({each.reason})")
        if behind:
            say("the database is older than the signed heads, and no restore was noted: ccms-ws db restored")
        show_rows(rows, as_json=False, empty="nothing is known that partners have and the court does not know")
    raise typer.Exit(ExitCode.REFUSED if rows or behind else ExitCode.OK)


def _ids(file: Path | None) -> list[UUID]:
    if file is None:
        return []
    ids = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                ids.append(UUID(line.strip()))
            except ValueError:
                raise ConfigError(f"{file}, line {number} is no message id", hint="one UUID a line") from None
    return ids
