"""The lease fence: how long a worker may rely on a lease without asking the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ccms_ws.clock import Clock, running_time

RENEWALS = 6
"""How often a lease is renewed while it lasts, so that one that is waited for never comes near its end."""


@dataclass(frozen=True, slots=True)
class LeaseStart:
    """A moment at or before the one from which the database counts a lease, by both clocks of this machine."""

    wall: datetime
    running: float


class LeaseTimer:
    """Measures leases on this machine. Thread-safe."""

    def __init__(self, clock: Clock, *, lease: timedelta, longest_attempt: timedelta) -> None:
        self._clock = clock
        self._lease = lease
        self._longest_attempt = longest_attempt

    def start(self) -> LeaseStart:
        """To be taken before the database is asked for a lease or its renewal."""
        return LeaseStart(self._clock.now(), running_time())

    def may_begin(self, start: LeaseStart) -> bool:
        """False for an attempt that could outlast its lease, when another worker may send the same message.

        A lease lasts equally long by every clock, whatever time of day each shows: that of the database need not be
        read. Of the two clocks here the one counts by which more time has passed: the wall clock, because other workers
        on this machine may judge the lease by it; the other, because it is never set back.
        """
        return self._passed(start) + self._longest_attempt < self._lease

    def has_ended(self, start: LeaseStart) -> bool:
        return self._passed(start) >= self._lease

    def _passed(self, start: LeaseStart) -> timedelta:
        return max(self._clock.now() - start.wall, timedelta(seconds=running_time() - start.running))

    def end(self, start: LeaseStart) -> float:
        """When the lease ends, in `running_time`: after that nothing of the message may leave."""
        return start.running + self._lease.total_seconds()
