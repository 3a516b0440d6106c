"""How long to wait before something is tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

_MOST_DOUBLINGS = 62


def backoff(failures: int, first: timedelta, longest: timedelta, chance: Callable[[], float]) -> timedelta:
    """The wait after `failures` (from 1) in a row: a ceiling that doubles from `first` up to `longest`, times a number.

    `chance` gives numbers in [0, 1): full jitter, so that what failed together does not come back together.
    """
    ceiling = min(first.total_seconds() * 2 ** min(failures - 1, _MOST_DOUBLINGS), longest.total_seconds())
    return timedelta(seconds=ceiling * chance())
