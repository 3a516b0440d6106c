"""One reading of a court's numbers, as the families of `families`.

What the settings name is there from the beginning, at zero: a rate needs the step from nothing to the first message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import structlog
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

import ccms_ws
from ccms_ws.clock import Clock
from ccms_ws.config import PartnerSettings
from ccms_ws.domain.circuit_breaker import BreakerState, CircuitBreaker
from ccms_ws.domain.messages import AnswerKind, OutboxState
from ccms_ws.errors import ConfigError
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.metrics import families
from ccms_ws.metrics.families import FAMILIES, Family, Samples
from ccms_ws.services.rates import RateLimited
from ccms_ws.store.heartbeats import ENDPOINT, WORKER, RunningProgram
from ccms_ws.store.message_history import QUARANTINED, UNANSWERED
from ccms_ws.store.statistics import HELD_BACK, Measures

log = structlog.get_logger(__name__)

OUTCOMES: Final = (*(kind.value for kind in AnswerKind), UNANSWERED, QUARANTINED)
STATES: Final = (*(state.value for state in OutboxState if not state.is_final), HELD_BACK)


class Certificate(Protocol):
    """A certificate or revocation list in use."""

    @property
    def whose(self) -> str: ...
    @property
    def use(self) -> str: ...
    @property
    def file(self) -> Path: ...
    @property
    def until(self) -> datetime: ...


class CourtCollector(Collector):
    """`measures`, `certificates` and `programs` say how it stands at a moment; each collection asks them."""

    def __init__(
        self,
        partners: Iterable[PartnerSettings],
        measures: Callable[[datetime], Measures],
        certificates: Callable[[datetime], Sequence[Certificate]],
        programs: Callable[[], Sequence[RunningProgram]],
        clock: Clock,
    ) -> None:
        self._measures, self._certificates, self._programs, self._clock = measures, certificates, programs, clock
        partners = list(partners)
        self._senders = [each.id for each in partners if each.sends or each.receives]
        self._incoming = [(code, each.id) for each in partners for code in (*each.sends, *each.receives)]
        self._outgoing = [(code, each.id) for each in partners for code in each.receives]

    def describe(self) -> Iterator[Metric]:
        return (family.of({}) for family in FAMILIES)

    def collect(self) -> Iterator[Metric]:
        """Raises StoreError before the first."""
        now = self._clock.now()
        measures = self._measures(now)
        samples = self._constant() | self._running(now) | self._traffic(measures)
        samples |= self._lines(measures, now) | self._ends(now)
        return (family.of(samples[family]) for family in FAMILIES)

    def _constant(self) -> dict[Family, Samples]:
        return {families.BUILD: {(ccms_ws.__version__,): 1}}

    def _running(self, now: datetime) -> dict[Family, Samples]:
        states: dict[tuple[str, ...], float] = {
            (program, state): 0 for program in (ENDPOINT, WORKER) for state in ("alive", "silent")
        }
        dropped: dict[tuple[str, ...], float] = {(program,): 0 for program in (ENDPOINT, WORKER)}
        for each in self._programs():
            states[each.program, "alive" if each.is_alive(now) else "silent"] += 1
            dropped[(each.program,)] += each.dropped_lines
        return {families.PROGRAMS: states, families.DROPPED: dropped}

    def _traffic(self, measures: Measures) -> dict[Family, Samples]:
        none_in: dict[tuple[str, ...], float] = {(*each, outcome): 0 for each in self._incoming for outcome in OUTCOMES}
        none_out: dict[tuple[str, ...], float] = {(*each, state): 0 for each in self._outgoing for state in STATES}
        none_taken: dict[tuple[str, ...], float] = dict.fromkeys(self._outgoing, 0)
        limited: dict[tuple[str, ...], float] = {(each,): 0 for each in self._senders}
        counted = measures.not_kept
        limited |= {(each,): number for (each, code), number in counted.items() if code == RateLimited.code}
        return {
            families.RECEIVED: none_in | dict(measures.received),
            families.REFUSED: {(): measures.refused},
            families.NOT_KEPT: {(): sum(counted.values()) - sum(limited.values())},
            families.RATE_LIMITED: limited,
            families.REFUSED_FOR: {(code,): number for code, number in measures.refused_for.items()},
            families.LOGGED: {(): measures.logged},
            families.DELIVERED: none_taken | dict(measures.delivered),
            families.OUTBOX: none_out | dict(measures.open),
            families.OVERDUE: {(DMV907.code,): measures.overdue},
        }

    def _lines(self, measures: Measures, now: datetime) -> dict[Family, Samples]:
        partners = {partner_id for _, partner_id in self._outgoing}

        def ages(since: dict[str, datetime]) -> Samples:
            return {(each,): max((now - since.get(each, now)).total_seconds(), 0) for each in partners | since.keys()}

        lines = {each: CircuitBreaker(each) for each in partners} | {line.partner_id: line for line in measures.lines}
        return {
            families.OLDEST: ages(dict(measures.oldest)),
            families.LATE: ages(dict(measures.due)),
            families.LINE: {(each, state): int(lines[each].state is state) for each in lines for state in BreakerState},
            families.FAILURES: {(each,): line.failures for each, line in lines.items()},
        }

    def _ends(self, now: datetime) -> dict[Family, Samples]:
        """A file that cannot be read must not keep the other numbers from being known."""
        ends: dict[tuple[str, ...], float] = {}
        try:
            for each in self._certificates(now):
                key = (each.whose, each.use, each.file.name)
                ends[key] = min(each.until.timestamp(), ends.get(key, float("inf")))
        except ConfigError as error:
            log.error("metrics.certificates-not-read", why=error.detail)
            return {families.EXPIRY: {}, families.READABLE: {(): 0}}
        return {families.EXPIRY: ends, families.READABLE: {(): 1}}
