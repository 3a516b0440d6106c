"""Between the server and the WSGI application: admission, waiting, and refusal at once when the process is full.

granian's own interface (RSGI) is used, because under WSGI it uses a thread for a request whose body has not
arrived yet: eight slow clients would block all others. Here a request gets a thread when it has arrived completely.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import UUID, uuid4

import structlog

from ccms_ws.errors import HttpRefusal, Overloaded, RequestMalformed, RequestTimeout
from ccms_ws.log import Limited, report_unwritten
from ccms_ws.services.connections import Peer, plain_address
from ccms_ws.services.http import MOST_DIGITS, Environ, Response, WsgiApplication
from ccms_ws.services.replies import refusal

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]

log = structlog.get_logger(__name__)
_limited = Limited(log, most=20)

Answer = tuple[int, list[tuple[str, str]], bytes]

_BEAT_SECONDS = 5.0


class UnforeseenError(HttpRefusal):
    """The endpoint has a defect; the incident id leads to the explanation."""

    code = "http.internal"
    status = "500 Internal Server Error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Limits of one process.

    `at_once` messages are served and `waiting` more wait, each for `patience` seconds at most; others get 503 with
    Retry-After. A body has at most `largest` bytes and `body_timeout` seconds to arrive.
    """

    at_once: int
    waiting: int
    largest: int
    patience: float = 5.0
    body_timeout: float = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """What a process serves. `beat` is called every few seconds, in a thread of its own, and `end` when it stops.

    `count_refused` counts a request that was refused before the application saw it, and returns an incident id.
    """

    application: WsgiApplication
    beat: Callable[[], object] = lambda: None
    end: Callable[[], object] = lambda: None
    count_refused: Callable[[HttpRefusal], UUID] = lambda _error: uuid4()


class AdmissionControl:
    """An RSGI application. One event loop runs it; the WSGI application behind it runs in threads.

    A request that is refused here was not examined: the same message may be sent again. GET has threads of its own, so
    that a health check succeeds while the process is overloaded.
    """

    def __init__(self, program: Program, bounds: Capacity) -> None:
        self._program = program
        self._bounds = bounds
        self._messages = ThreadPoolExecutor(bounds.at_once, "message")
        self._reading = ThreadPoolExecutor(2, "reading")
        self._beating = ThreadPoolExecutor(1, "heartbeat")
        self._inside = 0
        self._busy: set[Peer] = set()
        self._heart: asyncio.Task[None] | None = None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server before the first request. A loop that has died or hangs has no heartbeat."""
        self._heart = loop.create_task(self._beat())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the server after the last request."""
        self._beating.submit(self._program.end)
        self._beating.shutdown()

    def is_busy(self, peer: Peer) -> bool:
        """Whether a request of this client is being handled: completely received, and not yet answered."""
        return peer in self._busy

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        try:
            answer = await self._answer(scope, protocol)
        finally:
            self._busy.discard(_peer(scope))
        protocol.response_bytes(*answer)

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> Answer:
        """Never raises: a defect is answered, too."""
        try:
            environ = _environ(scope)
            if scope.method in ("GET", "HEAD"):
                self._busy.add(_peer(scope))
                return await self._run(self._reading, environ)
            environ["wsgi.input"] = io.BytesIO(await self._body(environ, protocol))
            self._busy.add(_peer(scope))
            return await self._served(environ)
        except HttpRefusal as error:
            return self._refused(error)
        except Exception as error:
            return self._refused(UnforeseenError(f"{type(error).__name__}, see the log"), trace=error)

    def _refused(self, error: HttpRefusal, trace: Exception | None = None) -> Answer:
        incident = self._program.count_refused(error)
        write = _limited.error if trace else _limited.warning
        write("request.refused", incident=str(incident), code=error.code, why=error.detail, exc_info=trace)
        response: Response = refusal(error, incident)
        return _call(lambda _, start_response: response.send(start_response), {})

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await loop.run_in_executor(self._beating, self._beat_once)
            await asyncio.sleep(_BEAT_SECONDS)

    def _beat_once(self) -> None:
        report_unwritten()
        try:
            self._program.beat()
        except Exception as error:
            _limited.error("endpoint.heartbeat-defect", exc_info=error)

    async def _served(self, environ: Environ) -> Answer:
        """Checking the count and changing it is atomic: the event loop is one thread."""
        if self._inside >= self._bounds.at_once + self._bounds.waiting:
            raise Overloaded("the server is at its limit of concurrent requests")
        self._inside += 1
        try:
            return await self._run(self._messages, environ)
        finally:
            self._inside -= 1

    async def _run(self, threads: ThreadPoolExecutor, environ: Environ) -> Answer:
        """Raises Overloaded if no thread has started it in time, whatever the threads are doing."""
        work = threads.submit(_call, self._program.application, environ)
        answer = asyncio.wrap_future(work)
        await asyncio.wait([answer], timeout=self._bounds.patience)
        if not answer.done() and work.cancel():
            raise Overloaded("no thread was free in time")
        return await answer

    async def _body(self, environ: Environ, protocol: HTTPProtocol) -> bytes:
        """The body, or its beginning if it is too long. The application checks a wrong length.

        Raises RequestTimeout, and RequestMalformed for a body that ends before its end.
        """
        largest, length = self._bounds.largest, environ["CONTENT_LENGTH"]
        if length.isdigit() and (len(length) > MOST_DIGITS or int(length) > largest):
            return b""
        try:
            async with asyncio.timeout(self._bounds.body_timeout):
                return await (_whole(protocol) if length else _in_chunks(protocol, largest))
        except TimeoutError:
            raise RequestTimeout("the body did not arrive in time") from None


async def _whole(protocol: HTTPProtocol) -> bytes:
    try:
        return await protocol()
    except RuntimeError:  # granian's RSGIProtocolClosed
        raise RequestMalformed("the connection ended before the body that Content-Length states") from None


async def _in_chunks(protocol: HTTPProtocol, largest: int) -> bytes:
    """A chunked body. granian yields an empty part for its end, and one more for a chunk that is cut or broken."""
    body, empty = bytearray(), 0
    async for part in protocol:
        body += part
        empty += not part
        if len(body) > largest:
            return bytes(body)
    if empty > 1:
        raise RequestMalformed("the chunked body is cut, broken or followed by trailers")
    return bytes(body)


def _environ(scope: Scope) -> Environ:
    """The WSGI environment that the application needs (PEP 3333)."""
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(scope.path, "latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": _peer(scope)[0],
        "CONTENT_LENGTH": "",
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(),
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # it would be read as the header with a hyphen, which a proxy in front has checked
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if environ.get(key) else value
    return environ


def _peer(scope: Scope) -> Peer:
    """The address in `10.0.0.5:50000` or `[2001:db8::5]:50000`."""
    host, _, port = scope.client.rpartition(":")
    return plain_address(host.strip("[]")), int(port)


def _call(application: WsgiApplication, environ: Environ) -> Answer:
    said: list[tuple[str, list[tuple[str, str]]]] = []
    body = b"".join(application(environ, lambda status, headers: said.append((status, headers))))
    status, headers = said[0]
    return int(status[:3]), headers, body
