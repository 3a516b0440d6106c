"""Checks of every request before a page handles it, and headers of every response."""

from __future__ import annotations

from typing import Final

import structlog
from flask import Response, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ccms_ws.console.context import client_address, console_context
from ccms_ws.console.sessions import is_id, new_id
from ccms_ws.log import Limited

_limited = Limited(structlog.get_logger(__name__), most=30)

LARGEST_FORM: Final = 16 * 1024
"""Bytes."""
_LONGEST_QUERY: Final = 2_000
_OPEN: Final = frozenset({"signing.sign_in", "signing.ask_to_sign_in", "signing.style"})
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers send no Origin with a form.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def check_request() -> AnyResponse | None:
    """In this order: host, size, origin, session."""
    _check_host()
    if len(request.query_string) > _LONGEST_QUERY:
        abort(414)
    cookie = request.cookies.get(console_context().cookie, "")
    g.cookie = cookie if is_id(cookie) else new_id()
    if request.method not in ("GET", "HEAD"):
        _check_form()
    session = console_context().sessions.find(cookie, console_context().operators)
    g.operator = session.operator if session else None
    if session is None and request.endpoint not in _OPEN:
        return redirect(url_for("signing.ask_to_sign_in"), 303)
    return None


def _origin() -> str:
    return console_context().settings.url


def _check_host() -> None:
    """Against DNS rebinding. `localhost` is another name of this machine."""
    allowed = {_plain(_origin())}
    if not console_context().settings.is_secure:
        allowed.add(f"http://localhost:{console_context().settings.port}")
    if _plain(_asked()) not in allowed:
        _refuse("another host", 400, "This is not the console's address.")


def _asked() -> str:
    """The address that the browser requested."""
    return f"{_origin().partition('://')[0]}://{request.environ.get('HTTP_HOST', '')}"


def _plain(url: str) -> str:
    """A scheme with host and port as browsers write them: in lower case, without the default port of the scheme."""
    scheme, _, host = url.lower().partition("://")
    return f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}"


def _check_form() -> None:
    """Accept only forms of the console's own pages, issued to this browser."""
    if _plain(request.headers.get("Origin", "")) != _plain(_asked()):
        _refuse("another origin", 403, "This form was not sent from the console's own page.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        _refuse("another site", 403, "This form was not sent from the console's own page.")
    if not console_context().tokens.fits(request.form.get("token", ""), g.cookie):
        _refuse("no token", 403, "This form is too old. Go back, reload the page, and try again.")


def _refuse(why: str, status: int, words: str) -> None:
    _limited.warning("console.refused", why=why, path=request.path, remote=client_address())
    abort(status, words)


def complete_response(response: Response) -> Response:
    """Headers against framing, content sniffing and caching; the cookie, if it is a new one."""
    response.headers.update(_HEADERS)
    cookie = g.get("cookie", "")
    if cookie and cookie != request.cookies.get(console_context().cookie):
        response.set_cookie(
            console_context().cookie,
            cookie,
            path="/",
            secure=console_context().settings.is_secure,
            httponly=True,
            samesite="Strict",
        )
    return response
