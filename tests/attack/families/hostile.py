"""What a partner with a key of its own may try: the signature is good, what it says of itself is not.

Each of these is refused by one rule alone; without it the message would be believed.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, EXC_C14N, SOAP11, WSA, WSU
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.errors import (
    AddressingHeaderInvalid,
    AlgorithmRefused,
    HeaderNotUnderstood,
    LimitExceeded,
    MalformedEnvelope,
    PartNotSigned,
    SecurityHeaderInvalid,
    TokenUnsupported,
)
from tests.attack.attack import Attack, part
from tests.attack.hostile import sign_again
from tests.support.envelopes import NS, find, parsed, sealed
from tests.support.oracles import token
from tests.support.pki import pki

_WSU_ID = f"{{{WSU}}}Id"
_INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def _signed(
    tamper: Callable[[_Element], object], reference: TokenReference = TokenReference.DIRECT
) -> Callable[[], bytes]:
    """A message of the DMV, tampered with by the DMV and signed again."""

    def make() -> bytes:
        root = parsed(to_bytes(sealed(by=pki().dmv, reference=reference)))
        tamper(root)
        sign_again(root)
        return etree.tostring(root, encoding="UTF-8", xml_declaration=True)

    return make


def _ds(name: str, **attributes: str) -> _Element:
    return etree.Element(f"{{{DS}}}{name}", attributes)


def _refer(root: _Element, target: _Element, part_id: str = "extra") -> None:
    """One more reference, to `target`."""
    target.set(_WSU_ID, part_id)
    reference = deepcopy(part(root, "Reference"))
    reference.set("URI", f"#{part_id}")
    part(root, "SignedInfo").append(reference)


def _many_blocks(root: _Element) -> None:
    for number in range(6):
        block = etree.SubElement(root[0], "{urn:x}Block")
        _refer(root, block, f"extra{number}")


def _security_twice(root: _Element) -> None:
    root[0].append(etree.Element(root[0][-1].tag))


def _with_token(root: _Element) -> None:
    root[0][-1].insert(0, etree.fromstring(f'<a xmlns:wsse="{NS["wsse"]}" xmlns:wsu="{WSU}">{token(pki().dmv)}</a>')[0])


def _no_references(root: _Element) -> None:
    etree.strip_elements(root, f"{{{DS}}}Reference")


ATTACKS = [
    *(
        Attack(9, f"a partner signs with transform {uri}", _signed(tamper), AlgorithmRefused)
        for uri in (_INCLUSIVE, "http://www.w3.org/TR/1999/REC-xpath-19991116", DS + "base64", "urn:unknown")
        for tamper in [lambda root, uri=uri: part(root, "Transform").set("Algorithm", uri)]
    ),
    Attack(
        9,
        "a partner signs with two transforms",
        _signed(lambda root: part(root, "Transforms").append(_ds("Transform", Algorithm=EXC_C14N))),
        AlgorithmRefused,
    ),
    Attack(
        9,
        "a partner signs with an XPath in the transform",
        _signed(lambda root: part(root, "Transform").append(_ds("XPath"))),
        AlgorithmRefused,
    ),
    Attack(
        9,
        "a partner signs with something else among the transforms",
        _signed(lambda root: setattr(part(root, "Transform"), "tag", f"{{{DS}}}XPath")),
        SecurityHeaderInvalid,
    ),
    Attack(
        9,
        "a partner signs with inclusive canonicalization",
        _signed(lambda root: part(root, "CanonicalizationMethod").set("Algorithm", _INCLUSIVE)),
        AlgorithmRefused,
    ),
    Attack(11, "a partner signs more than ten parts", _signed(_many_blocks), LimitExceeded),
    Attack(
        11,
        "a partner signs a Manifest",
        _signed(lambda root: part(root, "Reference").set("Type", DS + "Manifest")),
        SecurityHeaderInvalid,
    ),
    Attack(
        11,
        "a partner signs a reference with more in it",
        _signed(lambda root: part(root, "Reference").append(_ds("Object"))),
        SecurityHeaderInvalid,
    ),
    Attack(
        11,
        "a partner signs a part of the payload under its own id",
        _signed(lambda root: _refer(root, root[1][0][0])),
        PartNotSigned,
    ),
    Attack(
        13,
        "a partner signs with HMACOutputLength",
        _signed(lambda root: part(root, "SignatureMethod").append(_ds("HMACOutputLength"))),
        AlgorithmRefused,
    ),
    Attack(
        14,
        "a partner signs with a parameter of the digest",
        _signed(lambda root: part(root, "DigestMethod").append(_ds("Salt"))),
        AlgorithmRefused,
    ),
    Attack(6, "a partner signs nothing", _signed(_no_references), SecurityHeaderInvalid),
    Attack(4, "a partner sends an empty second Security header", _signed(_security_twice), SecurityHeaderInvalid),
    Attack(
        4,
        "a partner signs encodingStyle on the Body",
        _signed(lambda root: root[1].set(f"{{{SOAP11}}}encodingStyle", "x")),
        MalformedEnvelope,
    ),
    Attack(
        4,
        "a partner signs encodingStyle on the payload",
        _signed(lambda root: root[1][0].set(f"{{{SOAP11}}}encodingStyle", "x")),
        MalformedEnvelope,
    ),
    Attack(
        4,
        "a partner sends something between Header and Body",
        _signed(lambda root: root.insert(1, etree.Element("{urn:x}y"))),
        MalformedEnvelope,
    ),
    Attack(
        15,
        "a partner sends a token and names another way to its certificate",
        _signed(_with_token, TokenReference.THUMBPRINT),
        SecurityHeaderInvalid,
    ),
    Attack(
        15,
        "a partner sends a token beside the reference",
        _signed(lambda root: part(root, "KeyInfo").append(_ds("KeyName"))),
        SecurityHeaderInvalid,
    ),
    Attack(
        15,
        "a partner puts its reference into something else",
        _signed(lambda root: setattr(part(root, "KeyInfo")[0], "tag", f"{{{DS}}}KeyName")),
        TokenUnsupported,
    ),
    Attack(
        15,
        "a partner names two tokens in one reference",
        _signed(lambda root: part(root, "KeyInfo")[0].append(_ds("KeyName"))),
        SecurityHeaderInvalid,
    ),
    Attack(
        36,
        "a partner signs a wsa block for another actor",
        _signed(lambda root: find(root, "soap:Header/wsa:To").set(f"{{{SOAP11}}}actor", "urn:other")),
        AddressingHeaderInvalid,
    ),
    Attack(
        36,
        "a partner signs a mandatory block that nobody understands",
        _signed(lambda root: etree.SubElement(root[0], "{urn:x}y").set(f"{{{SOAP11}}}mustUnderstand", "1")),
        HeaderNotUnderstood,
    ),
    Attack(
        22,
        "a partner names two addresses to answer to",
        _signed(
            lambda root: etree.SubElement(find(root, "soap:Header/wsa:ReplyTo"), f"{{{WSA}}}Address").__setattr__(
                "text", WSA + "/anonymous"
            )
        ),
        AddressingHeaderInvalid,
    ),
]
