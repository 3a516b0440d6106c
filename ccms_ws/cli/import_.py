"""`ccms-ws import cases`: the court's books from files; `ccms-ws demo-data`: those of a court that does not exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ccms_ws.cli.db import require_current
from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_json, show_rows
from ccms_ws.cli.progress import progress
from ccms_ws.tabular_files import CsvWriter, FileRefused

if TYPE_CHECKING:
    from ccms_ws.bootstrap import CourtApplication
    from ccms_ws.domain.courts import Court
    from ccms_ws.domain.import_columns import Statement
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
        self._writer: CsvWriter | None = None
        if file is not None:
            self._writer = CsvWriter(stack.enter_context(file.open("w", encoding="utf-8", newline="")))
            self._writer.row(("file", "line", "record", "field", "reason"))

    def add(self, place: Place, field: str, reason: str) -> None:
        self.count += 1
        if self._writer is not None:
            self._writer.row((*place, field, reason))
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
    """Load cases, participants and ledger. What a file does not state stays; bad rows are named, good ones load.

    The columns are described in ccms_ws/docs/import.md, with samples beside it. Ends with 5 if a row did not load, and
    with 3 if a file cannot be read to its end; what came before is loaded then, and counted.

    Example: ccms-ws import cases people.csv ledger.jsonl --rejects bad.csv
    """
    from ccms_ws.bootstrap import load_court
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.loading import load

    require_current(config)
    application = load_court(config)
    engine = open_engine(application.settings.database.url)
    _put_court(application)
    with ExitStack() as stack:
        refusals = _Refusals(stack, rejects)
        advance = stack.enter_context(progress("rows"))
        reader = _Reader(files, application.court, refusals)
        loaded = load(engine, reader, refuse=refusals.add, done=advance, dry_run=dry_run)
    engine.dispose()
    if reader.stopped is not None:
        _refuse_the_rest(reader.stopped, loaded, refusals, dry_run=dry_run)
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
    from ccms_ws.demo.synthetic_court import synthesize
    from ccms_ws.domain.import_columns import Statement
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.loading import load

    require_current(config)
    application = load_court(config)
    engine = open_engine(application.settings.database.url)
    _put_court(application)
    refusals = _Refusals(ExitStack(), None)
    with progress("records") as advance:
        loaded = load(
            engine,
            ((Place("", 0, ""), Statement(record)) for record in synthesize(application.court, cases, seed)),
            refuse=refusals.add,
            done=advance,
        )
    engine.dispose()
    _tell(loaded, refusals, dry_run=False, as_json=json)
    raise typer.Exit(ExitCode.FAILED if refusals.count else ExitCode.OK)


def _put_court(application: CourtApplication) -> None:
    """Put the court itself on file, if it is not: everything in the books refers to it."""
    with application.units() as uow:
        if uow.books.find_court(application.court.ori) is None:
            uow.books.add(application.court)
            uow.commit()


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


def _refuse_the_rest(stopped: FileRefused, loaded: Loaded, refusals: _Refusals, *, dry_run: bool) -> None:
    """Raises what ended the reading, with what became of the rows before it."""
    counted = {"added": loaded.added, "changed": loaded.changed, "unchanged": loaded.unchanged}
    before = ", ".join(f"{counter.total()} {word}" for word, counter in counted.items())
    if not any(counter.total() for counter in counted.values()):
        before = "nothing was loaded"
    elif dry_run:
        before = f"of the rows before it {before}, and taken back (a dry run)"
    else:
        before = f"of the rows before it {before}"
    stopped.detail += f"; the rest was not read; {before}; {refusals.count} rows refused"
    for row in refusals.first:
        stopped.detail += f"\n  {row['file']} line {row['line']}: {row['field']} {row['reason']}"
    raise stopped


class _Reader:
    """The records that files state, up to where one cannot be read on: then `stopped` says why."""

    def __init__(self, files: list[Path], court: Court, refusals: _Refusals) -> None:
        self._files = files
        self._court = court
        self._refusals = refusals
        self.stopped: FileRefused | None = None

    def __iter__(self) -> Iterator[tuple[Place, Statement]]:
        for file in self._files:
            try:
                yield from self._statements(file)
            except FileRefused as error:
                self.stopped = error
                return

    def _statements(self, file: Path) -> Iterator[tuple[Place, Statement]]:
        from ccms_ws.domain.import_columns import FILE_COLUMNS, RowRefused, read_record
        from ccms_ws.message_parts.representable import problems_of
        from ccms_ws.tabular_files import BadRow, read_rows

        for row in read_rows(file, FILE_COLUMNS):
            if isinstance(row, BadRow):
                self._refusals.add(Place(file.name, row.line, ""), row.field, row.reason)
                continue
            place = Place(file.name, row.line, row.cells.get("record", ""))
            try:
                statement = read_record(row.cells, self._court)
            except RowRefused as error:
                self._refusals.add(place, error.field, error.reason)
                continue
            problem = next(problems_of(statement.record), None)
            if problem is None:
                yield place, statement
            else:
                self._refusals.add(place, *problem)
