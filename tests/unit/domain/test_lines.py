"""The circuit breaker of a partner's line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ccms_ws.domain.lines import Line, LineRules, LineState, after_failure, after_success, probing

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = LineRules(down_after=3, first_rest=timedelta(seconds=10), longest_rest=timedelta(seconds=60))


def fail(line: Line, times: int = 1, *, at: datetime = NOW, asked: timedelta | None = None) -> Line:
    for _ in range(times):
        line = after_failure(line, "connect", at, rules=RULES, chance=lambda: 1.0, asked=asked)
    return line


def test_a_few_failures_leave_the_line_up() -> None:
    line = fail(Line("DMV"), 2)
    assert (line.state, line.failures, line.last_error) == (LineState.UP, 2, "connect")
    assert line.may_send(NOW)


def test_failures_in_a_row_take_the_line_down_for_a_while() -> None:
    line = fail(Line("DMV"), 3)
    assert (line.state, line.changed_at, line.retry_at) == (LineState.DOWN, NOW, NOW + timedelta(seconds=10))
    assert not line.may_send(NOW + timedelta(seconds=9))
    assert line.may_send(NOW + timedelta(seconds=10))


def test_a_success_between_failures_begins_the_count_anew() -> None:
    line = after_success(fail(Line("DMV"), 2), NOW)
    assert (line.state, line.failures, line.last_error) == (LineState.UP, 0, "")
    assert fail(line, 2).state is LineState.UP


def test_a_probe_that_fails_makes_the_next_rest_longer_up_to_a_bound() -> None:
    line, rests = fail(Line("DMV"), 3), []
    for _ in range(5):
        assert line.retry_at is not None
        now = line.retry_at
        line = fail(probing(line, now, now + timedelta(minutes=2)), at=now)
        assert line.retry_at is not None
        rests.append((line.retry_at - now).total_seconds())
    assert rests == [20, 40, 60, 60, 60]


def test_a_probe_that_succeeds_brings_the_line_up() -> None:
    line = after_success(probing(fail(Line("DMV"), 3), NOW, NOW), NOW + timedelta(minutes=1))
    assert line == Line("DMV", changed_at=NOW + timedelta(minutes=1))


def test_nobody_else_sends_while_a_probe_is_on_its_way() -> None:
    line = probing(fail(Line("DMV"), 3), NOW, NOW + timedelta(minutes=2))
    assert line.state is LineState.PROBING
    assert not line.may_send(NOW + timedelta(minutes=1))
    assert line.may_send(NOW + timedelta(minutes=2))


def test_a_partner_that_asks_for_patience_gets_it_at_once() -> None:
    line = fail(Line("DMV"), asked=timedelta(minutes=30))
    assert (line.state, line.retry_at) == (LineState.DOWN, NOW + timedelta(minutes=30))


def test_failures_that_began_before_do_not_shorten_a_rest() -> None:
    line = fail(fail(Line("DMV"), asked=timedelta(minutes=30)), at=NOW + timedelta(minutes=1))
    assert line.retry_at == NOW + timedelta(minutes=30)


def test_a_rest_is_never_nothing() -> None:
    line = Line("DMV")
    for _ in range(3):
        line = after_failure(line, "connect", NOW, rules=RULES, chance=lambda: 0.0)
    assert line.retry_at == NOW + timedelta(seconds=5)
