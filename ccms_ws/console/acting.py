"""Dead letters and what an operator may do with them: the acts of `ccms-ws outbox`, confirmed and with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ccms_ws.console.house import house, operator, require_right_to_act
from ccms_ws.delivery.operator import Operator
from ccms_ws.domain.messages import OutboxState
from ccms_ws.errors import MessageNotDead

pages = Blueprint("acting", __name__)

_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Act:
    """One way out for a dead message. `does`: takes an operator's hand, the message and the reason."""

    title: str
    meaning: str
    does: Callable[[Operator, UUID, str], object]


ACTS: Final = {
    "retry": Act("Send again", "The cause is gone: the same message is sent again, from its place.", Operator.resend),
    "replace": Act(
        "Replace",
        "The message was wrong: it is composed anew from what the books say now, and sent from its place.",
        Operator.replace,
    ),
    "release": Act("Release", "It is never sent; what waits behind it goes on.", Operator.withdraw),
}


@pages.app_context_processor
def _acts() -> dict[str, object]:
    return {"acts": ACTS}


@pages.get("/dead-letters")
def dead_letters() -> str:
    with house().court.reading() as uow:
        entries = uow.outbox.list_entries(limit=1000, dead=True)
    return render_template("dead_letters.html", entries=entries)


@pages.post("/messages/<uuid:message_id>/act")
def act(message_id: UUID) -> str | AnyResponse:
    """First asks whether it is meant; the answer to that does it."""
    require_right_to_act()
    chosen, reason = ACTS.get(request.form.get("act", "")), request.form.get("reason", "").strip()
    if chosen is None:
        abort(400, "There is no such act.")
    if not reason or len(reason) > _LONGEST_REASON:
        abort(400, f"Say why, in at most {_LONGEST_REASON} characters; it is kept with the message.")
    if request.form.get("confirmed") == "yes":
        chosen.does(house().court.operator(operator().name), message_id, reason)
        return redirect(url_for("reading.message", message_id=message_id, done=request.form["act"]), 303)
    with house().court.reading() as uow:
        entry = uow.outbox.get(message_id)
    if entry.state is not OutboxState.DEAD or entry.ended:
        raise MessageNotDead(f"{message_id} needs no operator: it is {entry.ended or entry.state}")
    return render_template("confirm.html", entry=entry, act=chosen, name=request.form["act"], reason=reason)
