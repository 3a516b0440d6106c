"""Security tokens: the certificate in the message, and the reference by which a signature names it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from cryptography import x509
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSSE, WSU
from ccms_ws.envelope.base64_text import octets_of, text_of
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap_parts import Q_ID, MessageParts
from ccms_ws.envelope.trust import UNREADABLE, Signer, TrustStore
from ccms_ws.errors import SecurityHeaderInvalid, SignerNotTrusted, TokenInvalid, TokenUnavailable, TokenUnsupported

_X509_PROFILE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#"
X509V3: Final = _X509_PROFILE + "X509v3"
KEY_IDENTIFIER: Final = _X509_PROFILE + "X509SubjectKeyIdentifier"
THUMBPRINT: Final = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
BASE64: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

_Q_STR: Final = f"{{{WSSE}}}SecurityTokenReference"
_Q_REFERENCE: Final = f"{{{WSSE}}}Reference"
_Q_KEY_IDENTIFIER: Final = f"{{{WSSE}}}KeyIdentifier"
_Q_X509_DATA: Final = f"{{{DS}}}X509Data"
_Q_ISSUER_SERIAL: Final = f"{{{DS}}}X509IssuerSerial"
_LONGEST_CERTIFICATE: Final = 16 * 1024
"""Octets of a certificate that is not pinned: reading one takes time in proportion to its names and extensions."""
_ISSUER_SERIAL_CHILDREN: Final = [f"{{{DS}}}X509IssuerName", f"{{{DS}}}X509SerialNumber"]


def write_token(identity: Identity, token_id: str) -> str:
    """A BinarySecurityToken with the identity's certificate, in its canonical form."""
    return (
        f'<wsse:BinarySecurityToken xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" EncodingType="{BASE64}"'
        f' ValueType="{X509V3}" wsu:Id="{token_id}">{identity.certificate_text}</wsse:BinarySecurityToken>'
    )


def write_token_reference(identity: Identity, kind: TokenReference, token_id: str) -> str:
    """The SecurityTokenReference of the KeyInfo."""
    if kind is TokenReference.DIRECT:
        inner = f'<wsse:Reference URI="#{token_id}" ValueType="{X509V3}"></wsse:Reference>'
    elif kind is TokenReference.KEY_IDENTIFIER:
        inner = _key_identifier(KEY_IDENTIFIER, identity.key_identifier_text)
    elif kind is TokenReference.THUMBPRINT:
        inner = _key_identifier(THUMBPRINT, identity.thumbprint_text)
    else:
        inner = (
            "<ds:X509Data><ds:X509IssuerSerial>"
            f"<ds:X509IssuerName>{escape(identity.certificate.issuer.rfc4514_string())}</ds:X509IssuerName>"
            f"<ds:X509SerialNumber>{identity.certificate.serial_number}</ds:X509SerialNumber>"
            "</ds:X509IssuerSerial></ds:X509Data>"
        )
    return f"<wsse:SecurityTokenReference>{inner}</wsse:SecurityTokenReference>"


def _key_identifier(value_type: str, text: str) -> str:
    return f'<wsse:KeyIdentifier EncodingType="{BASE64}" ValueType="{value_type}">{text}</wsse:KeyIdentifier>'


def resolve_signer(
    key_info: _Element,
    parts: MessageParts,
    *,
    trust: TrustStore,
    policy: SecurityPolicy,
    now: datetime,
    remarks: list[str],
) -> Signer:
    """Token -> certificate -> partner. The signer is trusted and its certificate valid at `now`.

    Errors: `SecurityHeaderInvalid`, `TokenUnsupported`, `TokenInvalid`, `TokenUnavailable`, `SignerNotTrusted`.
    What is only discouraged is added to `remarks`.
    """
    reference = _the_reference(key_info)
    if reference.tag == _Q_REFERENCE:
        kind, signer = TokenReference.DIRECT, _by_token(reference, parts, trust, now, remarks)
    elif parts.token is not None:
        raise SecurityHeaderInvalid(
            f"the message holds a BinarySecurityToken, and the signature names its certificate by {reference.tag}",
            rule="BSP R3022", hint="name the token by a wsse:Reference, or leave the token out",
        )  # fmt: skip
    elif reference.tag == _Q_KEY_IDENTIFIER:
        kind, signer = _by_key_identifier(reference, trust, remarks)
    elif reference.tag == _Q_X509_DATA:
        kind, signer = TokenReference.ISSUER_SERIAL, _by_issuer_serial(reference, trust)
    else:
        raise TokenUnsupported(f"{reference.tag} in a SecurityTokenReference", rule="BSP R3027")
    if kind not in policy.token_references:
        raise TokenUnsupported(f"the policy does not accept token references of kind {kind.value}")
    signer.check(now)
    return signer


