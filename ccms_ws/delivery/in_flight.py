"""The messages that one worker has claimed and not yet recorded: ready, being sent, or finished."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ccms_ws.clock import running_time
from ccms_ws.delivery.leases import LeaseStart
from ccms_ws.delivery.sender import AttemptResult
from ccms_ws.domain.messages import LeasedMessage

PREFETCH = 3
"""Messages claimed ahead for each one being sent, so that senders need not wait for the database."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease of this worker, and since when it counts here."""

    leased: LeasedMessage
    start: LeaseStart

    @property
    def message_id(self) -> UUID:
        return self.leased.message.message_id

    @property
    def partner_id(self) -> str:
        return self.leased.message.partner_id


@dataclass(slots=True)
class _Sending:
    """A message that a sender has. `recorded`: the database knows that the attempt has begun."""

    leased: LeasedMessage
    since: float
    recorded: bool


class InFlight:
    """Shared by the coordinator thread and the sender threads of one worker. Thread-safe."""

    def __init__(self, max_concurrent: Callable[[str], int], *, senders: int) -> None:
        """`max_concurrent`: how many messages may be sent to a partner at the same time."""
        self._max_concurrent = max_concurrent
        self._capacity = senders * (1 + PREFETCH)
        self._lock = threading.RLock()  # reentrant: `stop` may run in a signal handler of the thread that holds it
        self._message_ready = threading.Condition(self._lock)
        self._attempt_finished = threading.Condition(self._lock)
        self._ready: dict[str, deque[Held]] = defaultdict(deque)
        self._sending: dict[str, dict[UUID, _Sending]] = defaultdict(dict)
        self._results: list[AttemptResult] = []
        self._unsent: list[LeasedMessage] = []
        self._stopped = False

    # -- called by the coordinator -------------------------------------------------------------------------------------
    @property
    def free_slots(self) -> int:
        """How many more messages may be claimed: none after `stop`, and none beside a suspect."""
        leases = self.leases
        full = self._stopped or any(leased.suspect for leased in leases)
        return 0 if full else max(0, self._capacity - len(leases))

    def free_slots_for(self, partner_id: str) -> int:
        """How many more messages to this partner may be claimed."""
        with self._lock:
            held = len(self._ready[partner_id]) + len(self._sending[partner_id])
            return self._max_concurrent(partner_id) * (1 + PREFETCH) - held

    @property
    def leases(self) -> list[LeasedMessage]:
        """The leases that this worker relies on: of messages that are ready or being sent."""
        with self._lock:
            ready = [held.leased for queue in self._ready.values() for held in queue]
            return ready + [one.leased for sending in self._sending.values() for one in sending.values()]

    def add(self, claimed: Sequence[LeasedMessage], start: LeaseStart) -> None:
        with self._lock:
            for leased in claimed:
                self._ready[leased.message.partner_id].append(Held(leased, start))
            self._message_ready.notify(len(claimed))

    def renew(self, message_ids: Collection[UUID], lease_until: datetime, start: LeaseStart) -> None:
        """The leases of these messages were extended. Ready messages whose lease was lost are dropped."""
        with self._lock:
            for partner_id, queue in self._ready.items():
                self._ready[partner_id] = deque(
                    Held(replace(held.leased, lease_until=lease_until), start)
                    for held in queue
                    if held.message_id in message_ids
                )

    def take_begun(self, seconds: float) -> list[LeasedMessage]:
        """The messages that have been sent for longer than `seconds`, each once: most attempts end sooner."""
        now = running_time()
        with self._lock:
            sending = (one for by_id in self._sending.values() for one in by_id.values())
            begun = [one for one in sending if not one.recorded and now - one.since > seconds]
            for one in begun:
                one.recorded = True
            return [one.leased for one in begun]

    def take_results(self) -> list[AttemptResult]:
        """The results of the attempts that finished since the last call."""
        with self._lock:
            results, self._results = self._results, []
            return results

    def take_unsent(self, *, withdraw: bool = False) -> list[LeasedMessage]:
        """Remove and return the messages that will not be sent: those skipped; with `withdraw`, and after `stop`, all
        that are ready.
        """
        with self._lock:
            unsent, self._unsent = self._unsent, []
            if self._stopped or withdraw:
                unsent += [held.leased for queue in self._ready.values() for held in queue]
                self._ready.clear()
            return unsent

    def wait_for_result(self, timeout: float) -> None:
        """Wait until an attempt has finished, `timeout` seconds have passed, or `stop` is called."""
        with self._lock:
            self._attempt_finished.wait_for(lambda: self._results or self._unsent or self._stopped, timeout=timeout)

    def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until `stop` is called."""
        with self._lock:
            self._attempt_finished.wait_for(lambda: self._stopped, timeout=seconds)

    # -- called by the senders -----------------------------------------------------------------------------------------
    def next(self) -> Held | None:
        """Wait for a message that may be sent now. None after `stop`."""
        with self._lock:
            while not self._stopped:
                for partner_id, queue in self._ready.items():
                    if queue and len(self._sending[partner_id]) < self._max_concurrent(partner_id):
                        self._ready[partner_id] = self._ready.pop(partner_id)  # round robin among partners
                        held = queue.popleft()
                        recorded = held.leased.suspect  # before it became ready
                        self._sending[partner_id][held.message_id] = _Sending(held.leased, running_time(), recorded)
                        return held
                self._message_ready.wait()
            return None

    def finish(self, held: Held, result: AttemptResult | None) -> None:
        """An attempt has ended. Without a result the message is left to its lease."""
        with self._lock:
            del self._sending[held.partner_id][held.message_id]
            if result is not None:
                self._results.append(result)
            self._attempt_finished.notify()

    def skip(self, held: Held) -> None:
        """The message was not sent. The coordinator gives its lease back."""
        with self._lock:
            self._unsent.append(held.leased)
        self.finish(held, None)

    # -- called by anyone ----------------------------------------------------------------------------------------------
    @property
    def stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        """Start no further attempt. May be called from a signal handler."""
        with self._lock:
            self._stopped = True
            self._message_ready.notify_all()
            self._attempt_finished.notify_all()
