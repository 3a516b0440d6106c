"""The delivery worker: claims messages from the outbox, sends them, and records the results.

One coordinator thread does all database work, so that many messages share a commit. Sender threads only send. A message
is sent only while its lease lasts; if a worker dies, the lease ends and another worker sends the same message again.
A message that may be what ended its workers is sent alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from ccms_ws.clock import Clock
from ccms_ws.config import DeliverySettings
from ccms_ws.delivery.in_flight import InFlight
from ccms_ws.delivery.leases import RENEWALS, LeaseStart, LeaseTimer
from ccms_ws.delivery.maintenance import Maintenance
from ccms_ws.delivery.recorder import AttemptRecorder
from ccms_ws.delivery.sender import AttemptResult, Sender
from ccms_ws.domain.messages import LeasedMessage
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import InternalError, StoreUnavailable
from ccms_ws.exchange import Exchange
from ccms_ws.failpoints import failpoint
from ccms_ws.log import Limited, report_unwritten

log = structlog.get_logger(__name__)
_outage = Limited(log, most=1)

_DATABASE_RETRY_SECONDS = 1.0
_LONG_ATTEMPT_SECONDS = 1.0
"""That an attempt has begun is recorded if it takes longer; to record it of all would cost a write for each message."""


class Heartbeat(Protocol):
    """Shows that the coordinator thread lives. Never raises."""

    def beat(self) -> None: ...
    def end(self) -> None: ...


class DeliveryWorker:
    """Delivers outgoing messages. Any number of workers may share one outbox."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        exchanges: Sequence[Exchange],
        sender: Sender,
        recorder: AttemptRecorder,
        max_concurrent: Callable[[str], int],
        clock: Clock,
        settings: DeliverySettings,
        name: str,
        heartbeat: Heartbeat,
    ) -> None:
        """`max_concurrent`: how many messages a partner may be sent at the same time; `name`: unique among workers."""
        self._units = units
        self._sender = sender
        self._recorder = recorder
        self._maintenance = Maintenance(units=units, exchanges=exchanges, clock=clock, settings=settings)
        self._clock = clock
        self._settings = settings
        self._name = name
        self._heartbeat = heartbeat
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._timer = LeaseTimer(
            clock, lease=self._lease, longest_attempt=timedelta(seconds=settings.longest_attempt_seconds)
        )
        self._in_flight = InFlight(max_concurrent, senders=settings.threads)
        self._results: list[AttemptResult] = []
        self._unsent: list[LeasedMessage] = []
        self._begun: list[LeasedMessage] = []
        self._suspect_due = False
        self._next_heartbeat = 0.0

    # -- running -------------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """Work until `stop` is called. Attempts that have started are finished and recorded first.

        Raises InternalError if a sender thread has ended. However this loop ends, no thread is left behind: a process
        that claims nothing or sends nothing must not live on.
        """
        log.info("worker.started", worker=self._name, threads=self._settings.threads)
        senders = [
            threading.Thread(target=self._send_loop, name=f"sender-{number}")
            for number in range(1, self._settings.threads + 1)
        ]
        for sender in senders:
            sender.start()
        next_maintenance = 0.0
        try:
            while not self._in_flight.stopped:
                self._heartbeat.beat()
                report_unwritten()
                if time.monotonic() >= next_maintenance:
                    self._keep_running(self._maintenance.run)
                    self._keep_running(self._look_for_suspects)
                    next_maintenance = time.monotonic() + self._settings.poll_seconds
                self._keep_running(self._cycle)
                self._in_flight.wait_for_result(
                    min(self._settings.poll_seconds, self._settings.lease_seconds / RENEWALS)
                )
                self._check(senders)
        finally:
            self._in_flight.stop()
            for sender in senders:
                sender.join()
        self._keep_running(self._cycle)
        self._heartbeat.end()
        log.info("worker.stopped", worker=self._name)

    def stop(self) -> None:
        """Ask `run` to end. May be called from a signal handler or another thread."""
        self._in_flight.stop()

    def run_once(self) -> int:
        """Send everything that is due, in this thread. Returns the number of attempts."""
        self._maintenance.run()
        return sum(self._send_all(self._settings.threads, alone=False)) + sum(self._send_all(1, alone=True))

    def run_maintenance(self) -> None:
        """Check answer deadlines now."""
        self._maintenance.run()

    # -- coordinator thread --------------------------------------------------------------------------------------------
    def _cycle(self) -> None:
        """One commit: record results, release what was not sent, renew leases, claim more messages."""
        in_flight, drain = self._in_flight, self._suspect_due
        self._results += in_flight.take_results()
        self._unsent += in_flight.take_unsent(withdraw=drain)
        self._begun += in_flight.take_begun(_LONG_ATTEMPT_SECONDS)
        heartbeat = time.monotonic() >= self._next_heartbeat
        held = in_flight.leases if heartbeat else []
        alone = drain and not in_flight.leases
        limit = min(1, in_flight.free_slots) if alone else 0 if drain else in_flight.free_slots
        if not (self._results or self._unsent or self._begun or held or limit):
            return
        start = self._timer.start()
        lease_until = start.wall
        renewed: set[UUID] = set()
        claimed: list[LeasedMessage] = []

        def also(uow: UnitOfWork) -> None:
            nonlocal lease_until
            now = self._clock.now()
            lease_now = uow.outbox.lease_time(now)
            lease_until = lease_now + self._lease
            for leased in self._unsent:
                uow.outbox.release_lease(leased)
            uow.outbox.begin(self._begun, now)
            renewed.update(uow.outbox.renew_leases(held, lease_until))
            claimed[:] = self._claim(uow, limit, in_flight.free_slots_for, now, lease_now, alone=alone)

        self._recorder.record(self._results, also)
        failpoint("claim.after-commit")
        self._unsent.clear()
        self._begun.clear()
        if heartbeat:
            in_flight.renew(renewed, lease_until, start)
            self._next_heartbeat = time.monotonic() + self._settings.lease_seconds / RENEWALS
        if alone:
            self._suspect_due = False
            self._record_begin(claimed)
        in_flight.add(claimed, start)

    def _check(self, senders: Sequence[threading.Thread]) -> None:
        """What is claimed would never be sent, and its lease would be renewed for ever."""
        if not all(sender.is_alive() for sender in senders) and not self._in_flight.stopped:
            raise InternalError("a sender thread of the worker has ended", hint="start the worker again")

    def _look_for_suspects(self) -> None:
        """From now on nothing else is claimed until a message that may end its workers was sent alone."""
        if any(leased.suspect for leased in self._in_flight.leases):
            return
        now = self._clock.now()
        with self._units() as uow:
            self._suspect_due = uow.outbox.is_suspect_due(now, uow.outbox.lease_time(now))

    def _record_begin(self, suspects: list[LeasedMessage]) -> None:
        """Only an attempt that was begun counts against its message if the worker dies: record it before. Of a message
        that cannot be recorded the claim is undone.
        """
        try:
            with self._units() as uow:
                begun = uow.outbox.begin(suspects, self._clock.now())
                uow.commit()
        except StoreUnavailable:
            self._unsent += suspects
            raise
        suspects[:] = [leased for leased in suspects if leased.message.message_id in begun]

    def _claim(
        self,
        uow: UnitOfWork,
        limit: int,
        room: Callable[[str], int],
        now: datetime,
        lease_now: datetime,
        *,
        alone: bool,
    ) -> Sequence[LeasedMessage]:
        if not limit:
            return ()
        return uow.outbox.claim(
            worker=self._name, now=now, lease=self._lease, limit=limit, room=room, lease_now=lease_now, alone=alone
        )

    # -- everything in one thread --------------------------------------------------------------------------------------
    def _send_all(self, limit: int, *, alone: bool) -> Iterator[int]:
        """Claim, send and record until nothing is due; yields numbers of attempts."""
        while True:
            start = self._timer.start()
            claimed = self._claim_some(limit, alone=alone)
            if alone:
                self._record_begin(claimed)
            held = [(leased, self._timer.may_begin(start) and self._attempt(leased, start)) for leased in claimed]
            results = [result for _, result in held if result]
            count = len(results)
            self._record_within_lease(results, [leased for leased, result in held if not result], start)
            yield count
            if not count:
                return

    def _claim_some(self, limit: int, *, alone: bool) -> list[LeasedMessage]:
        with self._units() as uow:
            now = self._clock.now()
            lease_now = uow.outbox.lease_time(now)
            claimed = self._claim(uow, limit, lambda _partner: limit, now, lease_now, alone=alone)
            uow.commit()
        return list(claimed)

    def _attempt(self, leased: LeasedMessage, start: LeaseStart) -> AttemptResult:
        return self._sender.attempt(leased, not_after=self._timer.end(start))

    def _record_within_lease(
        self, results: list[AttemptResult], unsent: Sequence[LeasedMessage], start: LeaseStart
    ) -> None:
        """Retry while the database is unavailable, but no longer than the lease lasts."""

        def release(uow: UnitOfWork) -> None:
            for leased in unsent:
                uow.outbox.release_lease(leased)

        while results or unsent:
            try:
                self._recorder.record(results, release)
                return
            except StoreUnavailable:
                if self._timer.has_ended(start):
                    raise
                time.sleep(_DATABASE_RETRY_SECONDS)

    def _keep_running(self, work: Callable[[], object]) -> None:
        """The loop survives an unavailable database, and a defect that one message brings to light."""
        try:
            work()
        except StoreUnavailable as error:
            _outage.warning("store.unavailable", worker=self._name, detail=str(error))
            self._in_flight.pause(_DATABASE_RETRY_SECONDS)
        except Exception:
            log.exception("worker.defect", worker=self._name)
            self._in_flight.pause(_DATABASE_RETRY_SECONDS)

    # -- sender threads ------------------------------------------------------------------------------------------------
    def _send_loop(self) -> None:
        while (held := self._in_flight.next()) is not None:
            if not self._timer.may_begin(held.start):
                self._in_flight.skip(held)
                continue
            result = None
            try:
                result = self._attempt(held.leased, held.start)
            except Exception:
                log.exception("worker.defect", worker=self._name)
            self._in_flight.finish(held, result)
