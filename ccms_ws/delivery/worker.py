"""The loop that empties the outbox: claim (own commit), send (no transaction), settle (one commit).

One thread, the clerk, alone talks to the database: what has been sent and what is to be sent next share a commit, so
that many messages share the time that a disk takes for one. The others only send. Whatever happens between two of these
steps, the lease ends and another worker takes the message up: same id, same body.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from ccms_ws.clock import Clock
from ccms_ws.config import DeliverySettings
from ccms_ws.crash_points import crash_point
from ccms_ws.delivery.hand import Hand
from ccms_ws.delivery.sending import Dispatcher, Outcome
from ccms_ws.delivery.settling import Settler
from ccms_ws.domain.messages import LeasedMessage
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import StoreUnavailable
from ccms_ws.exchange import Exchange

log = structlog.get_logger(__name__)

_STORE_PAUSE = 1.0
"""Seconds between two tries to reach a database that is gone or locked."""
_CLOCK_STEP = timedelta(seconds=30)
"""A clock that is set back by more has put messages off that nobody wanted to put off."""
_SWEEPS_TO_LOOK_AHEAD = 30
"""How often that is looked for even if this clock was never ahead: another machine's may have been."""


class DeliveryWorker:
    """Delivers outgoing messages. Any number of workers, each with its threads, may work on one outbox."""

    def __init__(
        self,
        *,
        units: UnitOfWorkFactory,
        exchanges: Sequence[Exchange],
        dispatcher: Dispatcher,
        settler: Settler,
        at_once: Callable[[str], int],
        clock: Clock,
        settings: DeliverySettings,
        name: str,
    ) -> None:
        """`at_once`: how many messages may be on their way to a partner; `name`: unique among the running workers."""
        self._units = units
        self._outgoing = {e.code: e.outgoing for e in exchanges if e.outgoing is not None}
        self._dispatcher = dispatcher
        self._settler = settler
        self._clock = clock
        self._settings = settings
        self._name = name
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._hand = Hand(at_once, threads=settings.threads)
        self._unsettled: list[Outcome] = []
        self._offset = timedelta.max
        self._sweeps = 0

    # -- running ------------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """Work until `stop` is called; what was begun is finished first."""
        log.info("worker.started", worker=self._name, threads=self._settings.threads)
        senders = [
            threading.Thread(target=self._send_until_stopped, name=f"sender-{number}")
            for number in range(1, self._settings.threads + 1)
        ]
        for sender in senders:
            sender.start()
        next_sweep = 0.0
        while not self._hand.stopped:
            if time.monotonic() >= next_sweep:
                self._guarded(self.sweep)
                next_sweep = time.monotonic() + self._settings.poll_seconds
            self._guarded(self._turn)
            self._hand.wait(self._settings.poll_seconds)
        for sender in senders:
            sender.join()
        self._guarded(self._finish)
        log.info("worker.stopped", worker=self._name)

    def stop(self) -> None:
        """Ask `run` to end. May be called from a signal handler or another thread."""
        self._hand.stop()

    def run_once(self) -> int:
        """Sweep once and send all that is due, in this thread; returns the number of attempts."""
        self.sweep()
        attempts = 0
        while claimed := self._claimed(self._settings.threads):
            attempts += len(claimed)
            self._settle_patiently([self._attempt(leased) for leased in claimed])
        return attempts

    def sweep(self) -> None:
        """Let each exchange act on answers that did not come in time; wake what a wrong clock has put off."""
        now = self._clock.now()
        for code, outgoing in self._outgoing.items():
            with self._units() as uow:
                moved = outgoing.on_silence(now, uow)
                if moved:
                    crash_point("sweep.before-commit")
                    uow.commit()
                    crash_point("sweep.after-commit")
                    log.info("silence.noted", exchange=code, records=moved)
        offset = timedelta(seconds=now.timestamp() - time.monotonic())
        if offset < self._offset - _CLOCK_STEP:
            self._wake()
        elif self._sweeps % _SWEEPS_TO_LOOK_AHEAD == 0:
            self._look_ahead()
        self._offset = offset
        self._sweeps += 1

    # -- the clerk ----------------------------------------------------------------------------------------------------
    def _turn(self) -> None:
        """Write down what came of attempts, and fetch what is to be sent next: one commit."""
        self._unsettled += self._hand.take_outcomes()
        claimed: list[LeasedMessage] = []

        def fetch(uow: UnitOfWork) -> None:
            claimed[:] = self._claim(uow, self._hand.free_places, self._hand.room)

        if not self._unsettled and not self._hand.free_places:
            return
        self._settler.settle(self._unsettled, fetch)
        crash_point("claim.after-commit")
        self._hand.put(claimed)

    def _finish(self) -> None:
        """Write down the last outcomes; what was claimed and not begun is anybody's again."""
        untouched = self._hand.take_back()

        def give_back(uow: UnitOfWork) -> None:
            for leased in untouched:
                uow.outbox.give_back(leased)

        self._unsettled += self._hand.take_outcomes()
        self._settler.settle(self._unsettled, give_back)

    def _claim(self, uow: UnitOfWork, limit: int, room: Callable[[str], int]) -> Sequence[LeasedMessage]:
        return uow.outbox.claim(worker=self._name, now=self._clock.now(), lease=self._lease, limit=limit, room=room)

    def _claimed(self, limit: int) -> Sequence[LeasedMessage]:
        with self._units() as uow:
            claimed = self._claim(uow, limit, lambda _partner: limit)
            uow.commit()
        return claimed

    def _settle_patiently(self, outcomes: list[Outcome]) -> None:
        """A database that is away gets the time that is left of the leases."""
        until = min(outcome.leased.lease_until for outcome in outcomes)
        while outcomes:
            try:
                self._settler.settle(outcomes)
            except StoreUnavailable:
                if self._clock.now() >= until:
                    raise
                time.sleep(_STORE_PAUSE)

    def _wake(self) -> None:
        """A clock that was ahead has put off messages and lines for longer than the rules would.

        A partner's own Retry-After is cut short by that too, at worst: it will say it again.
        """
        settings = self._settings
        longest = max(settings.longest_retry_seconds, settings.longest_rest_seconds, settings.lease_seconds)
        now, horizon = self._clock.now(), timedelta(seconds=longest)
        with self._units() as uow:
            woken = uow.outbox.hasten(now, horizon)
            ahead = [one for one in uow.lines.list_lines() if one.retry_at and one.retry_at > now + horizon]
            for line in ahead:
                uow.lines.put(replace(line, retry_at=now))
            if woken or ahead:
                uow.commit()
                log.warning("clock.set-back", messages=woken, lines=len(ahead))

    def _look_ahead(self) -> None:
        """What was composed by a clock ahead of ours, or gets its turn only now, is due all the same."""
        with self._units() as uow:
            woken = uow.outbox.hasten(self._clock.now(), _CLOCK_STEP, untried=True)
            if woken:
                uow.commit()
                log.warning("clock.ahead", messages=woken)

    # -- the senders --------------------------------------------------------------------------------------------------
    def _send_until_stopped(self) -> None:
        while (leased := self._hand.next_message()) is not None:
            try:
                outcome = self._attempt(leased)
            except Exception:
                log.exception("worker.defect", worker=self._name)
                self._hand.drop(leased)
            else:
                self._hand.done(leased, outcome)

    def _attempt(self, leased: LeasedMessage) -> Outcome:
        return self._dispatcher.attempt(leased)

    def _guarded(self, work: Callable[[], object]) -> None:
        """The loop outlives everything: a database that is gone, and a defect in the handling of one message."""
        try:
            work()
        except StoreUnavailable as error:
            log.warning("store.unavailable", worker=self._name, detail=str(error))
            self._hand.pause(_STORE_PAUSE)
        except Exception:
            log.exception("worker.defect", worker=self._name)
            self._hand.pause(_STORE_PAUSE)
