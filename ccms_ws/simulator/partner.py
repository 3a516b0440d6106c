"""The simulated partner: opens what the court sends, takes each message once, and answers as its WSDL says it does.

A WSDL that declares an answer is answered in the HTTP response. One that declares none gets a bare 202, and the answer
leaves later as a message of its own (`postman`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract import schemas
from ccms_ws.contract.namespaces import WSA_SOAP_FAULT_ACTION
from ccms_ws.contract.wsdl import Wsdl, WsdlOperation
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.faults import compose_fault, fault_action
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import (
    CcmsWsError,
    ContractError,
    EnvelopeError,
    ExchangeError,
    HttpRefusal,
    InternalError,
    MessageIdReused,
    SchemaViolated,
)
from ccms_ws.failpoints import failpoint
from ccms_ws.message_parts.metadata import Q_CORRELATION, Q_METADATA, Q_TRANSACTION, MetadataContradicted, read_metadata
from ccms_ws.message_parts.xml import child
from ccms_ws.registry import get_exchange
from ccms_ws.simulator.behaviors import Behavior, BehaviorSource
from ccms_ws.simulator.event_log import EventLog
from ccms_ws.simulator.responder import Responder, Task
from ccms_ws.simulator.server import HttpReply, HttpRequest
from ccms_ws.simulator.signing import Signatures
from ccms_ws.simulator.state import Answer, PartnerState


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a partner takes the messages of one exchange: its desk, its address and the WSDL that it handed out."""

    exchange: str
    url: str
    wsdl: Wsdl
    desk: Responder

    @property
    def root(self) -> str:
        """The element of the exchange's own message; whatever else the WSDL declares is for tests."""
        notification = get_exchange(self.exchange).notification
        return "" if notification is None else notification.root

    def operation(self, root: str) -> WsdlOperation:
        return next(operation for operation in self.wsdl.operations.values() if operation.input == root)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a partner takes its time."""

    answer_after: timedelta = timedelta(milliseconds=200)
    late_after: timedelta = timedelta(seconds=3)
    slow: timedelta = timedelta(seconds=2)
    retry_after: timedelta = timedelta(seconds=1)


class SimulatedPartner:
    """One partner with its counters, by path. `receive` may be called from many threads."""

    def __init__(
        self,
        *,
        counters: Mapping[str, Counter],
        seals: Signatures,
        memory: PartnerState,
        temper: BehaviorSource,
        journal: EventLog,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._counters = counters
        self._seals = seals
        self._memory = memory
        self._temper = temper
        self._journal = journal
        self._clock = clock
        self._pace = pace

    def receive(self, request: HttpRequest) -> HttpReply:
        """Deal with one POST, as the script or the mischief has it."""
        counter = self._counters.get(request.path.partition("?")[0])
        if counter is None:
            return HttpReply(404)
        act = self._temper.next()
        if act is Behavior.DROP or act is Behavior.UNAVAILABLE:
            self._journal.note("refused", exchange=counter.exchange, act=act)
            if act is Behavior.DROP:
                return HttpReply(cut=True)
            return HttpReply(503, headers={"Retry-After": str(int(self._pace.retry_after.total_seconds()))})
        failpoint("partner.read")
        if act is Behavior.SLOW:
            time.sleep(self._pace.slow.total_seconds())
        try:
            opened = self._open(request, counter)
        except (HttpRefusal, EnvelopeError) as error:
            self._journal.note("refused", exchange=counter.exchange, act=act, code=error.code)
            return self._refuse(error, _version_of(request))
        failpoint("partner.opened")
        return self._answer(opened, counter, act)

    def _open(self, request: HttpRequest, counter: Counter) -> VerifiedEnvelope:
        headers = {name.lower(): value for name, value in request.headers.items()}
        operations = {operation.input: operation.input_action for operation in counter.wsdl.operations.values()}
        return open_envelope(
            HttpMessage(request.body, headers.get("content-type", ""), headers.get("soapaction")),
            trust=self._seals.trust,
            policy=self._seals.policy,
            clock=self._clock,
            acceptance=ReceivePolicy(
                to=frozenset({counter.url}),
                operations=operations,
                permits=lambda _partner, _root: True,
                one_way={each.input for each in counter.wsdl.operations.values() if each.one_way},
            ),
        )

    def _answer(self, opened: VerifiedEnvelope, counter: Counter, act: Behavior) -> HttpReply:
        message_id = opened.addressing.message_id
        facts = {"exchange": counter.exchange, "message_id": message_id.removeprefix("urn:uuid:"), "act": act.value}
        if act is Behavior.FAULT or act is Behavior.CLIENT_FAULT:
            self._journal.note("refused", **facts)
            refusal = InternalError("by script") if act is Behavior.FAULT else SchemaViolated("by script")
            return self._fault(opened, act, refusal)
        operation = counter.operation(str(opened.payload.tag))
        if opened.payload.tag != counter.root:
            return self._tested(opened, operation, act)
        separate = operation.output is None and not operation.faults
        try:
            outcome, answer = self._take(opened, counter, act, separate=separate)
        except (ContractError, ExchangeError, MessageIdReused) as error:
            self._journal.note("refused", **facts, code=error.code)
            return self._fault(opened, act, error)
        failpoint("partner.after-commit")
        self._journal.note("received", **facts, outcome=outcome, answer_id=answer.answer_id if answer else None)
        if act is Behavior.CUT:
            return HttpReply(cut=True)
        if separate:
            return HttpReply(202)
        return self._reply(opened, operation, answer, act)

    def _take(
        self, opened: VerifiedEnvelope, counter: Counter, act: Behavior, *, separate: bool
    ) -> tuple[str, Answer | None]:
        """Process the message if it is new; otherwise say what was said before."""
        message_id = opened.addressing.message_id
        with self._memory.changes():
            known = self._memory.recall(message_id)
            if known is not None:
                if known.digest != opened.content_digest:
                    raise MessageIdReused
                return f"duplicate ({known.outcome})", known.answer
            schemas.validate(opened.payload)
            metadata = read_metadata(opened.payload)
            if f"urn:uuid:{metadata.transaction_id}" != message_id:
                raise MetadataContradicted("the TransactionID is not the wsa:MessageID")
            now, answer_id = self._clock.now(), uuid4()
            task = Task(payload=opened.payload, metadata=metadata, act=act, now=now, answer_id=answer_id)
            decision = counter.desk.process(task, self._memory)
            answer = None
            if decision.payload is not None:
                body = canonical(decision.payload)
                answer = Answer(str(answer_id), message_id, counter.exchange, decision.is_error, body)
            self._memory.remember(message_id, opened.content_digest, counter.exchange, decision.outcome, answer)
            if separate and answer is not None:
                self._post(answer, act)
            failpoint("partner.before-commit")
            return decision.outcome, answer

    def _post(self, answer: Answer, act: Behavior) -> None:
        wait = self._pace.late_after if act is Behavior.LATE else self._pace.answer_after
        due_at = self._clock.now() + wait
        self._memory.send_later(answer, due_at, act)
        if act is Behavior.TWICE:
            self._memory.send_later(answer, due_at + self._pace.answer_after)
        if act is Behavior.STRAY:
            stray = _about_nothing(answer)
            self._memory.keep(stray)
            self._memory.send_later(stray, due_at)

    def _tested(self, opened: VerifiedEnvelope, operation: WsdlOperation, act: Behavior) -> HttpReply:
        """What its WSDL declares beside the exchange's own message is a test: nothing happens, the answer is empty."""
        self._journal.note("tested", operation=operation.name, act=act.value)
        if operation.output is None:
            return HttpReply(202)
        payload = etree.Element(operation.output) if operation.output else None
        sealed = self._seals.answer(payload, operation.output_action, opened, uuid4(), act)
        return HttpReply(200, sealed, _content_type(opened.version))

    # -- answers in the HTTP response ---------------------------------------------------------------------------------
    def _reply(
        self, opened: VerifiedEnvelope, operation: WsdlOperation, answer: Answer | None, act: Behavior
    ) -> HttpReply:
        if answer is None:
            sealed = self._seals.answer(None, operation.output_action, opened, uuid4(), act)
            return HttpReply(200, sealed, _content_type(opened.version))
        payload = etree.fromstring(answer.body, new_parser())
        declared = next((fault for fault in operation.faults.values() if fault.element == payload.tag), None)
        answer_id = UUID(answer.answer_id)
        if declared is not None:
            return self._fault(opened, act, _Refusal(), detail=payload, action=declared.action, answer_id=answer_id)
        sealed = self._seals.answer(payload, operation.output_action, opened, answer_id, act)
        return HttpReply(200, sealed, _content_type(opened.version))

    def _fault(
        self,
        opened: VerifiedEnvelope,
        act: Behavior,
        error: CcmsWsError,
        *,
        detail: _Element | None = None,
        action: str = "",
        answer_id: UUID | None = None,
    ) -> HttpReply:
        """A signed fault for `error`, or a declared one: `detail` under its `action`."""
        fault = compose_fault(error, str(uuid4()), opened.version, detail)
        sealed = self._seals.answer(fault, action or fault_action(error), opened, answer_id or uuid4(), act)
        return HttpReply(500, sealed, _content_type(opened.version))

    def _refuse(self, error: CcmsWsError, version: SoapVersion) -> HttpReply:
        """Faults for unauthenticated senders are not signed."""
        fault = compose_fault(error, str(uuid4()), version)
        return HttpReply(500, self._seals.unsigned(fault, WSA_SOAP_FAULT_ACTION, version), _content_type(version))


def _about_nothing(answer: Answer) -> Answer:
    """The same answer under an id of its own, to a message that never was."""
    answer_id, message_id = str(uuid4()), str(uuid4())
    payload = etree.fromstring(answer.body, new_parser())
    for name, value in ((Q_TRANSACTION, answer_id), (Q_CORRELATION, message_id)):
        child(child(payload, Q_METADATA), name).text = value
    return Answer(answer_id, f"urn:uuid:{message_id}", answer.exchange, answer.is_error, canonical(payload))


class _Refusal(ExchangeError):
    """The message was understood and cannot be processed."""

    code = "exchange.simulated"


def _version_of(request: HttpRequest) -> SoapVersion:
    content_type = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
    return SoapVersion.SOAP11 if content_type.startswith(SoapVersion.SOAP11.media_type) else SoapVersion.SOAP12


def _content_type(version: SoapVersion) -> str:
    return f"{version.media_type}; charset=utf-8"
