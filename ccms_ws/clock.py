"""The one module that reads the clock. All others get a `Clock`, so that tests can set the time."""

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
    """The calendar day at California's courts at the moment `at`: that of dates in messages and ledgers."""
    return at.astimezone(_COURTS).date()


def running_time() -> float:
    """Seconds since an arbitrary moment, for measuring. Never set; continues while the machine is suspended (on Linux;
    elsewhere it is the monotonic clock).
    """
    return time.clock_gettime(_BOOT_TIME) if _BOOT_TIME is not None else time.monotonic()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that moves only when `advance` is called (tests, replay)."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock forward (or back, with a negative `by`)."""
        self.at += by
