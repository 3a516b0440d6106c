"""The rate limit of each partner: a token bucket in the memory of each serving process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ccms_ws.errors import HttpRefusal


class RateLimited(HttpRefusal):
    """The partner sends more requests than its limit allows; try again later."""

    code = "http.rate-limited"
    status = "503 Service Unavailable"
    retryable = True


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` messages on average, and `burst` at once after a pause."""

    per_second: float
    burst: int


class RateLimits:
    """Counts messages by partner. Thread-safe."""

    def __init__(self, rates: Mapping[str, Rate], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`rates`: by partner id; a partner without one is not limited."""
        self._rates = rates
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, partner_id: str) -> None:
        """Count one message of an authenticated partner. Raises RateLimited."""
        rate = self._rates.get(partner_id)
        if rate is None:
            return
        with self._lock:
            now = self._monotonic()
            tokens, since = self._buckets.get(partner_id, (float(rate.burst), now))
            tokens = min(float(rate.burst), tokens + (now - since) * rate.per_second)
            self._buckets[partner_id] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        if tokens < 1:
            raise RateLimited(f"{partner_id} sends more than {rate.per_second:g} messages a second")
