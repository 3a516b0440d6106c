"""The target of the coverage-guided fuzzer, and a mutator that knows what a signed message is and may sign it again.

An input is a Content-Type, a SOAPAction and a body, separated by line feeds. What comes of it is one of our errors, or
an envelope that a second reader (`recheck`), which shares no code with the first, finds signed in every part.
"""

from __future__ import annotations

import hashlib
import random
from base64 import b64decode
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU
from ccms_ws.envelope.algorithms import ECDSA_SHA256
from ccms_ws.envelope.inbound import HttpMessage, VerifiedEnvelope
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import CcmsWsError
from tests.attack.hostile import plain_canonical, prefix_lists, sign_again
from tests.support.envelopes import opened, payload, received, sealed
from tests.support.layouts import LAYOUTS
from tests.support.oracles import libxmlsec_sign
from tests.support.pki import pki

_Q_ID = f"{{{WSU}}}Id"
_NAMESPACES = {"ds": DS}
_DIGESTS = {"sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}
_TEXTS = ["", "x", "AAAA", "=", "-1", "#TS", "urn:x", "\u0661", "9" * 60, "2026-03-02T17:30:00Z",
          "2026-03-02T17:29:60Z", "1", "true", "#default", "t:x", "http://127.0.0.1/", "x" * 5000]  # fmt: skip


def seeds() -> list[bytes]:
    """Good messages of every shape that is accepted."""
    messages = [
        to_bytes(sealed(payload(Name="x"), by=pki().dmv, reference=kind, version=version))
        for kind in TokenReference
        for version in SoapVersion
    ]
    messages += [libxmlsec_sign(layout.text(), pki().probation) for layout in LAYOUTS.values()]
    return [join(received(message)) for message in messages]


def join(message: HttpMessage) -> bytes:
    """The input that `split` takes apart."""
    return f"{message.content_type}\n{message.soap_action or ''}\n".encode() + message.body


def split(data: bytes) -> HttpMessage:
    """The request that an input stands for."""
    content_type, _, rest = data.partition(b"\n")
    action, _, body = rest.partition(b"\n")
    return HttpMessage(body, content_type.decode("latin-1"), action.decode("latin-1") or None)


def target(data: bytes) -> None:
    """Raises AssertionError for a message that is believed and should not be, and whatever else is not ours."""
    message = split(data)
    try:
        envelope = opened(message)
    except CcmsWsError:
        return
    recheck(message.body, envelope)


def recheck(raw: bytes, envelope: VerifiedEnvelope) -> None:
    """A plain second look at a message that was believed: each part that counts is named, digested and signed."""
    root = etree.fromstring(raw, etree.XMLParser(remove_comments=True, resolve_entities=False))
    header, body = root
    (security,) = header.iterchildren(f"{{{WSSE}}}Security")
    (signature,) = security.iterchildren(f"{{{DS}}}Signature")
    digested = {}
    for reference in signature[0].iterchildren(f"{{{DS}}}Reference"):
        found = [e for e in root.iter(etree.Element) if "#" + e.get(_Q_ID, "") == reference.get("URI")]
        assert len(found) == 1, "a reference to more than one element"
        method = (reference.find("ds:DigestMethod", _NAMESPACES).get("Algorithm") or "")[-6:]  # type: ignore[union-attr]
        octets = plain_canonical(found[0], prefix_lists(reference.find("ds:Transforms", _NAMESPACES)))
        claimed = b64decode(reference.findtext("ds:DigestValue", "", _NAMESPACES))
        assert getattr(hashlib, _DIGESTS[method])(octets).digest() == claimed, "a digest that does not fit"
        digested[found[0]] = octets
    required = [body, *security.iterchildren(f"{{{WSU}}}Timestamp", f"{{{WSSE}}}BinarySecurityToken")]
    required += [block for block in header if str(block.tag).startswith(f"{{{WSA}}}")]
    assert all(part in digested for part in required), "a part that is not signed"
    key = envelope.certificate.public_key() if envelope.certificate else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        octets = plain_canonical(signature[0], prefix_lists(signature[0][0]))
        value = b64decode(signature[1].text or "")
        half = len(value) // 2
        der = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
        key.verify(der, octets, ec.ECDSA(hashes.SHA256() if half == 32 else hashes.SHA384()))
    content = plain_canonical(body[0], [])
    assert content == plain_canonical(envelope.payload, []), "another payload than the one that was signed"
    assert envelope.content_digest == hashlib.sha256(content).digest(), "the digest of another payload"
    attributes = [(etree.QName(name).localname, value) for e in root.iter(etree.Element) for name, value in e.items()]
    ids = [value for name, value in attributes if name in {"Id", "ID", "id", "AssertionID"}]
    assert len(set(ids)) == len(ids), "an id that occurs twice"


# -- mutation ----------------------------------------------------------------------------------------------------------
def mutate(data: bytes, max_size: int, seed: int, octets: Callable[[bytes, int], bytes]) -> bytes:
    """Another input. `octets`: the fuzzer's own mutator of bytes, which has a third of the inputs to itself."""
    chance = random.Random(seed)
    message = split(data)
    if chance.random() < 0.33:
        return octets(data, max_size)
    try:
        root = etree.fromstring(message.body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return octets(data, max_size)
    try:
        for _ in range(chance.randint(1, 3)):
            _mutate_node(root, chance)
        if chance.random() < 0.7:
            name_the_dmv(root)
            sign_again(root)
        changed = etree.tostring(root)
    except Exception:  # the tree is beyond what this mutator can do
        return octets(data, max_size)
    changed = join(HttpMessage(changed, message.content_type, message.soap_action))
    return changed if len(changed) <= max_size else octets(data, max_size)


def name_the_dmv(root: _Element) -> None:
    for token in root.iter(f"{{{WSSE}}}BinarySecurityToken"):
        token.text = pki().dmv.certificate_text
    for method in root.iter(f"{{{DS}}}SignatureMethod"):
        method.set("Algorithm", ECDSA_SHA256)


def _mutate_node(root: _Element, chance: random.Random) -> None:
    nodes = list(root.iter(etree.Element))
    node, other = chance.choice(nodes), chance.choice(nodes)
    parent = node.getparent()
    names = sorted(str(name) for name in node.attrib)
    match chance.randrange(11):
        case 0 if parent is not None:
            parent.remove(node)
        case 1 if parent is not None and other not in list(node.iter()):
            other.insert(chance.randint(0, len(other)), node)
        case 2 | 3:
            node.text = chance.choice([*_TEXTS, other.text])
        case 4:
            node.tag = other.tag
        case 5 if names:
            node.set(chance.choice(names), chance.choice([*_TEXTS, *(str(value) for value in other.attrib.values())]))
        case 6 if names:
            del node.attrib[chance.choice(names)]
        case 7 if other.attrib:
            name = chance.choice(sorted(str(name) for name in other.attrib))
            node.set(name, other.get(name, ""))
        case 8 if parent is not None:
            node.addnext(etree.fromstring(etree.tostring(other, with_tail=False)))
        case 9:
            node.insert(0, chance.choice([etree.Comment("x"), etree.Element("{urn:x}y")]))
        case _:
            node.tail = chance.choice(_TEXTS)
