"""What the court keeps, through a zeep client: an operation takes the stored payload, a plugin addresses it, `wsse`
seals it.

A message was composed, validated and stored in canonical form before it is sent; zeep's typed objects would write
another text, and a tree of a large batch would not fit into memory. So the Body in zeep's envelope holds a stand-in of
the payload's name. `PayloadSecurity` seals the stored bytes in its place, and zeep hands the result to the transport.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree
from lxml.etree import _Element
from zeep import Plugin
from zeep.wsdl.bindings.soap import SoapOperation
from zeep.xsd import Element

from ccms_ws.clients.transport import HttpAnswer
from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import WSA, q
from ccms_ws.domain.messages import OutgoingMessage, SentEnvelope
from ccms_ws.envelope.addressing import Addressing, write_addressing
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.outbound import ENVELOPE_END, seal_payload
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.streaming import SealedStream, seal_stream
from ccms_ws.envelope.trust import TrustStore

_VERSIONS = {q(version.namespace, "Body"): version for version in SoapVersion}
_NSMAP = {"wsa": WSA}
_Q_TO, _Q_ACTION, _Q_MESSAGE_ID, _Q_RELATES_TO = (q(WSA, n) for n in ("To", "Action", "MessageID", "RelatesTo"))


class StoredPayload(etree.ElementBase):
    """The argument of a zeep operation: an element of the payload's name, which leads to the stored message.

    It holds the state of one call, so that threads can share a client. lxml returns this very object from the tree as
    long as something refers to it: the caller does, for the time of the call.
    """

    message: OutgoingMessage
    action: str
    relates_to: str | None
    on_sealed: Callable[[SentEnvelope], None] | None
    sealed: bytes | SealedStream | None
    """What was made of it, if it came to that."""

    @classmethod
    def of(
        cls,
        message: OutgoingMessage,
        *,
        action: str,
        relates_to: str | None = None,
        on_sealed: Callable[[SentEnvelope], None] | None = None,
    ) -> StoredPayload:
        """`action`: its wsa:Action. `on_sealed`: called with the envelope before it is sent."""
        payload: StoredPayload = _MAKER.makeelement(message.root)
        payload.message, payload.action, payload.relates_to = message, action, relates_to
        payload.on_sealed, payload.sealed = on_sealed, None
        return payload

    @property
    def message_id(self) -> str:
        """Its wsa:MessageID: the same in every attempt."""
        return f"urn:uuid:{self.message.message_id}"


_MAKER: Any = etree.XMLParser()
_MAKER.set_element_class_lookup(etree.ElementDefaultClassLookup(element=StoredPayload))
# Calling the class takes fifteen times as long.


class StoredElement(Element):
    """The element of an operation's input, given as a `StoredPayload`: zeep's types are not used."""

    def __call__(self, payload: StoredPayload) -> StoredPayload:
        return payload

    def render(self, parent: _Element, value: StoredPayload, render_path: object = None) -> None:
        parent.append(value)


class StoredAddressing(Plugin):
    """WS-Addressing of a stored payload: its own MessageID and a ReplyTo. zeep's plugin has a new id for each call."""

    def egress(
        self, envelope: _Element, http_headers: dict[str, str], operation: SoapOperation, options: Mapping[str, str]
    ) -> tuple[_Element, dict[str, str]]:
        """Called by zeep between composing and sealing."""
        payload = _payload(envelope)
        header = etree.SubElement(envelope, envelope.tag.removesuffix("Envelope") + "Header", nsmap=_NSMAP)
        envelope.insert(0, header)
        addressing = Addressing.request(
            to=options["address"], action=payload.action, message_id=payload.message_id, relates_to=payload.relates_to
        )
        write_addressing(header, addressing)
        return envelope, http_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadSecurity:
    """zeep's `wsse`: seals stored payloads and opens the answers to them. Without state, so that threads share it.

    `peer_id`: whose signature, by `trust`, answers must bear. `token_reference`: how our signatures name our
    certificate.
    """

    peer_id: str
    identity: Identity
    trust: TrustStore
    policy: SecurityPolicy
    clock: Clock
    token_reference: TokenReference = TokenReference.DIRECT

    def apply(self, envelope: _Element, http_headers: dict[str, str]) -> tuple[bytes | SealedStream, dict[str, str]]:
        """zeep's envelope around the stored payload, sealed: as bytes, or as a stream for a payload in pieces.

        zeep hands on whatever this returns, so that `PartnerTransport.post_xml` gets it. Raises LimitExceeded.
        """
        header, body = envelope
        payload, version = _payload(envelope), _VERSIONS[body.tag]
        message, pieces = payload.message, _Pieces(payload.message)
        given = {block.tag: block.text or "" for block in header}
        addressing = Addressing.request(
            to=given[_Q_TO],
            action=given[_Q_ACTION],
            message_id=given[_Q_MESSAGE_ID],
            relates_to=given.get(_Q_RELATES_TO),
        )
        if message.further == () or self.policy.profile.is_weaker:
            # What does not sign the Body has no digest to stream.
            whole = b"".join(pieces)
            sealed: bytes | SealedStream = seal_payload(
                whole,
                addressing,
                version,
                identity=self.identity,
                policy=self.policy,
                clock=self.clock,
                token_reference=self.token_reference,
            )
        else:
            sealed = seal_stream(
                pieces,
                addressing,
                version,
                identity=self.identity,
                policy=self.policy,
                clock=self.clock,
                token_reference=self.token_reference,
            )
        payload.sealed = sealed
        if payload.on_sealed is not None:
            payload.on_sealed(_without_payload(pieces, sealed))
        if version is SoapVersion.SOAP12:
            del http_headers["SOAPAction"]  # zeep sends it, but SOAP 1.2 has the action in the media type
        return sealed, http_headers

    def verify(self, answer: HttpAnswer, *, answers: Mapping[str, str], relates_to: str) -> VerifiedEnvelope:
        """The verified answer to the message with the id `relates_to`. `answers`: declared element to wsa:Action.

        It needs the bytes and the media type, which zeep has only with `Settings(raw_response=True)`; a zeep client
        without that setting calls this with a tree alone, and fails. Raises CcmsWsError.
        """
        return open_envelope(
            HttpMessage(answer.body, answer.headers.get("Content-Type", "")),
            trust=self.trust,
            policy=self.policy,
            clock=self.clock,
            acceptance=ReceivePolicy(
                to=frozenset(),
                operations=answers,
                permits=lambda partner_id, _root: partner_id == self.peer_id,
                relates_to=relates_to,
                faults=True,
                profile=lambda _partner_id: self.policy.profile,
                connection=self.peer_id if self.policy.profile.is_weaker else "",
            ),
        )


def _payload(envelope: _Element) -> StoredPayload:
    payload = envelope[-1][0]
    if not isinstance(payload, StoredPayload):
        raise TypeError("an operation of this client takes a StoredPayload")
    return payload


@dataclass(frozen=True, slots=True)
class _Pieces:
    """All of a message's payload, again and again."""

    message: OutgoingMessage

    def __iter__(self) -> Iterator[bytes]:
        yield self.message.body
        yield from self.message.further


def _without_payload(pieces: _Pieces, sealed: bytes | SealedStream) -> SentEnvelope:
    if isinstance(sealed, SealedStream):
        return SentEnvelope(zlib.compress(sealed.head, 1), ENVELOPE_END)
    return SentEnvelope.around(b"".join(pieces), sealed)
