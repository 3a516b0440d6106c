"""The circuit breaker of a partner's line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ccms_ws.domain.circuit_breaker import (
    BreakerRules,
    BreakerState,
    CircuitBreaker,
    after_failure,
    after_success,
    probing,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = BreakerRules(down_after=3, first_rest=timedelta(seconds=10), longest_rest=timedelta(seconds=60))


def fail(line: CircuitBreaker, times: int = 1, *, at: datetime = NOW, asked: timedelta | None = None) -> CircuitBreaker:
    for _ in range(times):
        line = after_failure(line, "connect", at, rules=RULES, chance=lambda: 1.0, asked=asked)
    return line


def test_a_few_failures_leave_the_line_up() -> None:
    line = fail(CircuitBreaker("DMV"), 2)
    assert (line.state, line.failures, line.last_error) == (BreakerState.CLOSED, 2, "connect")
    assert line.may_send(NOW)


def test_failures_in_a_row_take_the_line_down_for_a_while() -> None:
    line = fail(CircuitBreaker("DMV"), 3)
    assert (line.state, line.changed_at, line.retry_at) == (BreakerState.OPEN, NOW, NOW + timedelta(seconds=10))
    assert not line.may_send(NOW + timedelta(seconds=9))
    assert line.may_send(NOW + timedelta(seconds=10))


def test_a_success_between_failures_begins_the_count_anew() -> None:
    line = after_success(fail(CircuitBreaker("DMV"), 2), NOW)
    assert (line.state, line.failures, line.last_error) == (BreakerState.CLOSED, 0, "")
    assert fail(line, 2).state is BreakerState.CLOSED


def test_a_probe_that_fails_makes_the_next_rest_longer_up_to_a_bound() -> None:
    line, rests = fail(CircuitBreaker("DMV"), 3), []
    for _ in range(5):
        assert line.retry_at is not None
        now = line.retry_at
        line = fail(probing(line, now, now + timedelta(minutes=2)), at=now)
        assert line.retry_at is not None
        rests.append((line.retry_at - now).total_seconds())
    assert rests == [20, 40, 60, 60, 60]


def test_a_probe_that_succeeds_brings_the_line_up() -> None:
    line = after_success(probing(fail(CircuitBreaker("DMV"), 3), NOW, NOW), NOW + timedelta(minutes=1))
    assert line == CircuitBreaker("DMV", changed_at=NOW + timedelta(minutes=1))


def test_nobody_else_sends_while_a_probe_is_on_its_way() -> None:
    line = probing(fail(CircuitBreaker("DMV"), 3), NOW, NOW + timedelta(minutes=2))
    assert line.state is BreakerState.HALF_OPEN
    assert not line.may_send(NOW + timedelta(minutes=1))
    assert line.may_send(NOW + timedelta(minutes=2))


def test_a_partner_that_asks_for_patience_gets_it_at_once() -> None:
    line = fail(CircuitBreaker("DMV"), asked=timedelta(minutes=30))
    assert (line.state, line.retry_at) == (BreakerState.OPEN, NOW + timedelta(minutes=30))


def test_failures_that_began_before_do_not_shorten_a_rest() -> None:
    line = fail(fail(CircuitBreaker("DMV"), asked=timedelta(minutes=30)), at=NOW + timedelta(minutes=1))
    assert line.retry_at == NOW + timedelta(minutes=30)


def test_a_rest_is_never_nothing() -> None:
    line = CircuitBreaker("DMV")
    for _ in range(3):
        line = after_failure(line, "connect", NOW, rules=RULES, chance=lambda: 0.0)
    assert line.retry_at == NOW + timedelta(seconds=5)
