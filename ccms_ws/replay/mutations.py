"""What can be wrong with a message, by name: each defect spoils a good draft, and says by which code it is refused.

The recorded bad cases are made with them, live replays make them again, and the kits try them on partners.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSA, WSU, q
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.envelope.soap_parts import Q_ID, Q_SECURITY, Q_SIGNATURE, Q_TIMESTAMP, Q_TOKEN
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.pki import identity
from ccms_ws.replay.resign import (
    Q_DIGEST_METHOD,
    Q_METHOD,
    Q_TRANSFORM,
    Q_VALUE,
    drop_reference,
    one,
    resign,
)

Spoil = Callable[[_Element], object]
_SHA1: Final = DS + "sha1"
_INCLUSIVE_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_UNKNOWN: Final = "urn:example:unknown"


@dataclass(frozen=True, slots=True)
class Mutation:
    """`code`: of the error by which this endpoint refuses it; `rule`: where it is written that it must be refused."""

    name: str
    says: str
    code: str
    rule: str
    make: Callable[[Draft], Request]


def _after(spoil: Spoil) -> Callable[[Draft], Request]:
    """Sign, then spoil: what an intermediary could do."""

    def make(draft: Draft) -> Request:
        envelope = draft.sealed()
        spoil(envelope)
        return draft.request(envelope)

    return make


def _signed(spoil: Spoil) -> Callable[[Draft], Request]:
    """Spoil, then sign again: what only the partner itself could do."""

    def make(draft: Draft) -> Request:
        envelope = draft.sealed()
        spoil(envelope)
        return draft.request(resign(envelope, draft.signer))

    return make


def _before(spoil: Spoil) -> Callable[[Draft], Request]:
    """Spoil what has no signature yet, then sign it."""

    def make(draft: Draft) -> Request:
        envelope = draft.composed()
        spoil(envelope)
        return draft.request(draft.sealed(envelope))

    return make


def _in_bytes(change: Callable[[bytes], bytes]) -> Callable[[Draft], Request]:
    return lambda draft: draft.request(change(to_bytes(draft.sealed())))


def _http(change: Callable[[Request], Request]) -> Callable[[Draft], Request]:
    return lambda draft: change(draft.request())


# -- parts ------------------------------------------------------------------------------------------------------------
def _without(name: str) -> Spoil:
    def spoil(envelope: _Element) -> None:
        element = one(envelope, name)
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)

    return spoil


def _set_text(name: str, change: Callable[[str], str]) -> Spoil:
    def spoil(envelope: _Element) -> None:
        element = one(envelope, name)
        element.text = change(element.text or "")

    return spoil


def _unsigned_part(name: str) -> Spoil:
    return lambda envelope: drop_reference(envelope, one(envelope, name))


def _body(envelope: _Element) -> _Element:
    return envelope[-1]


def _change_last_text(envelope: _Element) -> None:
    """Change the last value of the payload: whatever it is, it is not what was signed."""
    leaves = [element for element in _body(envelope).iter(etree.Element) if not len(element) and element.text]
    leaves[-1].text = f"{leaves[-1].text}1"


def _cut_short(text: str) -> str:
    return text[:-8] + ("AAAAAAA=" if not text.endswith("AAAAAAA=") else "BBBBBBA=")


def _without_timestamp(envelope: _Element) -> None:
    timestamp = one(envelope, Q_TIMESTAMP)
    drop_reference(envelope, timestamp)
    _without(Q_TIMESTAMP)(envelope)


def _wrap_body(envelope: _Element) -> None:
    """Signature wrapping: the signed Body moves into the header, another one takes its place."""
    body = _body(envelope)
    other = deepcopy(body)
    del other.attrib[Q_ID]
    _change_last_text(other)
    etree.SubElement(envelope[0], q(_UNKNOWN, "Wrapper")).append(body)
    envelope.append(other)


def _id_twice(envelope: _Element) -> None:
    """The payload bears the Timestamp's id under another name."""
    _body(envelope)[0].set("Id", one(envelope, Q_TIMESTAMP).get(Q_ID, ""))


def _mandatory_header(envelope: _Element) -> None:
    soap = etree.QName(envelope).namespace or ""
    version = SoapVersion.from_namespace(soap)
    block = etree.Element(q(_UNKNOWN, "Priority"), nsmap={"x": _UNKNOWN})
    block.set(q(soap, "mustUnderstand"), version.must_understand)
    envelope[0].insert(0, block)


def _reply_elsewhere(envelope: _Element) -> None:
    one(envelope, q(WSA, "Address")).text = "http://169.254.169.254/latest"


def _second_signature(envelope: _Element) -> None:
    one(envelope, Q_SECURITY).append(deepcopy(one(envelope, Q_SIGNATURE)))


def _set_algorithm(name: str, algorithm: str) -> Spoil:
    return lambda envelope: one(envelope, name).set("Algorithm", algorithm)


