"""Where the court takes a partner's separate answers during a test.

Each is checked; the first is refused once, with a transient error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.conformance.message_checks import Examiner, MessageCheck, Standard
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Exchange
from ccms_ws.message_parts.metadata import Metadata
from ccms_ws.replay.unverified_reader import LIMITS
from ccms_ws.simulator.server import HttpReply, HttpRequest, PartnerServer, Publish, Receive


def listen_at(place: tuple[str, int], receive: Receive, publish: Publish | None = None) -> PartnerServer:
    """A server that runs until it is stopped. Raises ConfigError if there is no listening there."""
    try:
        server = PartnerServer(*place, receive, LIMITS.message, publish=publish)
    except OSError as error:
        raise ConfigError(
            f"port {place[1]} of {place[0]} cannot be used: {error.strerror}",
            hint="name another with --listen HOST:PORT",
        ) from error
    server.start()
    return server


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer. `message_id`: its own; `answers`: the message that it is about, as it says itself."""

    message_id: str
    answers: UUID | None
    payload: _Element
    believed: bool


class ReplyListener:
    """Listens at the court's address until it is closed."""

    def __init__(
        self, exchange: Exchange, *, url: str, bind: tuple[str, int], trust: TrustStore, clock: Clock,
        examiner: Examiner, expected: Callable[[Metadata], str],
    ) -> None:  # fmt: skip
        """`url`: the court's public URL. Raises ConfigError for an address that cannot be listened at."""
        operations = load_wsdl(exchange.service).operations.values()
        self._address = url.rstrip("/") + exchange.path
        self._trust, self._clock, self._examiner, self._expected = trust, clock, examiner, expected
        self._acceptance = ReceivePolicy(
            to=frozenset({self._address}),
            operations={each.input: each.input_action for each in operations},
            one_way=frozenset(each.input for each in operations if each.one_way),
            permits=lambda _partner, _root: True,
        )
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._put_off: list[str] = []
        self._server = listen_at(bind, self._receive)

    @property
    def heard(self) -> tuple[Heard, ...]:
        """Every answer that was taken, in the order of coming."""
        with self._lock:
            return tuple(self._heard)

    @property
    def put_off(self) -> tuple[str, ...]:
        """The ids of the answers that were met with HTTP 503 once."""
        with self._lock:
            return tuple(self._put_off)

    def close(self) -> None:
        self._server.stop()

    def _receive(self, request: HttpRequest) -> HttpReply:
        if request.path.partition("?")[0] != urlsplit(self._address).path:
            return HttpReply(404)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = HttpMessage(request.body, headers.get("content-type", ""), headers.get("soapaction"))
        seen = self._examiner.examine(
            received,
            Standard(
                trust=self._trust,
                policy=SecurityPolicy(limits=LIMITS),
                acceptance=self._acceptance,
                now=self._clock.now(),
                expected=self._expected,
            ),
        )
        with self._lock:
            if seen.believed is not None and not self._put_off:
                self._put_off.append(seen.message_id)
                return HttpReply(503, headers={"Retry-After": "1"})
            if seen.payload is not None:
                self._heard.append(_heard(seen, seen.payload))
        return HttpReply(202 if seen.believed is not None else 500)


def _heard(seen: MessageCheck, payload: _Element) -> Heard:
    answers = None if seen.metadata is None else seen.metadata.correlation_id
    return Heard(seen.message_id, answers, payload, seen.believed is not None)
