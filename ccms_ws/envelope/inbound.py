"""Opening an envelope: THE order of checks, top to bottom. Only `open_envelope` makes a `VerifiedEnvelope`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass
from datetime import datetime

from cryptography import x509
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.faults import SoapFault
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore


@dataclass(frozen=True, slots=True)
class Received:
    """An HTTP message as it came in (request or response)."""

    body: bytes
    content_type: str
    soap_action: str | None = None
    """The SOAPAction HTTP header as received, quotes included; None if there was none."""


def _nowhere(_partner_id: str) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the receiver is willing to accept at this address."""

    to: frozenset[str]
    """Our own addresses. An answer may always be addressed to the anonymous address."""

    operations: Mapping[str, str]
    """Payload root (Clark notation) to the wsa:Action that must go with it; also the details of declared faults."""

    permits: Callable[[str, str], bool]
    """May this partner (id) send this payload (Clark notation) here?"""

    reply_addresses: Callable[[str], frozenset[str]] = _nowhere
    """The partner's configured addresses that ReplyTo, FaultTo and From may name beside the anonymous one."""

    relates_to: str | None = None
    """Set when an answer is opened: the id of the message that was sent. wsa:RelatesTo must be it."""

    faults: bool = False
    """Answers only: a signed SOAP fault is accepted as the payload."""


_BY_OPEN_ENVELOPE = object()


@dataclass(frozen=True, slots=True)
class VerifiedEnvelope:
    """A message whose signature, coverage, sender, freshness and addressing were checked. Made by `inbound` alone."""

    version: SoapVersion
    envelope: _Element
    payload: _Element
    """The very element whose bytes were signed: the only child of the Body."""
    addressing: Addressing
    partner_id: str
    certificate: x509.Certificate
    content_digest: bytes
    """SHA-256 over the exclusive canonical form of the payload: the same message sent again has the same."""
    signature_digest: bytes
    """SHA-256 over the signature value: the same bytes sent again have the same."""
    created: datetime
    expires: datetime
    fault: SoapFault | None
    """Set when the payload is a SOAP fault (only if `Acceptance.faults`)."""
    remarks: tuple[str, ...]
    """Tolerated departures from the profile ("BSP R5205: ..."), for the log."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _BY_OPEN_ENVELOPE:
            raise TypeError("only open_envelope makes a VerifiedEnvelope")


def open_envelope(
    received: Received, *, trust: TrustStore, policy: SecurityPolicy, clock: Clock, acceptance: Acceptance
) -> VerifiedEnvelope:
    """Verify a message from its bytes on. Errors: `EnvelopeError` and its kin, `UnsupportedMediaType`, `MessageTooLarge`."""
    raise NotImplementedError


def open_parsed(
    root: _Element,
    *,
    trust: TrustStore,
    policy: SecurityPolicy,
    clock: Clock,
    acceptance: Acceptance,
    soap_action: str | None = None,
) -> VerifiedEnvelope:
    """The same for a tree that another library has parsed (a stock zeep client's answer)."""
    raise NotImplementedError
