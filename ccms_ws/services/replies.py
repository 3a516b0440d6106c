"""Replies of the endpoint: stored answers in new envelopes, signed and unsigned faults, refusals without SOAP."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import WSA_ANONYMOUS
from ccms_ws.contract.wsdl import WsdlOperation
from ccms_ws.dispatch import HandlingResult
from ccms_ws.domain.messages import AnswerKind, StoredAnswer
from ccms_ws.envelope import faults
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, VerifiedEnvelope
from ccms_ws.envelope.outbound import seal_payload
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.errors import AddressingHeaderInvalid, CcmsWsError, HttpRefusal, InternalError, MessageIdReused
from ccms_ws.services.http import Response

_ACCEPTED = Response("202 Accepted", b"", "text/plain")
_HEADERS = {
    "http.method-not-allowed": (("Allow", "GET, HEAD, POST"),),
    "http.overloaded": (("Retry-After", "5"),),
    "http.rate-limited": (("Retry-After", "1"),),
}


class Replies:
    """Signs and addresses replies to partners as the court."""

    def __init__(
        self, identity: Identity, policy: SecurityPolicy, clock: Clock, references: Mapping[str, TokenReference]
    ) -> None:
        """`references`: how answers to each partner name the court's certificate."""
        self._identity = identity
        self._policy = policy
        self._clock = clock
        self._references = references

    def first(
        self,
        outcome: HandlingResult,
        reply_id: UUID,
        operation: WsdlOperation,
        request: VerifiedEnvelope,
        incident: UUID,
    ) -> tuple[StoredAnswer, Response]:
        """The answer to a new message, sealed: as it is stored, and as it is sent."""
        if outcome.kind is AnswerKind.ACCEPTED:
            return StoredAnswer(outcome.kind, reply_id), _ACCEPTED
        if outcome.kind is AnswerKind.REPLY:
            response = self._sealed(outcome.reply, operation.output_action, reply_id, request)
            return StoredAnswer(outcome.kind, reply_id, response.body, operation.output_action), response
        error = outcome.error or InternalError("an outcome without reply or error")
        action = faults.fault_action(error)
        if outcome.error_message is not None:
            root = outcome.error_message.tag
            action = next((fault.action for fault in operation.faults.values() if fault.element == root), action)
        fault = faults.compose_fault(error, str(incident), request.version, outcome.error_message)
        response = self._sealed(canonical(fault), action, reply_id, request, _status(fault))
        return StoredAnswer(AnswerKind.FAULT, reply_id, response.body, action, error.code, error.detail), response

    def again(self, answer: StoredAnswer, request: VerifiedEnvelope) -> Response:
        """The stored answer to a duplicate: the same Body, in a new envelope.

        Raises MessageIdReused if the answer is a fault, and the first message was in the other SOAP version.
        """
        if answer.kind is AnswerKind.ACCEPTED:
            return _ACCEPTED
        envelope = etree.fromstring(answer.sealed)
        if answer.kind is AnswerKind.FAULT and envelope.tag != request.envelope.tag:
            raise MessageIdReused("the message was first received in another SOAP version")
        payload = envelope[-1][0]
        return self._sealed(canonical(payload), answer.action, answer.message_id, request, _status(payload))

    def signed_fault(self, error: CcmsWsError, incident: UUID, request: VerifiedEnvelope) -> Response:
        """A fault to an authenticated partner, signed."""
        fault = faults.compose_fault(error, str(incident), request.version)
        return self._sealed(canonical(fault), faults.fault_action(error), uuid4(), request, _status(fault))

    def unsigned_fault(self, error: CcmsWsError, incident: UUID, received: HttpMessage | None) -> Response:
        """Not signed: signing costs CPU time, which unauthenticated senders must not be able to spend."""
        content_type = received.content_type.strip().lower() if received else ""
        soap12 = content_type.startswith(SoapVersion.SOAP12.media_type)
        version = SoapVersion.SOAP12 if soap12 else SoapVersion.SOAP11
        fault = faults.compose_fault(error, str(incident), version)
        status = _status(fault)
        addressing = Addressing(WSA_ANONYMOUS, faults.fault_action(error), f"urn:uuid:{uuid4()}")
        return Response(status, to_bytes(compose_envelope(fault, addressing, version)), _content_type(version))

    def _sealed(
        self, payload: bytes, action: str, message_id: UUID, request: VerifiedEnvelope, status: str = "200 OK"
    ) -> Response:
        addressing = Addressing.answer(
            action=action, message_id=f"urn:uuid:{message_id}", relates_to=request.addressing.message_id
        )
        if request.certificate is None:  # a sender without a signature may not understand a Security header
            plain = to_bytes(compose_envelope(etree.fromstring(payload), addressing, request.version))
            return Response(status, plain, _content_type(request.version))
        sealed = seal_payload(
            payload,
            addressing,
            request.version,
            identity=self._identity,
            policy=self._policy,
            clock=self._clock,
            token_reference=self._references[request.partner_id],
        )
        return Response(status, sealed, _content_type(request.version))


def refusal(error: HttpRefusal, incident: UUID) -> Response:
    """A refusal without SOAP, for a request that cannot carry a message."""
    body = f"{error.code}: {faults.public_reason(error)}\nIncident {incident}\n".encode()
    return Response(error.status, body, "text/plain; charset=utf-8", _HEADERS.get(error.code, ()))


def transaction_id(message_id: str) -> UUID:
    """The transaction id in a wsa:MessageID or wsa:RelatesTo. Raises AddressingHeaderInvalid."""
    prefix, _, value = message_id.partition("urn:uuid:")
    try:
        if prefix:
            raise ValueError
        return UUID(value)
    except ValueError:
        raise AddressingHeaderInvalid("message ids are of the form urn:uuid:...", rule="WSA 3.1") from None


def _content_type(version: SoapVersion) -> str:
    return f"{version.media_type}; charset=utf-8"


def _status(payload: _Element) -> str:
    """SOAP 1.1: 500 for every fault (BP R1126). SOAP 1.2: 400 if the sender is to blame (SOAP 1.2 Part 2, table 20)."""
    name = etree.QName(payload)
    if name.localname != "Fault":
        return "200 OK"
    if name.namespace == SoapVersion.SOAP12.namespace and faults.read_fault(payload).code.endswith("}Sender"):
        return "400 Bad Request"
    return "500 Internal Server Error"
