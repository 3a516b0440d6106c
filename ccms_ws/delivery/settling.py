"""What came of attempts, written down: many in one commit, or each by itself if they do not go together.

A message's new state, its attempt, the exchange's own records, an answer that came back and the partner's line change
in one transaction or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import structlog

from ccms_ws.clients import Cause
from ccms_ws.clock import Clock
from ccms_ws.crash_points import crash_point
from ccms_ws.delivery.answers import AnswerDesk, IncomingAnswer
from ccms_ws.delivery.retry import next_attempt, patience_asked
from ccms_ws.delivery.sending import Outcome
from ccms_ws.domain.lines import Line, LineRules, LineState, after_failure, after_success
from ccms_ws.domain.messages import DeliveryAttempt
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import CcmsWsError, ConcurrentChange, DeliveryError, StoreUnavailable

log = structlog.get_logger(__name__)

_LONGEST_DETAIL = 2000
_RETRY_AFTER_STATUSES = frozenset({429, 503})

Also = Callable[[UnitOfWork], None]
"""What else shall happen in the same commit."""


class Settler:
    """Writes outcomes down. For one thread at a time."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        desk: AnswerDesk,
        clock: Clock,
        line_rules: LineRules,
        chance: Callable[[], float],
    ) -> None:
        """`chance`: numbers in [0, 1) for the jitter."""
        self._units = units
        self._desk = desk
        self._clock = clock
        self._line_rules = line_rules
        self._chance = chance

    def settle(self, outcomes: list[Outcome], also: Also = lambda uow: None) -> None:
        """Commit all outcomes, and `also`; `outcomes` is empty then.

        Raises StoreUnavailable: what is still in `outcomes` did not happen. An outcome whose lease was lost meanwhile
        is dropped: whoever has the message now settles it.
        """
        try:
            self._commit(outcomes, also)
            outcomes.clear()
        except StoreUnavailable:
            raise
        except Exception:
            # One of them stands in the way of the others.
            while outcomes:
                self._settle_one(outcomes[0])
                del outcomes[0]
            self._commit((), also)

    def _commit(
        self, outcomes: Sequence[Outcome], also: Also = lambda uow: None, set_aside: Exception | None = None
    ) -> None:
        with self._units() as uow:
            written = [(outcome, self._write(outcome, uow, set_aside)) for outcome in outcomes]
            self._note_lines(outcomes, uow)
            also(uow)
            crash_point("settle.before-commit")
            uow.commit()
        crash_point("settle.after-commit")
        for outcome, attempt in written:
            _report(outcome, attempt)

    def _settle_one(self, outcome: Outcome) -> None:
        """Once more if somebody changed the same record; if that is the lease itself, somebody else has the message."""
        message = outcome.leased.message
        unusable: Exception | None = None
        for _ in range(3):
            try:
                self._commit([outcome], set_aside=unusable)
            except StoreUnavailable:
                raise
            except ConcurrentChange:
                continue
            except Exception as error:
                if unusable is not None or outcome.receipt is None or outcome.receipt.answer is None:
                    log.exception("settling.defect", exchange=message.exchange, message_id=str(message.message_id))
                    return
                if not isinstance(error, CcmsWsError):
                    log.exception("answer.defect", exchange=message.exchange, message_id=str(message.message_id))
                # The message did arrive: sending it again would not mend the answer to it.
                unusable = error
            else:
                return
        log.warning("lease.lost", worker=outcome.leased.worker, message_id=str(message.message_id))

    # -- one outcome --------------------------------------------------------------------------------------------------
    def _write(self, outcome: Outcome, uow: UnitOfWork, set_aside: Exception | None) -> DeliveryAttempt:
        error = outcome.error
        if error is None or (error.cause == Cause.FAULT_DUPLICATE and _arrived_before(outcome, uow)):
            return self._write_delivered(outcome, uow, set_aside)
        return self._write_failed(outcome, error, uow)

    def _write_delivered(self, outcome: Outcome, uow: UnitOfWork, set_aside: Exception | None) -> DeliveryAttempt:
        attempt = _attempt(outcome, "delivered")
        leased, ended_at = outcome.leased, outcome.ended_at
        assert outcome.route is not None and outcome.outgoing is not None  # noqa: PT018, S101 - something was sent
        uow.outbox.settle_delivered(leased, attempt)
        due_at = ended_at + outcome.route.answer_window
        outcome.outgoing.delivered(leased.message.message_id, ended_at, due_at, uow)
        answer = self._answer(outcome)
        if answer is not None and set_aside is None:
            answer.take_in(uow)
        elif answer is not None and set_aside is not None:
            answer.set_aside(set_aside, uow)
        return attempt

    def _write_failed(self, outcome: Outcome, error: DeliveryError, uow: UnitOfWork) -> DeliveryAttempt:
        leased = outcome.leased
        retry_at = None
        if outcome.route is not None:
            rules = outcome.route.retry
            retry_at = next_attempt(
                error,
                tries=leased.tries,
                trying_since=leased.trying_since,
                now=outcome.ended_at,
                rules=rules,
                chance=self._chance,
            )
        elif error.retryable:
            # Nobody knows the partner's own rules, and only an operator can change that.
            retry_at = outcome.ended_at + self._line_rules.longest_rest
        attempt = _attempt(outcome, "failed" if retry_at else "given up")
        uow.outbox.settle_failed(leased, attempt, retry_at)
        if retry_at is None and outcome.outgoing is not None:
            outcome.outgoing.undeliverable(leased.message.message_id, attempt.error_code, uow)
        return attempt

    def _answer(self, outcome: Outcome) -> IncomingAnswer | None:
        if outcome.receipt is None or outcome.receipt.answer is None or outcome.route is None:
            return None
        return self._desk.register(
            outcome.receipt.answer, outcome.leased.message, outcome.route.partner, outcome.ended_at
        )

    # -- lines --------------------------------------------------------------------------------------------------------
    def _note_lines(self, outcomes: Iterable[Outcome], uow: UnitOfWork) -> None:
        by_partner: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            if _says_something_of_the_line(outcome.error):
                by_partner[outcome.leased.message.partner_id].append(outcome)
        for partner_id in sorted(by_partner):
            before = uow.lines.find(partner_id)
            after = self._line_after(before, by_partner[partner_id])
            if after == before:
                continue
            before = uow.lines.lock(partner_id)
            after = self._line_after(before, by_partner[partner_id])
            uow.lines.put(after)
            if after.state is not before.state:
                log.warning("line.changed", partner=partner_id, state=after.state.value, error=after.last_error)

    def _line_after(self, line: Line, outcomes: Iterable[Outcome]) -> Line:
        for outcome in outcomes:
            error, at = outcome.error, outcome.ended_at
            if error is None or not error.retryable:
                line = line if line.state is LineState.UP and not line.failures else after_success(line, at)
                continue
            asked = patience_asked(error) if error.http_status in _RETRY_AFTER_STATUSES else timedelta(0)
            line = after_failure(line, error.cause, at, rules=self._line_rules, chance=self._chance, asked=asked)
        return line


