"""HTTP/1.1 for a simulated partner: threads, keep-alive, bounded reads, and connections that can be cut on purpose.

The standard library's server is enough here, and unlike a WSGI server it lets go of a connection without an answer.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST with its whole body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What goes back. `cut`: nothing does, the connection ends."""

    status: int = 202
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


Receive = Callable[[HttpRequest], HttpReply]
Publish = Callable[[str], HttpReply]
"""What a GET of a path, with its query, is answered with."""


class PartnerServer(ThreadingHTTPServer):
    """Serves one partner. `server_address` has the port that was taken if 0 was asked for."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self, host: str, port: int, receive: Receive, max_bytes: int, *, publish: Publish | None = None
    ) -> None:
        """`publish`: for a server with something to read; without it only POST is allowed."""
        self.receive = receive
        self.publish = publish
        self.max_bytes = max_bytes
        self._connections: set[socket.socket] = set()
        super().__init__((host, port), _Handler)

    def start(self) -> None:
        """Serve in a thread of its own, until `stop`."""
        threading.Thread(target=self.serve_forever, args=(0.05,), name="partner-server", daemon=True).start()

    def stop(self) -> None:
        """Take no more requests, finish those at hand, and close every connection."""
        self.shutdown()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A court that hangs up is no news; anything else is a defect."""
        if isinstance(sys.exception(), OSError):
            log.debug("connection.ended", exc_info=True)
        else:
            log.exception("partner.defect")


class _Refused(Exception):
    """The request cannot be read; the argument is the HTTP status."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "partner"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1  # status line, headers and body leave in one write
    server: PartnerServer

    def do_POST(self) -> None:
        try:
            body = self._read_body()
        except _Refused as refusal:
            self.close_connection = True
            self._answer(HttpReply(refusal.args[0], headers={"Connection": "close"}))
            return
        reply = self.server.receive(HttpRequest(self.path, dict(self.headers.items()), body))
        if reply.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(reply)

    def do_GET(self) -> None:
        publish = self.server.publish
        self._answer(HttpReply(405, headers={"Allow": "POST"}) if publish is None else publish(self.path))

    def _read_body(self) -> bytes:
        if self.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Refused(415)
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _Refused(411)
        if int(length) > self.server.max_bytes:
            raise _Refused(413)
        return self._exactly(int(length))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > self.server.max_bytes:
                raise _Refused(413)
            body += self._exactly(size)
            self._exactly(2)
        while self.rfile.readline(_PIECE).strip():
            pass
        return bytes(body)

    def _chunk_size(self) -> int:
        size = self.rfile.readline(_PIECE).partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            raise _Refused(400)
        return int(size, 16)

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:
            raise _Refused(400)
        return data

    def _answer(self, reply: HttpReply) -> None:
        self.send_response(reply.status)
        if reply.body:
            self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The partner keeps its own journal."""
