"""The one place that reads the clock. Everything else is handed a `Clock`, so that time can be frozen and moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

_COURTS = ZoneInfo("America/Los_Angeles")


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


def court_day(at: datetime) -> date:
    """The calendar day at California's courts at the moment `at`: the day that dates in messages and ledgers mean."""
    return at.astimezone(_COURTS).date()


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
