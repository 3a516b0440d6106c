"""The pages that only show: overview, messages in both directions, one message, reasons of a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ccms_ws.console.context import Ending, console_context, operator, require_right_to_act
from ccms_ws.console.formatting import MOST_SHOWN, csv_text, lines
from ccms_ws.domain.circuit_breaker import CircuitBreaker
from ccms_ws.domain.messages import AnswerKind, OutboxState
from ccms_ws.envelope.diagnostics import advice
from ccms_ws.errors import ConfigError
from ccms_ws.registry import EXCHANGES
from ccms_ws.store.health import OFTEN_ENOUGH
from ccms_ws.store.message_history import QUARANTINED, REFUSED, UNANSWERED, Traffic, TrafficLog, Wanted, Way
from ccms_ws.store.statistics import Standing

log = structlog.get_logger(__name__)
pages = Blueprint("reading", __name__)

PAGE: Final = 50
MOST: Final = 10_000
"""Rows of an export, and of all pages of a list: for more, narrow the filter."""
OUTCOMES: Final = (*(each.value for each in (*AnswerKind, *OutboxState)), UNANSWERED, QUARANTINED, REFUSED)
_FILTER: Final = ("way", "exchange", "partner", "outcome", "since", "until")


@pages.get("/")
def overview() -> str:
    this, now = console_context(), console_context().court.clock.now()
    health, known = this.health(now), this.standings()
    partners = {
        each: known.get(each, Standing(line=CircuitBreaker(each))) for each in sorted({*this.court.partners, *known})
    }
    endings, unread = _endings(now)
    late = health.overdue_since is not None and now - health.overdue_since > OFTEN_ENOUGH
    return render_template(
        "overview.html",
        health=health,
        partners=partners,
        names=this.court.partners,
        late_since=health.overdue_since if late else None,
        refused=this.refused_since(now - timedelta(days=1)),
        yesterday=f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}",
        endings=endings,
        unread=unread,
        now=now,
    )


@pages.get("/messages")
def messages() -> str:
    page = max(request.args.get("page", 1, type=int), 1)
    if page * PAGE > MOST:
        abort(400, "There are too many pages before this one. Narrow the filter.")
    # Pages show the list as it was for the first one, so that no row is repeated.
    as_of = _moment("as_of") or console_context().court.clock.now()
    wanted = _wanted(as_of)
    with console_context().traffic() as traffic:
        rows = traffic.list(wanted, limit=page * PAGE + 1)[(page - 1) * PAGE :]
    given = {name: request.args[name] for name in _FILTER if request.args.get(name)}
    return render_template(
        "messages.html",
        rows=rows[:PAGE],
        page=page,
        more=len(rows) > PAGE,
        given=given,
        turning=given | {"as_of": as_of.isoformat()},
        exchanges=[exchange.code for exchange in EXCHANGES],
        partners=sorted(console_context().court.partners),
        outcomes=OUTCOMES,
    )


@pages.get("/messages.csv")
def export() -> Response:
    with console_context().traffic() as traffic:
        rows = traffic.list(_wanted(console_context().court.clock.now()), limit=MOST)
    heads = ("at", "way", "exchange", "partner", "message", "outcome", "code", "id", "relates to")
    lines = (
        (
            *(f"{row.at:%Y-%m-%dT%H:%M:%SZ}", row.way.value, row.exchange, row.partner_id),
            *(row.root.rpartition("}")[2], row.outcome, row.code, row.message_id, row.relates_to),
        )
        for row in rows
    )
    log.info("console.exported", operator=operator().name, rows=len(rows))
    headers = {"Content-Disposition": 'attachment; filename="messages.csv"'}
    return Response(csv_text(heads, lines), mimetype="text/csv", headers=headers)


@pages.get("/messages/<uuid:message_id>")
def message(message_id: UUID) -> str | AnyResponse:
    with console_context().traffic() as traffic:
        found = traffic.find(message_id)
        if found[0].outcome == REFUSED:
            return redirect(url_for("reading.refusal", incident_id=message_id), 303)
        told = [_told(each, traffic) for each in found]
    return render_template("message.html", told=told, done=request.args.get("done", ""))


@pages.post("/messages/<uuid:message_id>/body")
def body(message_id: UUID) -> str:
    """The content of a message. Requested by a form, so that no browser prefetches it; the log records the operator."""
    require_right_to_act()
    with console_context().traffic() as traffic:
        found = traffic.find(message_id)
        log.info("console.body-opened", operator=operator().name, message_id=str(message_id))
        told = [_told(each, traffic) | {"contents": traffic.contents(each)} for each in found]
    return render_template("message.html", told=told, done="", lines=lines, most=MOST_SHOWN)


@pages.get("/find")
def find() -> AnyResponse:
    """A message by any id that a partner may quote, `urn:uuid:` before it or not."""
    try:
        message_id = UUID(request.args.get("id", "").strip())
    except ValueError:
        abort(400, "An id looks like 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8.")
    return redirect(url_for("reading.message", message_id=message_id), 303)


@pages.get("/refusals/<uuid:incident_id>")
def refusal(incident_id: UUID) -> str:
    with console_context().court.reading() as uow:
        found = uow.inbox.get_refusal(incident_id)
    return render_template("refusal.html", refusal=found, advice=advice(found.code))


def _endings(now: datetime) -> tuple[Sequence[Ending], str]:
    """The certificates that expire soon, or the problem of one, which must not prevent the rest of the page."""
    try:
        return console_context().endings(now), ""
    except ConfigError as error:
        return (), str(error)


def _told(each: Traffic, traffic: TrafficLog) -> dict[str, Any]:
    """All about a message except its content."""
    told: dict[str, Any] = {"message": each, "set_aside": traffic.quarantine_reason(each), "contents": None}
    told |= {"entry": None, "orders": (), "attempts": (), "answers": ()}
    if each.way is Way.OUT:
        with console_context().court.reading() as uow:
            told["entry"] = uow.outbox.get(each.message_id)
            orders = [(note.order, note.kind.value, note.replaced_by) for note in uow.outbox.notes(each.message_id)]
            for hold in uow.held_messages.history(each.message_id):
                orders += [
                    (order, done, None) for done, order in (("held", hold.order), ("unheld", hold.let_go)) if order
                ]
            told["orders"] = sorted(orders, key=lambda order: order[0].at)
        told |= {"attempts": traffic.attempts(each), "answers": traffic.answers_to(each)}
    return told


def _wanted(as_of: datetime) -> Wanted:
    """The messages that match the filter in the address, as of that moment."""
    way, until = request.args.get("way", ""), _moment("until")
    if way not in ("", *Way):
        abort(400, "The direction of a message is in or out.")
    return Wanted(
        way=Way(way) if way else None,
        exchange=request.args.get("exchange", ""),
        partner_id=request.args.get("partner", ""),
        since=_moment("since"),
        until=min(until, as_of) if until else as_of,
        outcome=request.args.get("outcome", ""),
    )


def _moment(name: str) -> datetime | None:
    """A time of the filter, in UTC: a browser's field for times has no zone."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        abort(400, f"{text!r} is not a time. Write 2026-11-20T08:30, in UTC.")
