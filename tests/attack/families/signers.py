"""Who signed, and when."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from ccms_ws.clock import FixedClock
from ccms_ws.contract.namespaces import DS, WSSE
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.tokens import THUMBPRINT, X509V3
from ccms_ws.errors import (
    NotPermitted,
    SecurityHeaderInvalid,
    SignatureInvalid,
    SignerNotTrusted,
    TimestampOutOfRange,
    TokenInvalid,
    TokenUnavailable,
    TokenUnsupported,
)
from tests.attack.attack import Attack, after_seal, before_sign, change, part
from tests.support.envelopes import POLICY, QUERY, acceptance, parsed, sealed
from tests.support.layouts import TIMESTAMP, Layout
from tests.support.oracles import libxmlsec_sign
from tests.support.pki import NOW, pki

_CREATED = "<wsu:Created>2026-03-02T17:30:00Z</wsu:Created>"
_EXPIRES = "<wsu:Expires>2026-03-02T17:35:00Z</wsu:Expires>"
_TIMESTAMPS = {
    "without Created": (_CREATED, ""),
    "without Expires": (_EXPIRES, ""),
    "with Expires first": (_CREATED + _EXPIRES, _EXPIRES + _CREATED),
    "with two Created": (_CREATED, _CREATED * 2),
    "with two Expires": (_EXPIRES, _EXPIRES * 2),
    "with something else": (_EXPIRES, _EXPIRES + "<wsu:Other/>"),
    "without time zone": ("17:30:00Z", "17:30:00"),
    "in another zone": ("17:30:00Z", "17:30:00+00:00"),
    "with a leap second": ("17:30:00Z", "17:29:60Z"),
    "whose Expires has a leap second": ("17:35:00Z", "17:34:60Z"),
    "whose Expires is in another zone": ("17:35:00Z", "17:35:00+00:00"),
    "whose Expires has a ValueType": ("<wsu:Expires>", '<wsu:Expires ValueType="xsd:string">'),
    "of no day": ("2026-03-02T17:30", "2026-02-30T17:30"),
    "in other digits": ("2026-03-02T17:30", "\uff12026-03-02T17:30"),
    "with a ValueType": ("<wsu:Created>", '<wsu:Created ValueType="xsd:string">'),
    "with an element inside": ("<wsu:Created>", "<wsu:Created><x/>"),
}
assert _CREATED + _EXPIRES in TIMESTAMP


def _key_info(content: str) -> Callable[[], bytes]:
    """A message without token, whose KeyInfo holds `content`."""

    def make() -> bytes:
        root = parsed(to_bytes(sealed(reference=TokenReference.THUMBPRINT)))
        key_info = part(root, "KeyInfo")
        key_info.remove(key_info[0])
        key_info.extend(etree.fromstring(f'<a xmlns:ds="{DS}" xmlns:wsse="{WSSE}">{content}</a>'))
        return etree.tostring(root)

    return make


def _of_another_version() -> bytes:
    # A version is [0] { INTEGER 2 } in the front of the certificate.
    der = (
        pki()
        .stranger.certificate.public_bytes(Encoding.DER)
        .replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x12", 1)
    )
    return change(Layout().text(), (pki().probation.certificate_text, b64encode(der).decode()))


def _reference(content: str) -> str:
    return f"<wsse:SecurityTokenReference>{content}</wsse:SecurityTokenReference>"


def _only_probation(partner: str, root: str) -> bool:
    return (partner, root) == ("adult-probation", QUERY)


ATTACKS = [
    Attack(15, "a token far larger than a certificate", after_seal((">MII", f">{'AAAA' * 6000}MII")), TokenInvalid),
    *(
        Attack(
            15,
            f"the issuer's name with a flood of {name}",
            after_seal(
                ("<ds:X509IssuerName>", f"<ds:X509IssuerName>CN=x{flood}"), reference=TokenReference.ISSUER_SERIAL
            ),
            TokenUnavailable,
        )
        for name, flood in (("quotes", '\\"' * 12_000), ("blanks", " " * 20_000))
    ),
    Attack(
        15,
        "a self-signed certificate with the partner's name",
        lambda: to_bytes(sealed(by=pki().identity("adult-probation", "p256", own_authority=True))),
        SignerNotTrusted,
    ),
    Attack(15, "a certificate that nobody pinned", lambda: to_bytes(sealed(by=pki().stranger)), SignerNotTrusted),
    Attack(
        15,
        "the partner's certificate over a stranger's signature",
        lambda: libxmlsec_sign(Layout().text(), pki().court),
        SignatureInvalid,
    ),
    *(
        Attack(15, f"KeyInfo with {name}", _key_info(content), answer)
        for name, content, answer in (
            ("KeyValue", "<ds:KeyValue/>", TokenUnsupported),
            ("X509Data", "<ds:X509Data/>", TokenUnsupported),
            ("RetrievalMethod", '<ds:RetrievalMethod URI="#x"/>', TokenUnsupported),
            ("KeyInfo", "<ds:KeyInfo/>", TokenUnsupported),
            ("nothing", "", SecurityHeaderInvalid),
            ("KeyName beside a reference", "<ds:KeyName/>" + _reference("<ds:KeyName/>"), SecurityHeaderInvalid),
            ("KeyName in a reference", _reference("<ds:KeyName>court</ds:KeyName>"), TokenUnsupported),
            ("an embedded token", _reference("<wsse:Embedded/>"), TokenUnsupported),
            ("an empty reference", _reference(""), SecurityHeaderInvalid),
            ("two references in one", _reference("<wsse:Reference/><wsse:Reference/>"), SecurityHeaderInvalid),
            ("a reference without URI", _reference("<wsse:Reference/>"), SecurityHeaderInvalid),
            ("a reference to outside", _reference('<wsse:Reference URI="http://x/"/>'), TokenUnavailable),
            (
                "a key identifier of no type",
                _reference("<wsse:KeyIdentifier>AA==</wsse:KeyIdentifier>"),
                TokenUnsupported,
            ),
            (
                "an issuer without serial",
                _reference("<ds:X509Data><ds:X509IssuerSerial/></ds:X509Data>"),
                SecurityHeaderInvalid,
            ),
            ("X509SKI", _reference("<ds:X509Data><ds:X509SKI>AA==</ds:X509SKI></ds:X509Data>"), TokenUnsupported),
            (
                "a serial number of 5,000 digits",
                _reference(
                    "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>"
                    f"<ds:X509SerialNumber>{'9' * 5000}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>"
                ),
                SecurityHeaderInvalid,
            ),
        )
    ),
    *(
        Attack(
            15,
            f"a {kind.value} of nobody",
            lambda kind=kind: to_bytes(sealed(by=pki().stranger, reference=kind)),  # type: ignore[misc]
            TokenUnavailable,
        )
        for kind in TokenReference
        if kind is not TokenReference.DIRECT
    ),
    Attack(15, "a token that is no certificate", before_sign((">MII", ">AAA")), TokenInvalid),
    Attack(15, "a certificate of a version that does not exist", _of_another_version, TokenInvalid),
    Attack(15, "a token that is not base64", before_sign((">MII", ">M*I")), SecurityHeaderInvalid),
    Attack(15, "a token of another type", before_sign(("#X509v3", "#X509PKIPathv1")), TokenUnsupported),
    Attack(15, "a token in another encoding", before_sign(("#Base64Binary", "#HexBinary")), TokenUnsupported),
    Attack(
        15,
        "a reference to a token of another type",
        before_sign(('#X509" ValueType="' + X509V3, '#X509" ValueType="urn:x')),
        TokenUnsupported,
    ),
    Attack(
        15,
        "a key identifier in another encoding",
        _key_info(
            _reference(f'<wsse:KeyIdentifier EncodingType="urn:x" ValueType="{THUMBPRINT}">AA==</wsse:KeyIdentifier>')
        ),
        TokenUnsupported,
    ),
    Attack(
        15,
        "a key identifier of an unknown type",
        _key_info(_reference('<wsse:KeyIdentifier ValueType="urn:x">AA==</wsse:KeyIdentifier>')),
        TokenUnsupported,
    ),
    Attack(
        15,
        "a reference to another token than the one in the header",
        after_seal(('<wsse:Reference URI="#X509', '<wsse:Reference URI="#X508')),
        TokenUnavailable,
    ),
    Attack(
        16,
        "a partner sends what is another partner's to send",
        lambda: to_bytes(sealed(by=pki().dmv)),
        NotPermitted,
        {"accept": acceptance(permits=_only_probation)},
    ),
    Attack(17, "an expired certificate", lambda: to_bytes(sealed(by=pki().expired)), TokenInvalid),
    Attack(17, "a certificate that is not valid yet", lambda: to_bytes(sealed(by=pki().early)), TokenInvalid),
    Attack(17, "a revoked certificate", lambda: to_bytes(sealed(by=pki().revoked)), TokenInvalid),
    Attack(
        18,
        "a stale message",
        after_seal(),
        TimestampOutOfRange,
        {"clock": FixedClock(NOW + timedelta(minutes=6, microseconds=1))},
    ),
    Attack(
        18,
        "a message from the future",
        after_seal(),
        TimestampOutOfRange,
        {"clock": FixedClock(NOW - timedelta(minutes=1, microseconds=1))},
    ),
    *(
        Attack(
            18,
            name,
            before_sign(("17:35:00Z", expires)),
            None,
            reason=f"{stack}; it is valid for 300 s all the same",
            remark="WSS 10: Expires",
        )
        for name, expires, stack in (
            ("a Timestamp of 300.001 s", "17:35:00.001Z", ".NET and Mono write this"),
            ("a Timestamp of 600 s", "17:40:00Z", "node-soap writes this"),
            ("a Timestamp of 3,600 s", "18:30:00Z", "wse-php writes this"),
        )
    ),
    Attack(
        18,
        "a message that means to live for a day",
        after_seal(policy=replace(POLICY, lifetime=timedelta(days=1))),
        None,
        reason="what Expires claims beyond 300 s has no effect",
        remark="WSS 10: Expires",
    ),
    Attack(
        18,
        "a message that means to live until the year 9999",
        before_sign((_EXPIRES, "<wsu:Expires>9999-12-31T23:59:59Z</wsu:Expires>")),
        None,
        reason="what Expires claims beyond 300 s has no effect",
        remark="WSS 10: Expires",
    ),
    Attack(
        18,
        "a message in its last second that means to live for a day",
        after_seal(policy=replace(POLICY, lifetime=timedelta(days=1))),
        None,
        {"clock": FixedClock(NOW + timedelta(minutes=5, seconds=59, milliseconds=999))},
        reason="it is valid for 300 s, and the clocks may differ by 60 s",
        remark="WSS 10: Expires",
    ),
    Attack(
        18,
        "a stale message that means to live for a day",
        after_seal(policy=replace(POLICY, lifetime=timedelta(days=1))),
        TimestampOutOfRange,
        {"clock": FixedClock(NOW + timedelta(minutes=6, microseconds=1))},
    ),
    Attack(
        18,
        "a message of the year 1",
        before_sign(
            (_CREATED, "<wsu:Created>0001-01-01T00:00:00Z</wsu:Created>"),
            (_EXPIRES, "<wsu:Expires>0001-01-01T00:05:00Z</wsu:Expires>"),
        ),
        TimestampOutOfRange,
    ),
    Attack(18, "Expires before Created", before_sign(("17:35:00Z", "17:25:00Z")), TimestampOutOfRange),
    *(
        Attack(18, f"a Timestamp {name}", before_sign(change), SecurityHeaderInvalid)
        for name, change in _TIMESTAMPS.items()
    ),
]
