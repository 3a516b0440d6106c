"""SOAP faults: the only place that maps an error to its fault and to the text that is sent about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from lxml import etree
from lxml.etree import _Element

from ccms_ws import errors
from ccms_ws.contract.namespaces import FAULT, WSA, WSA_FAULT_ACTION, WSA_SOAP_FAULT_ACTION, WSSE, WSU, XML
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import CcmsWsError, MalformedEnvelope

_PREFIXES: Final = {"wsse": WSSE, "wsu": WSU, "wsa": WSA}
_SOAP11_CODES: Final = {"Sender": "Client", "Receiver": "Server"}

_HEADER: Final = "The security header is not as the published policy asks."
_SIGNER: Final = "The signer could not be authenticated."
_SIGNATURE: Final = "The signature does not vouch for the message as it arrived."
_OURS: Final = "The endpoint cannot process the message."


class _Rule(NamedTuple):
    code: str
    """SOAP 1.2 fault code; SOAP 1.1's Client and Server are Sender and Receiver."""
    subcodes: Sequence[str] = ()
    """From the general to the special. SOAP 1.1 has room for the first, which takes the place of the code."""
    sentence: str = ""
    """The text sent to an unauthenticated sender. Empty: the first line of the error's docstring."""


# Every error is looked up here by its class, then by its bases.
_RULES: Final[dict[type[CcmsWsError], _Rule]] = {
    errors.CcmsWsError: _Rule("Receiver", sentence=_OURS),
    errors.HttpRefusal: _Rule("Sender"),
    errors.Overloaded: _Rule("Receiver", ["wsa:EndpointUnavailable"]),
    errors.SchemaViolated: _Rule("Sender"),
    errors.UnknownMessage: _Rule("Sender"),
    errors.EnvelopeError: _Rule("Sender"),
    errors.SoapVersionMismatch: _Rule("VersionMismatch"),
    errors.HeaderNotUnderstood: _Rule("MustUnderstand"),
    errors.AddressingError: _Rule("Sender", ["wsa:InvalidAddressingHeader"]),
    errors.AddressingHeaderMissing: _Rule("Sender", ["wsa:MessageAddressingHeaderRequired"]),
    errors.AddressingHeaderInvalid: _Rule("Sender", ["wsa:InvalidAddressingHeader"]),
    errors.ActionMismatch: _Rule("Sender", ["wsa:InvalidAddressingHeader", "wsa:ActionMismatch"]),
    errors.ActionNotSupported: _Rule("Sender", ["wsa:ActionNotSupported"]),
    errors.DestinationUnreachable: _Rule("Sender", ["wsa:DestinationUnreachable"]),
    errors.ReplyAddressRefused: _Rule("Sender", ["wsa:InvalidAddressingHeader", "wsa:OnlyAnonymousAddressSupported"]),
    errors.MessageIdReused: _Rule("Sender", ["wsa:InvalidAddressingHeader", "wsa:DuplicateMessageID"]),
    errors.AnswerUnrelated: _Rule("Sender", ["wsa:InvalidAddressingHeader"]),
    errors.SecurityError: _Rule("Sender", ["wsse:InvalidSecurity"], _HEADER),
    errors.SecurityHeaderInvalid: _Rule("Sender", ["wsse:InvalidSecurity"], _HEADER),
    errors.AlgorithmRefused: _Rule("Sender", ["wsse:UnsupportedAlgorithm"], _HEADER),
    errors.TokenUnsupported: _Rule("Sender", ["wsse:UnsupportedSecurityToken"], _HEADER),
    errors.TokenInvalid: _Rule("Sender", ["wsse:InvalidSecurityToken"], _SIGNER),
    errors.TokenUnavailable: _Rule("Sender", ["wsse:SecurityTokenUnavailable"], _SIGNER),
    errors.SignerNotTrusted: _Rule("Sender", ["wsse:FailedAuthentication"], _SIGNER),
    errors.SignatureInvalid: _Rule("Sender", ["wsse:FailedCheck"], _SIGNATURE),
    errors.DigestMismatch: _Rule("Sender", ["wsse:FailedCheck"], _SIGNATURE),
    errors.PartNotSigned: _Rule("Sender", ["wsse:FailedCheck"], _SIGNATURE),
    errors.TimestampOutOfRange: _Rule("Sender", ["wsu:MessageExpired"]),
    errors.ExchangeError: _Rule("Sender"),
    errors.StoreUnavailable: _Rule("Receiver", ["wsa:EndpointUnavailable"], _OURS),
}


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault that was received; nothing in it is more than the sender's claim.

    Names are in Clark notation. One with a prefix that no signature binds stands as it was written
    ("wsse:FailedCheck"): of it only the local name is the sender's own.
    """

    code: str
    subcode: str | None
    reason: str
    detail: _Element | None
    """The first child of the detail, in the very tree that was opened."""
    deeper: tuple[str, ...] = ()
    """The subcodes below `subcode`, from the general to the special."""


def compose_fault(
    error: CcmsWsError, incident_id: str, version: SoapVersion, exchange_detail: _Element | None = None
) -> _Element:
    """The Fault element for `error`: a Body payload.

    Its detail is `exchange_detail` (an exchange's own error message: the one part that its WSDL declares), or else
    `fault:FaultDetail{ErrorCode, ErrorReason, IncidentID}`. Only the public sentence of the condition is shown.
    """
    rule = _rule(error)
    reason = public_reason(error)
    prefixes = {code.partition(":")[0] for code in rule.subcodes}
    soap = version.namespace
    fault = etree.Element(f"{{{soap}}}Fault", nsmap={"soap": soap} | {name: _PREFIXES[name] for name in prefixes})
    if version is SoapVersion.SOAP11:
        code = f"soap:{_SOAP11_CODES.get(rule.code, rule.code)}"
        etree.SubElement(fault, "faultcode").text = rule.subcodes[0] if rule.subcodes else code
        etree.SubElement(fault, "faultstring").text = reason
        detail = etree.SubElement(fault, "detail")
    else:
        parent = etree.SubElement(fault, f"{{{soap}}}Code")
        etree.SubElement(parent, f"{{{soap}}}Value").text = f"soap:{rule.code}"
        for subcode in rule.subcodes:
            parent = etree.SubElement(parent, f"{{{soap}}}Subcode")
            etree.SubElement(parent, f"{{{soap}}}Value").text = subcode
        text = etree.SubElement(etree.SubElement(fault, f"{{{soap}}}Reason"), f"{{{soap}}}Text")
        text.set(f"{{{XML}}}lang", "en")
        text.text = reason
        detail = etree.SubElement(fault, f"{{{soap}}}Detail")
    detail.append(_fault_detail(error.code, reason, incident_id) if exchange_detail is None else exchange_detail)
    return fault


def _fault_detail(code: str, reason: str, incident_id: str) -> _Element:
    detail = etree.Element(f"{{{FAULT}}}FaultDetail", nsmap={"fault": FAULT})
    for name, value in (("ErrorCode", code), ("ErrorReason", reason), ("IncidentID", incident_id)):
        etree.SubElement(detail, f"{{{FAULT}}}{name}").text = value
    return detail


def fault_action(error: CcmsWsError) -> str:
    """The wsa:Action of the fault for `error` (WS-Addressing 1.0 SOAP Binding, 5)."""
    return WSA_FAULT_ACTION if any(code.startswith("wsa:") for code in _rule(error).subcodes) else WSA_SOAP_FAULT_ACTION


def public_reason(error: CcmsWsError) -> str:
    """The public description of `error`: the only text about it that is sent to a partner."""
    return _rule(error).sentence or (type(error).__doc__ or "").partition("\n")[0]


def _rule(error: CcmsWsError) -> _Rule:
    return next(_RULES[kind] for kind in type(error).__mro__ if kind in _RULES)


def read_fault(element: _Element, signed: bytes | None = None) -> SoapFault:
    """Read a soap:Fault of either version. Errors: `MalformedEnvelope` if it is none.

    `signed`: the canonical octets of its Body, if that is signed. The codes are read from them, because exclusive C14N
    leaves out the declaration of a prefix that is used in values alone, and anyone on the way can bind it to another
    namespace. A code whose prefix the octets do not bind is returned as it was written.
    """
    codes = element if signed is None else _signed_fault(element, signed)
    namespace = etree.QName(element).namespace
    if element.tag == f"{{{SoapVersion.SOAP11.value}}}Fault":
        reason, detail = element.find("faultstring"), element.find("detail")
        code = codes.find("faultcode")
        subcodes = []
    elif element.tag == f"{{{SoapVersion.SOAP12.value}}}Fault":
        soap = f"{{{namespace}}}"
        code = codes.find(f"{soap}Code/{soap}Value")
        subcodes = list(_read_subcodes(codes, soap))
        reason = element.find(f"{soap}Reason/{soap}Text")
        detail = element.find(f"{soap}Detail")
    else:
        raise MalformedEnvelope(f"{element.tag} is not a SOAP fault")
    if code is None or reason is None:
        raise MalformedEnvelope("a SOAP fault without code or reason", rule="BP R1000")
    return SoapFault(
        _read_name(code),
        subcodes[0] if subcodes else None,
        (reason.text or "").strip(),
        detail[0] if detail is not None and len(detail) else None,
        tuple(subcodes[1:]),
    )


def _read_subcodes(fault: _Element, soap: str) -> Iterator[str]:
    """From the general to the special: each stands in the one before (SOAP 1.2 Part 1, 5.4.1)."""
    code = fault.find(f"{soap}Code/{soap}Subcode")
    while code is not None:
        value = code.find(f"{soap}Value")
        if value is not None:
            yield _read_name(value)
        code = code.find(f"{soap}Subcode")


def _signed_fault(fault: _Element, signed: bytes) -> _Element:
    found = etree.fromstring(signed, new_parser()).find(str(fault.tag))
    if found is None:
        raise MalformedEnvelope("the fault is not what was signed")
    return found


def _read_name(element: _Element) -> str:
    """A QName value in Clark notation; as it stands if its prefix is not declared."""
    text = (element.text or "").strip()
    prefix, separator, name = text.partition(":")
    namespace = element.nsmap.get(prefix if separator else None)
    return f"{{{namespace}}}{name if separator else prefix}" if namespace else text
