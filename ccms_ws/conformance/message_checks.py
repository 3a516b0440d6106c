"""One message of a partner, looked at demand by demand: unlike the court's gate, this does not stop at the first fault.

The steps are the gate's own (`ccms_ws.envelope.inbound`), in its order; what an earlier failure hides is left out. In
the end the gate itself is asked, so that nothing is certified that it would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import FixedClock
from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.findings import CheckResults
from ccms_ws.conformance.requirements import TestRequirement
from ccms_ws.contract import schemas
from ccms_ws.envelope.addressing import (
    Addressing,
    check_destination,
    check_relation,
    check_reply_addresses,
    check_soap_action,
    read_addressing,
)
from ccms_ws.envelope.content_type import MediaType, read_media_type
from ccms_ws.envelope.faults import read_fault
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.parsing import parse
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.signature_xml import parse_signature
from ccms_ws.envelope.signatures import verify_signature
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.soap_parts import MessageParts, read_parts, unique_ids
from ccms_ws.envelope.timestamps import check_freshness, read_timestamp
from ccms_ws.envelope.tokens import resolve_signer
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import (
    AddressingError,
    AlgorithmRefused,
    CcmsWsError,
    PartNotSigned,
    SecurityError,
    SoapVersionMismatch,
)
from ccms_ws.message_parts.metadata import Metadata, read_metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """By what a partner's messages are measured. `expected` says of a metadata block what is wrong with it."""

    trust: TrustStore
    policy: SecurityPolicy
    acceptance: ReceivePolicy
    now: datetime
    expected: Callable[[Metadata], str] = lambda _metadata: ""


@dataclass(slots=True)
class MessageCheck:
    """What is known of one message. `payload` and `metadata` are not to be believed unless `believed` is set."""

    received: HttpMessage
    failed: bool = False
    version: SoapVersion | None = None
    payload: _Element | None = None
    message_id: str = ""
    metadata: Metadata | None = None
    believed: VerifiedEnvelope | None = None
    remarks: list[str] = field(default_factory=list)


