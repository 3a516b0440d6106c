"""Connections whose answers have one deadline for all of them: a partner that drips headers does not hold a sender.

A socket's own timeout begins anew with each byte that comes. Here it is what is left until the deadline.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ccms_ws.crash_points import crash_point


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
        crash_point("send.written")
        super().__init__(sock, *args, **settings)
        patience = sock.gettimeout()
        if patience is not None:
            # In place of what `makefile` has made; the reader gives its hold on the socket back when it is closed.
            sock._io_refs += 1  # type: ignore[attr-defined]
            self.fp.close()
            self.fp = io.BufferedReader(_DeadlineReader(sock, time.monotonic() + patience))


class _Connection(HTTPConnection):
    response_class = _TimelyResponse


class _SecureConnection(HTTPSConnection):
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
