"""HTTP servers on loopback that run as long as a block: for a function that answers, or for a WSGI application."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from ccms_ws.simulator.server import HttpReply, HttpRequest, PartnerServer, Publish, Receive

__all__ = ["HttpReply", "HttpRequest", "PartnerServer", "WsgiServer", "http_server", "url_of", "wsgi_server"]

_MAX_BYTES = 16 * 1024 * 1024


def _accept(_request: HttpRequest) -> HttpReply:
    return HttpReply(202)


@contextmanager
def http_server(
    receive: Receive = _accept,
    *,
    publish: Publish | None = None,
    port: int = 0,
    made_by: Callable[..., PartnerServer] = PartnerServer,
) -> Iterator[PartnerServer]:
    """The server of a simulated partner: `receive` answers each POST, `publish` each GET of a path with its query."""
    server = made_by("127.0.0.1", port, receive, _MAX_BYTES, publish=publish)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def url_of(server: PartnerServer | WsgiServer) -> str:
    """Where it listens, without a path."""
    return f"http://127.0.0.1:{server.server_port}"


class WsgiServer(ThreadingMixIn, WSGIServer):
    """Its application is given with `set_app`, when its address is known."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None: ...


@contextmanager
def wsgi_server(port: int = 0) -> Iterator[WsgiServer]:
    """A server without an application; give it one before anything is sent to it."""
    with WsgiServer(("127.0.0.1", port), _Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
