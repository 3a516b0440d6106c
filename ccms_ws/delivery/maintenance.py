"""What a worker does from time to time besides delivering: answer deadlines, and the effects of a wrong clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ccms_ws.clock import Clock
from ccms_ws.config import DeliverySettings
from ccms_ws.domain.messages import LONGEST_LEASE
from ccms_ws.domain.ports import UnitOfWorkFactory
from ccms_ws.exchange import Exchange
from ccms_ws.failpoints import failpoint

log = structlog.get_logger(__name__)

_CLOCK_JUMP = timedelta(seconds=30)
"""A clock that is set back by more than this has left due times in the far future."""
_RUNS_BETWEEN_CHECKS = 30
"""How often to look for such due times when this clock did not jump: another machine's may have."""


class Maintenance:
    """Run it about once a second, from one thread."""

    def __init__(
        self, *, units: UnitOfWorkFactory, exchanges: Sequence[Exchange], clock: Clock, settings: DeliverySettings
    ) -> None:
        self._units = units
        self._tracking = {e.code: e.notification.tracking for e in exchanges if e.notification is not None}
        self._clock = clock
        self._longest_wait = timedelta(seconds=max(settings.longest_retry_seconds, settings.longest_rest_seconds))
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._clock_offset = timedelta.max
        self._runs = 0

    def run(self) -> None:
        now = self._clock.now()
        self._check_answer_deadlines(now)
        offset = timedelta(seconds=now.timestamp() - time.monotonic())
        if offset < self._clock_offset - _CLOCK_JUMP:
            self._reschedule(now)
        elif self._runs % _RUNS_BETWEEN_CHECKS == 0:
            self._reschedule_untried(now)
        self._clock_offset = offset
        self._runs += 1

    def _check_answer_deadlines(self, now: datetime) -> None:
        for code, tracking in self._tracking.items():
            with self._units() as uow:
                count = tracking.timed_out(now, uow)
                if count:
                    failpoint("sweep.before-commit")
                    uow.commit()
                    failpoint("sweep.after-commit")
                    log.info("silence.noted", exchange=code, records=count)

    def _reschedule(self, now: datetime) -> None:
        """Make due what no rule can have scheduled that late. This may cut short a partner's Retry-After."""
        with self._units() as uow:
            messages = uow.outbox.reschedule(now, self._longest_wait)
            messages += uow.outbox.shorten_leases(uow.outbox.lease_time(now), self._lease * LONGEST_LEASE, self._lease)
            breakers = [
                breaker
                for breaker in uow.circuit_breakers.list_breakers()
                if breaker.retry_at and breaker.retry_at > now + max(self._longest_wait, self._lease)  # a probe's lease
            ]
            for breaker in breakers:
                uow.circuit_breakers.put(replace(breaker, retry_at=now))
            if messages or breakers:
                uow.commit()
                log.warning("clock.set-back", messages=messages, breakers=len(breakers))

    def _reschedule_untried(self, now: datetime) -> None:
        """New messages are due at once, even if the clock of the machine that composed them was ahead."""
        with self._units() as uow:
            messages = uow.outbox.reschedule(now, _CLOCK_JUMP, untried=True)
            if messages:
                uow.commit()
                log.warning("clock.ahead", messages=messages)
