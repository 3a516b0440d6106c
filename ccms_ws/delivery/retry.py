"""When a failed message is due again: one pure decision, apart from the loop that obeys it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ccms_ws.domain.backoff import backoff
from ccms_ws.errors import DeliveryError

LONGEST_RETRY_AFTER = timedelta(days=1)
"""A partner may ask for patience, not put a message off for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How long the court keeps trying with one partner.

    A message is given up when its `budget` of tries is used up and its `window` has passed: a partner that is away for
    a weekend costs nothing, and one that is back does not have to refuse a message a hundred times in an hour.
    """

    first_wait: timedelta
    longest_wait: timedelta
    budget: int
    window: timedelta


def next_attempt(
    error: DeliveryError,
    *,
    tries: int,
    trying_since: datetime,
    now: datetime,
    rules: RetryRules,
    chance: Callable[[], float],
) -> datetime | None:
    """When to try again after try number `tries` (from 1) failed with `error`; None: give the message up.

    Exponential with full jitter (`domain.waiting`). A Retry-After is kept, with the jitter on top. `chance` gives
    numbers in [0, 1).
    """
    if not error.retryable or is_given_up(tries, trying_since, now, rules):
        return None
    return now + patience_asked(error) + backoff(tries, rules.first_wait, rules.longest_wait, chance)


def is_given_up(tries: int, trying_since: datetime, now: datetime, rules: RetryRules) -> bool:
    """True after `tries` without success when both the tries and the time are used up, whatever the causes were."""
    return tries >= rules.budget and now - trying_since >= rules.window


def patience_asked(error: DeliveryError) -> timedelta:
    """What the partner asked for by Retry-After, as far as it is granted."""
    return min(error.retry_after or timedelta(0), LONGEST_RETRY_AFTER)
