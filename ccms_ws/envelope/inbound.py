"""Opening an envelope: THE order of checks, top to bottom. Only `open_envelope` makes a `VerifiedEnvelope`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import InitVar, dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import WSA_FAULT_ACTION, WSA_SOAP_FAULT_ACTION
from ccms_ws.envelope.addressing import (
    Addressing,
    check_destination,
    check_relation,
    check_reply_addresses,
    check_soap_action,
    read_addressing,
)
from ccms_ws.envelope.canonical import canonical, content_of_canonical
from ccms_ws.envelope.checks import STOP_AT_FIRST, Check, Checks, Report
from ccms_ws.envelope.content_type import MediaType, read_media_type
from ccms_ws.envelope.faults import SoapFault, read_fault
from ccms_ws.envelope.parsing import check_parsed, parse
from ccms_ws.envelope.policy import Profile, SecurityPolicy
from ccms_ws.envelope.signature_xml import ParsedSignature, parse_signature
from ccms_ws.envelope.signatures import verify_digests, verify_value
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.soap_parts import (
    MessageParts,
    UnsignedMessageParts,
    read_parts,
    read_unsigned_parts,
    unique_ids,
)
from ccms_ws.envelope.timestamps import check_freshness, read_timestamp
from ccms_ws.envelope.tokens import resolve_signer
from ccms_ws.envelope.trust import Signer, TrustStore
from ccms_ws.errors import ActionMismatch, ActionNotSupported, NotPermitted, PartNotSigned, SoapVersionMismatch


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """An HTTP message as it came in (request or response)."""

    body: bytes
    content_type: str
    soap_action: str | None = None
    """The SOAPAction HTTP header as received, quotes included; None if there was none."""


def _nowhere(_partner_id: str) -> frozenset[str]:
    return frozenset()


def _everything_signed(_partner_id: str) -> Profile:
    return Profile.GFIPM_S2S


@dataclass(frozen=True, slots=True)
class ReceivePolicy:
    """What the receiver is willing to accept at this address."""

    to: frozenset[str]
    """Our own addresses. An answer may always be addressed to the anonymous address."""

    operations: Mapping[str, str]
    """Payload root (Clark notation) to the wsa:Action that must go with it; also the details of declared faults."""

    permits: Callable[[str, str], bool]
    """May this partner (id) send this payload (Clark notation) here?"""

    reply_addresses: Callable[[str], frozenset[str]] = _nowhere
    """The partner's configured addresses that ReplyTo and FaultTo may name beside the anonymous one."""

    one_way: Collection[str] = ()
    """Payload roots (Clark notation) that no message answers: ReplyTo and FaultTo may name the none address."""

    relates_to: str | None = None
    """Set when an answer is opened: the id of the message that was sent. wsa:RelatesTo must be it."""

    faults: bool = False
    """Answers only: a signed SOAP fault is accepted as the payload."""

    profile: Callable[[str], Profile] = _everything_signed
    """What this partner (id) must sign in this direction. The weaker profiles hold only on a connection of its own."""

    connection: str = ""
    """The partner (id) that mutual TLS has shown to be at the other end of the connection; "" if none."""


UNSIGNED_PIN: Final = "GFIPM S2S: the token is not signed"
"""The remark about an unsigned token with a pinned certificate in it."""

_BY_OPEN_ENVELOPE = object()
_LONGEST_ACTION = 200