def _payload_of_nobody(envelope: _Element) -> None:
    body = _body(envelope)
    body.replace(body[0], etree.Element(q(_UNKNOWN, "Message"), nsmap={"x": _UNKNOWN}))


def _borrowed_certificate(draft: Draft) -> Request:
    """An untrusted key signs and shows the partner's certificate."""
    return draft.request(resign(draft.sealed(), identity("stranger")))


def _crossed(draft: Draft) -> Request:
    other = SoapVersion.SOAP12 if draft.version is SoapVersion.SOAP11 else SoapVersion.SOAP11
    return replace(draft.request(), content_type=f"{other.media_type}; charset=utf-8", soap_action=f'"{draft.action}"')


# -- the list ---------------------------------------------------------------------------------------------------------
_BODIES: Final = tuple(q(version.namespace, "Body") for version in SoapVersion)


def _body_not_signed(envelope: _Element) -> None:
    drop_reference(envelope, _body(envelope))


def _exchange_token(envelope: _Element) -> None:
    """The token keeps its id: the signature's KeyInfo refers to it."""
    token = one(envelope, Q_TOKEN)
    token_id = token.get(Q_ID, "")
    drop_reference(envelope, token)
    token.set(Q_ID, token_id)
    token.text = identity("stranger").certificate_text


