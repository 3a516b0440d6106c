"""The loop that empties the outbox: claim (own transaction), send (no transaction), settle (one commit).

Whatever happens between two of these steps, the lease ends and another worker takes the message up: same id, same body.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from ccms_ws.clients import Cause, Receipt
from ccms_ws.clock import Clock
from ccms_ws.config import DeliverySettings
from ccms_ws.delivery.answers import AnswerDesk
from ccms_ws.delivery.retry import next_attempt
from ccms_ws.delivery.routes import Route, RouteFinder
from ccms_ws.domain.messages import DeliveryAttempt, LeasedMessage
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import (
    CcmsWsError,
    ConcurrentChange,
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    StoreUnavailable,
    TransientDeliveryError,
    UnknownMessage,
)
from ccms_ws.exchange import Exchange, Outgoing

log = structlog.get_logger(__name__)

_STORE_PAUSE = 1.0
"""Seconds between two tries to reach a database that is gone or locked."""
_LONGEST_DETAIL = 2000


class DeliveryWorker:
    """Delivers outgoing messages. Any number of workers, each with its threads, may work on one outbox."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        exchanges: Sequence[Exchange],
        route_for: RouteFinder,
        desk: AnswerDesk,
        clock: Clock,
        settings: DeliverySettings,
        name: str,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`name`: who holds a lease, unique among the running workers; `chance`: numbers in [0, 1) for the jitter."""
        self._units = units
        self._outgoing = {e.code: e.outgoing for e in exchanges if e.outgoing is not None}
        self._route_for = route_for
        self._desk = desk
        self._clock = clock
        self._settings = settings
        self._name = name
        self._chance = chance
        self._stop = threading.Event()

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """Work until `stop` is called; what was begun is finished first."""
        log.info("worker.started", worker=self._name, threads=self._settings.threads)
        senders = [
            threading.Thread(target=self._send_until_stopped, args=(f"{self._name}/{number}",), name=f"sender-{number}")
            for number in range(1, self._settings.threads + 1)
        ]
        for sender in senders:
            sender.start()
        while not self._stop.is_set():
            self._guarded(self.sweep)
            self._stop.wait(self._settings.poll_seconds)
        for sender in senders:
            sender.join()
        log.info("worker.stopped", worker=self._name)

    def stop(self) -> None:
        """Ask `run` to end. May be called from a signal handler or another thread."""
        self._stop.set()

    def run_once(self) -> int:
        """Sweep once and send all that is due, in this thread; returns the number of attempts."""
        self.sweep()
        attempts = 0
        while self._send_next(self._name):
            attempts += 1
        return attempts

    def _send_until_stopped(self, name: str) -> None:
        while not self._stop.is_set():
            if not self._guarded(lambda: self._send_next(name)):
                self._stop.wait(self._settings.poll_seconds)

    def _guarded(self, work: Callable[[], object]) -> object:
        """The loop outlives everything: a database that is gone, and a defect in the handling of one message."""
        try:
            return work()
        except StoreUnavailable as error:
            log.warning("store.unavailable", worker=self._name, detail=str(error))
        except Exception:
            log.exception("worker.defect", worker=self._name)
        self._stop.wait(_STORE_PAUSE)
        return None

    # -- steps --------------------------------------------------------------------------------------------------------
    def sweep(self) -> None:
        """Let each exchange act on answers that did not come in time."""
        for code, outgoing in self._outgoing.items():
            with self._units() as uow:
                moved = outgoing.on_silence(self._clock.now(), uow)
                if moved:
                    uow.commit()
                    log.info("silence.noted", exchange=code, records=moved)

    def _send_next(self, name: str) -> bool:
        lease = timedelta(seconds=self._settings.lease_seconds)
        with self._units() as uow:
            claimed = uow.outbox.claim(worker=name, now=self._clock.now(), lease=lease)
            uow.commit()
        for leased in claimed:
            self._send(leased)
        return bool(claimed)

    def _send(self, leased: LeasedMessage) -> None:
        message, started_at = leased.message, self._clock.now()
        try:
            outgoing, route = self._find_way(leased)
            receipt = route.sender.send(message, url=route.url, soap=route.soap)
        except DeliveryError as error:
            self._settle_failed(leased, started_at, error)
        except Exception as error:
            log.exception("delivery.defect", exchange=message.exchange, message_id=str(message.message_id))
            defect = TransientDeliveryError(f"{type(error).__name__}: see the log", cause=Cause.INTERNAL)
            self._settle_failed(leased, started_at, defect)
        else:
            self._settle_delivered(leased, started_at, outgoing, route, receipt)

    def _find_way(self, leased: LeasedMessage) -> tuple[Outgoing, Route]:
        message = leased.message
        if leased.attempt > self._settings.give_up_after_attempts:
            # Workers that die over a message never settle it: the count of claims alone ends that.
            raise PermanentDeliveryError("none of the attempts came to an end", cause=Cause.INTERNAL)
        try:
            outgoing = self._outgoing.get(message.exchange)
            if outgoing is None:
                raise UnknownMessage(f"this version sends no {message.exchange}")
            return outgoing, self._route_for(message.partner_id, message.exchange)
        except (ConfigError, UnknownMessage) as error:
            raise TransientDeliveryError(str(error), cause=Cause.CONFIGURATION) from error

    # -- settling -----------------------------------------------------------------------------------------------------
    def _settle_delivered(
        self, leased: LeasedMessage, started_at: datetime, outgoing: Outgoing, route: Route, receipt: Receipt
    ) -> None:
        message, ended_at = leased.message, self._clock.now()
        attempt = DeliveryAttempt(
            message.message_id, leased.attempt, leased.worker, started_at, ended_at, "delivered", receipt.http_status
        )

        def settle(uow: UnitOfWork, take_answer: Callable[[UnitOfWork], None] = lambda uow: None) -> None:
            uow.outbox.settle_delivered(leased, attempt)
            outgoing.delivered(message.message_id, ended_at, ended_at + route.answer_window, uow)
            take_answer(uow)

        if receipt.answer is None:
            self._commit(leased, attempt, settle)
            return
        answer = self._desk.register(receipt.answer, message, route.partner, ended_at)
        try:
            self._commit(leased, attempt, lambda uow: settle(uow, answer.take_in))
        except StoreUnavailable:
            raise
        except Exception as error:
            # The message did arrive: sending it again would not mend the answer to it.
            unusable = error
            if not isinstance(error, CcmsWsError):
                log.exception("answer.defect", exchange=message.exchange, message_id=str(message.message_id))
            self._commit(leased, attempt, lambda uow: settle(uow, lambda uow: answer.set_aside(unusable, uow)))

    def _settle_failed(self, leased: LeasedMessage, started_at: datetime, error: DeliveryError) -> None:
        message, ended_at = leased.message, self._clock.now()
        retry_at = next_attempt(error, leased.attempt, ended_at, self._settings, self._chance)
        attempt = DeliveryAttempt(
            message.message_id,
            leased.attempt,
            leased.worker,
            started_at,
            ended_at,
            "failed" if retry_at else "given up",
            error.http_status,
            error.cause or error.code,
            str(error)[:_LONGEST_DETAIL],
        )
        outgoing = self._outgoing.get(message.exchange)

        def settle(uow: UnitOfWork) -> None:
            uow.outbox.settle_failed(leased, attempt, retry_at)
            if retry_at is None and outgoing is not None:
                outgoing.undeliverable(message.message_id, attempt.error_code, uow)

        self._commit(leased, attempt, settle)

    def _commit(self, leased: LeasedMessage, attempt: DeliveryAttempt, settle: Callable[[UnitOfWork], None]) -> None:
        """Settle in one transaction. A database that is away gets the time that is left of the lease."""
        conflicts = 0
        while True:
            try:
                with self._units() as uow:
                    settle(uow)
                    uow.commit()
            except ConcurrentChange:
                conflicts += 1
                if conflicts > 1:  # once may be a conflict over the answer; twice, somebody else has the message
                    log.warning("lease.lost", worker=leased.worker, message_id=str(leased.message.message_id))
                    return
            except StoreUnavailable:
                if self._clock.now() >= leased.lease_until:
                    raise
                time.sleep(_STORE_PAUSE)
            else:
                _report(leased, attempt)
                return


def _report(leased: LeasedMessage, attempt: DeliveryAttempt) -> None:
    message, seconds = leased.message, (attempt.ended_at - attempt.started_at).total_seconds()
    log.info(
        "delivery.attempted",
        exchange=message.exchange,
        message_id=str(message.message_id),
        partner=message.partner_id,
        outcome=attempt.outcome,
        cause=attempt.error_code or None,
        http_status=attempt.http_status,
        attempt=attempt.number,
        seconds=round(seconds, 3),
    )