def _the_reference(key_info: _Element) -> _Element:
    if len(key_info) != 1:
        raise SecurityHeaderInvalid(f"{len(key_info)} elements in KeyInfo, one is expected", rule="BSP R5402")
    if key_info[0].tag != _Q_STR:
        raise TokenUnsupported(f"{key_info[0].tag} in KeyInfo, a SecurityTokenReference is expected", rule="BSP R5417")
    if len(key_info[0]) != 1:
        raise SecurityHeaderInvalid(f"{len(key_info[0])} elements in a SecurityTokenReference", rule="BSP R3061")
    return key_info[0][0]


def _by_token(reference: _Element, parts: MessageParts, trust: TrustStore, now: datetime, remarks: list[str]) -> Signer:
    uri = reference.get("URI")
    if not uri:
        raise SecurityHeaderInvalid("a wsse:Reference without a URI", rule="BSP R3062")
    _check_type(reference, "ValueType", X509V3, ("BSP R3059", "BSP R3058"), remarks)
    token = parts.token
    if token is None or uri != f"#{token.get(Q_ID)}":
        raise TokenUnavailable(f"the reference {uri[:80]!r} leads to no token in the Security header", rule="BSP R5204")
    _check_type(token, "ValueType", X509V3, ("BSP R3031", "BSP R3032"), remarks)
    _check_type(token, "EncodingType", BASE64, ("BSP R3029", "BSP R3030"), remarks)
    if not any(sibling is parts.signature for sibling in token.itersiblings()):
        remarks.append("BSP R5205: the token stands after the signature that refers to it")
    der = octets_of(token)
    signer = trust.by_der(der) or (trust.by_authority(der, now) if len(der) <= _LONGEST_CERTIFICATE else None)
    if signer is None:
        raise _unknown(der)
    return signer


def _unknown(der: bytes) -> TokenInvalid | SignerNotTrusted:
    """Why no partner matches the certificate. Shown to the operator, who may want to pin it."""
    if len(der) > _LONGEST_CERTIFICATE:
        return TokenInvalid(f"a token of {len(der)} octets, {_LONGEST_CERTIFICATE} are read", rule="BSP R3033")
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject = certificate.subject.rfc4514_string()
        return SignerNotTrusted(
            f"no partner signs with the certificate of {subject}, serial number {certificate.serial_number:x}",
            hint="if the partner has renewed its certificate, pin the new one beside the old",
        )
    except UNREADABLE as error:
        return TokenInvalid(f"the token is not an X.509 certificate: {error}", rule="BSP R3033")


def _by_key_identifier(reference: _Element, trust: TrustStore, remarks: list[str]) -> tuple[TokenReference, Signer]:
    value_type = reference.get("ValueType")
    _check_type(reference, "EncodingType", BASE64, ("BSP R3070", "BSP R3071"), remarks)
    identifier = octets_of(reference)
    if value_type == KEY_IDENTIFIER:
        kind, signer = TokenReference.KEY_IDENTIFIER, trust.by_key_identifier(identifier)
    elif value_type == THUMBPRINT:
        kind, signer = TokenReference.THUMBPRINT, trust.by_thumbprint(identifier)
    else:
        raise TokenUnsupported(
            f"a KeyIdentifier of type {value_type!r}", rule="BSP R3063" if value_type else "BSP R3054"
        )
    if signer is None:
        raise TokenUnavailable(f"no pinned certificate has the {kind.value} {identifier.hex()[:80]}", rule="WSS 7.3")
    return kind, signer


def _by_issuer_serial(data: _Element, trust: TrustStore) -> Signer:
    if len(data) != 1 or data[0].tag != _Q_ISSUER_SERIAL:
        raise TokenUnsupported("X509Data holds something else than one X509IssuerSerial", rule="BSP R5409")
    if [child.tag for child in data[0]] != _ISSUER_SERIAL_CHILDREN:
        raise SecurityHeaderInvalid("X509IssuerSerial is a name and a number", rule="BSP R5409")
    issuer, serial = (text_of(child).strip() for child in data[0])
    # A serial number has at most 20 octets (RFC 5280 4.1.2.2), which is 49 digits.
    if not (serial.isascii() and serial.isdigit() and len(serial) <= 49):
        raise SecurityHeaderInvalid(f"not a serial number: {serial[:60]!r}", rule="BSP R5409")
    signer = trust.by_issuer_serial(issuer, int(serial))
    if signer is None:
        raise TokenUnavailable(
            f"no pinned certificate has the serial number {serial} of {issuer[:200]!r}", rule="WSS 7.3"
        )
    return signer


def _check_type(element: _Element, attribute: str, expected: str, rules: tuple[str, str], remarks: list[str]) -> None:
    """BSP wants the attribute; several stacks leave it out where it can only mean one thing.

    `rules`: that it is there, and that it is right.
    """
    value = element.get(attribute)
    if value is None:
        remarks.append(f"{rules[0]}: no {attribute} on {element.tag}")
    elif value != expected:
        raise TokenUnsupported(f"{attribute} {value!r} on {element.tag}", rule=rules[1])