DEFECTS: Final = (
    Mutation("unsigned", "there is no security header", "security.header-invalid", "WSS 6",
           _after(_without(Q_SECURITY))),
    Mutation("signature-missing", "the security header holds no signature", "security.header-invalid", "GFIPM S2S",
           _after(_without(Q_SIGNATURE))),
    Mutation("timestamp-missing", "there is no Timestamp", "security.header-invalid", "GFIPM S2S",
           _signed(_without_timestamp)),
    Mutation("token-missing", "the certificate that the signature refers to is not there", "security.header-invalid",
           "BSP R5204", _after(_without(Q_TOKEN))),
    Mutation("signature-twice", "there are two signatures", "security.header-invalid", "GFIPM S2S",
           _after(_second_signature)),
    Mutation("body-changed", "a value in the Body was changed after it was signed", "security.digest-mismatch",
           "XMLDSig 3.2.1", _after(_change_last_text)),
    Mutation("to-changed", "wsa:To was changed after it was signed", "security.digest-mismatch", "XMLDSig 3.2.1",
           _after(_set_text(q(WSA, "To"), lambda text: text + "/other"))),
    Mutation("expires-changed", "the Timestamp was made to last longer after it was signed", "security.digest-mismatch",
           "XMLDSig 3.2.1", _after(_set_text(q(WSU, "Expires"), lambda text: f"2199{text[4:]}"))),
    Mutation("signature-changed", "the signature value is not the one that was made", "security.signature-invalid",
           "XMLDSig 3.2.2", _after(_set_text(Q_VALUE, _cut_short))),
    Mutation("body-not-signed", "the signature does not cover the Body", "security.part-not-signed", "GFIPM S2S",
           _signed(_body_not_signed)),
    Mutation("timestamp-not-signed", "the signature does not cover the Timestamp", "security.part-not-signed",
           "GFIPM S2S", _signed(_unsigned_part(Q_TIMESTAMP))),
    Mutation("to-not-signed", "the signature does not cover wsa:To", "security.part-not-signed", "GFIPM S2S",
           _signed(_unsigned_part(q(WSA, "To")))),
    Mutation("action-not-signed", "the signature does not cover wsa:Action", "security.part-not-signed", "GFIPM S2S",
           _signed(_unsigned_part(q(WSA, "Action")))),
    Mutation("message-id-not-signed", "the signature does not cover wsa:MessageID", "security.part-not-signed",
           "GFIPM S2S", _signed(_unsigned_part(q(WSA, "MessageID")))),
    Mutation("token-exchanged", "the signature does not cover the certificate, and it is that of an unknown signer",
           "security.signer-not-trusted", "GFIPM S2S", _signed(_exchange_token)),
    Mutation("stale", "the message was made an hour ago", "security.timestamp-out-of-range", "WSS 10",
           lambda draft: replace(draft, at=draft.at - timedelta(hours=1)).request()),
    Mutation("from-the-future", "the message will be made in an hour", "security.timestamp-out-of-range", "WSS 10",
           lambda draft: replace(draft, at=draft.at + timedelta(hours=1)).request()),
    Mutation("stale-lives-long", "the message was made an hour ago, and its Expires is a day later",
           "security.timestamp-out-of-range", "WSS 10",
           lambda draft: replace(draft, at=draft.at - timedelta(hours=1), lifetime=timedelta(days=1)).request()),
    Mutation("stranger", "the signer's certificate belongs to no partner", "security.signer-not-trusted", "GFIPM S2S",
           lambda draft: replace(draft, signer=identity("stranger")).request()),
    Mutation("borrowed-certificate", "an unknown signer shows the partner's certificate",
           "security.signature-invalid", "XMLDSig 3.2.2", _borrowed_certificate),
    Mutation("sha1-digest", "the digests are SHA-1", "security.algorithm-refused", "BSP R5420",
           _signed(_set_algorithm(Q_DIGEST_METHOD, _SHA1))),
    Mutation("sha1-signature", "the signature is RSA-SHA1", "security.algorithm-refused", "BSP R5421",
           _signed(_set_algorithm(Q_METHOD, DS + "rsa-sha1"))),
    Mutation("hmac-signature", "the signature is an HMAC, for which the certificate would be the key",
           "security.algorithm-refused", "BSP R5421", _signed(_set_algorithm(Q_METHOD, DS + "hmac-sha1"))),
    Mutation("inclusive-c14n", "a reference is canonicalized inclusively", "security.algorithm-refused", "BSP R5423",
           _signed(_set_algorithm(Q_TRANSFORM, _INCLUSIVE_C14N))),
    Mutation("body-wrapped", "the signed Body stands in the header and another one in its place",
           "security.part-not-signed", "WSS 1.1 13.2.4", _after(_wrap_body)),
    Mutation("id-twice", "one id is borne by two elements", "security.header-invalid", "XML 1.0 3.3.1",
           _after(_id_twice)),
    Mutation("two-bodies", "there are two Bodies", "envelope.malformed", "BP R9980",
           _after(lambda envelope: envelope.append(deepcopy(_body(envelope))))),
    Mutation("empty-body", "the Body holds nothing", "envelope.malformed", "BP R9981",
           _before(lambda envelope: _body(envelope).remove(_body(envelope)[0]))),
    Mutation("two-payloads", "the Body holds two messages", "envelope.malformed", "BP R9981",
           _before(lambda envelope: _body(envelope).append(deepcopy(_body(envelope)[0])))),
    Mutation("document-type", "there is a document type declaration", "envelope.malformed", "BP R1008",
           _in_bytes(lambda raw: raw.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY y "z">]>', 1))),
    Mutation("processing-instruction", "there is a processing instruction", "envelope.malformed", "BP R1009",
           _in_bytes(lambda raw: raw.replace(b"?>", b"?><?x y?>", 1))),
    Mutation("cut-off", "the message ends in the middle", "envelope.malformed", "XML 1.0 2.1",
           _in_bytes(lambda raw: raw[: len(raw) // 2])),
    Mutation("to-another", "wsa:To names another endpoint", "addressing.destination-unreachable", "WSA SOAP 6.4.3",
           lambda draft: replace(draft, to=f"{draft.to}/elsewhere").request()),
    Mutation("action-of-another", "wsa:Action is that of another operation", "addressing.action-mismatch", "BP R1144",
           lambda draft: replace(draft, action=f"{draft.action}:other").request()),
    Mutation("message-id-missing", "there is no wsa:MessageID", "addressing.header-missing", "WSA 3.2",
           _before(_without(q(WSA, "MessageID")))),
    Mutation("message-id-relative", "wsa:MessageID is no absolute URI", "addressing.header-invalid", "WSA 3.2",
           _before(_set_text(q(WSA, "MessageID"), lambda _: "4711"))),
    Mutation("action-twice", "there are two wsa:Action headers", "addressing.header-invalid", "WSA 3.2",
           _before(lambda envelope: envelope[0].append(deepcopy(one(envelope, q(WSA, "Action")))))),
    Mutation("reply-elsewhere", "wsa:ReplyTo names an address inside of the receiver's network",
           "addressing.reply-address-refused", "WSA SOAP 6.4.1.7", _before(_reply_elsewhere)),
    Mutation("unknown-mandatory-header", "a header that must be understood is not known",
           "envelope.header-not-understood", "BP R1027", _before(_mandatory_header)),
    Mutation("unknown-message", "the Body holds a message that no schema declares", "addressing.action-not-supported",
           "WSA SOAP 6.4.4", _before(_payload_of_nobody)),
    Mutation("soap-versions-crossed", "the media type is that of the other SOAP version", "envelope.version-mismatch",
           "BP R1015", _crossed),
    Mutation("media-type-unknown", "the media type is application/xml", "http.unsupported-media-type", "BP R1115",
           _http(lambda request: replace(request, content_type="application/xml; charset=utf-8"))),
    Mutation("soap-action-of-another", "SOAPAction and wsa:Action differ", "addressing.action-mismatch", "BP R1144",
           _http(lambda request: replace(request, soap_action='"urn:example:other"'))),
    Mutation("soap-action-unquoted", "SOAPAction is not in quotes", "addressing.action-mismatch", "BP R1109",
           _http(lambda request: replace(request, soap_action="urn:example:other"))),
    Mutation("compressed", "the request says that it is compressed", "http.unsupported-media-type", "RFC 9110 8.4",
           _http(lambda request: replace(request, headers={"Content-Encoding": "gzip"}))),
)  # fmt: skip


def get_mutation(name: str) -> Mutation:
    """The defect of that name. Raises LookupError."""
    found = next((defect for defect in DEFECTS if defect.name == name), None)
    if found is None:
        raise LookupError(f"there is no defect {name!r}")
    return found
