"""A partner's rate: a burst at once, then so many in a second, each partner for itself."""

from __future__ import annotations

import pytest

from ccms_ws.services.rates import Rate, RateLimited, RateLimits


def allowed(limits: RateLimits, partner_id: str, tries: int = 50) -> int:
    count = 0
    for _ in range(tries):
        try:
            limits.take(partner_id)
        except RateLimited:
            continue
        count += 1
    return count


def test_a_burst_then_the_rate_and_never_more_than_the_burst_after_a_pause() -> None:
    seconds = [0.0]
    limits = RateLimits({"FTB": Rate(2.0, 10), "DMV": Rate(1.0, 3)}, lambda: seconds[0])
    assert allowed(limits, "FTB") == 10
    seconds[0] += 1.5
    assert allowed(limits, "FTB") == 3
    assert allowed(limits, "DMV") == 3, "another partner's flood costs it nothing"
    seconds[0] += 3600
    assert allowed(limits, "FTB") == 10


def test_what_is_refused_costs_nothing() -> None:
    seconds = [0.0]
    limits = RateLimits({"FTB": Rate(1.0, 1)}, lambda: seconds[0])
    limits.take("FTB")
    for _ in range(100):
        seconds[0] += 0.009
        with pytest.raises(RateLimited, match="FTB sends more than 1 messages a second"):
            limits.take("FTB")
    seconds[0] += 0.2
    limits.take("FTB")
