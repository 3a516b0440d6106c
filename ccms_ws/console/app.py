"""Assembles the console: a WSGI application for one court."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from flask import Flask, g, render_template
from werkzeug.exceptions import HTTPException

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.console import actions, login, request_guard, views
from ccms_ws.console.context import KEY, ConsoleContext, Ending, console_context
from ccms_ws.console.formatting import shown
from ccms_ws.console.operators import Operators, settings_of
from ccms_ws.console.sessions import Addresses, FormTokens, Guesses, Sessions
from ccms_ws.errors import CcmsWsError, ExchangeError, NotStored, OperatorRefused
from ccms_ws.store.engine import open_engine
from ccms_ws.store.health import look_after
from ccms_ws.store.message_history import open_traffic
from ccms_ws.store.statistics import refused_since, standings

log = structlog.get_logger(__name__)


def make_console(court: CourtApplication, endings: Callable[[datetime], Sequence[Ending]]) -> Flask:
    """The console of a court; `endings`: the certificates that expire soon. Raises ConfigError if it cannot be used."""
    settings = settings_of(court.settings)
    operators = Operators(settings.operators)
    operators.all()
    engine = open_engine(court.settings.database.url)
    app = Flask(__name__, static_folder=None)
    app.jinja_options = {"finalize": shown, "trim_blocks": True, "lstrip_blocks": True}
    app.config.update(MAX_CONTENT_LENGTH=request_guard.LARGEST_FORM, MAX_FORM_PARTS=20)
    app.extensions[KEY] = ConsoleContext(
        court=court,
        settings=settings,
        operators=operators,
        sessions=Sessions(
            court.clock,
            idle=timedelta(minutes=settings.idle_minutes),
            longest=timedelta(hours=settings.session_hours),
        ),
        guesses=Guesses(court.clock),
        addresses=Addresses(court.clock),
        tokens=FormTokens(),
        traffic=partial(open_traffic, engine),
        health=lambda now: look_after(engine, now, thorough=False),
        standings=partial(standings, engine),
        refused_since=partial(refused_since, engine),
        endings=endings,
    )
    app.before_request(request_guard.check_request)
    app.after_request(request_guard.complete_response)
    app.context_processor(_facts)
    app.register_error_handler(HTTPException, _told)
    app.register_error_handler(CcmsWsError, _explained)
    app.register_error_handler(Exception, _defect)
    for module in (login, views, actions):
        app.register_blueprint(module.pages)
    return app


def _facts() -> dict[str, object]:
    """Values that every template gets."""
    this = console_context()
    return {
        "operator": g.get("operator"),
        "token": this.tokens.token(g.get("cookie", "")),
        "court": this.court.court,
        "test": this.court.settings.court.test,
    }


def _told(error: HTTPException) -> tuple[str, int]:
    return render_template("problem.html", title=error.name, words=error.description, hint=""), error.code or 500


def _explained(error: CcmsWsError) -> tuple[str, int]:
    """An error of `ccms_ws.errors` with its detail: the reader is an operator."""
    status = 503 if error.retryable else 500
    if isinstance(error, NotStored):
        status = 404
    elif isinstance(error, OperatorRefused | ExchangeError):
        status = 409
    if status >= 500:
        log.error("console.failed", code=error.code, why=error.detail)
    if g.get("operator") is None:  # reveals nothing to an unauthenticated visitor
        return render_template("problem.html", title="Not available now", words="", hint=""), status
    return render_template("problem.html", title="It was not done", words=str(error), hint=error.hint), status


def _defect(error: Exception) -> tuple[str, int]:
    log.error("console.defect", exc_info=error)
    words = "This is a defect of the console; its log says more."
    return render_template("problem.html", title="Something went wrong", words=words, hint=""), 500
