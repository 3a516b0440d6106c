"""Message security for an unmodified zeep client: `Client(wsdl, wsse=EnvelopeSecurity(...))`.

zeep composes the message and reads the answer; this object seals the one and opens the other.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clients.unverified import describe_fault, is_empty
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.contract.catalog import wsdl_names
from ccms_ws.contract.namespaces import EXT, WSA, q
from ccms_ws.contract.wsdl import Wsdl, load_wsdl
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import ReceivePolicy, VerifiedEnvelope, open_parsed
from ccms_ws.envelope.outbound import seal_payload
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import AddressingHeaderMissing, EnvelopeError, MalformedEnvelope

_VERSIONS = {q(version.namespace, "Envelope"): version for version in SoapVersion}
_Q_TO, _Q_ACTION = q(WSA, "To"), q(WSA, "Action")
_TRANSACTION_ID = f"{q(EXT, 'MessageMetadata')}/{q(EXT, 'TransactionID')}"


class EnvelopeSecurity:
    """zeep's `wsse` seam. One object may serve many threads and clients of one peer."""

    def __init__(
        self,
        identity: Identity,
        trust: TrustStore,
        peer_id: str,
        *,
        answers: Mapping[str, str] | None = None,
        policy: SecurityPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`peer_id`: whose signature, by `trust`, answers must bear. `answers`: element to wsa:Action of every reply
        and fault that may come back (`answers_of`); by default those of all WSDLs that ship with the package.
        """
        self._identity = identity
        self._trust = trust
        self._peer_id = peer_id
        self._answers = answers
        self._policy = policy or SecurityPolicy()
        self._clock = clock or SystemClock()
        self._of_thread = threading.local()

    @property
    def last_answer(self) -> VerifiedEnvelope | None:
        """The answer that this thread got last, as it was verified; None if it said nothing."""
        return getattr(self._of_thread, "answer", None)

    def apply(self, envelope: _Element, headers: dict[str, str]) -> tuple[_Element, dict[str, str]]:
        """Address and seal what zeep is about to send. wsa:MessageID becomes the TransactionID in the message.

        Raises AddressingHeaderMissing if the WSDL names no action or the message no transaction, MalformedEnvelope for
        other header blocks.
        """
        payload, blocks = _payload(envelope), _header_blocks(envelope)
        given = {str(block.tag): block.text or "" for block in blocks}
        if others := sorted(tag for tag in given if not tag.startswith(f"{{{WSA}}}")):
            raise MalformedEnvelope(f"only WS-Addressing header blocks are sealed, and not {others[0]}")
        transaction_id = (payload.findtext(_TRANSACTION_ID) or "").strip()
        if not transaction_id or not {_Q_TO, _Q_ACTION} <= given.keys():
            raise AddressingHeaderMissing("the message has no TransactionID, or its WSDL no wsam:Action")
        addressing = Addressing.request(
            to=given[_Q_TO], action=given[_Q_ACTION], message_id=f"urn:uuid:{transaction_id}"
        )
        self._of_thread.message_id, self._of_thread.answer = addressing.message_id, None
        sealed = seal_payload(
            canonical(payload),
            addressing,
            _VERSIONS[str(envelope.tag)],
            identity=self._identity,
            policy=self._policy,
            clock=self._clock,
        )
        return etree.fromstring(sealed, new_parser()), headers

    def verify(self, envelope: _Element) -> None:
        """Open what came back. Raises EnvelopeError, with what an unverified fault says of itself in `detail`."""
        if is_empty(envelope, self._policy.limits):
            return
        acceptance = ReceivePolicy(
            to=frozenset(),
            operations=_all_answers() if self._answers is None else self._answers,
            permits=lambda partner_id, _root: partner_id == self._peer_id,
            relates_to=self._of_thread.message_id,
            faults=True,
        )
        try:
            self._of_thread.answer = open_parsed(
                envelope, trust=self._trust, policy=self._policy, clock=self._clock, acceptance=acceptance
            )
        except EnvelopeError as error:
            said = describe_fault(envelope, self._policy.limits)
            if not said:
                raise
            raise type(error)(f"{error.detail}; unverified, the answer says: {said}", rule=error.rule) from error


def answers_of(*wsdls: Wsdl) -> dict[str, str]:
    """Element to wsa:Action of every reply and declared fault of these WSDLs."""
    answers: dict[str, str] = {}
    for wsdl in wsdls:
        for operation in wsdl.operations.values():
            answers.update({fault.element: fault.action for fault in operation.faults.values()})
            if operation.output:
                answers[operation.output] = operation.output_action
    return answers


@cache
def _all_answers() -> Mapping[str, str]:
    return MappingProxyType(answers_of(*(load_wsdl(name) for name in wsdl_names())))


def _header_blocks(envelope: _Element) -> list[_Element]:
    header = envelope.find(q(etree.QName(envelope).namespace or "", "Header"))
    return [] if header is None else list(header.iterchildren("*"))


def _payload(envelope: _Element) -> _Element:
    body = envelope.find(q(etree.QName(envelope).namespace or "", "Body"))
    if body is None or len(body) != 1:
        raise MalformedEnvelope("the Body does not hold exactly one message", rule="BP R9981")
    return body[0]
