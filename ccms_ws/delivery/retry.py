"""When a failed message is due again: one pure decision, apart from the loop that obeys it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ccms_ws.config import DeliverySettings
from ccms_ws.errors import DeliveryError

LONGEST_RETRY_AFTER = timedelta(days=1)
"""A partner may ask for patience, not put a message off for good."""

_MOST_DOUBLINGS = 62


def next_attempt(
    error: DeliveryError, attempt: int, now: datetime, settings: DeliverySettings, random: Callable[[], float]
) -> datetime | None:
    """When to try again after attempt number `attempt` (from 1) failed with `error`; None: give the message up.

    Exponential with full jitter: somewhere between now and a ceiling that doubles, so that messages which failed
    together do not come back together. A Retry-After is kept, with the jitter on top. `random` gives numbers in [0, 1).
    """
    if not error.retryable or attempt >= settings.give_up_after_attempts:
        return None
    doublings = min(attempt - 1, _MOST_DOUBLINGS)
    ceiling = min(settings.first_retry_seconds * 2**doublings, settings.longest_retry_seconds)
    asked = min(error.retry_after or timedelta(0), LONGEST_RETRY_AFTER)
    return now + asked + timedelta(seconds=ceiling * random())
