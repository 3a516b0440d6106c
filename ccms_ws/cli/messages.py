"""`ccms-ws messages`: what went in and out. Metadata alone; what a message says is shown only when asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ccms_ws.cli import completion
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows
from ccms_ws.errors import ConfigError, NotStored

if TYPE_CHECKING:
    from ccms_ws.store.message_history import Traffic, TrafficLog

app = typer.Typer(help="Messages in both directions: list, look at, take out.", no_args_is_help=True)

MessageArgument = Annotated[
    UUID, typer.Argument(metavar="ID", help="The id of a message, of the court's answer to it, or of an incident.")
]


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


@app.command("list")
def list_(
    exchange: Annotated[
        str, typer.Option(metavar="CODE", help="Only of this exchange.", autocompletion=completion.exchanges)
    ] = "",
    partner: Annotated[
        str, typer.Option(metavar="PARTNER", help="Only from or to this partner.", autocompletion=completion.partners)
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Only since then: 2026-11-20, 2026-11-20T08:30Z, or 90m, 12h, 7d ago.")
    ] = "",
    outcome: Annotated[
        str,
        typer.Option(
            help="Only of this outcome: reply, fault, accepted, taken, quarantined, refused, pending, sending, "
            "delivered, dead; or of an error code that begins so."
        ),
    ] = "",
    way: Annotated[Direction | None, typer.Option(help="Only messages that came in, or that go out.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show messages of both directions, the newest first.

    Example: ccms-ws messages list --partner FTB --since 7d --outcome dead
    """
    from ccms_ws.clock import SystemClock
    from ccms_ws.store.message_history import Wanted, Way

    wanted = Wanted(
        way=Way(way.value) if way else None,
        exchange=exchange,
        partner_id=partner,
        since=moment(since, SystemClock().now()) if since else None,
        outcome=outcome,
    )
    with _traffic(config) as traffic:
        rows = [_row(each) for each in traffic.list(wanted, limit=limit)]
    show_rows(rows, as_json=json, empty="no such message")


@app.command()
def show(
    message_id: MessageArgument,
    content: Annotated[
        bool, typer.Option("--content", help="Also what it says. It holds people's data: mind who sees the screen.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one message: whence, whither, what became of it, every attempt, what it answers and what answers it.

    Example: ccms-ws messages show 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    """
    with _traffic(config) as traffic:
        told = [_facts(each, traffic, content=content) for each in traffic.find(message_id)]
    for facts, attempts in told:
        if json:
            continue
        show_facts(facts, as_json=False)
        if attempts:
            say("")
            show_rows(attempts, as_json=False)
    if json:
        show_json([facts | {"attempts": attempts} for facts, attempts in told])


@app.command()
def export(
    message_id: MessageArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; it must not be there yet.")],
    answer: Annotated[bool, typer.Option("--answer", help="The court's answer instead of the message.")] = False,
    envelope: Annotated[
        bool, typer.Option("--envelope", help="Of an outgoing message: the envelope that was sent, with its signature.")
    ] = False,
    attempt: Annotated[
        int | None, typer.Option(min=1, help="With --envelope: of which attempt; the last that may have arrived.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Write a message as it came over the wire, byte for byte, for its owner's eyes only (mode 600).

    Of an outgoing message that is its payload: each attempt to send it is addressed and signed by itself. With
    --envelope it is what one of them sent.

    Example: ccms-ws messages export 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 -o message.xml
    """
    import hashlib

    from ccms_ws.store.message_history import Way

    with _traffic(config) as traffic:
        found = traffic.find(message_id)[0]
        if (envelope or attempt) and (found.way is not Way.OUT or answer):
            raise typer.BadParameter("--envelope is for outgoing messages; others are exported as they came")
        if envelope or attempt:
            raw: bytes | None = traffic.envelope(found, attempt)
        else:
            contents = traffic.contents(found)
            raw = contents.answer if answer else contents.message
    if not raw:
        raise NotStored(f"the court gave no answer to {message_id}", hint="a one-way message gets none")
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}", hint="name another file") from error
    show_facts({"file": output, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}, as_json=json)


def moment(text: str, now: datetime) -> datetime:
    """The moment meant by "12h" (ago), a date or a time; without a zone it is UTC."""
    spans = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[:-1].isdecimal() and text[-1] in spans:
            return now - timedelta(**{spans[text[-1]]: int(text[:-1])})
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time; write 2026-11-20, 2026-11-20T08:30Z or 12h") from None


@contextmanager
def _traffic(config: Path) -> Iterator[TrafficLog]:
    from ccms_ws.config import load_settings
    from ccms_ws.log import configure_logging
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.message_history import open_traffic

    settings = load_settings(config)
    configure_logging(settings.log.level, settings.log.format)
    engine = open_engine(settings.database.url)
    with open_traffic(engine) as traffic:
        yield traffic
    engine.dispose()


def _row(each: Traffic) -> dict[str, object]:
    return {
        "at": each.at,
        "way": each.way.value,
        "exchange": each.exchange,
        "partner": each.partner_id,
        "message": each.root.rpartition("}")[2],
        "outcome": each.outcome,
        "code": each.code.partition(":")[0],
        "id": each.message_id,
    }


def _facts(each: Traffic, traffic: TrafficLog, *, content: bool) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What is known of one message, and the attempts to send it."""
    from ccms_ws.store.message_history import REFUSED, Way

    facts = _row(each) | {"code": each.code, "relates_to": each.relates_to, "answered_by": each.answer_id}
    attempts: list[dict[str, object]] = []
    if each.way is Way.OUT:
        answers = traffic.answers_to(each)
        facts["answered_by"] = ", ".join(f"{answer.message_id} ({answer.outcome})" for answer in answers) or None
        attempts = [
            {
                "attempt": tried.number,
                "started": tried.started_at,
                "seconds": round((tried.ended_at - tried.started_at).total_seconds(), 3),
                "outcome": tried.outcome,
                "http": tried.http_status,
                "error": tried.error_code,
                "detail": tried.detail,
            }
            for tried in traffic.attempts(each)
        ]
    if each.outcome == REFUSED:
        facts["explained_by"] = f"ccms-ws explain {each.message_id}"
        return facts, attempts
    if reason := traffic.quarantine_reason(each):
        facts["set_aside_because"] = reason
    contents = traffic.contents(each)
    facts |= {"bytes": len(contents.message), "answer_bytes": len(contents.answer) if contents.answer else None}
    if content:
        facts |= {"content": _text(contents.message), "answer_content": _text(contents.answer or b"")}
    return facts, attempts


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
