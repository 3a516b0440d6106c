from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from ccms_ws.clients import Answer, Cause, Receipt
from ccms_ws.clock import FixedClock
from ccms_ws.config import DeliverySettings
from ccms_ws.delivery import worker as worker_module
from ccms_ws.delivery.answers import AnswerDesk
from ccms_ws.delivery.retry import RetryRules
from ccms_ws.delivery.routes import Route
from ccms_ws.delivery.sending import Dispatcher
from ccms_ws.delivery.settling import Settler
from ccms_ws.delivery.worker import DeliveryWorker
from ccms_ws.domain.courts import Court
from ccms_ws.domain.lines import Line as PartnerLine
from ccms_ws.domain.lines import LineRules, LineState
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.domain.partners import Partner, PartnerKind
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import (
    ConcurrentChange,
    ConfigError,
    PermanentDeliveryError,
    StoreUnavailable,
    TransientDeliveryError,
)
from ccms_ws.registry import get_exchange
from tests.support.justice import ORI, message
from tests.support.pki import NOW
from tests.support.posting import FakeUnits, answer_to, noting

WINDOW = timedelta(days=5)
SETTINGS = DeliverySettings(threads=1, poll_seconds=0.01)
RETRY = RetryRules(first_wait=timedelta(seconds=10), longest_wait=timedelta(hours=1), budget=3, window=timedelta(0))
LINE_RULES = LineRules(down_after=5, first_rest=timedelta(seconds=10), longest_rest=timedelta(minutes=5))
DMV = Partner("DMV", "Department of Motor Vehicles", PartnerKind.MOTOR_VEHICLES)
RESPONSE = "{urn:ccms-ws:exchange:DMV907:1.0}FailureToComplyAbstractResponse"


@dataclass
class Line:
    """A worker on a fake outbox, with a sender that does what `deliver` says."""

    deliver: Callable[[OutgoingMessage], Receipt]
    silent: int = 0
    units: FakeUnits = field(default_factory=FakeUnits)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    sent: list[UUID] = field(default_factory=list)
    unknown: bool = False
    at_once: int = 4
    settings: DeliverySettings = SETTINGS

    def send(self, outgoing: OutgoingMessage, *, url: str, soap: SoapVersion) -> Receipt:
        assert (url, soap) == ("http://dmv.example/", SoapVersion.SOAP12)
        self.sent.append(outgoing.message_id)
        return self.deliver(outgoing)

    def route_for(self, _partner_id: str, _exchange: str) -> Route:
        if self.unknown:
            raise ConfigError("DMV does not receive DMV907")
        return Route(
            partner=DMV,
            sender=self,
            url="http://dmv.example/",
            soap=SoapVersion.SOAP12,
            answer_window=WINDOW,
            retry=RETRY,
        )

    def worker(self, name: str = "w1") -> DeliveryWorker:
        exchanges = [noting(get_exchange("DMV907"), self.silent)]
        return DeliveryWorker(
            units=self.units,
            exchanges=exchanges,
            dispatcher=Dispatcher(exchanges=exchanges, route_for=self.route_for, clock=self.clock),
            settler=Settler(
                units=self.units,
                desk=AnswerDesk(exchanges=exchanges, court=Court(ORI, "Court", "37", "37100"), test=False),
                clock=self.clock,
                line_rules=LINE_RULES,
                chance=lambda: 1.0,
            ),
            at_once=lambda _partner: self.at_once,
            clock=self.clock,
            settings=self.settings,
            name=name,
        )

    def put(self) -> OutgoingMessage:
        outgoing = OutgoingMessage(*message_fields(message("DMV907-hold", "DMV")), NOW)
        self.units.put(outgoing)
        return outgoing

    def told(self, event: str) -> list[tuple[object, ...]]:
        return [facts for facts in self.units.records.told if facts[0] == event]


def message_fields(given: OutgoingMessage) -> tuple[UUID, str, str, str, bytes, tuple[str, ...]]:
    return (given.message_id, given.exchange, given.partner_id, given.root, given.body, ("subject",))


def failing(*errors: Exception | Receipt) -> Callable[[OutgoingMessage], Receipt]:
    """Raise or return these, one a time."""
    queue = list(errors)

    def deliver(_outgoing: OutgoingMessage) -> Receipt:
        outcome = queue.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return deliver


