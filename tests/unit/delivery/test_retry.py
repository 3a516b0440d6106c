from __future__ import annotations

import random as randomness
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ccms_ws.delivery.retry import LONGEST_RETRY_AFTER, RetryRules, next_attempt
from ccms_ws.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = RetryRules(
    first_wait=timedelta(seconds=5), longest_wait=timedelta(seconds=60), budget=6, window=timedelta(hours=1)
)


def wait(
    tries: int,
    error: DeliveryError | None = None,
    *,
    after: timedelta = timedelta(0),
    chance: Callable[[], float] = lambda: 1.0,
) -> timedelta | None:
    """How long to wait when try number `tries`, `after` the first one began, has failed; None: not at all."""
    now = NOW + after
    error = error or TransientDeliveryError()
    at = next_attempt(error, tries=tries, trying_since=NOW, now=now, rules=RULES, chance=chance)
    return None if at is None else at - now


def test_a_permanent_error_is_not_tried_again() -> None:
    assert wait(1, PermanentDeliveryError()) is None


def test_the_ceiling_doubles_up_to_the_longest_wait() -> None:
    assert [wait(tries) for tries in range(1, 6)] == [timedelta(seconds=s) for s in (5, 10, 20, 40, 60)]


def test_budget_and_window_together_end_in_giving_up() -> None:
    late = RULES.window
    assert wait(5, after=late) is not None
    assert wait(6, after=late) is None
    assert wait(500, after=late - timedelta(seconds=1)) is not None


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    source = randomness.Random(7)
    waits = [(wait(4, chance=source.random) or NEVER).total_seconds() for _ in range(200)]
    assert len(set(waits)) > 190
    assert min(waits) < 5
    assert 35 < max(waits) < 40


NEVER = timedelta.max


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_retry_after_is_kept(chance: float) -> None:
    asked = TransientDeliveryError(retry_after=timedelta(minutes=30))
    waiting = wait(1, asked, chance=lambda: chance)
    assert waiting is not None
    assert timedelta(minutes=30) <= waiting <= timedelta(minutes=31)


@pytest.mark.parametrize("days", [2, 3650])
def test_retry_after_cannot_put_a_message_off_for_good(days: int) -> None:
    asked = TransientDeliveryError(retry_after=timedelta(days=days))
    assert wait(1, asked, chance=lambda: 0.0) == LONGEST_RETRY_AFTER


def test_very_many_tries_do_not_overflow() -> None:
    assert wait(999_999) == RULES.longest_wait
