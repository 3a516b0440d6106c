"""The delivery worker: claims messages from the outbox, sends them, and records the results.

One coordinator thread does all database work, so that many messages share a commit. Sender threads only send. A message
is sent only while its lease lasts; if a worker dies, the lease ends and another worker sends the same message again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from ccms_ws.clock import Clock
from ccms_ws.config import DeliverySettings
from ccms_ws.crash_points import crash_point
from ccms_ws.delivery.in_flight import InFlight
from ccms_ws.delivery.maintenance import Maintenance
from ccms_ws.delivery.recorder import AttemptRecorder
from ccms_ws.delivery.sender import AttemptResult, Sender
from ccms_ws.domain.messages import LeasedMessage
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import InternalError, StoreUnavailable
from ccms_ws.exchange import Exchange
from ccms_ws.log import Limited, report_unwritten

log = structlog.get_logger(__name__)
_outage = Limited(log, most=1)

_DATABASE_RETRY_SECONDS = 1.0


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
        self._longest_attempt = timedelta(seconds=settings.connect_timeout_seconds + settings.read_timeout_seconds)
        self._in_flight = InFlight(max_concurrent, senders=settings.threads)
        self._results: list[AttemptResult] = []
        self._unsent: list[LeasedMessage] = []
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
                    next_maintenance = time.monotonic() + self._settings.poll_seconds
                self._keep_running(self._cycle)
                self._in_flight.wait_for_result(self._settings.poll_seconds)
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
        """Send everything that is due, in this thread. Returns the number of messages claimed."""
        self._maintenance.run()
        count = 0
        while claimed := self._claim_some(self._settings.threads):
            count += len(claimed)
            results = [self._sender.attempt(leased) for leased in claimed if self._may_send(leased)]
            self._record_within_lease(results)
        return count

    def run_maintenance(self) -> None:
        """Check answer deadlines now."""
        self._maintenance.run()

    # -- coordinator thread --------------------------------------------------------------------------------------------
    def _cycle(self) -> None:
        """One commit: record results, release what was not sent, renew leases, claim more messages."""
        self._results += self._in_flight.take_results()
        self._unsent += self._in_flight.take_unsent()
        heartbeat = time.monotonic() >= self._next_heartbeat
        held = self._in_flight.leases if heartbeat else []
        if not (self._results or self._unsent or held or self._in_flight.free_slots):
            return
        lease_until = self._clock.now() + self._lease
        renewed: set[UUID] = set()
        claimed: list[LeasedMessage] = []

        def also(uow: UnitOfWork) -> None:
            for leased in self._unsent:
                uow.outbox.release_lease(leased)
            renewed.update(uow.outbox.renew_leases(held, lease_until))
            claimed[:] = self._claim(uow, self._in_flight.free_slots, self._in_flight.free_slots_for)

        self._recorder.record(self._results, also)
        crash_point("claim.after-commit")
        self._unsent.clear()
        if heartbeat:
            self._in_flight.renew(renewed, lease_until)
            self._next_heartbeat = time.monotonic() + self._settings.lease_seconds / 3
        self._in_flight.add(claimed)

    def _check(self, senders: Sequence[threading.Thread]) -> None:
        """What is claimed would never be sent, and its lease would be renewed for ever."""
        if not all(sender.is_alive() for sender in senders) and not self._in_flight.stopped:
            raise InternalError("a sender thread of the worker has ended", hint="start the worker again")

    def _claim(self, uow: UnitOfWork, limit: int, room: Callable[[str], int]) -> Sequence[LeasedMessage]:
        if not limit:
            return ()
        return uow.outbox.claim(worker=self._name, now=self._clock.now(), lease=self._lease, limit=limit, room=room)

    def _claim_some(self, limit: int) -> Sequence[LeasedMessage]:
        with self._units() as uow:
            claimed = self._claim(uow, limit, lambda _partner: limit)
            uow.commit()
        return claimed

    def _record_within_lease(self, results: list[AttemptResult]) -> None:
        """Retry while the database is unavailable, but no longer than the first lease lasts."""
        deadline = min((result.leased.lease_until for result in results), default=self._clock.now())
        while results:
            try:
                self._recorder.record(results)
            except StoreUnavailable:
                if self._clock.now() >= deadline:
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
        while (leased := self._in_flight.next()) is not None:
            if not self._may_send(leased):
                self._in_flight.skip(leased)
                continue
            result = None
            try:
                result = self._sender.attempt(leased)
            except Exception:
                log.exception("worker.defect", worker=self._name)
            self._in_flight.finish(leased, result)

    def _may_send(self, leased: LeasedMessage) -> bool:
        """The lease fence: never start an attempt that could outlast its lease, when another worker may send as well.

        By the wall clock, not a monotonic one: while a machine is suspended leases go on running.
        """
        return self._clock.now() + self._longest_attempt < leased.lease_until
