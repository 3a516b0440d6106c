"""One message of a partner, looked at requirement by requirement, where the court would stop at the first failure.

The checks are those of `open_envelope`, which reports the result of each; what an earlier failure hides is left out.
Schema, ids and metadata come on top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import FixedClock
from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.findings import CheckResults
from ccms_ws.conformance.requirements import TestRequirement
from ccms_ws.contract import schemas
from ccms_ws.envelope.checks import Check, CheckResult, Report
from ccms_ws.envelope.faults import read_fault
from ccms_ws.envelope.inbound import UNSIGNED_PIN, HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.signature_xml import ParsedSignature
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.soap_parts import MessageParts
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import (
    ActionNotSupported,
    AddressingError,
    AlgorithmRefused,
    CcmsWsError,
    PartNotSigned,
    SecurityError,
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


_REQUIREMENTS: Final = {
    Check.MEDIA_TYPE: req.MEDIA,
    Check.XML: req.XML,
    Check.STRUCTURE: req.STRUCTURE,
    Check.VERSION: req.STRUCTURE,
    Check.IDS: req.SECURITY,
    Check.SIGNATURE_FORM: req.ALGORITHMS,
    Check.CERTIFICATE: req.CERTIFICATE,
    Check.SIGNATURE_VALUE: req.SIGNATURE,
    Check.DIGESTS: req.SIGNATURE,
    Check.TIMESTAMP: req.TIMESTAMP,
    Check.FRESHNESS: req.FRESH,
    Check.ADDRESSING: req.ADDRESS,
    Check.OPERATION: req.ACTION,
    Check.SOAP_ACTION: req.ACTION,
    Check.DESTINATION: req.ADDRESS,
    Check.RELATION: req.ADDRESS,
    Check.REPLY_ADDRESSES: req.REPLY,
}
"""What each check of `open_envelope` shows. Of the signed parts each has a requirement of its own (`_coverage`)."""


class Examiner:
    """Looks at messages and notes what it finds in `ledger`."""

    def __init__(self, ledger: CheckResults) -> None:
        self._ledger = ledger

    def examine(self, received: HttpMessage, standard: Standard) -> MessageCheck:
        """Every demand on one message."""
        seen, report = MessageCheck(received), Report()
        refused: CcmsWsError | None = None
        try:
            seen.believed = open_envelope(
                received, trust=standard.trust, policy=standard.policy, clock=FixedClock(standard.now),
                acceptance=standard.acceptance, report=report,
            )  # fmt: skip
        except CcmsWsError as error:
            refused = error
        if report.addressing is not None:
            seen.message_id = report.addressing.message_id
        seen.remarks = [remark for remark in report.remarks if remark != UNSIGNED_PIN]
        for result in report.results:
            self._result(seen, result)
        if isinstance(report.parts, MessageParts):
            seen.version = report.parts.version
            if report.claims is not None:
                self._coverage(seen, report.parts, report.claims)
            self._content(seen, report.parts, standard)
            if report.addressing is not None:
                self._fault_action(seen, report.addressing.action, standard.acceptance)
            self._precision(seen)
        if refused is not None and not seen.failed:
            demand = req.ADDRESS if isinstance(refused, AddressingError) else req.SECURITY
            self._fail(seen, demand, f"the court refuses it: {refused.code}: {refused}")
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

    def _result(self, seen: MessageCheck, result: CheckResult) -> None:
        """Note one result under its requirement, or under that which the error is about."""
        requirement = _REQUIREMENTS.get(result.check)
        if requirement is None or isinstance(result.error, ActionNotSupported):
            # Another message than those expected: its schema says more about it, and the refusal is noted in the end.
            return
        if result.error is None:
            self._ledger.holds(requirement)
            return
        broken = _broken(result.check, result.error) or requirement
        if broken is not requirement and requirement is req.STRUCTURE:
            self._ledger.holds(requirement)
        self._fail(seen, broken, str(result.error))

    def _precision(self, seen: MessageCheck) -> None:
        if seen.remarks:
            self._ledger.fails(req.PRECISION, f"{seen.message_id or 'a message'}: {'; '.join(seen.remarks)}")
        else:
            self._ledger.holds(req.PRECISION)

    def _coverage(self, seen: MessageCheck, parts: MessageParts, claims: ParsedSignature) -> None:
        """Which parts the signature claims to cover, one by one: also of a signature that does not verify."""
        signed = [reference.target for reference in claims.references]
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

    def _fault_action(self, seen: MessageCheck, action: str, acceptance: ReceivePolicy) -> None:
        """A declared fault has the action that its WSDL declares: the court accepts any, other partners do not."""
        expected = None if seen.payload is None else acceptance.operations.get(str(seen.payload.tag))
        if expected not in {None, action}:
            self._fail(seen, req.ACTION, f"wsa:Action is {action!r}, the message goes with {expected!r}")

    def _say(self, seen: MessageCheck, requirement: TestRequirement, failure: str) -> None:
        if failure:
            self._fail(seen, requirement, failure)
        else:
            self._ledger.holds(requirement)


def _broken(check: Check, error: CcmsWsError) -> TestRequirement | None:
    """The requirement that an error is about, where the check has several."""
    if check is Check.STRUCTURE:
        if isinstance(error, SecurityError):
            return req.SECURITY
        return req.ADDRESS if isinstance(error, AddressingError) else None
    if check is Check.SIGNATURE_FORM and not isinstance(error, AlgorithmRefused):
        return req.SIGNED_BODY if isinstance(error, PartNotSigned) else req.SECURITY
    return None


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
