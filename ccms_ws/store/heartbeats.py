"""Heartbeats: a row for each program that runs, which shows that its main loop lives and can write to the database."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Column, Engine, Integer, Named, Table, Text, TypedColumns, delete, insert, select
from sqlalchemy import update as update_

from ccms_ws.clock import Clock
from ccms_ws.errors import StoreError
from ccms_ws.log import Limited, dropped_lines, get_logger
from ccms_ws.store.column_types import Instant, check, metadata

log = get_logger(__name__)
_outage = Limited(log, most=1)

SILENT_AFTER: Final = timedelta(seconds=30)
"""A program that has written no heartbeat for this long has died, hangs, or cannot reach the database."""
_FORGET_AFTER: Final = timedelta(hours=1)
_BEAT_SECONDS: Final = 5.0
_READY_SECONDS: Final = 1.0
"""How long an answer about readiness holds, so that asking often costs little."""

ENDPOINT: Final = "endpoint"
WORKER: Final = "worker"


class HeartbeatColumns(TypedColumns):
    program: Named[str] = Column(Text, primary_key=True, comment="endpoint or worker")
    host: Named[str] = Column(Text, primary_key=True, comment="The machine that it runs on")
    pid: Named[int] = Column(Integer, primary_key=True, autoincrement=False, comment="Number of its process there")
    started_at: Named[datetime] = Column(Instant, comment="When it started")
    at: Named[datetime] = Column(Instant, comment="When it last wrote this row, every few seconds")
    dropped_lines: Named[int] = Column(BigInteger, comment="Log lines that it could not write")


heartbeat = Table(
    "heartbeat",
    metadata,
    HeartbeatColumns,
    check("program", "program <> ''"),
    comment="The programs that run; a row goes when its program ends, or an hour after its last heartbeat",
)
_h = heartbeat.c


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A program as its last heartbeat shows it."""

    program: str
    host: str
    pid: int
    started_at: datetime
    at: datetime
    dropped_lines: int

    def is_alive(self, now: datetime) -> bool:
        """A heartbeat from the future, left by a clock that was wrong, shows nothing either."""
        return abs(now - self.at) <= SILENT_AFTER


def list_programs(engine: Engine) -> Sequence[RunningProgram]:
    """All that have written a heartbeat within the last hour and have not ended. Raises StoreError."""
    query = select(_h.program, _h.host, _h.pid, _h.started_at, _h.at, _h.dropped_lines)
    with engine.connect().execution_options(read_only=True) as connection:
        return [RunningProgram(*row) for row in connection.execute(query.order_by(_h.program, _h.host, _h.pid))]


class Heartbeat:
    """Writes the heartbeat of this process. Nothing here raises: a failing database must not stop a program."""

    def __init__(
        self, engine: Engine, program: str, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._monotonic = monotonic
        self._started_at = clock.now()
        self._self = {"program": program, "host": socket.gethostname(), "pid": os.getpid()}
        self._own = (_h.program == program) & (_h.host == self._self["host"]) & (_h.pid == self._self["pid"])
        self._next = 0.0
        self._looking = threading.Lock()
        self._looked = (float("-inf"), False)

    def beat(self) -> None:
        """Write it, unless that was done within the last seconds."""
        if self._monotonic() < self._next:
            return
        now = self._clock.now()
        facts = {"started_at": self._started_at, "at": now, "dropped_lines": dropped_lines()}
        try:
            with self._engine.begin() as connection:
                if connection.execute(update_(heartbeat).where(self._own).values(**facts)).rowcount == 0:
                    connection.execute(insert(heartbeat).values(**self._self, **facts))
                connection.execute(delete(heartbeat).where(_h.at < now - _FORGET_AFTER))
        except StoreError as error:
            _outage.warning("store.unavailable", code=error.code, why=error.detail)
        self._next = self._monotonic() + _BEAT_SECONDS

    def end(self) -> None:
        """Remove it: the program ends as it should."""
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(heartbeat).where(self._own))
        except StoreError as error:
            _outage.warning("store.unavailable", code=error.code, why=error.detail)

    def is_ready(self) -> bool:
        """Whether the database can be read, and this process has lately written to it.

        One thread at a time asks the database; the others get the answer before, so that they do not wait for it.
        """
        at, ready = self._looked
        if self._monotonic() < at + _READY_SECONDS or not self._looking.acquire(blocking=False):
            return ready
        try:
            self._looked = (self._monotonic(), self._look())
            return self._looked[1]
        finally:
            self._looking.release()

    def _look(self) -> bool:
        try:
            with self._engine.connect().execution_options(read_only=True) as connection:
                at = connection.execute(select(_h.at).where(self._own)).scalar()
        except StoreError as error:
            _outage.warning("store.unavailable", code=error.code, why=error.detail)
            return False
        return at is not None and abs(self._clock.now() - at) <= SILENT_AFTER
