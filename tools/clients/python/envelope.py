"""A SOAP envelope with a WS-Security signature, with lxml and cryptography: how one is signed, how one is proven."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree

SOAP = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
MEDIA = {"1.1": "text/xml", "1.2": "application/soap+xml"}
WSA = "http://www.w3.org/2005/08/addressing"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE, WSU = f"{OASIS}wssecurity-secext-1.0.xsd", f"{OASIS}wssecurity-utility-1.0.xsd"
BASE64, X509V3 = f"{OASIS}soap-message-security-1.0#Base64Binary", f"{OASIS}x509-token-profile-1.0#X509v3"
DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"


class Refused(Exception):
    """A fault of the other side, signed or not."""


class NotProven(Exception):
    """It cannot be shown that the court wrote this message."""


class Identity:
    """Our key and certificate, and the court's certificate: PEM files."""

    def __init__(self, key: str, certificate: str, court: str) -> None:
        self.key = load_pem_private_key(Path(key).read_bytes(), None)
        own = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
        self.token = b64encode(own.public_bytes(Encoding.DER)).decode()
        self.court = x509.load_pem_x509_certificate(Path(court).read_bytes()).public_key()


def canonical(element: etree._Element) -> bytes:
    """Exclusive canonical form."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def parse(xml: bytes) -> etree._Element:
    """The root of a message without document type."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise NotProven(f"it is no plain XML: {error}") from None
    if root.getroottree().docinfo.doctype or root.getroottree().xpath("//processing-instruction()"):
        raise NotProven("it has a document type or a processing instruction")
    return root


def sign(version: str, payload: str, who: Identity, **addressing: str) -> bytes:
    """An envelope around `payload`; `addressing`: To, Action, MessageID and perhaps RelatesTo."""
    now = datetime.now(UTC)
    lives = (now, now + timedelta(minutes=5))
    created, expires = (f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z" for at in lives)
    blocks = "".join(f'<wsa:{name} wsu:Id="{name}">{escape(text)}</wsa:{name}>' for name, text in addressing.items())
    text = (
        f'<s:Envelope xmlns:s="{SOAP[version]}" xmlns:wsa="{WSA}" xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"><s:Header>'
        f'{blocks}<wsse:Security s:mustUnderstand="1">'
        f'<wsu:Timestamp wsu:Id="Timestamp"><wsu:Created>{created}</wsu:Created>'
        f"<wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
        f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="Token">{who.token}'
        f'</wsse:BinarySecurityToken></wsse:Security></s:Header><s:Body wsu:Id="Body">{payload}</s:Body></s:Envelope>'
    )
    envelope = parse(text.encode())
    references = "".join(
        f'<ds:Reference URI="#{part}"><ds:Transforms><ds:Transform Algorithm="{C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{DIGEST}"></ds:DigestMethod><ds:DigestValue>{digest(element)}</ds:DigestValue>'
        "</ds:Reference>"
        for part, element in by_id(envelope).items()
    )
    info = (
        f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{RSA_SHA256}"></ds:SignatureMethod>{references}</ds:SignedInfo>'
    )
    value = b64encode(who.key.sign(info.encode(), PKCS1v15(), SHA256())).decode()
    signature = (
        f'<ds:Signature xmlns:ds="{DS}">{info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo>'
        f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}"><wsse:Reference URI="#Token" ValueType="{X509V3}"/>'
        "</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>"
    )
    envelope.find(f".//{{{WSSE}}}Security").append(etree.fromstring(signature))
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def digest(element: etree._Element) -> str:
    return b64encode(hashlib.sha256(canonical(element)).digest()).decode()


def by_id(envelope: etree._Element) -> dict[str, etree._Element]:
    """The elements with an id; an id that is there twice could mean either."""
    found: dict[str, etree._Element] = {}
    for element in envelope.iter(etree.Element):
        for name, value in element.attrib.items():
            if etree.QName(name).localname.lower() == "id":
                if value in found:
                    raise NotProven("an id is there twice")
                found[value] = element
    return found


