"""The lines to partners, many messages at once, and clocks that jump."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from ccms_ws.clients import FailureCause, Receipt
from ccms_ws.domain.circuit_breaker import BreakerState
from ccms_ws.domain.circuit_breaker import CircuitBreaker as PartnerLine
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.errors import PermanentDeliveryError, TransientDeliveryError
from tests.support.fake_worker import SETTINGS, Line, failing
from tests.support.pki import NOW


def test_a_line_that_fails_in_a_row_rests_and_one_that_answers_is_up() -> None:
    down = TransientDeliveryError("down", cause=FailureCause.CONNECT)
    line = Line(failing(*[down] * 5, PermanentDeliveryError("no", cause=FailureCause.FAULT_CLIENT)))
    for _ in range(5):
        line.put()
    line.worker().run_once()
    rests = line.units.records.lines["DMV"]
    assert (rests.state, rests.failures, rests.last_error) == (BreakerState.OPEN, 5, "connect")
    assert rests.retry_at == NOW + timedelta(seconds=10)
    line.clock.advance(timedelta(seconds=10))
    line.worker().run_once()
    assert line.units.records.lines["DMV"].state is not BreakerState.OPEN


@pytest.mark.parametrize(("status", "state"), [(503, BreakerState.OPEN), (500, BreakerState.CLOSED)])
def test_a_partner_that_asks_for_patience_gets_it_for_all_its_messages(status: int, state: BreakerState) -> None:
    busy = TransientDeliveryError(
        "busy", cause=FailureCause.HTTP_SERVER_ERROR, http_status=status, retry_after=timedelta(minutes=30)
    )
    line = Line(failing(busy))
    line.put()
    line.worker().run_once()
    assert line.units.records.lines["DMV"].state is state


def test_what_the_court_itself_is_to_blame_for_takes_no_line_down() -> None:
    line = Line(failing(), unknown=True)
    for _ in range(9):
        line.put()
    line.worker().run_once()
    assert line.units.records.lines == {}


# -- many at once -----------------------------------------------------------------------------------------------------
def test_no_partner_has_more_on_their_way_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(failing(), at_once=2, settings=SETTINGS.model_copy(update={"threads": 6}))
    for _ in range(20):
        line.put()
    worker = line.worker()
    lock, now, most = threading.Lock(), 0, 0

    def deliver(_: OutgoingMessage) -> Receipt:
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.005)
        with lock:
            now -= 1
            if len(line.sent) == 20:
                worker.stop()
        return Receipt(202)

    line.deliver = deliver
    worker.run()
    assert most == 2
    assert len(line.told("delivered")) == 20


def test_one_that_cannot_be_settled_does_not_stand_in_the_way_of_the_others() -> None:
    line = Line(lambda _: Receipt(202))
    messages = [line.put() for _ in range(3)]
    worker = line.worker()
    (*others,) = (messages[0], messages[2])

    def deliver(outgoing: OutgoingMessage) -> Receipt:
        if outgoing is messages[1] or outgoing == messages[1]:
            line.units.records.waiting[outgoing.message_id].worker = "somebody else"
        return Receipt(202)

    line.deliver = deliver
    worker.run_once()
    assert [line.units.of(one).history[-1].outcome for one in others] == ["delivered", "delivered"]
    assert line.units.of(messages[1]).history == []


def test_a_clock_that_is_set_back_does_not_put_messages_off_for_years() -> None:
    line = Line(lambda _: Receipt(202))
    outgoing = line.put()
    line.units.of(outgoing).due_at = NOW + timedelta(days=3650)
    line.units.records.lines["DMV"] = PartnerLine("DMV", BreakerState.OPEN, 9, NOW, NOW + timedelta(days=3650))
    assert line.worker().run_once() == 1
    assert line.units.records.lines["DMV"].state is BreakerState.CLOSED
    assert line.units.of(outgoing).history[0].outcome == "delivered"


def test_a_probe_lasts_as_long_as_its_lease_whatever_the_waits_are() -> None:
    short = {"longest_retry_seconds": 1.0, "longest_rest_seconds": 1.0}
    line = Line(failing(), settings=SETTINGS.model_copy(update=short))
    probed = PartnerLine("DMV", BreakerState.HALF_OPEN, 9, NOW, NOW + timedelta(seconds=SETTINGS.lease_seconds))
    line.units.records.lines["DMV"] = probed
    line.worker().run_once()
    assert line.units.records.lines["DMV"] == probed


def test_a_worker_notices_that_the_clock_is_set_back_while_it_runs() -> None:
    line = Line(lambda _: Receipt(202))
    worker = line.worker()
    worker.run_once()
    outgoing = line.put()
    line.units.of(outgoing).due_at = NOW + timedelta(days=30)
    assert worker.run_once() == 0
    line.clock.advance(-timedelta(hours=1))
    assert worker.run_once() == 1


def test_what_a_clock_ahead_of_ours_has_composed_is_sent_all_the_same() -> None:
    line = Line(lambda _: Receipt(202))
    worker = line.worker()
    worker.run_once()
    untried, put_off = line.put(), line.put()
    for outgoing in (untried, put_off):
        line.units.of(outgoing).due_at = NOW + timedelta(hours=2)
    line.units.of(put_off).attempts = 1  # by a partner's Retry-After, perhaps
    assert sum(worker.run_once() for _ in range(30)) == 1
    assert line.units.of(untried).history[0].outcome == "delivered"
    assert line.units.of(put_off).history == []
