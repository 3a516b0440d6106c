"""Limits on open connections, which the server itself does not have: for each client address, and for idle ones.

granian accepts a fixed number of connections and lets the others wait, whatever their address. So a thread checks
the process's own sockets a few times a second and closes those that exceed a limit. A connection whose request was
received completely is never closed.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

import structlog

from ccms_ws.log import Limited

log = structlog.get_logger(__name__)
_limited = Limited(log, most=5)

_OPEN_FILES = Path("/proc/self/fd")
_LOOK_SECONDS = 0.25

Peer = tuple[str, int]
"""Address and port of a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits of one process.

    At most `total` connections are open, further ones wait to be accepted. One address has at most `per_address`, with
    the exception of `unlimited` (addresses and networks: proxies). When three quarters of `total` are open, one that
    has had no request for `idle_seconds` is closed.
    """

    total: int = 1024
    per_address: int = 128
    unlimited: tuple[str, ...] = ()
    idle_seconds: float = 2.0


class ConnectionGuard:
    """Closes connections to `port` that exceed the limits. `is_busy`: whether a client's request is being handled."""

    def __init__(
        self,
        limits: ConnectionLimits,
        port: int,
        is_busy: Callable[[Peer], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._port = port
        self._is_busy = is_busy
        self._monotonic = monotonic
        self._networks = [ip_network(each) for each in limits.unlimited]
        self._since: dict[Peer, float] = {}
        """When each connection was first seen idle."""

    def start(self) -> None:
        """Enforce the limits while the process runs. Without /proc (not Linux) only the proxy can do it."""
        if _OPEN_FILES.is_dir():
            threading.Thread(target=self._run, name="connections", daemon=True).start()
        else:
            log.warning("connections.not-limited", why=f"there is no {_OPEN_FILES}")

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                self.look()
            except Exception as error:
                _limited.error("connections.defect", exc_info=error)

    def look(self) -> None:
        """Check once. Costs one directory listing while fewer files are open than one address may have connections."""
        descriptors = [int(each.name) for each in _OPEN_FILES.iterdir()]
        if len(descriptors) <= min(self._limits.per_address, self._limits.total * 3 // 4):
            self._since.clear()
            return
        peers = {peer: descriptor for descriptor in descriptors if (peer := self._peer(descriptor))}
        now = self._monotonic()
        self._since = {peer: self._since.get(peer, now) for peer in peers if not self._is_busy(peer)}
        surplus = set(self._over_their_limit(peers))
        if len(peers) >= self._limits.total * 3 // 4:
            surplus |= {peer for peer, since in self._since.items() if now - since >= self._limits.idle_seconds}
        shut = sum(self._shut(peers[peer], peer) for peer in surplus)
        if shut:
            _limited.warning("connections.shut", connections=shut, open=len(peers))

    def _over_their_limit(self, peers: Iterable[Peer]) -> Iterator[Peer]:
        """The connections that have been idle longest, of each address with too many."""
        by_address: dict[str, list[Peer]] = defaultdict(list)
        for peer in peers:
            by_address[peer[0]].append(peer)
        for address, own in by_address.items():
            many = len(own) - self._limits.per_address
            if many > 0 and not self._is_unlimited(address):
                idle = sorted((peer for peer in own if peer in self._since), key=self._since.__getitem__)
                yield from idle[:many]

    def _is_unlimited(self, address: str) -> bool:
        return any(ip_address(address) in network for network in self._networks)

    def _peer(self, descriptor: int) -> Peer | None:
        """The client at the other end, if this is a connection to our port."""
        connection = _duplicate(descriptor)
        if connection is None:
            return None
        with connection:
            return _peer_of(connection, self._port)

    def _shut(self, descriptor: int, peer: Peer) -> bool:
        """Close the connection, unless its descriptor has been reused meanwhile."""
        connection = _duplicate(descriptor)
        if connection is None:
            return False
        with connection:
            if _peer_of(connection, self._port) != peer:
                return False
            try:
                connection.shutdown(socket.SHUT_RDWR)  # the server then reads its end, and closes it
            except OSError:
                return False
        return True


def _duplicate(descriptor: int) -> socket.socket | None:
    """The socket under a duplicated descriptor; the server's is not changed."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        copy = os.dup(descriptor)
    except OSError:
        return None
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None


def _peer_of(connection: socket.socket, port: int) -> Peer | None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
        return None
    try:
        if connection.getsockname()[1] != port:
            return None
        address, own_port = connection.getpeername()[:2]
    except OSError:
        return None  # it listens, or has just been closed
    return plain_address(address), own_port


def plain_address(address: str) -> str:
    """An address without its zone; an IPv4 address that an IPv6 socket shows as `::ffff:10.0.0.5` as IPv4."""
    address = address.partition("%")[0]
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
