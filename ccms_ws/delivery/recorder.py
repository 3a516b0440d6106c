"""Stores the results of attempts: many in one commit, or each in its own if they cannot be stored together.

The state of the message, the attempt, the exchange's records, a reply and the partner's circuit breaker change in one
transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import structlog

from ccms_ws.clients import FailureCause
from ccms_ws.clock import Clock
from ccms_ws.delivery.replies import PendingReply, ReplyHandler
from ccms_ws.delivery.retry import next_attempt, patience_asked
from ccms_ws.delivery.sender import AttemptResult
from ccms_ws.domain.circuit_breaker import BreakerRules, BreakerState, CircuitBreaker, after_failure, after_success
from ccms_ws.domain.messages import DeliveryAttempt
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import CcmsWsError, ConcurrentChange, DeliveryError, StoreUnavailable
from ccms_ws.failpoints import failpoint

log = structlog.get_logger(__name__)

_LONGEST_DETAIL = 2000
_TRIES = 3
_RETRY_AFTER_STATUSES = frozenset({429, 503})
_KNOWN_CAUSES = frozenset(FailureCause)

Also = Callable[[UnitOfWork], None]
"""Further work in the same commit."""


class AttemptRecorder:
    """Stores attempt results. Used by one thread at a time."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        desk: ReplyHandler,
        clock: Clock,
        breaker_rules: BreakerRules,
        chance: Callable[[], float],
    ) -> None:
        """`chance`: random numbers in [0, 1), for the jitter."""
        self._units = units
        self._desk = desk
        self._clock = clock
        self._breaker_rules = breaker_rules
        self._chance = chance

    def record(self, results: list[AttemptResult], also: Also = lambda uow: None) -> None:
        """Commit all results together with `also`, and empty `results`.

        Raises StoreUnavailable: what is left in `results` was not stored. A result whose lease was lost is dropped: the
        worker that has the message now records its own.
        """
        try:
            self._commit(results, also)
            results.clear()
        except StoreUnavailable:
            raise
        except Exception:  # one result prevents the others from being stored: find it
            while results:
                self._record_one(results[0])
                del results[0]
            self._commit((), also)

    def _commit(
        self, results: Sequence[AttemptResult], also: Also = lambda uow: None, unusable: Exception | None = None
    ) -> None:
        with self._units() as uow:
            attempts = [self._store(result, uow, unusable) for result in results]
            self._update_breakers(results, uow)
            also(uow)
            failpoint("settle.before-commit")
            uow.commit()
        failpoint("settle.after-commit")
        for result, attempt in zip(results, attempts, strict=True):
            _log(result, attempt)

    def _record_one(self, result: AttemptResult) -> None:
        """Retry on a concurrent change. If a reply cannot be handled, record the delivery and quarantine the reply."""
        unusable: Exception | None = None
        for _ in range(_TRIES):
            try:
                self._commit([result], unusable=unusable)
            except StoreUnavailable:
                raise
            except ConcurrentChange:
                continue
            except Exception as error:
                if unusable is not None or result.receipt is None or result.receipt.answer is None:
                    log.exception("recording.defect", **_ids(result))
                    return
                if not isinstance(error, CcmsWsError):
                    log.exception("answer.defect", **_ids(result))
                unusable = error
            else:
                return
        log.warning("lease.lost", worker=result.leased.worker, **_ids(result))

    # -- one result ----------------------------------------------------------------------------------------------------
    def _store(self, result: AttemptResult, uow: UnitOfWork, unusable: Exception | None) -> DeliveryAttempt:
        error = result.error
        if error is None or (error.cause == FailureCause.FAULT_DUPLICATE and _arrived_before(result, uow)):
            return self._store_delivered(result, uow, unusable)
        return self._store_failed(result, error, uow)

    def _store_delivered(self, result: AttemptResult, uow: UnitOfWork, unusable: Exception | None) -> DeliveryAttempt:
        assert result.route is not None and result.tracking is not None  # noqa: PT018, S101 - something was sent
        attempt = _attempt(result, "delivered")
        answer_due_at = result.ended_at + result.route.answer_window
        uow.outbox.settle_delivered(result.leased, attempt)
        result.tracking.delivered(attempt.message_id, result.ended_at, answer_due_at, uow)
        answer = self._answer(result)
        if answer is not None and unusable is None:
            answer.take_in(uow)
        elif answer is not None and unusable is not None:
            answer.set_aside(unusable, uow)
        return attempt

    def _store_failed(self, result: AttemptResult, error: DeliveryError, uow: UnitOfWork) -> DeliveryAttempt:
        leased = result.leased
        retry_at = None
        if result.route is not None:
            retry_at = next_attempt(
                error,
                tries=leased.tries,
                trying_since=leased.trying_since,
                now=result.ended_at,
                rules=result.route.retry,
                chance=self._chance,
            )
        elif error.retryable:  # not configured: only an operator can change that, and the partner's rules are unknown
            retry_at = result.ended_at + self._breaker_rules.longest_rest
        attempt = _attempt(result, "failed" if retry_at else "given up")
        uow.outbox.settle_failed(leased, attempt, retry_at)
        if retry_at is None and result.tracking is not None:
            result.tracking.gave_up(attempt.message_id, attempt.error_code, uow)
        return attempt

    def _answer(self, result: AttemptResult) -> PendingReply | None:
        if result.receipt is None or result.receipt.answer is None or result.route is None:
            return None
        return self._desk.register(result.receipt.answer, result.leased.message, result.route.partner, result.ended_at)

    # -- circuit breakers ----------------------------------------------------------------------------------------------
    def _update_breakers(self, results: Iterable[AttemptResult], uow: UnitOfWork) -> None:
        by_partner: dict[str, list[AttemptResult]] = defaultdict(list)
        for result in results:
            if _is_about_the_partner(result.error):
                by_partner[result.leased.message.partner_id].append(result)
        for partner_id in sorted(by_partner):  # in one order everywhere, against deadlocks
            before = uow.circuit_breakers.find(partner_id)
            if self._breaker_after(before, by_partner[partner_id]) == before:
                continue  # most often: no lock needed
            before = uow.circuit_breakers.lock(partner_id)
            after = self._breaker_after(before, by_partner[partner_id])
            uow.circuit_breakers.put(after)
            if after.state is not before.state:
                log.warning("line.changed", partner=partner_id, state=after.state.value, error=after.last_error)

    def _breaker_after(self, breaker: CircuitBreaker, results: Iterable[AttemptResult]) -> CircuitBreaker:
        for result in results:
            error, at = result.error, result.ended_at
            if error is None or not error.retryable:
                if breaker.state is not BreakerState.CLOSED or breaker.failures:
                    breaker = after_success(breaker, at)
                continue
            asked = patience_asked(error) if error.http_status in _RETRY_AFTER_STATUSES else timedelta(0)
            breaker = after_failure(
                breaker, error.cause, at, rules=self._breaker_rules, chance=self._chance, asked=asked
            )
        return breaker


