"""Other implementations of XML signatures, asked about ours and asked to make theirs.

libxmlsec (through python-xmlsec and the `xmlsec1` command), stock signxml, and the JDK. Every call has its own lxml
parser: python-xmlsec must never share one between threads.
"""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod, SignatureMethod
from signxml.signer import SignatureReference, XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from ccms_ws.contract.namespaces import DS, EXC_C14N, WSSE, WSU
from ccms_ws.envelope.algorithms import RSA_SHA256, SHA256
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.tokens import BASE64, X509V3

Q_ID = f"{{{WSU}}}Id"
XMLSEC1 = shutil.which("xmlsec1")


def key_pem(identity: Identity) -> bytes:
    """The private key as PKCS#8 PEM, not encrypted."""
    return identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(identity: Identity) -> bytes:
    """The certificate as PEM."""
    return identity.certificate.public_bytes(Encoding.PEM)


def reference_template(part_id: str, prefixes: Sequence[str] = (), transforms: Iterable[str] = (EXC_C14N,)) -> str:
    """A ds:Reference that waits for its digest."""
    steps = "".join(
        f'<ds:Transform Algorithm="{algorithm}">{inclusive(prefixes) if algorithm == EXC_C14N else ""}</ds:Transform>'
        for algorithm in transforms
    )
    return (
        f'<ds:Reference URI="#{part_id}"><ds:Transforms>{steps}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference>'
    )


def inclusive(prefixes: Sequence[str]) -> str:
    """An InclusiveNamespaces element, or nothing."""
    listed = " ".join(prefixes)
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="{listed}"/>' if prefixes else ""


def token(identity: Identity, token_id: str = "X509") -> str:
    """A BinarySecurityToken as text."""
    der = b64encode(identity.certificate.public_bytes(Encoding.DER)).decode()
    return (
        f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="{token_id}">{der}'
        "</wsse:BinarySecurityToken>"
    )


def signature_template(
    references: str, *, method: str = RSA_SHA256, prefixes: Sequence[str] = (), token_id: str = "X509"
) -> str:
    """A ds:Signature that waits for digests and value; its KeyInfo refers to the token."""
    return (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXC_C14N}">'
        f'{inclusive(prefixes)}</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{method}"/>{references}'
        "</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo>"
        f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}"><wsse:Reference URI="#{token_id}" ValueType="{X509V3}"/>'
        "</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>"
    )


def _with_ids(raw: bytes) -> _Element:
    root = etree.fromstring(raw, etree.XMLParser(remove_comments=False, strip_cdata=False))
    for element in root.iter(etree.Element):
        if element.get(Q_ID) is not None:
            xmlsec.tree.add_ids(element, ["Id"])
    return root


def libxmlsec_sign(raw: bytes, identity: Identity) -> bytes:
    """Fill in the signature template in `raw`."""
    root = _with_ids(raw)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key_pem(identity), xmlsec.constants.KeyDataFormatPem)
    _register(context, root)
    context.sign(_signature(root))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def libxmlsec_verifies(raw: bytes, identity: Identity) -> bool:
    """Whether libxmlsec finds the signature in `raw` good under the identity's certificate."""
    root = _with_ids(raw)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate_pem(identity), xmlsec.constants.KeyDataFormatCertPem)
    _register(context, root)
    try:
        context.verify(_signature(root))
    except xmlsec.Error:
        return False
    return True


def _signature(root: _Element) -> _Element:
    return next(root.iter(f"{{{DS}}}Signature"))


def _register(context: xmlsec.SignatureContext, root: _Element) -> None:
    for element in root.iter(etree.Element):
        if element.get(Q_ID) is not None:
            context.register_id(element, "Id", WSU)


_ID_ATTRIBUTES = (
    "http://schemas.xmlsoap.org/soap/envelope/:Body", "http://www.w3.org/2003/05/soap-envelope:Body",
    f"{WSU}:Timestamp", f"{WSSE}:BinarySecurityToken",
    *(f"http://www.w3.org/2005/08/addressing:{name}" for name in ("To", "Action", "MessageID", "ReplyTo", "RelatesTo")),
)  # fmt: skip


def xmlsec1(action: str, raw: bytes, identity: Identity, directory: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the `xmlsec1` command (`action`: --verify or --sign) on `raw`."""
    assert XMLSEC1
    message, key = directory / "message.xml", directory / "key.pem"
    message.write_bytes(raw)
    key.write_bytes(key_pem(identity) if action == "--sign" else certificate_pem(identity))
    key_option = "--privkey-pem" if action == "--sign" else "--pubkey-cert-pem"
    ids = [option for name in _ID_ATTRIBUTES for option in ("--id-attr:Id", name)]
    return subprocess.run([XMLSEC1, action, key_option, key, *ids, message], capture_output=True, check=False)


def stock_signxml_verify(raw: bytes, identity: Identity, references: int) -> None:
    """Verify with signxml as it comes; raises what it raises."""
    XMLVerifier().verify(
        etree.fromstring(raw),
        x509_cert=identity.certificate,
        id_attribute="Id",
        validate_schema=False,
        expect_config=SignatureConfiguration(
            expect_references=references, verification_time=identity.certificate.not_valid_before_utc
        ),
    )


def stock_signxml_sign(raw: bytes, identity: Identity, part_ids: Iterable[str], method: str = RSA_SHA256) -> bytes:
    """Replace the signature template in `raw` by one that signxml as it comes has made."""
    root = etree.fromstring(raw)
    template = _signature(root)
    security, key_info = template.getparent(), template.find(f"{{{DS}}}KeyInfo")
    assert security is not None
    security.remove(template)
    signer = XMLSigner(
        SignatureConstructionMethod.detached,
        SignatureMethod(method),
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    references = [SignatureReference(f"#{part_id}") for part_id in part_ids]
    security.append(signer.sign(root, key=identity.key, key_info=key_info, reference_uri=references, id_attribute="Id"))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
