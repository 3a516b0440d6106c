from __future__ import annotations

import random as randomness
from datetime import UTC, datetime, timedelta

import pytest

from ccms_ws.config import DeliverySettings
from ccms_ws.delivery.retry import LONGEST_RETRY_AFTER, next_attempt
from ccms_ws.errors import PermanentDeliveryError, TransientDeliveryError

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SETTINGS = DeliverySettings(first_retry_seconds=5, longest_retry_seconds=60, give_up_after_attempts=6)


def latest(attempt: int) -> timedelta:
    at = next_attempt(TransientDeliveryError(), attempt, NOW, SETTINGS, lambda: 1.0)
    assert at is not None
    return at - NOW


def test_a_permanent_error_is_not_tried_again() -> None:
    assert next_attempt(PermanentDeliveryError(), 1, NOW, SETTINGS, lambda: 0.5) is None


def test_the_ceiling_doubles_up_to_the_longest_retry() -> None:
    assert [latest(attempt).total_seconds() for attempt in range(1, 6)] == [5, 10, 20, 40, 60]


def test_the_budget_of_attempts_ends() -> None:
    assert next_attempt(TransientDeliveryError(), 5, NOW, SETTINGS, lambda: 0.5) is not None
    assert next_attempt(TransientDeliveryError(), 6, NOW, SETTINGS, lambda: 0.5) is None


def test_messages_that_failed_together_do_not_come_back_together() -> None:
    source = randomness.Random(7)
    due = {next_attempt(TransientDeliveryError(), 4, NOW, SETTINGS, source.random) for _ in range(200)}
    delays = [(at - NOW).total_seconds() for at in due if at is not None]
    assert len(delays) > 190
    assert min(delays) < 5
    assert 35 < max(delays) < 40


def test_retry_after_is_kept() -> None:
    error = TransientDeliveryError(retry_after=timedelta(minutes=30))
    for chance in (0.0, 0.5, 0.99):
        at = next_attempt(error, 1, NOW, SETTINGS, lambda chance=chance: chance)  # type: ignore[misc]
        assert at is not None
        assert NOW + timedelta(minutes=30) <= at <= NOW + timedelta(minutes=31)


@pytest.mark.parametrize("days", [2, 3650])
def test_retry_after_cannot_put_a_message_off_for_good(days: int) -> None:
    at = next_attempt(TransientDeliveryError(retry_after=timedelta(days=days)), 1, NOW, SETTINGS, lambda: 0.0)
    assert at == NOW + LONGEST_RETRY_AFTER


def test_very_many_attempts_do_not_overflow() -> None:
    patient = DeliverySettings(give_up_after_attempts=10**6)
    at = next_attempt(TransientDeliveryError(), 999_999, NOW, patient, lambda: 1.0)
    assert at == NOW + timedelta(seconds=patient.longest_retry_seconds)
