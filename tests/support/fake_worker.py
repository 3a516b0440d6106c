"""A worker on an outbox in memory, whose sender does what a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from ccms_ws.clients import Answer, Receipt
from ccms_ws.clock import FixedClock
from ccms_ws.config import DeliverySettings
from ccms_ws.contract.codes import published_codes
from ccms_ws.delivery.recorder import AttemptRecorder
from ccms_ws.delivery.replies import ReplyHandler
from ccms_ws.delivery.retry import RetryRules
from ccms_ws.delivery.routes import Route
from ccms_ws.delivery.sender import Sender
from ccms_ws.delivery.worker import DeliveryWorker, Heartbeat
from ccms_ws.domain.circuit_breaker import BreakerRules
from ccms_ws.domain.courts import Court
from ccms_ws.domain.law import load_law
from ccms_ws.domain.messages import OutgoingMessage, SentEnvelope
from ccms_ws.domain.partners import Partner, PartnerKind
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ConfigError
from ccms_ws.registry import get_exchange
from tests.support.partner_settings import ORI, message
from tests.support.partner_stub import FakeUnits, noting
from tests.support.pki import NOW

WINDOW = timedelta(days=5)
SETTINGS = DeliverySettings(threads=1, poll_seconds=0.01)
RETRY = RetryRules(first_wait=timedelta(seconds=10), longest_wait=timedelta(hours=1), budget=3, window=timedelta(0))
LINE_RULES = BreakerRules(down_after=5, first_rest=timedelta(seconds=10), longest_rest=timedelta(minutes=5))
DMV = Partner("DMV", "Department of Motor Vehicles", PartnerKind.MOTOR_VEHICLES)
RESPONSE = "{urn:ccms-ws:exchange:DMV907:1.0}FailureToComplyAbstractResponse"


class NoHeartbeat:
    def beat(self) -> None: ...
    def end(self) -> None: ...


NO_HEARTBEAT = NoHeartbeat()


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
    window: timedelta = timedelta(0)

    def send(
        self,
        outgoing: OutgoingMessage,
        *,
        url: str,
        soap: SoapVersion,
        not_after: float | None = None,
        on_sealed: Callable[[SentEnvelope], None] | None = None,
    ) -> Receipt:
        assert not_after is not None
        assert (url, soap) == ("http://dmv.example/", SoapVersion.SOAP12)
        if on_sealed is not None:
            on_sealed(SentEnvelope(b"head", b"tail"))
        self.sent.append(outgoing.message_id)
        return self.deliver(outgoing)

    def route_for(self, _partner_id: str, _exchange: str) -> Route:
        if self.unknown:
            raise ConfigError("DMV does not receive DMV907")
        return Route(
            partner=DMV,
            client=self,
            url="http://dmv.example/",
            soap=SoapVersion.SOAP12,
            answer_window=WINDOW,
            retry=replace(RETRY, window=self.window),
        )

    def worker(self, name: str = "w1", heartbeat: Heartbeat = NO_HEARTBEAT) -> DeliveryWorker:
        exchanges = [noting(get_exchange("DMV907"), self.silent)]
        return DeliveryWorker(
            units=self.units,
            exchanges=exchanges,
            sender=Sender(exchanges=exchanges, route_for=self.route_for, clock=self.clock),
            recorder=AttemptRecorder(
                units=self.units,
                desk=ReplyHandler(
                    exchanges=exchanges,
                    court=Court(ORI, "Court", "37", "37100"),
                    law=load_law(),
                    codes=published_codes(),
                    test=False,
                ),
                clock=self.clock,
                breaker_rules=LINE_RULES,
                chance=lambda: 1.0,
            ),
            max_concurrent=lambda _partner: self.at_once,
            clock=self.clock,
            settings=self.settings,
            name=name,
            heartbeat=heartbeat,
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
