"""Between the server and the WSGI application: who gets in, who waits, and who hears at once that there is no place.

granian's own interface (RSGI) is used, because under WSGI it spends a thread on a request whose body has not come yet:
eight slow clients would hold up everybody. Here a request gets a thread when all of it is there.
"""

from __future__ import annotations

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote
from uuid import uuid4

import structlog

from ccms_ws.errors import HttpRefusal, Overloaded, RequestTimeout
from ccms_ws.services.http import Environ, Response, WsgiApplication
from ccms_ws.services.replies import refusal

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]

log = structlog.get_logger(__name__)

Answer = tuple[int, list[tuple[str, str]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one process takes on.

    `at_once` messages are served and `waiting` more wait, each for `patience` seconds at most; others get 503 with
    Retry-After. A body has at most `largest` bytes and `body_timeout` seconds to arrive.
    """

    at_once: int
    waiting: int
    largest: int
    patience: float = 5.0
    body_timeout: float = 20.0


class Endpoint:
    """An RSGI application. One event loop runs it; the WSGI application behind it runs in threads.

    What is refused here was not looked at: the same message may come again. Reading (GET) has threads of its own, so
    that a health check says that the process lives when it has too much to do.
    """

    def __init__(self, application: WsgiApplication, bounds: Bounds) -> None:
        self._application = application
        self._bounds = bounds
        self._messages = ThreadPoolExecutor(bounds.at_once, "message")
        self._reading = ThreadPoolExecutor(2, "reading")
        self._inside = 0

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        try:
            environ = _environ(scope)
            if scope.method in ("GET", "HEAD"):
                answer = await self._run(self._reading, environ)
            else:
                environ["wsgi.input"] = io.BytesIO(await self._body(environ, protocol))
                answer = await self._served(environ)
        except HttpRefusal as error:
            answer = _refused(error)
        protocol.response_bytes(*answer)

    async def _served(self, environ: Environ) -> Answer:
        """Nobody else runs between looking at the number of those inside and changing it."""
        if self._inside >= self._bounds.at_once + self._bounds.waiting:
            raise Overloaded("every place is taken")
        self._inside += 1
        try:
            return await self._run(self._messages, environ)
        finally:
            self._inside -= 1

    async def _run(self, threads: ThreadPoolExecutor, environ: Environ) -> Answer:
        deadline = time.monotonic() + self._bounds.patience
        return await asyncio.get_running_loop().run_in_executor(threads, self._call, environ, deadline)

    def _call(self, environ: Environ, deadline: float) -> Answer:
        if time.monotonic() > deadline:
            raise Overloaded("the turn did not come in time")
        return _call(self._application, environ)

    async def _body(self, environ: Environ, protocol: HTTPProtocol) -> bytes:
        """The body; of one that is too long, enough to show it. A length that is wrong is the application's matter."""
        largest, length = self._bounds.largest, environ["CONTENT_LENGTH"]
        if length.isdigit() and int(length) > largest:
            return b""
        try:
            async with asyncio.timeout(self._bounds.body_timeout):
                if length:
                    return await protocol()
                body = bytearray()
                async for part in protocol:
                    body += part
                    if len(body) > largest:
                        break
                return bytes(body)
        except TimeoutError:
            raise RequestTimeout("the body did not arrive in time") from None


def _environ(scope: Scope) -> Environ:
    """What the application needs of PEP 3333."""
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(scope.path, "latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "CONTENT_LENGTH": "",
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(),
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # it would pass for the header that is spelt with a hyphen, which a proxy in front has checked
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if environ.get(key) else value
    return environ


def _call(application: WsgiApplication, environ: Environ) -> Answer:
    said: list[tuple[str, list[tuple[str, str]]]] = []
    body = b"".join(application(environ, lambda status, headers: said.append((status, headers))))
    status, headers = said[0]
    return int(status[:3]), headers, body


def _refused(error: HttpRefusal) -> Answer:
    incident = uuid4()
    log.warning("request.refused", incident=str(incident), code=error.code, why=error.detail)
    response: Response = refusal(error, incident)
    return _call(lambda _, start_response: response.send(start_response), {})
