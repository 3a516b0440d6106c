"""`ccms-ws replay record`: make cases of what is in the court's message log."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ccms_ws.cli import completion
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_json
from ccms_ws.cli.progress import progress
from ccms_ws.errors import ConfigError, NotStored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ccms_ws.config import Settings
    from ccms_ws.replay.case import Case
    from ccms_ws.replay.recording import Recorder
    from ccms_ws.store.message_history import Traffic, TrafficLog

MOST = 1_000_000


class BooksChoice(StrEnum):
    MADE = "made"
    COURT = "court"


def record(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the cases go, a folder each.")],
    message: Annotated[
        list[UUID] | None, typer.Option(metavar="ID", help="A message, or the court's answer to it. May be repeated.")
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Everything since then: 2026-11-20, 2026-11-20T08:30Z, or 90m, 12h, 7d.")
    ] = "",
    incident: Annotated[
        UUID | None, typer.Option(metavar="ID", help="A refused message. The court keeps no content of it.")
    ] = None,
    envelope: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --incident: the bytes, as their sender has kept them.")
    ] = None,
    exchange: Annotated[
        str,
        typer.Option(metavar="CODE", help="With --since: only of this exchange.", autocompletion=completion.exchanges),
    ] = "",
    partner: Annotated[
        str,
        typer.Option(
            metavar="PARTNER", help="With --since: only from this partner.", autocompletion=completion.partners
        ),
    ] = "",
    anonymize: Annotated[
        bool, typer.Option("--anonymize", help="Replace personal data, and sign with the published test keys.")
    ] = False,
    books: Annotated[
        BooksChoice,
        typer.Option(
            help="What is on file in a replay. made: as little as makes the recorded answers true. court: what the "
            "court has on file then, to see what would be answered now; for queries alone."
        ),
    ] = BooksChoice.MADE,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Play each case once when it is made.")] = True,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Make cases of messages in the log. Without --anonymize they hold people's data: keep them as the log is kept.

    Such cases play in a copy of this court, which `replay run DIR` finds by itself; anonymized ones play anywhere. A
    message of which not everything can be anonymized is left out and named.

    Example: ccms-ws replay record --since 12h --anonymize -o cases
    """
    if sum((bool(message), bool(since), incident is not None)) != 1:
        raise typer.BadParameter("say what to record: --message, --since or --incident")
    if incident is not None:
        _record_incident(incident, envelope, output, config, as_json=json)
        return
    with _log(config) as (log, settings):
        recorder = _recorder(log, settings, books, config, anonymize=anonymize)
        wanted = _wanted(log, message or [], since, exchange, partner)
        folders, left_out = _recorded(recorder, wanted, output)
    broken = _check(folders, None if anonymize else config) if check and folders else {}
    if json:
        show_json({"cases": [str(folder) for folder in folders], "left_out": left_out, "do_not_play": broken})
        return
    say(f"{len(folders)} cases in {output}" + ("" if anonymize else " (they hold people's data)"))
    for number, why in left_out.items():
        say(f"  {number} was left out: {why}")
    for name, why in broken.items():
        say(f"  {name} does not play as it was recorded: {why}")


def _wanted(log: TrafficLog, ids: list[UUID], since: str, exchange: str, partner: str) -> list[Traffic]:
    """The messages that came to a service, oldest first. Raises NotStored if there is none."""
    from ccms_ws.cli.messages import moment
    from ccms_ws.clock import SystemClock
    from ccms_ws.store.message_history import Wanted, Way

    if ids:
        return [each for number in ids for each in log.find(number) if each.way is Way.IN]
    wanted = Wanted(way=Way.IN, exchange=exchange, partner_id=partner, since=moment(since, SystemClock().now()))
    found = [each for each in reversed(log.list(wanted, limit=MOST)) if each.answer_id is not None]
    if not found:
        raise NotStored("no message has come to a service since then", hint="ccms-ws messages list shows what there is")
    return found


