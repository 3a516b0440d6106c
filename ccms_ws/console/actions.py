"""Operator actions on dead and waiting messages: those of `ccms-ws outbox`, confirmed and with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ccms_ws.console.context import console_context, operator, require_right_to_act
from ccms_ws.delivery.outbox_actions import OutboxActions
from ccms_ws.domain.messages import OutboxEntry, OutboxState
from ccms_ws.errors import OperatorRefused

pages = Blueprint("acting", __name__)

_LONGEST_REASON: Final = 500


def _is_dead(entry: OutboxEntry) -> bool:
    return entry.state is OutboxState.DEAD and not entry.ended


@dataclass(frozen=True, slots=True)
class Act:
    """One action on a message. `does`: called with the outbox actions, the message and the reason; `fits`: whether it
    is offered (the store decides what is possible).
    """

    title: str
    meaning: str
    does: Callable[[OutboxActions, UUID, str], object]
    fits: Callable[[OutboxEntry], bool] = _is_dead


ACTS: Final = {
    "retry": Act(
        "Send again",
        "The cause is gone: the same message is sent again, in its place in the order.",
        OutboxActions.resend,
    ),
    "replace": Act(
        "Replace",
        "The message was wrong: it is composed again from the current records, and sent in its place.",
        OutboxActions.replace,
    ),
    "discard": Act("Discard", "It is never sent; the messages behind it are.", OutboxActions.discard),
    "hold": Act(
        "Hold back",
        "It is not sent until an operator resumes it; later messages with its ordering keys wait behind it.",
        OutboxActions.hold,
        lambda entry: entry.state is OutboxState.PENDING and not entry.held,
    ),
    "unhold": Act(
        "Resume sending", "It is sent, in its place in the order.", OutboxActions.unhold, lambda entry: entry.held
    ),
}


@pages.app_context_processor
def _acts() -> dict[str, object]:
    return {"acts": ACTS}


@pages.get("/dead-letters")
def dead_letters() -> str:
    with console_context().court.reading() as uow:
        entries = uow.outbox.list_entries(limit=1000, dead=True)
        held = uow.outbox.list_entries(limit=1000, held=True)
    return render_template("dead_letters.html", entries=entries, held=held)


@pages.post("/messages/<uuid:message_id>/act")
def act(message_id: UUID) -> str | AnyResponse:
    """Show the confirmation; the confirmed form performs the action."""
    require_right_to_act()
    chosen, reason = ACTS.get(request.form.get("act", "")), request.form.get("reason", "").strip()
    if chosen is None:
        abort(400, "There is no such action.")
    if not reason or len(reason) > _LONGEST_REASON:
        abort(400, f"Give a reason of at most {_LONGEST_REASON} characters; it is recorded with the message.")
    if request.form.get("confirmed") == "yes":
        chosen.does(console_context().court.operator(operator().name), message_id, reason)
        return redirect(url_for("reading.message", message_id=message_id, done=request.form["act"]), 303)
    with console_context().court.reading() as uow:
        entry = uow.outbox.get(message_id)
    if not chosen.fits(entry):
        raise OperatorRefused(f"{chosen.title}: not possible for a message that is {entry.ended or entry.state}")
    return render_template("confirm.html", entry=entry, act=chosen, name=request.form["act"], reason=reason)
