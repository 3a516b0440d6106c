"""What a worker holds at the moment: messages claimed and not begun, messages on their way, outcomes not written."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence

from ccms_ws.delivery.sending import Outcome
from ccms_ws.domain.messages import LeasedMessage

_AHEAD = 3
"""Claimed ahead for each message on its way: what is sent while the clerk waits for the disk."""


class Hand:
    """Shared by the clerk and the senders of a worker. No partner ever has more senders than it may have at once."""

    def __init__(self, at_once: Callable[[str], int], *, threads: int) -> None:
        self._at_once = at_once
        self._threads = threads
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._news = threading.Condition(self._lock)
        self._ready: dict[str, deque[LeasedMessage]] = defaultdict(deque)
        self._sending: Counter[str] = Counter()
        self._outcomes: list[Outcome] = []
        self._stopped = False

    # -- for the clerk ------------------------------------------------------------------------------------------------
    @property
    def free_places(self) -> int:
        """How many more messages may be claimed."""
        with self._lock:
            held = sum(map(len, self._ready.values())) + self._sending.total()
            return max(0, self._threads * (1 + _AHEAD) - held)

    def room(self, partner_id: str) -> int:
        """How many more messages to that partner may be claimed."""
        with self._lock:
            held = len(self._ready[partner_id]) + self._sending[partner_id]
            return self._at_once(partner_id) * (1 + _AHEAD) - held

    def put(self, claimed: Sequence[LeasedMessage]) -> None:
        """Messages to be sent."""
        if claimed:
            with self._lock:
                for leased in claimed:
                    self._ready[leased.message.partner_id].append(leased)
                self._work.notify(len(claimed))

    def take_outcomes(self) -> list[Outcome]:
        """What has come of attempts since it was asked last."""
        with self._lock:
            outcomes, self._outcomes = self._outcomes, []
            return outcomes

    def take_back(self) -> list[LeasedMessage]:
        """The messages that nobody has begun to send."""
        with self._lock:
            untouched = [leased for waiting in self._ready.values() for leased in waiting]
            self._ready.clear()
            return untouched

    def wait(self, seconds: float) -> None:
        """Until there is an outcome to write down, or the time is over, or `stop` is called."""
        with self._lock:
            self._news.wait_for(lambda: self._outcomes or self._stopped, timeout=seconds)

    def pause(self, seconds: float) -> None:
        """Until the time is over or `stop` is called."""
        with self._lock:
            self._news.wait_for(lambda: self._stopped, timeout=seconds)

    # -- for the senders ----------------------------------------------------------------------------------------------
    def next_message(self) -> LeasedMessage | None:
        """Wait for a message that may be sent now; None after `stop`."""
        with self._lock:
            while not self._stopped:
                for partner_id, waiting in self._ready.items():
                    if waiting and self._sending[partner_id] < self._at_once(partner_id):
                        self._sending[partner_id] += 1
                        # The partners take turns.
                        self._ready[partner_id] = self._ready.pop(partner_id)
                        return waiting.popleft()
                self._work.wait()
            return None

    def done(self, leased: LeasedMessage, outcome: Outcome) -> None:
        """An attempt has come to its end."""
        with self._lock:
            self._outcomes.append(outcome)
            self._release(leased)

    def drop(self, leased: LeasedMessage) -> None:
        """An attempt has no outcome: the message is left to its lease."""
        with self._lock:
            self._release(leased)

    def _release(self, leased: LeasedMessage) -> None:
        # Whoever sent it asks for the next one now: that is notice enough for a partner's place that is free again.
        self._sending[leased.message.partner_id] -= 1
        self._news.notify()

    # -- for everybody ------------------------------------------------------------------------------------------------
    @property
    def stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        """Begin nothing more. May be called from a signal handler: the lock lets its own thread in again."""
        with self._lock:
            self._stopped = True
            self._work.notify_all()
            self._news.notify_all()
