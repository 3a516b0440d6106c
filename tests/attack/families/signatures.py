"""What a signature may not say: transforms, references, algorithms, prefixes, encryption."""

from __future__ import annotations

from lxml import etree

from ccms_ws.contract.namespaces import DS, EXC_C14N, XSI
from ccms_ws.errors import (
    AlgorithmRefused,
    DigestMismatch,
    LimitExceeded,
    MalformedEnvelope,
    SecurityHeaderInvalid,
    SignatureInvalid,
    TokenUnsupported,
)
from tests.attack.attack import Attack, after_seal, before_sign, in_tree, part
from tests.support.layouts import BODY, Layout
from tests.support.oracles import reference_template

_TRANSFORM = f'<ds:Transform Algorithm="{EXC_C14N}"/>'
_RSA = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"
_INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_ENCRYPTED = '<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"/>'
_END = "</wsse:Security>"
_SCOPE = ' xmlns:k="urn:kinds"'


def _typed(value: str, declaration: str = "") -> str:
    return BODY.replace("<t:Case>", f'<t:Case{declaration} xmlns:xsi="{XSI}" xsi:type="{value}">')


def _part_cut_by_a_comment(root: etree._Element, name: str) -> None:
    element, comment = part(root, name), etree.Comment("evil")
    text, element.text = element.text or "", None
    element.text, comment.tail = text[:4], text[4:]
    element.insert(0, comment)


def _transform(uri: str) -> str:
    return f'<ds:Transform Algorithm="{uri}"/>'


def _prefixes(kind: str, count: int) -> list[str]:
    return [f"{kind}{number}" for number in range(count)]


def _declarations(kind: str, count: int) -> str:
    return "".join(f' xmlns:{prefix}="urn:{prefix}"' for prefix in _prefixes(kind, count))