def _is_about_the_partner(error: DeliveryError | None) -> bool:
    return error is None or (error.cause in _KNOWN_CAUSES and FailureCause(error.cause).is_about_the_line)


def _arrived_before(result: AttemptResult, uow: UnitOfWork) -> bool:
    """The partner reports a duplicate. Believe it if an earlier attempt may have arrived: ids are ours alone."""
    earlier = uow.outbox.attempts(result.leased.message.message_id)
    return any(_may_have_arrived(one.error_code) for one in earlier)


def _attempt(result: AttemptResult, outcome: str) -> DeliveryAttempt:
    leased, error, receipt = result.leased, result.error, result.receipt
    return DeliveryAttempt(
        leased.message.message_id,
        leased.attempt,
        leased.worker,
        result.started_at,
        result.ended_at,
        outcome,
        receipt.http_status if receipt is not None else error.http_status if error is not None else None,
        "" if error is None else error.cause or error.code,
        (str(error) if error is not None else receipt.remark if receipt is not None else "")[:_LONGEST_DETAIL],
        result.envelope if error is None or _may_have_arrived(error.cause) else None,
    )


def _may_have_arrived(cause: str) -> bool:
    return cause not in _KNOWN_CAUSES or FailureCause(cause).may_have_arrived


def _ids(result: AttemptResult) -> dict[str, str]:
    message = result.leased.message
    return {"exchange": message.exchange, "message_id": str(message.message_id)}


def _log(result: AttemptResult, attempt: DeliveryAttempt) -> None:
    log.info(
        "delivery.attempted",
        **_ids(result),
        partner=result.leased.message.partner_id,
        outcome=attempt.outcome,
        cause=attempt.error_code or None,
        http_status=attempt.http_status,
        attempt=attempt.number,
        remark=(result.receipt.remark or None) if result.receipt is not None else None,
        seconds=round((attempt.ended_at - attempt.started_at).total_seconds(), 3),
    )
