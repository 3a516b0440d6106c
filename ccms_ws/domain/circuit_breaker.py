"""The line to a partner: whether it is worth trying. The circuit breaker of delivery, as pure decisions.

A line that fails again and again is taken down: its messages wait, without using up their attempts. After a while one
of them probes the line; its fate decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ccms_ws.domain.backoff import backoff


class BreakerState(StrEnum):
    """The words of a circuit breaker are closed, open and half-open."""

    CLOSED = "up"
    OPEN = "down"
    HALF_OPEN = "probing"


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """What is known of a partner's line. `failures` in a row; `retry_at`: down until then, or when a probe is given up.

    A partner of whom nothing is stored has this line as it stands here.
    """

    partner_id: str
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    changed_at: datetime | None = None
    retry_at: datetime | None = None
    last_error: str = ""

    def may_send(self, now: datetime) -> bool:
        """False while the line rests. Of a line that is not up, only one message may be taken: the probe."""
        return self.retry_at is None or self.retry_at <= now


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a line is taken down, and for how long: after `down_after` failures in a row, a rest that doubles."""

    down_after: int
    first_rest: timedelta
    longest_rest: timedelta


def probing(line: CircuitBreaker, now: datetime, until: datetime) -> CircuitBreaker:
    """The circuit breaker while a message probes it; after `until` another worker may, if no result came."""
    return replace(line, state=BreakerState.HALF_OPEN, changed_at=now, retry_at=until)


def after_success(line: CircuitBreaker, now: datetime) -> CircuitBreaker:
    """The partner has spoken: the line is up, whatever was before."""
    changed = line.changed_at if line.state is BreakerState.CLOSED else now
    return CircuitBreaker(line.partner_id, changed_at=changed)


def after_failure(
    line: CircuitBreaker,
    why: str,
    now: datetime,
    *,
    rules: BreakerRules,
    chance: Callable[[], float],
    asked: timedelta | None = None,
) -> CircuitBreaker:
    """`asked`: the patience that the partner itself asked for (Retry-After); it is granted at once."""
    failures = line.failures + 1
    if line.state is BreakerState.CLOSED and failures < rules.down_after and not asked:
        return replace(line, failures=failures, last_error=why)
    rests = max(failures - rules.down_after, 0) + 1
    # At least half of the ceiling: a line that has just failed many times is not probed at once.
    rest = max(backoff(rests, rules.first_rest, rules.longest_rest, lambda: 0.5 + chance() / 2), asked or timedelta(0))
    if line.state is BreakerState.OPEN and line.retry_at is not None and line.retry_at > now + rest:
        rest = line.retry_at - now  # what was begun before the line went down does not shorten its rest
    return CircuitBreaker(line.partner_id, BreakerState.OPEN, failures, now, now + rest, why)