_KNOWN = frozenset(Cause)


def _says_something_of_the_line(error: DeliveryError | None) -> bool:
    return error is None or (error.cause in _KNOWN and Cause(error.cause).is_about_the_line)


def _arrived_before(outcome: Outcome, uow: UnitOfWork) -> bool:
    """The partner says that it has had this message id. Nobody else makes our ids, so if an earlier attempt may have
    arrived, it did; its answer, if there was one, was lost with it."""
    earlier = uow.outbox.attempts(outcome.leased.message.message_id)
    return any(attempt.error_code not in _KNOWN or Cause(attempt.error_code).may_have_arrived for attempt in earlier)


def _attempt(outcome: Outcome, word: str) -> DeliveryAttempt:
    leased, error, receipt = outcome.leased, outcome.error, outcome.receipt
    return DeliveryAttempt(
        leased.message.message_id,
        leased.attempt,
        leased.worker,
        outcome.started_at,
        outcome.ended_at,
        word,
        receipt.http_status if receipt is not None else error.http_status if error is not None else None,
        "" if error is None else error.cause or error.code,
        "" if error is None else str(error)[:_LONGEST_DETAIL],
    )


def _report(outcome: Outcome, attempt: DeliveryAttempt) -> None:
    message = outcome.leased.message
    log.info(
        "delivery.attempted",
        exchange=message.exchange,
        message_id=str(message.message_id),
        partner=message.partner_id,
        outcome=attempt.outcome,
        cause=attempt.error_code or None,
        http_status=attempt.http_status,
        attempt=attempt.number,
        seconds=round((attempt.ended_at - attempt.started_at).total_seconds(), 3),
    )