ATTACKS = [
    Attack(
        28,
        "65 prefixes in one PrefixList",
        before_sign(layout=Layout(method_prefixes=_prefixes("p", 65))),
        LimitExceeded,
    ),
    Attack(
        28,
        "a PrefixList, many declarations and many elements",
        before_sign(
            layout=Layout(
                reference_prefixes=_prefixes("o", 30),
                envelope_attributes=_declarations("o", 50),
                body_attributes=_declarations("i", 50),
                body=BODY.replace("<t:Case>", "<t:x/>" * 2500 + "<t:Case>"),
            )
        ),
        LimitExceeded,
    ),
    *(
        Attack(
            8,
            f"the usual prefix of another namespace on {name}",
            after_seal((f"<ds:{name}", f'<ds:{name} xmlns:ds="urn:x"')),
            error,
        )
        for name, error in (
            ("SignedInfo", SecurityHeaderInvalid),
            ("Reference", SecurityHeaderInvalid),
            ("CanonicalizationMethod", AlgorithmRefused),
            ("DigestValue", SecurityHeaderInvalid),
        )
    ),
    *(
        Attack(
            7,
            f"a comment in a {name}",
            in_tree(lambda root, name=name: _part_cut_by_a_comment(root, name)),  # type: ignore[misc]
            SecurityHeaderInvalid,
        )
        for name in ("DigestValue", "SignatureValue", "SignedInfo", "KeyInfo")
    ),
    Attack(7, "a comment in the token", before_sign((">MII", "><!-- evil -->MII")), SecurityHeaderInvalid),
    # Elsewhere a comment is dropped before anybody reads: what is read is what is digested.
    Attack(7, "a comment in a signed text", after_seal(("24CR", "24<!-- evil -->CR")), None),
    *(
        Attack(
            7,
            f"an element in a {name}",
            in_tree(lambda root, name=name: part(root, name).insert(0, etree.Element("evil"))),  # type: ignore[misc]
            SecurityHeaderInvalid,
        )
        for name in ("DigestValue", "SignatureValue")
    ),
    Attack(
        8,
        "xsi:type under a prefix declared on the Envelope",
        before_sign(layout=Layout(envelope_attributes=_SCOPE, body=_typed("k:Number"))),
        DigestMismatch,
    ),
    Attack(
        8,
        "xsi:type under a prefix declared inside and used nowhere",
        before_sign(layout=Layout(body=_typed("k:Number", _SCOPE))),
        DigestMismatch,
    ),
    Attack(
        8,
        "xsi:type falls into a default namespace put around it",
        before_sign(
            layout=Layout(body=_typed("Number")), after=("<soap:Envelope ", '<soap:Envelope xmlns="urn:kinds" ')
        ),
        DigestMismatch,
    ),
    Attack(
        8,
        "a pinned prefix of xsi:type is bound to something else",
        before_sign(
            layout=Layout(reference_prefixes=["k"], envelope_attributes=_SCOPE, body=_typed("k:Number")),
            after=(_SCOPE, ' xmlns:k="urn:evil"'),
        ),
        DigestMismatch,
    ),
    Attack(
        8,
        "a namespace name without canonical form",
        after_seal(("<soap:Body", '<soap:Body xmlns:r="r"')),
        MalformedEnvelope,
    ),
    Attack(
        8, "the same in SignedInfo", after_seal(("<ds:SignedInfo", '<ds:SignedInfo xmlns:r="r"')), MalformedEnvelope
    ),
    *(
        Attack(9, f"transform {uri}", after_seal((_TRANSFORM, _transform(uri))), AlgorithmRefused)
        for uri in (
            "http://www.w3.org/TR/1999/REC-xpath-19991116",
            "http://www.w3.org/2002/06/xmldsig-filter2",
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
            DS + "base64",
            DS + "enveloped-signature",
            _INCLUSIVE,
            EXC_C14N + "WithComments",
            "urn:unknown",
        )
    ),
    Attack(9, "two transforms", after_seal((_TRANSFORM, _TRANSFORM * 2)), AlgorithmRefused),
    Attack(9, "no transform", after_seal((_TRANSFORM, "")), AlgorithmRefused),
    Attack(
        9,
        "a transform with a parameter",
        after_seal((_TRANSFORM, f'<ds:Transform Algorithm="{EXC_C14N}"><ds:XPath>1</ds:XPath></ds:Transform>')),
        AlgorithmRefused,
    ),
    Attack(
        9,
        "inclusive canonicalization of SignedInfo",
        in_tree(lambda root: part(root, "CanonicalizationMethod").set("Algorithm", _INCLUSIVE)),
        AlgorithmRefused,
    ),
    *(
        Attack(
            10,
            f"a reference to {uri!r}",
            in_tree(lambda root, uri=uri: part(root, "Reference").set("URI", uri)),  # type: ignore[misc]
            SecurityHeaderInvalid,
        )
        for uri in ("", "#", "http://169.254.169.254/", "file:///etc/passwd", "#xpointer(/)", "#nobody", "cid:x")
    ),
    Attack(
        11,
        "eleven references",
        after_seal(("</ds:SignedInfo>", reference_template("x") * 4 + "</ds:SignedInfo>")),
        LimitExceeded,
    ),
    Attack(
        11,
        "two references to one part",
        before_sign(("</ds:SignedInfo>", reference_template("Body") + "</ds:SignedInfo>")),
        SecurityHeaderInvalid,
    ),
    Attack(
        11,
        "a reference to a Manifest",
        in_tree(lambda root: part(root, "Reference").set("Type", DS + "Manifest")),
        SecurityHeaderInvalid,
    ),
    Attack(
        11,
        "an Object",
        after_seal(("</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>")),
        SecurityHeaderInvalid,
    ),
    *(
        Attack(number, f"signature algorithm {uri!r}", after_seal((_RSA, uri)), AlgorithmRefused)
        for number, uri in (
            (12, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
            (12, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
            (14, DS + "hmac-sha1"),
            (14, DS + "rsa-sha1"),
            (14, DS + "dsa-sha1"),
            (14, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"),
            (14, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha224"),
            (14, ""),
        )
    ),
    Attack(
        13,
        "HMACOutputLength",
        in_tree(lambda root: etree.SubElement(part(root, "SignatureMethod"), f"{{{DS}}}HMACOutputLength")),
        AlgorithmRefused,
    ),
    *(
        Attack(14, f"digest algorithm {uri!r}", after_seal((_DIGEST, uri)), AlgorithmRefused)
        for uri in (DS + "sha1", "http://www.w3.org/2001/04/xmldsig-more#md5", "")
    ),
    Attack(
        14, "another algorithm of the allow-list put in", after_seal(("#rsa-sha256", "#rsa-sha512")), SignatureInvalid
    ),
    Attack(37, "an encrypted Body", before_sign(layout=Layout(body=_ENCRYPTED)), AlgorithmRefused),
    Attack(37, "an encrypted key", after_seal((_END, _ENCRYPTED.replace("Data", "Key") + _END)), AlgorithmRefused),
    Attack(37, "a user name token", after_seal((_END, "<wsse:UsernameToken/>" + _END)), TokenUnsupported),
]
