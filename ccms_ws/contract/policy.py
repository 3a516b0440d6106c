"""The security profile of a service as its WSDL states it (WS-SecurityPolicy 1.2) and as text.

The profile is described here in plain values, so that what is published and what is enforced can be compared: the
services make the description of what they enforce, and refuse to start if their WSDL states another.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import SP, WSA, WSAM, WSP, WSU, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.errors import ContractError

POLICY_ID: Final = "EnvelopePolicy"
BEGIN: Final = (
    "<!-- policy: begin. Generated from what the endpoint enforces (ccms-ws contract policy); not to be edited. -->"
)
END: Final = "<!-- policy: end -->"
_TO_RECIPIENT: Final = SP + "/IncludeToken/AlwaysToRecipient"
_TO_INITIATOR: Final = SP + "/IncludeToken/AlwaysToInitiator"


class SignedPart(Enum):
    """A part of the envelope that must be under the signature; the value is its name in text."""

    BODY = "the Body"
    ADDRESSING = "every WS-Addressing header"
    TIMESTAMP = "the Timestamp"
    TOKEN = "the BinarySecurityToken"  # noqa: S105 - a name, not a secret


# How a signature may name its certificate: the assertion of WS-SecurityPolicy 9 and the words for it.
_REFERENCES: Final = {
    "direct": ("", "a direct reference to that token"),
    "ski": ("MustSupportRefKeyIdentifier", "the subject key identifier"),
    "issuer-serial": ("MustSupportRefIssuerSerial", "issuer and serial number"),
    "thumbprint": ("MustSupportRefThumbprint", "the SHA-1 thumbprint"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WireProfile:
    """The requirements for every envelope of a service. Algorithms are URIs, references the keys of the settings."""

    name: str
    signed: frozenset[SignedPart]
    token_references: frozenset[str]
    signature_methods: frozenset[str]
    digest_methods: frozenset[str]
    lifetime: timedelta
    skew: timedelta


# -- for tools ---------------------------------------------------------------------------------------------------------
def policy_of(profile: WireProfile, *, one_way: bool) -> _Element:
    """The wsp:Policy that states `profile` for a service whose operations are all `one_way`, or not.

    wsam:AnonymousResponses also promises that the none address is accepted (WS-Addressing 1.0 Metadata 3.1.2). That is
    so for one-way operations, for which CXF writes it. A request that waits for its answer must not ask for none:
    the policy of such a service makes no statement about response endpoints.
    """
    policy = etree.Element(
        q(WSP, "Policy"), {q(WSU, "Id"): POLICY_ID}, nsmap={"wsp": WSP, "sp": SP, "wsam": WSAM, "wsu": WSU}
    )
    addressing = _nested(etree.SubElement(policy, q(WSAM, "Addressing")))
    if one_way:
        etree.SubElement(addressing, q(WSAM, "AnonymousResponses"))
    binding = _nested(_assert(policy, "AsymmetricBinding"))
    for owner, included in (("InitiatorToken", _TO_RECIPIENT), ("RecipientToken", _TO_INITIATOR)):
        token = _assert(_nested(_assert(binding, owner)), "X509Token")
        token.set(q(SP, "IncludeToken"), included)
        _assert(_nested(token), "WssX509V3Token10")
    _assert(_nested(_assert(binding, "AlgorithmSuite")), "Basic256Sha256")
    _assert(_nested(_assert(binding, "Layout")), "Strict")
    if SignedPart.TIMESTAMP in profile.signed:
        _assert(binding, "IncludeTimestamp")
    if SignedPart.TOKEN in profile.signed:
        _assert(binding, "ProtectTokens")
    _assert(binding, "OnlySignEntireHeadersAndBody")
    parts = _assert(policy, "SignedParts")
    if SignedPart.BODY in profile.signed:
        _assert(parts, "Body")
    if SignedPart.ADDRESSING in profile.signed:
        _assert(parts, "Header").set("Namespace", WSA)
    supported = _nested(_assert(policy, "Wss11"))
    for reference, (assertion, _) in _REFERENCES.items():
        if assertion and reference in profile.token_references:
            _assert(supported, assertion)
    return policy


def _assert(parent: _Element, name: str) -> _Element:
    return etree.SubElement(parent, q(SP, name))


def _nested(assertion: _Element) -> _Element:
    return etree.SubElement(assertion, q(WSP, "Policy"))


def signed_parts(policy: _Element) -> frozenset[SignedPart]:
    """The parts that a wsp:Policy requires to be signed."""
    paths = {
        SignedPart.BODY: f".//{q(SP, 'SignedParts')}/{q(SP, 'Body')}",
        SignedPart.ADDRESSING: f".//{q(SP, 'SignedParts')}/{q(SP, 'Header')}[@Namespace='{WSA}']",
        SignedPart.TIMESTAMP: f".//{q(SP, 'IncludeTimestamp')}",
        SignedPart.TOKEN: f".//{q(SP, 'ProtectTokens')}",
    }
    return frozenset(part for part, path in paths.items() if policy.find(path) is not None)


def published_policy(wsdl: Path) -> _Element | None:
    """The policy that a WSDL file states, as `policy_of` writes it; None if it states none."""
    return catalog.parse(wsdl).find(f"{q(WSP, 'Policy')}[@{q(WSU, 'Id')}='{POLICY_ID}']")


def check_published_policy(wsdl: Path, profile: WireProfile) -> None:
    """Raise ContractError unless the WSDL states exactly what `profile` describes."""
    stated, expected = published_policy(wsdl), policy_of(profile, one_way=load_wsdl(wsdl).one_way)
    if stated is None or _canonical(stated) != _canonical(expected):
        raise ContractError(
            f"{wsdl.name} states another security policy than the endpoint enforces",
            hint="ccms-ws contract policy --write brings the WSDLs up to date",
        )


def write_policy(wsdl: Path, profile: WireProfile) -> bool:
    """Put the policy of `profile` between the markers of a WSDL file. True if the file changed."""
    text = wsdl.read_text("utf-8")
    begin, end = text.find("<!-- policy: begin"), text.find(END)
    if begin < 0 or end < begin:
        raise ContractError(f"{wsdl.name} has no place for a policy", hint=f"mark it with {BEGIN} and {END}")
    changed = f"{text[:begin]}{BEGIN}\n{_policy_text(wsdl, profile)}  {text[end:]}"
    if changed != text:
        wsdl.write_text(changed, encoding="utf-8")
    return changed != text


def _policy_text(wsdl: Path, profile: WireProfile) -> str:
    """The policy as it stands in a WSDL file: two spaces a level, namespaces declared by wsdl:definitions."""
    policy = policy_of(profile, one_way=load_wsdl(wsdl).one_way)
    etree.indent(policy, "  ")
    text = etree.tostring(policy, encoding="unicode")
    for prefix, uri in policy.nsmap.items():
        text = text.replace(f' xmlns:{prefix}="{uri}"', "")
    return textwrap.indent(text, "  ") + "\n"


def _canonical(policy: _Element) -> bytes:
    blank = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    return etree.tostring(
        etree.fromstring(etree.tostring(policy, with_tail=False), blank), method="c14n", exclusive=True
    )


# -- for people --------------------------------------------------------------------------------------------------------
def in_words(profile: WireProfile) -> Iterator[tuple[str, str]]:
    """The requirements, as pairs of a heading and its sentences."""
    names = [words for reference, (_, words) in _REFERENCES.items() if reference in profile.token_references]
    yield "Header", "One wsse:Security header with mustUnderstand. It holds the Timestamp, the token and the signature."
    yield (
        "Timestamp",
        (
            "Created and Expires in UTC. A message is valid until Expires, and for "
            f"{_duration(profile.lifetime)} after Created at most. "
            f"The clocks of both sides may differ by {_duration(profile.skew)}."
        ),
    )
    yield "Certificate", (
        "An X.509v3 BinarySecurityToken with the certificate that the court knows you by. "
        f"The signature names it by {', '.join(names[:-1])} or {names[-1]}." if len(names) > 1 else
        f"A certificate that the court knows you by; the signature names it by {names[0]}."
    )  # fmt: skip
    yield (
        "Signed",
        (
            f"One ds:Signature over {_list([part.value for part in SignedPart if part in profile.signed])}. "
            "A token that is not signed is tolerated if the court has pinned the certificate in it."
        ),
    )
    yield (
        "Algorithms",
        (
            f"Exclusive canonicalization; {_list(_algorithms(profile.signature_methods), 'or')} "
            f"(RSA keys of 2048 bits or more); digests {_list(_algorithms(profile.digest_methods), 'or')}. "
            "No algorithm suite of WS-SecurityPolicy names these signature algorithms; Basic256Sha256 is the nearest."
        ),
    )
    yield (
        "Addressing",
        (
            "wsa:To (the address of the service), wsa:Action and wsa:MessageID are required; wsa:ReplyTo and "
            "wsa:FaultTo, if given, are the anonymous address; of a one-way operation they may be the none address. "
            "wsa:From may be any address. wsa:MessageID is urn:uuid: and the TransactionID of the message."
        ),
    )
    yield (
        "Answers",
        (
            "The court signs its answers in the same way. A refusal before it knows who asks is not signed; it holds a "
            "code, a sentence and an incident id."
        ),
    )


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds // 60} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds} seconds"


def _algorithms(uris: frozenset[str]) -> list[str]:
    """The usual names. The URIs of RSA-PSS name the digest first: ...#sha256-rsa-MGF1."""
    names = (uri.rpartition("#")[2].upper() for uri in uris)
    return sorted(f"RSA-PSS-{name.partition('-')[0]}" if name.endswith("-RSA-MGF1") else name for name in names)


def _list(words: list[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
