"""HTTP checks before the envelope is parsed: method, encoding, length; and how a response is written.

The first step of the order of checks (see `ccms_ws.envelope.inbound` for the others).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any, Final

from ccms_ws.envelope.inbound import HttpMessage
from ccms_ws.errors import LengthRequired, MessageTooLarge, MethodNotAllowed, RequestMalformed, UnsupportedMediaType

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
WsgiApplication = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Response:
    """A complete HTTP response: it is sent in one write, so that no small packet waits for another."""

    status: str
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start_response: StartResponse, *, head: bool = False) -> Iterable[bytes]:
        """`head`: status and headers only, with the length of the body (RFC 9110, 9.3.2)."""
        described = [("Content-Type", self.content_type), ("Content-Length", str(len(self.body)))]
        # 304 has no body, and no length except that of the body it refers to (RFC 9110, 8.6).
        start_response(self.status, [*([] if self.status.startswith("304") else described), *self.headers])
        return [] if head else [self.body]


def read_request(environ: Environ, limit: int) -> HttpMessage:
    """The request's body, at most `limit` bytes, with the headers that the envelope layer checks.

    Raises MethodNotAllowed, UnsupportedMediaType, LengthRequired, MessageTooLarge or RequestMalformed.
    """
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed(rule="BP R1114")
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType(f"Content-Encoding {encoding[:40]!r} is not enabled")
    length = _content_length(environ)
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower()
    if coding not in ("", "chunked"):
        raise RequestMalformed(f"Transfer-Encoding {coding[:40]!r} is not supported")
    if length is not None and coding:
        raise RequestMalformed("Content-Length and Transfer-Encoding exclude each other", rule="RFC 9112 6.1")
    if length is None and not coding:
        raise LengthRequired
    if length is not None and length > limit:
        raise MessageTooLarge(f"Content-Length {length} is over the limit of {limit} bytes")
    body = _read(environ["wsgi.input"], limit + 1 if length is None else length)
    if len(body) > limit:
        raise MessageTooLarge(f"the body is over the limit of {limit} bytes")
    if length is not None and len(body) < length:
        raise RequestMalformed(f"Content-Length is {length} bytes, {len(body)} were received")
    return HttpMessage(body, environ.get("CONTENT_TYPE", ""), environ.get("HTTP_SOAPACTION"))


MOST_DIGITS: Final = 18
"""The most digits of a Content-Length. Python refuses to convert thousands, and is slow for hundreds."""


def _content_length(environ: Environ) -> int | None:
    value = environ.get("CONTENT_LENGTH", "")
    if value == "":
        return None
    if not (value.isascii() and value.isdigit()):
        raise RequestMalformed("Content-Length is not a number")
    if len(value) > MOST_DIGITS:
        raise MessageTooLarge(f"Content-Length has {len(value)} digits")
    return int(value)


def _read(stream: IO[bytes], size: int) -> bytes:
    """Read at most `size` bytes. A server may deliver a body in pieces."""
    parts = []
    while size > 0 and (part := stream.read(min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
