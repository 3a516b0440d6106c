"""The one place that reads the clock. Everything else is handed a `Clock`, so that time can be frozen and moved."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

_COURTS = ZoneInfo("America/Los_Angeles")
_BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


def court_day(at: datetime) -> date:
    """The calendar day at California's courts at the moment `at`: the day that dates in messages and ledgers mean."""
    return at.astimezone(_COURTS).date()


def running_time() -> float:
    """Seconds from some moment on, for measuring. No one sets it, and it goes on while the machine is suspended (on
    Linux; elsewhere it is the monotonic clock).
    """
    return time.clock_gettime(_BOOT_TIME) if _BOOT_TIME is not None else time.monotonic()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is told to move (tests, replay)."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock forward (or back, with a negative `by`)."""
        self.at += by