def _recorder(log: TrafficLog, settings: Settings, books: BooksChoice, config: Path, *, anonymize: bool) -> Recorder:
    from ccms_ws.replay.case import Books
    from ccms_ws.replay.court import Courthouse
    from ccms_ws.replay.recording import Recorder, cast_of
    from ccms_ws.replay.running import MADE_AT

    if not anonymize:
        return Recorder(log, Books(books.value), court=str(config.resolve()))
    if books is not BooksChoice.MADE:
        raise typer.BadParameter("the court records have no participant of an anonymized message: leave --books out")
    with Courthouse.demo(MADE_AT) as court:
        return Recorder(log, Books.MADE, cast_of(settings, court.settings))


def _recorded(recorder: Recorder, wanted: Sequence[Traffic], output: Path) -> tuple[list[Path], dict[str, str]]:
    """The folders of the cases; and the ids of the messages that were left out, each with the reason."""
    from ccms_ws.replay.anonymize import NotAnonymized

    folders: list[Path] = []
    left_out: dict[str, str] = {}
    with progress("record", len(wanted)) as advance:
        for each in wanted:
            try:
                folders.append(_write(recorder.case(each), output))
            except NotAnonymized as error:
                left_out[str(each.message_id)] = error.detail
            advance(1)
    return folders, left_out


def _write(case: Case, output: Path) -> Path:
    from ccms_ws.replay.casewriter import write_case

    folder = output / case.name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # for its owner's eyes only
    write_case(case, folder)
    return folder


def _check(folders: list[Path], config: Path | None) -> dict[str, str]:
    """Those that do not play as they were recorded, with the first reason."""
    from ccms_ws.replay import Verdict, Which, be_quiet, in_lines, replay

    be_quiet()
    with progress("check", len(folders)) as advance:
        result = replay(folders, Which(config), tell=lambda _: advance(1))
    return {case.name: (in_lines(case) or ["?"])[0] for case in result.cases if case.verdict is not Verdict.SAME}


# -- incidents --------------------------------------------------------------------------------------------------------
def _record_incident(incident: UUID, envelope: Path | None, output: Path, config: Path, *, as_json: bool) -> None:
    from ccms_ws.bootstrap import load_court
    from ccms_ws.replay.casewriter import write_case
    from ccms_ws.replay.recording import incident_case

    with load_court(config).reading() as uow:
        refusal = uow.inbox.get_refusal(incident)
    if envelope is None:
        facts = asdict(refusal) | {"digest": refusal.digest.hex()}
        output.mkdir(parents=True, exist_ok=True)
        file = output / f"incident-{incident}.json"
        file.write_text(_as_json(facts), "utf-8")
        if as_json:
            show_json({"incident": str(file)})
            return
        say(f"{file}: verdict and circumstances. The court keeps no content of what it refuses, so that is no case.")
        say("Ask the sender for the bytes and say --envelope FILE: if they have that SHA-256, a case is made of them.")
        return
    try:
        raw = envelope.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{envelope} cannot be read: {error.strerror}", hint="name the file with the bytes"
        ) from error
    case = incident_case(refusal, raw, court=str(config.resolve()))
    write_case(case, output / case.name)
    if as_json:
        show_json({"cases": [str(output / case.name)]})
    say(f"{output / case.name}: plays in a copy of {config}", as_json=as_json)


def _as_json(facts: object) -> str:
    from json import dumps

    return dumps(facts, default=str, indent=2, ensure_ascii=False) + "\n"


@contextmanager
def _log(config: Path) -> Iterator[tuple[TrafficLog, Settings]]:
    from ccms_ws.config import load_settings
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.message_history import open_traffic

    settings = load_settings(config)
    engine = open_engine(settings.database.url)
    try:
        with open_traffic(engine) as log:
            yield log, settings
    finally:
        engine.dispose()
