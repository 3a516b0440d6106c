"""The messages that one worker has claimed and not yet recorded: ready, being sent, or finished."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ccms_ws.delivery.sender import AttemptResult
from ccms_ws.domain.messages import LeasedMessage

PREFETCH = 3
"""Messages claimed ahead for each one being sent, so that senders need not wait for the database."""


class InFlight:
    """Shared by the coordinator thread and the sender threads of one worker. Thread-safe."""

    def __init__(self, max_concurrent: Callable[[str], int], *, senders: int) -> None:
        """`max_concurrent`: how many messages may be sent to a partner at the same time."""
        self._max_concurrent = max_concurrent
        self._capacity = senders * (1 + PREFETCH)
        self._lock = threading.RLock()  # reentrant: `stop` may run in a signal handler of the thread that holds it
        self._message_ready = threading.Condition(self._lock)
        self._attempt_finished = threading.Condition(self._lock)
        self._ready: dict[str, deque[LeasedMessage]] = defaultdict(deque)
        self._sending: dict[str, dict[UUID, LeasedMessage]] = defaultdict(dict)
        self._results: list[AttemptResult] = []
        self._unsent: list[LeasedMessage] = []
        self._stopped = False

    # -- called by the coordinator -------------------------------------------------------------------------------------
    @property
    def free_slots(self) -> int:
        """How many more messages may be claimed; none after `stop`."""
        return 0 if self._stopped else max(0, self._capacity - len(self.leases))

    def free_slots_for(self, partner_id: str) -> int:
        """How many more messages to this partner may be claimed."""
        with self._lock:
            held = len(self._ready[partner_id]) + len(self._sending[partner_id])
            return self._max_concurrent(partner_id) * (1 + PREFETCH) - held

    @property
    def leases(self) -> list[LeasedMessage]:
        """The leases that this worker relies on: of messages that are ready or being sent."""
        with self._lock:
            ready = [leased for queue in self._ready.values() for leased in queue]
            return ready + [leased for sending in self._sending.values() for leased in sending.values()]

    def add(self, claimed: Sequence[LeasedMessage]) -> None:
        with self._lock:
            for leased in claimed:
                self._ready[leased.message.partner_id].append(leased)
            self._message_ready.notify(len(claimed))

    def renew(self, message_ids: Collection[UUID], lease_until: datetime) -> None:
        """The leases of these messages were extended. Ready messages whose lease was lost are dropped."""
        with self._lock:
            for partner_id, queue in self._ready.items():
                self._ready[partner_id] = deque(
                    replace(leased, lease_until=lease_until)
                    for leased in queue
                    if leased.message.message_id in message_ids
                )

    def take_results(self) -> list[AttemptResult]:
        """The results of the attempts that finished since the last call."""
        with self._lock:
            results, self._results = self._results, []
            return results

    def take_unsent(self) -> list[LeasedMessage]:
        """Remove and return the messages that will not be sent: those skipped, and after `stop` all that are ready."""
        with self._lock:
            unsent, self._unsent = self._unsent, []
            if self._stopped:
                unsent += [leased for queue in self._ready.values() for leased in queue]
                self._ready.clear()
            return unsent

    def wait_for_result(self, timeout: float) -> None:
        """Wait until an attempt has finished, `timeout` seconds have passed, or `stop` is called."""
        with self._lock:
            self._attempt_finished.wait_for(lambda: self._results or self._stopped, timeout=timeout)

    def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until `stop` is called."""
        with self._lock:
            self._attempt_finished.wait_for(lambda: self._stopped, timeout=seconds)

    # -- called by the senders -----------------------------------------------------------------------------------------
    def next(self) -> LeasedMessage | None:
        """Wait for a message that may be sent now. None after `stop`."""
        with self._lock:
            while not self._stopped:
                for partner_id, queue in self._ready.items():
                    if queue and len(self._sending[partner_id]) < self._max_concurrent(partner_id):
                        self._ready[partner_id] = self._ready.pop(partner_id)  # round robin among partners
                        leased = queue.popleft()
                        self._sending[partner_id][leased.message.message_id] = leased
                        return leased
                self._message_ready.wait()
            return None

    def finish(self, leased: LeasedMessage, result: AttemptResult | None) -> None:
        """An attempt has ended. Without a result the message is left to its lease."""
        with self._lock:
            del self._sending[leased.message.partner_id][leased.message.message_id]
            if result is not None:
                self._results.append(result)
            self._attempt_finished.notify()

    def skip(self, leased: LeasedMessage) -> None:
        """The message was not sent. The coordinator gives its lease back."""
        with self._lock:
            self._unsent.append(leased)
        self.finish(leased, None)

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
