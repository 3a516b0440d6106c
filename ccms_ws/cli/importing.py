"""`ccms-ws import cases`: the court's books from files; `ccms-ws demo-data`: those of a court that does not exist."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ccms_ws.cli.db import require_current
from ccms_ws.cli.exits import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_json, show_rows
from ccms_ws.cli.progress import progress
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.domain.courts import Court
    from ccms_ws.domain.ports import Record
    from ccms_ws.store.loading import Loaded

app = typer.Typer(no_args_is_help=True, help="Load the court's books from files.")

_SHOWN = 20


class Place(NamedTuple):
    """Where a row stands."""

    file: str
    line: int
    record: str


class _Refusals:
    """Rows that did not load: counted, the first ones kept for the summary, all of them written if a file is named."""

    def __init__(self, stack: ExitStack, file: Path | None) -> None:
        self.count = 0
        self.first: list[dict[str, object]] = []
        self._writer: Any = None
        if file is not None:
            self._writer = csv.writer(stack.enter_context(file.open("w", encoding="utf-8", newline="")))
            self._writer.writerow(("file", "line", "record", "field", "reason"))

    def add(self, place: Place, field: str, reason: str) -> None:
        self.count += 1
        if self._writer is not None:
            self._writer.writerow((*place, field, reason))
        if len(self.first) < _SHOWN:
            self.first.append({**place._asdict(), "field": field, "reason": reason})


@app.command("cases")
def cases(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="CSV or JSON lines (.jsonl).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all of it and take it back.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Write the rows that do not load there, as CSV.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Load cases, participants and ledger. What is there already stays; bad rows are named, good ones load.

    The columns are described in ccms_ws/docs/import.md, with samples beside it. Ends with 5 if a row did not load.

    Example: ccms-ws import cases people.csv ledger.jsonl --rejects bad.csv
    """
    from ccms_ws.bootstrap import load_court
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.loading import load

    require_current(config)
    application = load_court(config)
    engine = open_engine(application.settings.database.url)
    with application.units() as uow:
        if uow.books.find_court(application.court.ori) is None:
            uow.books.add(application.court)
            uow.commit()
    with ExitStack() as stack:
        refusals = _Refusals(stack, rejects)
        advance = stack.enter_context(progress("rows"))
        loaded = load(
            engine,
            _records(files, application.court, refusals),
            refuse=lambda place, reason: refusals.add(place, "", reason),
            done=advance,
            dry_run=dry_run,
        )
    engine.dispose()
    _tell(loaded, refusals, dry_run=dry_run, as_json=json)
    raise typer.Exit(ExitCode.REFUSED if refusals.count else ExitCode.OK)


def demo_data(
    cases: Annotated[int, typer.Option(min=1, help="How many cases.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same court.")] = 1,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Fill the books with invented cases, people and ledgers, for trying things out. What is there stays.

    Example: ccms-ws demo-data --cases 100000 --seed 7
    """
    from ccms_ws.bootstrap import load_court
    from ccms_ws.demo.crowd import invent
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.loading import load

    require_current(config)
    application = load_court(config)
    engine = open_engine(application.settings.database.url)
    refusals = _Refusals(ExitStack(), None)
    with progress("records") as advance:
        loaded = load(
            engine,
            ((Place("", 0, ""), record) for record in invent(application.court, cases, seed)),
            refuse=lambda place, reason: refusals.add(place, "", reason),
            done=advance,
        )
    engine.dispose()
    _tell(loaded, refusals, dry_run=False, as_json=json)
    raise typer.Exit(ExitCode.FAILED if refusals.count else ExitCode.OK)


def _tell(loaded: Loaded, refusals: _Refusals, *, dry_run: bool, as_json: bool) -> None:
    tables = sorted({*loaded.added, *loaded.changed, *loaded.unchanged})
    counters: dict[str, Counter[str]] = {
        "added": loaded.added,
        "changed": loaded.changed,
        "unchanged": loaded.unchanged,
    }
    rows = [{"table": table, **{word: counter[table] for word, counter in counters.items()}} for table in tables]
    if as_json:
        show_json({"dry_run": dry_run, "tables": rows, "refused": refusals.count, "refusals": refusals.first})
        return
    show_rows(rows, as_json=False, empty="no rows")
    if refusals.count:
        say(f"\n{refusals.count} rows did not load" + (", the first of them:" if refusals.count > _SHOWN else ":"))
        show_rows(refusals.first, as_json=False)
    if dry_run:
        say("\nA dry run: nothing was kept.")


def _records(files: list[Path], court: Court, refusals: _Refusals) -> Iterator[tuple[Place, Record]]:
    from ccms_ws.domain.records import RowRefused, read_record

    for file in files:
        for line, row in _rows(file):
            place = Place(file.name, line, row.get("record", "") if isinstance(row, Mapping) else "")
            try:
                if isinstance(row, str):
                    raise RowRefused("", row)
                yield place, read_record(row, court)
            except RowRefused as error:
                refusals.add(place, error.field, error.reason)


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    """Line and columns of each row; a sentence in place of the columns if they cannot be read."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            if file.suffix.lower() in (".jsonl", ".ndjson", ".json"):
                yield from ((number, _json_row(line)) for number, line in enumerate(lines, 1) if line.strip())
                return
            reader = csv.DictReader(lines, restkey="")
            if "record" not in (reader.fieldnames or ()):
                raise ConfigError(f"{file} has no column `record`", hint="ccms-ws docs import")
            for row in reader:
                more = row.pop("", None)
                yield (
                    reader.line_num,
                    "has more columns than the header" if more else {k: v or "" for k, v in row.items()},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="CSV or JSON lines, in UTF-8") from error


def _json_row(line: str) -> Mapping[str, str] | str:
    try:
        row = json.loads(line, parse_float=str, parse_int=str)
    except ValueError:
        return "is no JSON"
    if not isinstance(row, dict) or any(isinstance(value, dict | list) for value in row.values()):
        return "is no object of plain values"
    return {name: _text(value) for name, value in row.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
