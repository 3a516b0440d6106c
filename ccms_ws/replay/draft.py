"""A message that is about to be signed: what a recording, a defect or another stack's layout starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import FixedClock
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request that carries a message, or something that is none. `soap_action`: the header, quotes included."""

    body: bytes
    content_type: str
    soap_action: str | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def http_headers(self) -> dict[str, str]:
        """All headers but those of the connection."""
        named = {"Content-Type": self.content_type} | dict(self.headers)
        return named if self.soap_action is None else named | {"SOAPAction": self.soap_action}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is said, to whom, by whom and when. The same draft makes the same bytes."""

    payload: bytes
    to: str
    action: str
    message_id: UUID
    version: SoapVersion
    signer: Identity
    at: datetime
    relates_to: UUID | None = None
    answers: bool = False
    """True if it travels in the HTTP response to `relates_to`."""
    lifetime: timedelta = timedelta(seconds=300)
    reference: TokenReference = TokenReference.DIRECT

    def composed(self) -> _Element:
        """The envelope, not signed."""
        message_id = f"urn:uuid:{self.message_id}"
        relates_to = None if self.relates_to is None else f"urn:uuid:{self.relates_to}"
        addressing = (
            Addressing.answer(action=self.action, message_id=message_id, relates_to=relates_to or "")
            if self.answers
            else Addressing.request(to=self.to, action=self.action, message_id=message_id, relates_to=relates_to)
        )
        return compose_envelope(etree.fromstring(self.payload, new_parser()), addressing, self.version)

    def sealed(self, envelope: _Element | None = None) -> _Element:
        """`envelope`, or the one that `composed` makes, signed."""
        return seal_envelope(
            self.composed() if envelope is None else envelope,
            identity=self.signer,
            policy=SecurityPolicy(lifetime=self.lifetime),
            clock=FixedClock(self.at),
            token_reference=self.reference,
            mark=sha256(f"{self.message_id} {self.at.isoformat()}".encode()).hexdigest()[:16],
        )

    def request(self, envelope: _Element | bytes | None = None) -> Request:
        """The HTTP request that carries `envelope`, by default the sealed one."""
        if not isinstance(envelope, bytes):
            envelope = to_bytes(self.sealed() if envelope is None else envelope)
        content_type = f"{self.version.media_type}; charset=utf-8"
        if self.version is SoapVersion.SOAP11:
            return Request(body=envelope, content_type=content_type, soap_action=f'"{self.action}"')
        return Request(body=envelope, content_type=f'{content_type}; action="{self.action}"')
