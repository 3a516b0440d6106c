"""Appends heads to the file: at the start and end of a program, and in between at the configured interval.

Any number of programs may do it: each line is written under a lock on the file, after the database was read under the
same lock. A program that dies before it has written leaves chains that are longer than the file records, which is no
fault: the next program records their ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import requests
import structlog
from cryptography import x509

from ccms_ws.audit.lines import NO_LINE, Event, Line, hash_of, read_line, write_line
from ccms_ws.clock import Clock
from ccms_ws.config import AuditSettings
from ccms_ws.envelope.identity import Identity
from ccms_ws.errors import ConfigError, StoreError
from ccms_ws.store.engine import open_engine
from ccms_ws.store.hash_chain import Head, heads

log = structlog.get_logger(__name__)

_TIMEOUT = 5.0
_LONGEST_LINE = 1 << 20


class HeadKeeper:
    """Writes the heads of one database. Thread-safe, and safe beside other programs."""

    def __init__(self, settings: AuditSettings, *, database_url: str, identity: Identity, clock: Clock) -> None:
        self._settings = settings
        self._url = database_url
        self._identity = identity
        self._clock = clock

    def write(self) -> bool:
        """Append a line if the chains do not end as in the last one. Raises StoreError, OSError."""
        return self._append(Event.HEADS)

    def write_restored(self, reason: str) -> None:
        """Record that the database was replaced by an older copy: missing entries are lost, not truncated."""
        self._append(Event.RESTORED, reason=reason)

    def write_rollover(self, earlier: x509.Certificate) -> None:
        """Record with the court's new key that `earlier` was the court's certificate until now."""
        self._append(Event.ROLLOVER, earlier=earlier)

    def _append(self, event: Event, *, reason: str = "", earlier: x509.Certificate | None = None) -> bool:
        with _locked(self._settings.heads) as file:
            raw = _last_line(file)
            last = read_line(raw) if raw else None
            now = _heads_of(self._url)
            if event is Event.HEADS:
                if last is not None and last.heads == tuple(now):
                    return False
                _warn_if_behind(last, now)
            line = write_line(
                event,
                now,
                at=self._clock.now(),
                previous=hash_of(raw) if raw else NO_LINE,
                identity=self._identity,
                reason=reason,
                earlier=earlier,
            )
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._send(line)
        return True

    def _send(self, line: bytes) -> None:
        """Send a copy to the configured places. A lost copy is noticed there: each line names the one before it."""
        for where, send in ((self._settings.syslog, _to_syslog), (self._settings.url, _to_url)):
            if where:
                try:
                    send(where, line.rstrip(b"\n"))
                except (OSError, requests.RequestException) as error:
                    log.warning("audit.not-sent", to=where, why=type(error).__name__)


def keep_heads(keeper: HeadKeeper, every: float) -> Callable[[], None]:
    """Write the heads now, and from then on in a thread; returns a function that ends that and writes them once more.

    The first time in the caller's thread: a file that cannot be written is an error in the settings. Raises
    ConfigError.
    """
    try:
        keeper.write()
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be written: {error.strerror}", hint="see audit.heads") from None
    ended = threading.Event()

    def write() -> None:
        with suppress(StoreError):  # programs log that the database is unavailable; heads are written when it is back
            write_quietly(keeper)

    def run() -> None:
        while not ended.wait(every):
            write()

    thread = threading.Thread(target=run, name="heads", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()
        write()

    return end


def write_quietly(keeper: HeadKeeper) -> None:
    """Write the heads; if the file cannot be written, log that and continue.

    Raises StoreError.
    """
    try:
        keeper.write()
    except OSError as error:
        log.warning("audit.not-written", why=str(error))


def _heads_of(url: str) -> Sequence[Head]:
    engine = open_engine(url)  # of its own: the endpoint's processes are forked
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            return heads(connection)
    finally:
        engine.dispose()


def _warn_if_behind(last: Line | None, now: Sequence[Head]) -> None:
    length = {head.chain: head.length for head in now}
    for head in last.heads if last is not None else ():
        if length.get(head.chain, 0) < head.length:
            hint = "ccms-ws log verify; after a restore: ccms-ws db restored"
            log.error("audit.database-behind", chain=head.chain, entries=head.length, hint=hint)


@contextmanager
def _locked(path: Path) -> Iterator[FileIO]:
    """The file, locked, readable by its owner alone."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _last_line(file: FileIO) -> bytes:
    """The last line without its line break; empty if there is none. Completes an unfinished line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_LINE))
    end = file.read()
    if end and not end.endswith(b"\n"):
        file.write(b"\n")
    return end.rstrip(b"\n").rpartition(b"\n")[2]


def _to_syslog(where: str, line: bytes) -> None:
    packet = b"<109>ccms-ws-audit: " + line  # facility "log audit", severity "notice" (RFC 5424 6.2.1)
    address: str | tuple[str, int] = where
    family = socket.AF_UNIX
    if not where.startswith("/"):
        host, _, port = where.rpartition(":")
        info = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        family, address = info[0], info[4]  # type: ignore[assignment]  # an address has two forms
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_TIMEOUT)
        sender.sendto(packet, address)


def _to_url(where: str, line: bytes) -> None:
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Content-Type": "application/json"}
        answer = session.post(where, data=line, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
        answer.raise_for_status()
