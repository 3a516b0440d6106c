"""`ccms-ws outbox`: what waits to go out, what became of what went, and what to do with what was given up."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import court_of, records_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows
from ccms_ws.cli.reconciling import reconcile

if TYPE_CHECKING:
    from ccms_ws.delivery.outbox_actions import OutboxActions

app = typer.Typer(help="Outgoing messages and their attempts.", no_args_is_help=True)
app.command()(reconcile)

DeadArgument = Annotated[UUID, typer.Argument(metavar="ID", help="The transaction id of a dead message.")]
HeldArgument = Annotated[UUID, typer.Argument(metavar="ID", help="The transaction id of a held message.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept with the message.")]
ByOption = Annotated[
    str, typer.Option(metavar="NAME", help="Who decides; you, as this machine knows you, if not given.")
]


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    dead: Annotated[
        bool, typer.Option("--dead", help="Only those that were given up and wait for an operator.")
    ] = False,
    held: Annotated[bool, typer.Option("--held", help="Only those that an operator holds back.")] = False,
    json: JsonOption = False,
) -> None:
    """Show outgoing messages, the newest first.

    Example: ccms-ws outbox list --limit 20
    """
    with records_of(config)() as uow:
        entries = uow.outbox.list_entries(limit=limit, dead=dead, held=held)
    rows = [
        {
            "transaction": entry.message_id,
            "exchange": entry.exchange,
            "partner": entry.partner_id,
            "state": "held" if entry.held else entry.ended.value if entry.ended else entry.state.value,
            "attempts": entry.attempts,
            "created": entry.created_at,
            "next_attempt": entry.next_attempt_at,
            "holds_up": entry.holds_up,
            "last_error": entry.last_error,
        }
        for entry in entries
    ]
    empty = "no message waits for an operator" if dead else "no message is held" if held else "the outbox is empty"
    show_rows(rows, as_json=json, empty=empty)


@app.command()
def show(
    message_id: Annotated[UUID, typer.Argument(help="The transaction id of the message.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one outgoing message with each attempt to send it.

    Example: ccms-ws outbox show 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    """
    with records_of(config)() as uow:
        entry, attempts = uow.outbox.get(message_id), uow.outbox.attempts(message_id)
        notes, holds = uow.outbox.notes(message_id), uow.held_messages.history(message_id)
    facts = {
        "transaction": entry.message_id,
        "exchange": entry.exchange,
        "partner": entry.partner_id,
        "state": "held" if entry.held else entry.state.value,
        "ended_by": entry.ended.value if entry.ended else "",
        "holds_up": entry.holds_up,
        "created": entry.created_at,
        "next_attempt": entry.next_attempt_at,
    }
    rows = [
        {
            "attempt": attempt.number,
            "started": attempt.started_at,
            "seconds": round((attempt.ended_at - attempt.started_at).total_seconds(), 3),
            "outcome": attempt.outcome,
            "http": attempt.http_status,
            "error": attempt.error_code,
            "detail": attempt.detail,
        }
        for attempt in attempts
    ]
    orders: list[dict[str, object]] = [
        {
            "at": note.order.at,
            "done": note.kind.value,
            "by": note.order.operator,
            "reason": note.order.reason,
            "replaced_by": note.replaced_by,
        }
        for note in notes
    ]
    for hold_ in holds:
        for done, order in (("held", hold_.order), ("unheld", hold_.let_go)):
            if order is not None:
                orders.append({"at": order.at, "done": done, "by": order.operator, "reason": order.reason})
    orders.sort(key=lambda each: str(each["at"]))
    if json:
        show_json({**facts, "attempts": rows, "operators": orders})
        return
    show_facts(facts, as_json=False)
    say("")
    show_rows(rows, as_json=False, empty="no attempt yet")
    if orders:
        say("")
        show_rows(orders, as_json=False)


@app.command()
def retry(
    message_id: DeadArgument,
    reason: ReasonOption,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Send a dead message again, as it is and from its place: the cause is gone.

    Example: ccms-ws outbox retry 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason 'DMV has repaired its endpoint'
    """
    _operator(config, by).resend(message_id, reason)
    show_facts({"transaction": message_id, "done": "resent"}, as_json=json)


@app.command()
def hold(
    reason: ReasonOption,
    message_id: Annotated[UUID | None, typer.Argument(metavar="ID", help="A message that waits.")] = None,
    partner: Annotated[str, typer.Option(metavar="PARTNER", help="With --ordering-key: the receiver.")] = "",
    ordering_key: Annotated[
        str, typer.Option(metavar="KEY", help="COURT/CASE/PARTICIPANT: the first waiting message with this key.")
    ] = "",
    subject: Annotated[str, typer.Option(hidden=True)] = "",
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Hold a waiting message back. Later messages with its ordering keys wait behind it; all others are sent.

    Example: ccms-ws outbox hold 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason 'the judge looks at it again'
    """
    key = ordering_key or subject
    if not (bool(partner and key) if message_id is None else not (partner or key)):
        raise typer.BadParameter("name a message, or --partner and --ordering-key")
    operator = _operator(config, by)
    if message_id is None:
        message_id = operator.hold_ordering_key(partner, key, reason)
    else:
        operator.hold(message_id, reason)
    show_facts({"transaction": message_id, "done": "held"}, as_json=json)


@app.command()
def unhold(
    message_id: HeldArgument,
    reason: ReasonOption,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Let a held message be sent, from its place.

    Example: ccms-ws outbox unhold 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason 'the judge agrees'
    """
    _operator(config, by).unhold(message_id, reason)
    show_facts({"transaction": message_id, "done": "unheld"}, as_json=json)


@app.command()
def discard(
    message_id: DeadArgument,
    reason: ReasonOption,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Never send a dead message. Messages that wait behind it are sent.

    Example: ccms-ws outbox discard 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason 'FTB was informed by telephone'
    """
    _operator(config, by).discard(message_id, reason)
    show_facts({"transaction": message_id, "done": "discarded"}, as_json=json)


@app.command(hidden=True)
def release(
    message_id: HeldArgument,
    reason: ReasonOption,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """The former name of `unhold` and `discard`, for one version.

    Example: ccms-ws outbox release 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason 'FTB was informed by telephone'
    """
    with records_of(config)() as uow:
        held = uow.outbox.get(message_id).held
    (unhold if held else discard)(message_id, reason, by, config, json)


@app.command()
def replace(
    message_id: DeadArgument,
    reason: ReasonOption,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Compose a dead message again from the current court records, and send it from its position.

    Example: ccms-ws outbox replace 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason 'the name was corrected'
    """
    replaced_by = _operator(config, by).replace(message_id, reason)
    show_facts({"transaction": message_id, "done": "replaced", "replaced_by": replaced_by}, as_json=json)


def _operator(config: Path, by: str) -> OutboxActions:
    return court_of(config).operator(by or getpass.getuser())


@app.command()
def lines(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show the lines to partners that have failed: up, down (its messages wait), or probing.

    Example: ccms-ws outbox lines
    """
    with records_of(config)() as uow:
        known = uow.circuit_breakers.list_breakers()
    rows = [
        {
            "partner": line.partner_id,
            "state": line.state.value,
            "failures": line.failures,
            "since": line.changed_at,
            "next_try": line.retry_at,
            "last_error": line.last_error,
        }
        for line in known
    ]
    show_rows(rows, as_json=json, empty="no line has ever failed")
