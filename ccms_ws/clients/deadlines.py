"""Connections with one deadline for a whole request and one for its whole answer: a partner that takes or gives single
bytes does not hold a sender.

A socket's own timeout begins again with each byte. Here it is what is left until the deadline.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ccms_ws.clock import running_time
from ccms_ws.failpoints import failpoint

_PIECE = 16_384
"""Bytes handed to the socket at once: with TLS, one record, which alone the socket's timeout bounds."""
_MOST_INTERIM_RESPONSES = 20


class _Sending(threading.local):
    until: float | None = None


_sending = _Sending()


@contextmanager
def sending_until(deadline: float | None) -> Iterator[None]:
    """What this thread sends in the block leaves before `deadline` (`clock.running_time`), or not at all: also if the
    process, or the machine, was suspended in between. A block around this one, and its deadline, still count.
    """
    around = _sending.until
    given = [each for each in (around, deadline) if each is not None]
    _sending.until = min(given) if given else None
    try:
        yield
    finally:
        _sending.until = around


class _BoundedSending:
    """Sends in pieces, each with what is left of the time."""

    sock: Any
    connect: Any

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _PIECE):
            if _sending.until is not None:
                left = _sending.until - running_time()
                if left <= 0:
                    raise TimeoutError("the message did not leave in time")
                self.sock.settimeout(left)
            self.sock.sendall(view[start : start + _PIECE])


class _DeadlineReader(socket.SocketIO):
    """Reads from a socket until a moment of the monotonic clock."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__(sock, "r")
        self._of = sock
        self._deadline = deadline

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._of.settimeout(left)
        return super().readinto(buffer)


class _TimelyResponse(HTTPResponse):
    """An answer that is there as a whole within the socket's timeout, counted from now."""

    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        failpoint("send.written")
        super().__init__(sock, *args, **settings)
        patience = sock.gettimeout()
        if patience is not None:
            # In place of what `makefile` has made; the reader gives its hold on the socket back when it is closed.
            sock._io_refs += 1  # type: ignore[attr-defined]
            self.fp.close()
            self.fp = io.BufferedReader(_DeadlineReader(sock, time.monotonic() + patience))

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the answer: interim responses (RFC 9110 15.2) are skipped, whatever they say."""
        for _ in range(_MOST_INTERIM_RESPONSES):
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the stubs
            if not 100 <= status < 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)
        raise HTTPException(f"more than {_MOST_INTERIM_RESPONSES} interim responses")


class _Connection(_BoundedSending, HTTPConnection):
    response_class = _TimelyResponse


class _SecureConnection(_BoundedSending, HTTPSConnection):
    response_class = _TimelyResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter on such connections; the read timeout is that of the whole answer."""

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
