"""Signing in and out, and the one file without authentication: the style sheet."""

from __future__ import annotations

from importlib import resources
from typing import Final

import structlog
from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ccms_ws.console.context import client_address, console_context, operator
from ccms_ws.console.sessions import new_id
from ccms_ws.log import Limited

log = structlog.get_logger(__name__)
_limited = Limited(log, most=30)
pages = Blueprint("signing", __name__)

_STYLE: Final = resources.files(__package__).joinpath("style.css").read_bytes()


@pages.get("/style.css")
def style() -> Response:
    return Response(_STYLE, mimetype="text/css")


@pages.get("/sign-in")
def ask_to_sign_in() -> str | AnyResponse:
    return redirect(url_for("reading.overview"), 303) if g.operator else render_template("sign_in.html")


@pages.post("/sign-in")
def sign_in() -> AnyResponse | tuple[str, int]:
    """The same sentence, after the same time, for a wrong name, a wrong password and a locked name."""
    places = console_context().addresses.places
    if not console_context().addresses.may_try(client_address()):
        _limited.warning("console.sign-in-refused", remote=client_address(), why="too many attempts from one address")
        abort(429, "There were too many attempts to sign in from your address. Try again in ten minutes.")
    if not places.acquire(blocking=False):
        _limited.warning("console.sign-in-refused", remote=client_address(), why="too many attempts at once")
        abort(503, "Too many are signing in at this moment. Try again.")
    try:
        return _signed_in()
    finally:
        places.release()


def _signed_in() -> AnyResponse | tuple[str, int]:
    this = console_context()
    name, password = request.form.get("operator", ""), request.form.get("password", "")
    known = name in this.operators.all()
    allowed = known and this.guesses.may_try(name)
    found = this.operators.with_password(name, password)
    if found is None or not allowed:
        # The name may be a password typed in the wrong field.
        facts = {"operator": name if known else "", "locked": known and not allowed, "remote": client_address()}
        _limited.warning("console.sign-in-failed", **facts)
        return render_template("sign_in.html", failed=True), 403
    this.guesses.forget(name)
    this.sessions.end(g.cookie)
    g.cookie = this.sessions.begin(found)
    log.info("console.signed-in", operator=found.name, role=found.role, remote=client_address())
    return redirect(url_for("reading.overview"), 303)


@pages.post("/sign-out")
def sign_out() -> AnyResponse:
    console_context().sessions.end(g.cookie)
    g.cookie = new_id()
    log.info("console.signed-out", operator=operator().name)
    return redirect(url_for("signing.ask_to_sign_in"), 303)