@dataclass(frozen=True, slots=True)
class VerifiedEnvelope:
    """A message whose signature, coverage, sender, freshness and addressing were checked. Made by `inbound` alone."""

    version: SoapVersion
    envelope: _Element
    payload: _Element
    """The very element whose bytes were signed: the only child of the Body."""
    addressing: Addressing
    partner_id: str
    certificate: x509.Certificate | None
    """The signer's; None if the message is not signed (`Profile.MTLS_ONLY`)."""
    body: bytes
    """The Body in exclusive canonical form."""
    signature: bytes
    """The signature value; the exclusive canonical form of a message that is not signed."""
    created: datetime
    expires: datetime
    """Until when the message is valid: Expires, or earlier if that is beyond the policy's lifetime."""
    fault: SoapFault | None
    """Set when the payload is a SOAP fault (only if `ReceivePolicy.faults`)."""
    remarks: tuple[str, ...]
    """Tolerated departures from the profile ("BSP R5205: ..."), for the log."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _BY_OPEN_ENVELOPE:
            raise TypeError("only open_envelope makes a VerifiedEnvelope")

    @property
    def content_digest(self) -> bytes:
        """SHA-256 over the exclusive canonical form of the payload: the same message sent again has the same."""
        return hashlib.sha256(content_of_canonical(self.body)).digest()

    @property
    def signature_digest(self) -> bytes:
        """SHA-256 over the signature value, or over an unsigned message: the same bytes sent again have the same."""
        return hashlib.sha256(self.signature).digest()


def open_envelope(
    received: HttpMessage,
    *,
    trust: TrustStore,
    policy: SecurityPolicy,
    clock: Clock,
    acceptance: ReceivePolicy,
    report: Report | None = None,
) -> VerifiedEnvelope:
    """Verify a message from its bytes on: media type, size, encoding, one parse, limits; then `open_parsed`.

    With a `report` the checks go on behind a failure, as far as there is something left to check, and each result is
    noted in it. What is raised in the end is the same first failure as without.
    Errors: `EnvelopeError` and its kin, `UnsupportedMediaType`, `MessageTooLarge`; nothing else, whatever comes in.
    """
    check: Checks = STOP_AT_FIRST if report is None else report
    media = root = None
    with check(Check.MEDIA_TYPE):
        media = read_media_type(received.content_type)
    with check(Check.XML):
        root = parse(received.body, policy.limits, None if media is None else media.charset)
    if root is None:
        check.stop()
    return _verify(
        root, trust=trust, policy=policy, clock=clock, acceptance=acceptance, report=report, media=media,
        soap_action=received.soap_action,
    )  # fmt: skip


def open_parsed(
    root: _Element, *, trust: TrustStore, policy: SecurityPolicy, clock: Clock, acceptance: ReceivePolicy
) -> VerifiedEnvelope:
    """The same for a tree that another library has parsed (a stock zeep client's answer)."""
    check_parsed(root, policy.limits)
    return _verify(root, trust=trust, policy=policy, clock=clock, acceptance=acceptance)


def _verify(
    root: _Element,
    *,
    trust: TrustStore,
    policy: SecurityPolicy,
    clock: Clock,
    acceptance: ReceivePolicy,
    report: Report | None = None,
    media: MediaType | None = None,
    soap_action: str | None = None,
) -> VerifiedEnvelope:
    """The order of checks. Each step believes only what the steps before it have shown."""
    check: Checks = STOP_AT_FIRST if report is None else report
    remarks = [] if report is None else report.remarks
    now = clock.now()
    if media is not None:
        remarks += media.remarks

    # The anatomy: one of each part, in its place. A connection of a partner that cannot sign may do without Security;
    # a signature that is there counts all the same.
    unsigned = parts = None
    with check(Check.STRUCTURE):
        if _may_be_unsigned(acceptance):
            unsigned = read_unsigned_parts(root)
        if unsigned is None:
            parts = read_parts(root)
    check.read(root=root, parts=unsigned or parts)
    if unsigned is not None:
        return _verify_unsigned(
            root, unsigned, now, acceptance, check, lifetime=policy.lifetime, media=media, soap_action=soap_action,
            remarks=remarks,
        )  # fmt: skip
    if parts is None:
        check.stop()
    with check(Check.VERSION):
        _check_version(parts.version, media)
    ids = claims = signer = lasting = None
    with check(Check.IDS):
        ids = unique_ids(root)

    # What the signature claims, by which algorithms; nothing is computed yet.
    if ids is not None:
        with check(Check.SIGNATURE_FORM):
            claims = parse_signature(parts, ids, policy)
            check.read(claims=claims)

    # Token, certificate, partner; then the signature value and every digest. From here on `signed` holds the nodes
    # that the partner vouches for.
    signed: dict[_Element, bytes] | None = None
    if claims is not None:
        with check(Check.CERTIFICATE):
            signer = resolve_signer(claims.key_info, parts, trust=trust, policy=policy, now=now, remarks=remarks)
        if signer is not None:
            with check(Check.SIGNATURE_VALUE):
                verify_value(claims, signer)
        with check(Check.DIGESTS):
            signed = verify_digests(claims)
        if signer is not None and signed is not None:
            with check(Check.COVERAGE):
                check_coverage(parts, signed, signer, _profile_of(signer.partner_id, acceptance), remarks)

    # Freshness.
    written = None
    with check(Check.TIMESTAMP):
        written = read_timestamp(parts.timestamp, remarks)
    if written is not None:
        with check(Check.FRESHNESS):
            lasting = check_freshness(*written, now, policy, remarks)

    # Addressing: what is asked for, of whom, and where the answer goes. And may this partner do it?
    addressing, fault = _check_request(
        parts,
        None if signer is None else signer.partner_id,
        acceptance,
        remarks,
        check,
        media=media,
        soap_action=soap_action,
        signed=None if signed is None else signed.get(parts.body),
    )

    check.finish()
    if claims is None or signer is None or signed is None or written is None or lasting is None or addressing is None:
        check.stop()
    return VerifiedEnvelope(
        parts.version, root, parts.payload, addressing, signer.partner_id, signer.certificate,
        _canonical_body(parts, claims, signed), claims.value, written[0], lasting, fault, tuple(remarks),
        _BY_OPEN_ENVELOPE,
    )  # fmt: skip


def check_coverage(
    parts: MessageParts, signed: Collection[_Element], signer: Signer, profile: Profile, remarks: list[str]
) -> None:
    """The nodes that were signed ARE the Body, the Timestamp, every wsa header and the token; the Timestamp, if TLS
    answers for the rest.

    A token that is not signed is added to `remarks` if it is a pinned certificate: the court knows it from its own
    settings. If an authority vouches for it, a holder of another certificate for the same key could exchange the two.
    Errors: `PartNotSigned`.
    """
    required = [parts.timestamp]
    if profile is not Profile.TLS_ENDORSING_TIMESTAMP:
        required += [parts.body, *parts.addressing]
        if parts.token is not None and parts.token not in signed:
            if not signer.pinned:
                raise PartNotSigned(
                    f"{parts.token.tag} is not signed, and the certificate in it is not pinned", rule="GFIPM S2S"
                )
            remarks.append(UNSIGNED_PIN)
    for part in required:
        if part not in signed:
            raise PartNotSigned(f"{part.tag} is not signed", rule="GFIPM S2S")


def _profile_of(partner_id: str, acceptance: ReceivePolicy) -> Profile:
    """What the partner must sign. Everything, unless mutual TLS has shown that the connection is its own."""
    return acceptance.profile(partner_id) if partner_id == acceptance.connection else Profile.GFIPM_S2S


def _may_be_unsigned(acceptance: ReceivePolicy) -> bool:
    return bool(acceptance.connection) and acceptance.profile(acceptance.connection) is Profile.MTLS_ONLY


def _verify_unsigned(
    root: _Element,
    parts: UnsignedMessageParts,
    now: datetime,
    acceptance: ReceivePolicy,
    check: Checks,
    *,
    lifetime: timedelta,
    media: MediaType | None,
    soap_action: str | None,
    remarks: list[str],
) -> VerifiedEnvelope:
    """The same order for a message without Security header: sender, integrity and freshness are the connection's."""
    with check(Check.VERSION):
        _check_version(parts.version, media)
    with check(Check.IDS):
        unique_ids(root)
    remarks.append(f"the profile is {Profile.MTLS_ONLY.value}: nothing is signed")
    addressing, fault = _check_request(
        parts, acceptance.connection, acceptance, remarks, check, media=media, soap_action=soap_action
    )
    check.finish()
    if addressing is None:
        check.stop()
    return VerifiedEnvelope(
        parts.version, root, parts.payload, addressing, acceptance.connection, None,
        canonical(parts.body), canonical(root), now, now + lifetime, fault,
        tuple(remarks), _BY_OPEN_ENVELOPE,
    )  # fmt: skip


def _check_version(version: SoapVersion, media: MediaType | None) -> None:
    if media is not None and media.version is not version:
        raise SoapVersionMismatch(f"the Content-Type says {media.version.name}", rule="BP R1015")


def _check_request(
    parts: MessageParts | UnsignedMessageParts,
    partner_id: str | None,
    acceptance: ReceivePolicy,
    remarks: list[str],
    check: Checks,
    *,
    media: MediaType | None,
    soap_action: str | None,
    signed: bytes | None = None,
) -> tuple[Addressing | None, SoapFault | None]:
    """`signed`: the Body as it was signed, None if it is not. `partner_id` is None only in a report, where no signer
    was recognised. Errors: `AddressingError` and its kin, `NotPermitted`.
    """
    answer = acceptance.relates_to is not None or acceptance.faults
    addressing = fault = None
    with check(Check.ADDRESSING):
        addressing, endpoints = read_addressing(parts.addressing, answer=answer)
        check.read(addressing=addressing)
    if addressing is None:
        return None, None
    with check(Check.OPERATION):
        fault = _check_operation(parts, addressing, acceptance, remarks, signed)
    with check(Check.SOAP_ACTION):
        if media is not None:
            if media.action is not None:
                check_soap_action(f'"{media.action}"', addressing.action, remarks, required=False)
            required = not answer and parts.version is SoapVersion.SOAP11
            check_soap_action(soap_action, addressing.action, remarks, required=required)
    with check(Check.DESTINATION):
        check_destination(addressing.to, acceptance.to, answer=answer)
    with check(Check.REPLY_ADDRESSES):
        allowed = frozenset() if partner_id is None else acceptance.reply_addresses(partner_id)
        check_reply_addresses(endpoints, allowed, one_way=answer or parts.payload.tag in acceptance.one_way)
    with check(Check.RELATION):
        check_relation(addressing.relates_to, acceptance.relates_to)
    if partner_id is not None:
        with check(Check.PERMISSION):
            if not acceptance.permits(partner_id, parts.payload.tag):
                raise NotPermitted(f"{partner_id} may not send {parts.payload.tag} here")
    return addressing, fault


def _check_operation(
    parts: MessageParts | UnsignedMessageParts,
    addressing: Addressing,
    acceptance: ReceivePolicy,
    remarks: list[str],
    signed: bytes | None,
) -> SoapFault | None:
    """wsa:Action belongs to the payload. A fault goes with the fault actions and that of its declared detail; under
    another (stacks make one up) it is taken with a remark.
    """
    payload = parts.payload
    if acceptance.faults and payload.tag == f"{{{parts.version.namespace}}}Fault":
        fault = read_fault(payload, signed)
        declared = None if fault.detail is None else acceptance.operations.get(fault.detail.tag)
        if addressing.action not in {WSA_FAULT_ACTION, WSA_SOAP_FAULT_ACTION, declared}:
            remarks.append(f"WSA SOAP 5: the wsa:Action of the fault is {addressing.action[:_LONGEST_ACTION]!r}")
        return fault
    expected = acceptance.operations.get(payload.tag)
    if expected is None:
        raise ActionNotSupported(f"{payload.tag} is not received here", rule="WSA SOAP 6.4.4")
    if addressing.action != expected:
        raise ActionMismatch(f"wsa:Action {addressing.action!r}, {payload.tag} goes with {expected!r}", rule="BP R1144")
    return None


def _canonical_body(parts: MessageParts, claims: ParsedSignature, signed: Mapping[_Element, bytes]) -> bytes:
    """As it was digested, unless that was with InclusiveNamespaces."""
    plain = not any(reference.prefixes for reference in claims.references)
    return (signed.get(parts.body) if plain else None) or canonical(parts.body)