def answering(answer: Callable[[OutgoingMessage], Answer]) -> Callable[[OutgoingMessage], Receipt]:
    return lambda outgoing: Receipt(200, answer(outgoing))


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
    line.units.of(outgoing).lost = 3  # three claims, none settled
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
    assert line.units.of(outgoing).history == []
    assert line.told("delivered") == []


def test_a_database_that_comes_back_in_time_gets_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_STORE_PAUSE", 0.0)
    line = Line(lambda _: Receipt(200))
    outgoing = line.put()
    line.units.commit_errors = [None, StoreUnavailable(), ConcurrentChange(), None]
    line.worker().run_once()
    assert len(line.sent) == 1
    assert [attempt.outcome for attempt in line.units.of(outgoing).history] == ["delivered"]


def test_a_database_that_stays_away_leaves_the_message_to_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_STORE_PAUSE", 0.0)
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
    desk = AnswerDesk(exchanges=[noting(get_exchange("DMV907"))], court=Court(ORI, "C", "37", "37100"), test=False)
    digest = desk.register(inside, outgoing, DMV, NOW).message.content_digest
    assert digest == sha256(canonical(inside.payload)).digest()
    assert digest != answer.envelope.content_digest


# -- what a duplicate means -------------------------------------------------------------------------------------------
DUPLICATE = PermanentDeliveryError("seen before", cause=Cause.FAULT_DUPLICATE, http_status=500)


@pytest.mark.parametrize("cause", [Cause.ANSWER_TIMEOUT, Cause.CUT, Cause.ANSWER_UNTRUSTED, Cause.HTTP_SERVER_ERROR])
def test_a_partner_that_had_a_message_which_may_have_arrived_has_it(cause: Cause) -> None:
    line = Line(failing(TransientDeliveryError("lost", cause=cause), DUPLICATE))
    outgoing = line.put()
    line.worker().run_once()
    line.clock.advance(timedelta(hours=1))
    line.worker().run_once()
    assert [attempt.outcome for attempt in line.units.of(outgoing).history] == ["failed", "delivered"]
    assert line.units.of(outgoing).history[1].error_code == "fault.duplicate"
    assert len(line.told("delivered")) == 1


@pytest.mark.parametrize("before", [[], [TransientDeliveryError("never left", cause=Cause.CONNECT)]])
def test_a_partner_that_says_so_of_a_message_that_cannot_have_arrived_is_not_believed(before: list[Exception]) -> None:
    line = Line(failing(*before, DUPLICATE))
    outgoing = line.put()
    for _ in range(len(before) + 1):
        line.worker().run_once()
        line.clock.advance(timedelta(hours=1))
    assert line.units.of(outgoing).history[-1].outcome == "given up"
    assert len(line.told("undeliverable")) == 1


# -- lines ------------------------------------------------------------------------------------------------------------
def test_a_line_that_fails_in_a_row_rests_and_one_that_answers_is_up() -> None:
    down = TransientDeliveryError("down", cause=Cause.CONNECT)
    line = Line(failing(*[down] * 5, PermanentDeliveryError("no", cause=Cause.FAULT_CLIENT)))
    for _ in range(5):
        line.put()
    line.worker().run_once()
    rests = line.units.records.lines["DMV"]
    assert (rests.state, rests.failures, rests.last_error) == (LineState.DOWN, 5, "connect")
    assert rests.retry_at == NOW + timedelta(seconds=10)
    line.clock.advance(timedelta(seconds=10))
    line.worker().run_once()
    assert line.units.records.lines["DMV"].state is not LineState.DOWN


@pytest.mark.parametrize(("status", "state"), [(503, LineState.DOWN), (500, LineState.UP)])
def test_a_partner_that_asks_for_patience_gets_it_for_all_its_messages(status: int, state: LineState) -> None:
    busy = TransientDeliveryError(
        "busy", cause=Cause.HTTP_SERVER_ERROR, http_status=status, retry_after=timedelta(minutes=30)
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
    line.units.records.lines["DMV"] = PartnerLine("DMV", LineState.DOWN, 9, NOW, NOW + timedelta(days=3650))
    assert line.worker().run_once() == 1
    assert line.units.records.lines["DMV"].state is LineState.UP
    assert line.units.of(outgoing).history[0].outcome == "delivered"


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
