"""The desk that a client under test asks: the small court answers, and what the client does is watched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.faults import RETRY_AFTER, FaultInjection, Task, play, tasks_of
from ccms_ws.conformance.findings import CheckResults
from ccms_ws.conformance.message_checks import Examiner, MessageCheck, Standard
from ccms_ws.contract.namespaces import NC, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.exchange import Exchange
from ccms_ws.message_parts.metadata import Q_METADATA, Metadata
from ccms_ws.replay.unverified_reader import LIMITS
from ccms_ws.simulator.server import HttpReply, HttpRequest

Answer = Callable[[HttpRequest], HttpReply]
"""The court's own gateway."""

_EARLY: Final = timedelta(milliseconds=100)
_REPEAT: Final = timedelta(seconds=30)
"""A query that comes again within this time was repeated; later it is a new question."""


@dataclass(slots=True)
class _Seen:
    """One message of the client, with every time that it came."""

    content: bytes
    asked: bytes
    task: Task | None
    at: datetime
    signatures: set[bytes] = field(default_factory=set)
    attempts: int = 0


class ClientProbe:
    """Takes requests from any thread."""

    def __init__(
        self, exchange: Exchange, *, url: str, trust: TrustStore, court: Identity, answer: Answer, clock: Clock,
        ledger: CheckResults, expected: Callable[[Metadata], str],
    ) -> None:  # fmt: skip
        """`url`: of the exchange's service; `answer`: what the court says to a request."""
        operations = load_wsdl(exchange.service).operations.values()
        self._path, self._tasks = urlsplit(url).path, tasks_of(exchange)
        self._court, self._answer, self._clock, self._ledger = court, answer, clock, ledger
        self._trust, self._examiner, self._expected = trust, Examiner(ledger), expected
        self._acceptance = ReceivePolicy(
            to=frozenset({url}),
            operations={each.input: each.input_action for each in operations},
            permits=lambda _partner, _root: True,
        )
        self._lock = threading.Lock()
        self._messages: dict[str, _Seen] = {}
        self._done: set[int] = set()

    @property
    def to_come(self) -> Sequence[Task]:
        """The tasks whose demand has not been shown yet."""
        with self._lock:
            return [task for task in self._tasks if task.number not in self._done]

    def receive(self, request: HttpRequest) -> HttpReply:
        """One request of the client."""
        if request.path.partition("?")[0] != self._path:
            return HttpReply(404)
        seen = self._examine(request)
        answer = self._answer(request)
        if seen.believed is None or seen.payload is None:
            return answer
        with self._lock:
            trick = self._watch(seen, seen.payload, seen.believed.signature_digest)
        return play(trick, answer, self._court, self._clock)

    def finish(self) -> None:
        """Note what only the end shows."""
        with self._lock:
            for task in self._tasks:
                if task.trick is FaultInjection.NONE and task.number in self._done:
                    self._ledger.holds(task.requirement)
            for message_id, message in self._messages.items():
                self._left(message_id, message)

    def _left(self, message_id: str, message: _Seen) -> None:
        """A message that met a surprise and did not come again, though the client had gone on, or had time enough."""
        task = message.task
        if task is None or task.trick is FaultInjection.NONE or task.number in self._done:
            return
        if self._clock.now() - message.at >= _REPEAT or any(each.at > message.at for each in self._messages.values()):
            failure = f"task {task.number}, {task.trick.value}: {message_id} did not come again; believed, or given up?"
            self._ledger.fails(task.requirement, failure)

    def _examine(self, request: HttpRequest) -> MessageCheck:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return self._examiner.examine(
            HttpMessage(request.body, headers.get("content-type", ""), headers.get("soapaction")),
            Standard(
                trust=self._trust,
                policy=SecurityPolicy(limits=LIMITS),
                acceptance=self._acceptance,
                now=self._clock.now(),
                expected=self._expected,
            ),
        )

    # -- conduct ------------------------------------------------------------------------------------------------------
    def _watch(self, seen: MessageCheck, payload: _Element, signature: bytes) -> FaultInjection:
        """What this message shows of the client, and what it gets."""
        if seen.version is SoapVersion.SOAP12:
            self._ledger.holds(req.BOTH_VERSIONS)
        content, asked = canonical(payload), _asked(payload)
        known = self._messages.get(seen.message_id)
        if known is None:
            return self._new(
                seen.message_id, _Seen(content, asked, self._task(payload), self._clock.now(), {signature}, 1)
            )
        if known.content != content:
            self._ledger.fails(req.UNIQUE_IDS, f"{seen.message_id} came with another content")
            return FaultInjection.NONE
        self._ledger.holds(req.SAME_MESSAGE)
        self._same_again(seen.message_id, known, signature)
        return FaultInjection.NONE

    def _task(self, payload: _Element) -> Task | None:
        """The task of the case that the message is about; None if it is about another."""
        case_number = (payload.findtext(f".//{q(NC, 'CaseTrackingID')}") or "").strip()
        return next((task for task in self._tasks if task.case_number == case_number), None)

    def _new(self, message_id: str, message: _Seen) -> FaultInjection:
        """A message that has not come before. Of a task, only the first one meets the surprise."""
        task = message.task
        earlier = next((each for each in self._messages.values() if each.asked == message.asked), None)
        self._messages[message_id] = message
        self._ledger.holds(req.UNIQUE_IDS)
        if task is None:
            return FaultInjection.NONE
        if earlier is not None and message.at - earlier.at < _REPEAT:
            self._repeated(task, message_id)
            return FaultInjection.NONE
        if task.trick is FaultInjection.NONE:
            self._done.add(task.number)
        return task.trick

    def _repeated(self, task: Task, message_id: str) -> None:
        """The same question again as a new message."""
        if task.trick is FaultInjection.NONE:
            if not task.may_repeat:
                self._ledger.fails(task.requirement, f"task {task.number} was asked again at once ({message_id})")
        else:
            self._ledger.fails(req.SAME_MESSAGE, f"task {task.number} was asked again under a new id ({message_id})")
            self._ledger.holds(task.requirement)
            self._done.add(task.number)

    def _same_again(self, message_id: str, known: _Seen, signature: bytes) -> None:
        task, known.attempts = known.task, known.attempts + 1
        fresh = signature not in known.signatures
        self._ledger.say(req.RESEALED, "" if fresh else f"{message_id} came again with the same signature")
        known.signatures.add(signature)
        if task is None:
            return
        if task.trick is FaultInjection.NONE:
            if not task.may_repeat:
                self._ledger.fails(task.requirement, f"{message_id} was answered, and came again")
            return
        early = self._clock.now() - known.at + _EARLY < timedelta(seconds=RETRY_AFTER)
        if task.trick is FaultInjection.UNAVAILABLE and early:
            self._ledger.fails(task.requirement, f"{message_id} came again before {RETRY_AFTER} s had passed")
        elif known.attempts == 2:
            self._ledger.holds(task.requirement)
        self._done.add(task.number)


def _asked(payload: _Element) -> bytes:
    """What is asked, without the metadata block, which differs with every message."""
    copy = etree.fromstring(canonical(payload))
    metadata = copy.find(Q_METADATA)
    if metadata is not None:
        copy.remove(metadata)
    return canonical(copy)