class Examiner:
    """Looks at messages and notes what it finds in `ledger`."""

    def __init__(self, ledger: CheckResults) -> None:
        self._ledger = ledger

    def examine(self, received: HttpMessage, standard: Standard) -> MessageCheck:
        """Every demand on one message."""
        seen = MessageCheck(received)
        media = self._media(seen)
        seen.remarks += media.remarks if media else ()
        root = self._root(seen, media, standard)
        if root is None:
            return seen
        parts = self._parts(seen, root, media)
        if parts is not None:
            self._security(seen, parts, standard)
            self._addressing(seen, parts, media, standard)
            self._content(seen, parts, standard)
            self._precision(seen)
        self._gate(seen, standard)
        return seen

    @contextmanager
    def _demand(self, seen: MessageCheck, requirement: TestRequirement) -> Iterator[None]:
        """The block fulfils the demand unless it raises; what it raises ends only this look."""
        try:
            yield
        except CcmsWsError as error:
            self._fail(seen, requirement, str(error))
        else:
            self._ledger.holds(requirement)

    def _fail(self, seen: MessageCheck, requirement: TestRequirement, why: str) -> None:
        seen.failed = True
        self._ledger.fails(requirement, f"{seen.message_id or 'a message'}: {why}")

    # -- the steps ----------------------------------------------------------------------------------------------------
    def _media(self, seen: MessageCheck) -> MediaType | None:
        with self._demand(seen, req.MEDIA):
            return read_media_type(seen.received.content_type)
        return None

    def _root(self, seen: MessageCheck, media: MediaType | None, standard: Standard) -> _Element | None:
        with self._demand(seen, req.XML):
            return parse(seen.received.body, standard.policy.limits, media.charset if media else None)
        return None

    def _parts(self, seen: MessageCheck, root: _Element, media: MediaType | None) -> MessageParts | None:
        try:
            parts = read_parts(root)
            if media is not None and media.version is not parts.version:
                raise SoapVersionMismatch(f"the Content-Type says {media.version.name}", rule="BP R1015")
        except CcmsWsError as error:
            kinds = {SecurityError: req.SECURITY, AddressingError: req.ADDRESS}
            broken = next((demand for kind, demand in kinds.items() if isinstance(error, kind)), req.STRUCTURE)
            if broken is not req.STRUCTURE:
                self._ledger.holds(req.STRUCTURE)
            self._fail(seen, broken, str(error))
            return None
        self._ledger.holds(req.STRUCTURE)
        seen.version, seen.payload = parts.version, parts.payload
        with self._demand(seen, req.SECURITY):
            unique_ids(root)
        return parts

    def _security(self, seen: MessageCheck, parts: MessageParts, standard: Standard) -> None:
        with self._demand(seen, req.TIMESTAMP):
            created, expires = read_timestamp(parts.timestamp, seen.remarks)
            with self._demand(seen, req.FRESH):
                check_freshness(created, expires, standard.now, standard.policy, seen.remarks)
        try:
            claims = parse_signature(parts, unique_ids(parts.envelope), standard.policy)
        except AlgorithmRefused as error:
            self._fail(seen, req.ALGORITHMS, str(error))
            return
        except PartNotSigned as error:
            self._fail(seen, req.SIGNED_BODY, str(error))
            return
        except CcmsWsError as error:
            self._fail(seen, req.SECURITY, str(error))
            return
        self._ledger.holds(req.ALGORITHMS)
        claimed = [reference.target for reference in claims.references]
        with self._demand(seen, req.CERTIFICATE):
            signer = resolve_signer(
                claims.key_info, parts, trust=standard.trust, policy=standard.policy, now=standard.now,
                remarks=seen.remarks,
            )  # fmt: skip
            with self._demand(seen, req.SIGNATURE):
                verify_signature(claims, signer)
        self._coverage(seen, parts, claimed)

    def _precision(self, seen: MessageCheck) -> None:
        if seen.remarks:
            self._ledger.fails(req.PRECISION, f"{seen.message_id or 'a message'}: {'; '.join(seen.remarks)}")
        else:
            self._ledger.holds(req.PRECISION)

    def _coverage(self, seen: MessageCheck, parts: MessageParts, signed: Collection[_Element]) -> None:
        """Which parts the signature claims to cover, one by one."""
        demanded = [
            (req.SIGNED_BODY, [parts.body]),
            (req.SIGNED_TIMESTAMP, [parts.timestamp]),
            (req.SIGNED_ADDRESSING, parts.addressing),
            (req.SIGNED_TOKEN, [] if parts.token is None else [parts.token]),
        ]
        for requirement, elements in demanded:
            missing = [str(each.tag).rpartition("}")[2] for each in elements if each not in signed]
            if missing:
                self._fail(seen, requirement, f"not signed: {', '.join(missing)}")
            elif elements:
                self._ledger.holds(requirement)

    def _addressing(self, seen: MessageCheck, parts: MessageParts, media: MediaType | None, standard: Standard) -> None:
        wanted = standard.acceptance
        answer = wanted.relates_to is not None or wanted.faults
        with self._demand(seen, req.ADDRESS):
            addressing, endpoints = read_addressing(parts.addressing, answer=answer)
            seen.message_id = addressing.message_id
            check_destination(addressing.to, wanted.to, answer=answer)
            check_relation(addressing.relates_to, wanted.relates_to)
        if not seen.message_id:
            return
        with self._demand(seen, req.REPLY):
            check_reply_addresses(endpoints, frozenset(), one_way=answer or str(parts.payload.tag) in wanted.one_way)
        with self._demand(seen, req.ACTION):
            self._check_action(parts, addressing, media, seen, wanted, answer=answer)

    def _check_action(
        self,
        parts: MessageParts,
        addressing: Addressing,
        media: MediaType | None,
        seen: MessageCheck,
        wanted: ReceivePolicy,
        *,
        answer: bool,
    ) -> None:
        expected = wanted.operations.get(str(_message(parts, wanted).tag))
        if expected is not None and addressing.action != expected:
            raise AddressingError(f"wsa:Action is {addressing.action!r}, the message goes with {expected!r}")
        if media is not None and media.action is not None:
            check_soap_action(f'"{media.action}"', addressing.action, seen.remarks, required=False)
        required = not answer and parts.version is SoapVersion.SOAP11
        check_soap_action(seen.received.soap_action, addressing.action, seen.remarks, required=required)

    def _content(self, seen: MessageCheck, parts: MessageParts, standard: Standard) -> None:
        payload = seen.payload = _message(parts, standard.acceptance)
        if str(payload.tag).endswith("}Fault"):
            return
        with self._demand(seen, req.SCHEMA):
            schemas.validate(payload)
            seen.metadata = read_metadata(payload)
        if seen.metadata is None:
            return
        given = f"urn:uuid:{seen.metadata.transaction_id}"
        same = _is_urn(seen.message_id) and seen.message_id.lower() == given
        self._say(seen, req.IDENTITY, "" if same else f"the TransactionID is {seen.metadata.transaction_id}")
        self._say(seen, req.METADATA, standard.expected(seen.metadata))

    def _say(self, seen: MessageCheck, requirement: TestRequirement, failure: str) -> None:
        if failure:
            self._fail(seen, requirement, failure)
        else:
            self._ledger.holds(requirement)

    def _gate(self, seen: MessageCheck, standard: Standard) -> None:
        """What the court's own gate says in the end."""
        try:
            seen.believed = open_envelope(
                seen.received,
                trust=standard.trust,
                policy=standard.policy,
                clock=FixedClock(standard.now),
                acceptance=standard.acceptance,
            )
        except CcmsWsError as error:
            if not seen.failed:
                demand = req.ADDRESS if isinstance(error, AddressingError) else req.SECURITY
                self._fail(seen, demand, f"the court's gate refuses it: {error.code}: {error}")


def _message(parts: MessageParts, acceptance: ReceivePolicy) -> _Element:
    """The exchange's own message: the payload, or what a fault that the WSDL declares has in its detail."""
    if not str(parts.payload.tag).endswith("}Fault"):
        return parts.payload
    detail = read_fault(parts.payload).detail
    return parts.payload if detail is None or detail.tag not in acceptance.operations else detail


def _is_urn(text: str) -> bool:
    try:
        UUID(text.removeprefix("urn:uuid:"))
    except ValueError:
        return False
    return text.startswith("urn:uuid:")
