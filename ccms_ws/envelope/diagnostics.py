"""Looking into a message that was refused, for the operator: what its signature claims, and what is there.

Nothing here decides anything, and nothing of it is kept or sent: a refusal keeps no content, so the operator asks the
partner for the message as it was sent.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lxml.etree import _ElementTree

from ccms_ws.clock import SystemClock
from ccms_ws.envelope.checks import Check, Report
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.signature_xml import Reference
from ccms_ws.envelope.signatures import digested
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import CcmsWsError


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """One reference of a signature, and the part that it leads to."""

    element: str
    path: str
    """Where the part stands, as an XPath with positions."""
    digest: str
    """The algorithm's name."""
    signed: str
    """The digest that the message states, in base64."""
    computed: str
    """The digest of the part as it arrived, in base64."""
    canonical: bytes
    """What was digested here: the sender compares it with what it digested."""

    @property
    def fits(self) -> bool:
        return self.signed == self.computed


@dataclass(frozen=True, slots=True)
class SignatureDiagnosis:
    """What can be said of a message without believing it."""

    signed_info: bytes
    """The canonical SignedInfo, which the signature value is over; empty if the message did not get so far."""
    parts: tuple[ReferenceCheck, ...]
    stopped_by: CcmsWsError | None
    """What made it impossible to look further."""


_READ: Final = (Check.XML, Check.STRUCTURE, Check.IDS, Check.SIGNATURE_FORM)
_BY_NOBODY: Final = ReceivePolicy(frozenset(), {}, lambda _partner, _root: False)


def diagnose(raw: bytes, policy: SecurityPolicy) -> SignatureDiagnosis:
    """Open `raw` without a recipient, as far as its signature can be parsed, and show every digest. Raises nothing
    of its own.

    Who signed it, when, and by which HTTP headers it came does not matter here: only what could not be read counts.
    """
    report = Report()
    with suppress(CcmsWsError):
        open_envelope(
            HttpMessage(raw, SoapVersion.SOAP11.media_type), trust=TrustStore([]), policy=policy, clock=SystemClock(),
            acceptance=_BY_NOBODY, report=report,
        )  # fmt: skip
    stopped_by = next((each.error for each in report.results if each.error and each.check in _READ), None)
    if stopped_by is not None or report.claims is None or report.root is None:
        return SignatureDiagnosis(b"", (), stopped_by)
    tree = report.root.getroottree()
    try:
        parts = tuple(_reference_check(reference, tree) for reference in report.claims.references)
    except CcmsWsError as error:
        return SignatureDiagnosis(b"", (), error)
    return SignatureDiagnosis(report.claims.signed_info, parts, None)


def _reference_check(reference: Reference, tree: _ElementTree) -> ReferenceCheck:
    octets, computed = digested(reference)
    signed = b64encode(reference.value).decode()
    path = tree.getpath(reference.target)
    return ReferenceCheck(
        str(reference.target.tag), path, reference.digest, signed, b64encode(computed).decode(), octets
    )


_ADVICE: Final[Mapping[str, str]] = MappingProxyType({
    "envelope.malformed": "The message is not a SOAP envelope as the Basic Profile has it; the rule says where.",
    "envelope.limit-exceeded": "The message is over a structural limit; send less at once.",
    "envelope.version-mismatch": "SOAP version and Content-Type do not belong together.",
    "envelope.header-not-understood": "Do not mark headers mustUnderstand that the published policy does not name.",
    "envelope.not-permitted": "The court has not agreed this exchange with you; ask for it.",
    "addressing.header-missing": "Send wsa:To (the address in the published WSDL), wsa:Action (the one that the WSDL "
    "names) and wsa:MessageID (urn:uuid: and the TransactionID), and sign each; on an answer wsa:RelatesTo. Many "
    "stacks send none of them until WS-Addressing is switched on.",
    "addressing.header-invalid": "Send each WS-Addressing 1.0 header once, with an absolute URI in it; the reason says "
    "which is wrong.",
    "addressing.action-not-supported": "The message belongs to another service or version; the published WSDL lists "
    "the operations of this address.",
    "addressing.action-mismatch": "SOAPAction (in quotes), wsa:Action and the payload must be those of one operation "
    "of the WSDL.",
    "addressing.destination-unreachable": "wsa:To must be the address in the published WSDL, letter by letter.",
    "addressing.reply-address-refused": "Leave out wsa:ReplyTo and wsa:FaultTo, or use the anonymous address; for a "
    "one-way operation the none address is accepted too. wsa:From may name any address.",
    "addressing.answer-unrelated": "wsa:RelatesTo must be the wsa:MessageID of the message that is answered.",
    "addressing.message-id-reused": "Every new message needs a new wsa:MessageID; only a retry keeps it, and its Body.",
    "security.header-invalid": "The security header is not as the published policy asks; the rule says where.",
    "security.algorithm-refused": "Sign with an algorithm of the published policy: SHA-256 or better.",
    "security.token-unsupported": "Name the certificate by a BinarySecurityToken in the message.",
    "security.token-invalid": "The certificate is expired, not yet valid, revoked or unreadable; renew it and send it.",
    "security.token-unavailable": "The signature names a certificate that the court does not have; send it.",
    "security.signer-not-trusted": "The court does not know this certificate; send it, if it is new.",
    "security.signature-invalid": "SignedInfo was changed after it was signed, or signed with another key than the "
    "certificate's; compare the canonical SignedInfo.",
    "security.digest-mismatch": "The part was changed after it was signed (often: pretty-printed, or a prefix moved); "
    "compare the canonical form with what your stack digested.",
    "security.part-not-signed": "Sign Body, Timestamp, token and every wsa header. The token may stay unsigned only if "
    "the court has pinned the certificate in it.",
    "security.timestamp-out-of-range": "Set the clock by NTP, and sign just before sending: a message is valid for 5 "
    "minutes after Created, and a later Expires does not prolong that.",
})  # fmt: skip


def advice(code: str) -> str:
    """Advice for a partner whose message was refused with `code`; "" where the reason suffices."""
    return _ADVICE.get(code, "")