def prove(message: bytes, who: Identity, **expected: str) -> tuple[dict[str, str], etree._Element]:
    """The texts of the wsa headers, and the Body, if the court signed both. `expected`: what headers must say."""
    envelope = parse(message)
    soap = etree.QName(envelope).namespace or ""
    if soap not in SOAP.values() or [child.tag for child in envelope] != [f"{{{soap}}}Header", f"{{{soap}}}Body"]:
        if envelope.find(f"{{{soap}}}Body/{{{soap}}}Fault") is not None:
            raise Refused(f"{fault_text(envelope)} (nobody signed this)")
        raise NotProven("it is no Envelope of Header and Body")
    header, body = envelope
    if header.find(f"{{{WSSE}}}Security") is None and body.find(f"{{{soap}}}Fault") is not None:
        raise Refused(f"{fault_text(body)} (nobody signed this)")
    security = only(header, f"{{{WSSE}}}Security")
    signature, timestamp = only(security, f"{{{DS}}}Signature"), only(security, f"{{{WSU}}}Timestamp")
    signed = verified(signature, by_id(envelope), who)

    # What was signed is what will be read: these very elements, where they stand.
    blocks = [block for block in header if etree.QName(block).namespace == WSA]
    for part in (body, timestamp, *blocks):
        if part not in signed:
            raise NotProven(f"{etree.QName(part).localname} is not signed")
    names = [etree.QName(block).localname for block in blocks]
    texts = {name: (block.text or "").strip() for name, block in zip(names, blocks, strict=True)}
    if len(texts) != len(names):
        raise NotProven("an addressing header is there twice")
    for name, value in expected.items():
        if texts.get(name) != value:
            raise NotProven(f"{name} is {texts.get(name)!r}, not {value!r}")
    others = [block for block in header if block not in blocks and block is not security]
    if any(block.get(f"{{{soap}}}mustUnderstand") in ("1", "true") for block in others):
        raise NotProven("a header that must be understood is not known")
    now, skew = datetime.now(UTC), timedelta(minutes=1)
    if not time_of(timestamp, "Created") - skew <= now <= time_of(timestamp, "Expires") + skew:
        raise NotProven("it has expired, or the clocks differ")
    return texts, body


def time_of(timestamp: etree._Element, name: str) -> datetime:
    text = (only(timestamp, f"{{{WSU}}}{name}").text or "").strip()
    try:
        if not text.endswith("Z"):
            raise ValueError("it is not in UTC")
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise NotProven(f"{name} is no time: {error}") from None


def verified(signature: etree._Element, ids: dict[str, etree._Element], who: Identity) -> set[etree._Element]:
    """The elements that the court's key, the one that we were given, has signed by the algorithms that we know."""
    info = only(signature, f"{{{DS}}}SignedInfo")
    method, how, *references = info
    if (method.get("Algorithm"), how.get("Algorithm"), len(method)) != (C14N, RSA_SHA256, 0):
        raise NotProven("another algorithm")
    try:
        value = b64decode(only(signature, f"{{{DS}}}SignatureValue").text or "")
        who.court.verify(value, canonical(info), PKCS1v15(), SHA256())
    except (InvalidSignature, NotBase64):
        raise NotProven("it is not signed with the court's key, or was changed") from None
    signed = set()
    for reference in references:
        transforms, algorithm, value = reference
        steps = [(step.get("Algorithm"), len(step)) for step in transforms]
        if steps != [(C14N, 0)] or algorithm.get("Algorithm") != DIGEST:
            raise NotProven("another transform or digest")
        target = ids.get(reference.get("URI", "")[1:])
        if target is None or digest(target) != (value.text or "").strip():
            raise NotProven("a signed part was changed")
        signed.add(target)
    return signed


def only(parent: etree._Element, tag: str) -> etree._Element:
    found = parent.findall(tag)
    if len(found) != 1:
        raise NotProven(f"there are {len(found)} of {etree.QName(tag).localname}")
    return found[0]


def fault_text(within: etree._Element) -> str:
    return " ".join((each.text or "").strip() for each in within.iter("faultstring", "{*}Text"))
