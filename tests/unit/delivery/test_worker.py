"""What a worker makes of each outcome of sending: settled, tried again, given up, an answer taken in."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from ccms_ws.clients import FailureCause, Receipt
from ccms_ws.contract.codes import published_codes
from ccms_ws.delivery import worker as worker_module
from ccms_ws.delivery.replies import ReplyHandler
from ccms_ws.domain.courts import Court
from ccms_ws.domain.law import load_law
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.envelope.canonical import canonical
from ccms_ws.errors import (
    ConcurrentChange,
    InternalError,
    PermanentDeliveryError,
    StoreUnavailable,
    TransientDeliveryError,
)
from ccms_ws.registry import get_exchange
from tests.support.fake_worker import DMV, RESPONSE, SETTINGS, WINDOW, Line, answering, failing
from tests.support.partner_settings import ORI
from tests.support.partner_stub import answer_to, noting
from tests.support.pki import NOW

LEASE = timedelta(seconds=SETTINGS.lease_seconds)


def test_a_delivered_message_starts_the_partners_window() -> None:
    line = Line(lambda _: Receipt(202))
    outgoing = line.put()
    assert line.worker().run_once() == 1
    assert line.told("delivered") == [("delivered", outgoing.message_id, NOW, NOW + WINDOW)]
    (attempt,) = line.units.of(outgoing).history
    assert (attempt.outcome, attempt.http_status, attempt.number, attempt.worker) == ("delivered", 202, 1, "w1")
    assert line.units.of(outgoing).due_at is None


def test_a_transient_failure_is_tried_again_later_and_not_before() -> None:
    line = Line(failing(TransientDeliveryError("down", cause="connect"), Receipt(200)))
    outgoing = line.put()
    worker = line.worker()
    assert worker.run_once() == 1
    line.clock.advance(timedelta(seconds=9))
    assert worker.run_once() == 0
    line.clock.advance(timedelta(seconds=1))
    assert worker.run_once() == 1
    assert [attempt.outcome for attempt in line.units.of(outgoing).history] == ["failed", "delivered"]
    assert line.units.of(outgoing).history[0].error_code == "connect"
    assert line.sent == [outgoing.message_id] * 2


def test_a_permanent_failure_is_given_up_and_the_exchange_is_told() -> None:
    line = Line(failing(PermanentDeliveryError("no", cause="fault.client", http_status=500)))
    outgoing = line.put()
    line.worker().run_once()
    assert line.told("undeliverable") == [("undeliverable", outgoing.message_id, "fault.client")]
    assert line.told("delivered") == []
    (attempt,) = line.units.of(outgoing).history
    assert (attempt.outcome, attempt.http_status, line.units.of(outgoing).due_at) == ("given up", 500, None)


def test_the_budget_of_attempts_ends_in_a_dead_letter() -> None:
    line = Line(failing(*[TransientDeliveryError(cause="connect")] * 3))
    outgoing = line.put()
    for _ in range(5):
        line.worker().run_once()
        line.clock.advance(timedelta(hours=2))
    assert len(line.sent) == 3
    assert line.told("undeliverable") == [("undeliverable", outgoing.message_id, "connect")]


def test_a_message_that_kills_its_workers_is_not_sent_for_ever() -> None:
    line = Line(failing())
    outgoing = line.put()
    for number in range(1, 4):  # begun three times, and no worker came back
        with line.units() as uow:
            (leased,) = uow.claim(worker=f"dead-{number}", now=line.clock.now(), lease=LEASE, alone=number > 2)
            uow.begin([leased], line.clock.now())
            uow.commit()
        line.clock.advance(8 * LEASE)
    line.worker().run_once()
    assert line.sent == []
    assert line.units.of(outgoing).due_at is None
    assert line.told("undeliverable") == [("undeliverable", outgoing.message_id, "internal")]


def test_a_defect_in_the_sender_is_a_failed_attempt() -> None:
    line = Line(failing(ZeroDivisionError()))
    outgoing = line.put()
    line.worker().run_once()
    (attempt,) = line.units.of(outgoing).history
    assert (attempt.outcome, attempt.error_code) == ("failed", "internal")


def test_a_partner_that_is_no_longer_configured_is_waited_for() -> None:
    line = Line(failing(), unknown=True)
    outgoing = line.put()
    line.worker().run_once()
    (attempt,) = line.units.of(outgoing).history
    assert (attempt.outcome, attempt.error_code) == ("failed", "configuration")


def test_an_answer_is_taken_in_with_the_delivery() -> None:
    line = Line(answering(lambda sent: answer_to(sent, "DMV907-response", ORI)))
    outgoing = line.put()
    line.worker().run_once()
    assert [facts[0] for facts in line.units.records.told] == ["delivered", "answered"]
    assert line.told("answered") == [("answered", outgoing.message_id, RESPONSE)]
    (received,) = line.units.records.received.values()
    assert received.relates_to == f"urn:uuid:{outgoing.message_id}"
    assert received.raw.startswith(b"<?xml")


def test_an_answer_that_came_before_has_no_second_effect() -> None:
    line = Line(failing())
    outgoing = line.put()
    answer = answer_to(outgoing, "DMV907-response", ORI)
    line.deliver = lambda _: Receipt(200, answer)
    line.worker().run_once()
    line.units.put(outgoing)
    line.worker().run_once()
    assert len(line.sent) == 2
    assert len(line.told("answered")) == 1


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ({"TransactionID": "58e1d3fa-7b90-4c62-a4d5-0f6c29b8e713"}, "exchange.metadata-contradicted"),
        ({"MessageDateTime": "yesterday"}, "contract.schema-violated"),
    ],
)
def test_an_unusable_answer_is_set_aside_and_the_message_still_delivered(texts: dict[str, str], code: str) -> None:
    line = Line(answering(lambda sent: answer_to(sent, "DMV907-response", ORI, **texts)))
    outgoing = line.put()
    line.worker().run_once()
    assert line.told("answered") == []
    assert len(line.told("delivered")) == 1
    assert [one.reason for one in line.units.records.quarantined] == [code]
    assert line.units.of(outgoing).due_at is None


def test_an_answer_under_a_used_id_is_refused_and_the_message_still_delivered() -> None:
    line = Line(failing())
    first, second = line.put(), line.put()
    used = "3c8be5d7-40f2-4a96-b8e3-91d67c0af254"
    line.deliver = lambda sent: Receipt(
        200, answer_to(sent, "DMV907-response", ORI, f"urn:uuid:{used}", TransactionID=used)
    )
    line.worker().run_once()
    assert line.told("answered") == [("answered", first.message_id, RESPONSE)]
    assert [one.code for one in line.units.records.refused] == ["addressing.message-id-reused"]
    assert line.units.of(second).due_at is None


def test_an_answer_whose_id_is_no_uuid_gets_one_that_stays() -> None:
    line = Line(failing())
    outgoing = line.put()
    line.deliver = lambda sent: Receipt(200, answer_to(sent, "DMV907-response", ORI, "http://dmv.example/1"))
    line.worker().run_once()
    line.units.put(outgoing)
    line.worker().run_once()
    assert len(line.units.records.received) == 1


def test_a_lost_lease_leaves_the_message_to_its_new_holder() -> None:
    line = Line(failing())
    outgoing = line.put()

    def deliver(_: OutgoingMessage) -> Receipt:
        line.clock.advance(timedelta(seconds=SETTINGS.lease_seconds))
        other = line.units()
        with other:
            assert other.claim(worker="w2", now=line.clock.now(), lease=timedelta(minutes=2))
            other.commit()
        return Receipt(200)

    line.deliver = deliver
    line.worker().run_once()
    assert line.units.of(outgoing).worker == "w2"
    assert [attempt.outcome for attempt in line.units.of(outgoing).history] == ["lapsed"]
    assert line.told("delivered") == []


def test_a_database_that_comes_back_in_time_gets_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_DATABASE_RETRY_SECONDS", 0.0)
    line = Line(lambda _: Receipt(200))
    outgoing = line.put()
    line.units.commit_errors = [None, StoreUnavailable(), ConcurrentChange(), None]
    line.worker().run_once()
    assert len(line.sent) == 1
    assert [attempt.outcome for attempt in line.units.of(outgoing).history] == ["delivered"]


def test_a_database_that_stays_away_leaves_the_message_to_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_DATABASE_RETRY_SECONDS", 0.0)
    line = Line(lambda _: Receipt(200))
    outgoing = line.put()
    line.units.commit_errors = [None, *[StoreUnavailable()] * 50]

    def deliver(_: OutgoingMessage) -> Receipt:
        line.clock.advance(timedelta(seconds=SETTINGS.lease_seconds))
        return Receipt(200)

    line.deliver = deliver
    with pytest.raises(StoreUnavailable):
        line.worker().run_once()
    line.units.commit_errors.clear()
    line.deliver = lambda _: Receipt(200)
    assert line.worker("w2").run_once() == 1
    assert line.sent == [outgoing.message_id] * 2


def test_silence_is_swept_and_kept_only_if_it_moved_something() -> None:
    line = Line(failing())
    line.worker().run_once()
    assert line.told("swept") == []
    line.silent = 2
    line.worker().run_once()
    assert line.told("swept") == [("swept", NOW)]


def test_a_stopped_worker_finishes_what_it_began() -> None:
    line = Line(failing())
    first, second = line.put(), line.put()
    worker = line.worker()

    def deliver(_: OutgoingMessage) -> Receipt:
        worker.stop()
        return Receipt(200)

    line.deliver = deliver
    worker.run()
    assert [len(line.units.of(one).history) for one in (first, second)] == [1, 0]
    assert line.units.of(second).attempts == 0


def test_an_error_message_in_a_fault_counts_as_the_message_that_it_is() -> None:
    line = Line(failing())
    outgoing = line.put()
    answer = answer_to(outgoing, "DMV907-response", ORI)
    inside = replace(answer, payload=answer.payload[0])  # a fault's detail is not the payload of its envelope
    desk = ReplyHandler(
        exchanges=[noting(get_exchange("DMV907"))], court=Court(ORI, "C", "37", "37100"), law=load_law(),
        codes=published_codes(), test=False,
    )  # fmt: skip
    digest = desk.register(inside, outgoing, DMV, NOW).message.content_digest
    assert digest == sha256(canonical(inside.payload)).digest()
    assert digest != answer.envelope.content_digest


# -- what a duplicate means -------------------------------------------------------------------------------------------
DUPLICATE = PermanentDeliveryError("seen before", cause=FailureCause.FAULT_DUPLICATE, http_status=500)


@pytest.mark.parametrize(
    "cause",
    [FailureCause.ANSWER_TIMEOUT, FailureCause.CUT, FailureCause.ANSWER_UNTRUSTED, FailureCause.HTTP_SERVER_ERROR],
)
def test_a_partner_that_had_a_message_which_may_have_arrived_has_it(cause: FailureCause) -> None:
    line = Line(failing(TransientDeliveryError("lost", cause=cause), DUPLICATE))
    outgoing = line.put()
    line.worker().run_once()
    line.clock.advance(timedelta(hours=1))
    line.worker().run_once()
    assert [attempt.outcome for attempt in line.units.of(outgoing).history] == ["failed", "delivered"]
    assert line.units.of(outgoing).history[1].error_code == "fault.duplicate"
    assert len(line.told("delivered")) == 1


@pytest.mark.parametrize("before", [[], [TransientDeliveryError("never left", cause=FailureCause.CONNECT)]])
def test_a_partner_that_says_so_of_a_message_that_cannot_have_arrived_is_not_believed(before: list[Exception]) -> None:
    line = Line(failing(*before, DUPLICATE))
    outgoing = line.put()
    for _ in range(len(before) + 1):
        line.worker().run_once()
        line.clock.advance(timedelta(hours=1))
    assert line.units.of(outgoing).history[-1].outcome == "given up"
    assert len(line.told("undeliverable")) == 1


# -- the end of the main loop -----------------------------------------------------------------------------------------
class Failing:
    """A heartbeat with a defect, which ends the main loop."""

    def beat(self) -> None:
        raise ZeroDivisionError

    def end(self) -> None: ...


def senders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("sender-")]


def test_a_main_loop_that_dies_leaves_no_sender_behind() -> None:
    worker = Line(lambda _: Receipt(202)).worker(heartbeat=Failing())
    with pytest.raises(ZeroDivisionError):
        worker.run()
    assert senders() == []


def test_a_worker_whose_sender_has_died_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else it would claim messages, and renew their leases, for ever."""
    line = Line(lambda _: Receipt(202))
    line.put()
    worker = line.worker()
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(worker._timer, "may_begin", lambda _start: 1 / 0)
    with pytest.raises(InternalError, match="a sender thread of the worker has ended"):
        worker.run()
    assert senders() == []
