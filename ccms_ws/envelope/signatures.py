"""The signature engine: signxml makes the signature value and verifies it; the tree stays the tree that it is.

signxml serializes and parses whole documents again for every reference, to be sure of namespaces. lxml 6 canonicalizes
a subtree in place and gives the same octets, and a copy is what we must not have: the verified node has to be the
dispatched node. So the references are digested here, and signxml is used at two seams: `sign()` with its copies taken
out, and the check of a signature value by algorithm and key. Its minor version is pinned, and
`tests/unit/envelope/test_signatures.py` holds both seams against the stock library.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import cryptography.exceptions
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import XMLVerifier

from ccms_ws.envelope.algorithms import RSA_SHA256, RSA_SHA384, RSA_SHA512, SIGNATURES
from ccms_ws.envelope.canonical import canonical, check_qname_values, names_of_start_tags
from ccms_ws.errors import AlgorithmRefused, DigestMismatch, SignatureInvalid

if TYPE_CHECKING:
    from ccms_ws.envelope.identity import PrivateKey
    from ccms_ws.envelope.signature_xml import ParsedSignature, Reference
    from ccms_ws.envelope.trust import Signer

_EXCLUSIVE: Final = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_METHODS: Final = {uri: SignatureMethod(uri) for uri in SIGNATURES}
_VERIFIER: Final = XMLVerifier()
_PKCS1: Final = {RSA_SHA256: hashes.SHA256(), RSA_SHA384: hashes.SHA384(), RSA_SHA512: hashes.SHA512()}
_BODY: Final = re.compile(rb"<(?:[^\s:>]++:)?Body[\s>]")
_SHORT: Final = 1000
_TAGS_TOLD: Final = 3


def verify_value(claims: ParsedSignature, signer: Signer) -> None:
    """Did the key of `signer` sign this SignedInfo?

    Errors: `AlgorithmRefused` (the key cannot have made such a signature), `SignatureInvalid`.
    """
    if SIGNATURES[claims.method] != signer.key_kind:
        raise AlgorithmRefused(f"{claims.method} with the {signer.key_kind} key of {signer.partner_id}")
    try:
        # The certificate is asked for its public_key() alone, which cryptography would parse again each time: the
        # signer answers in its place.
        _VERIFIER._verify_signature_with_pubkey(
            signed_info_c14n=claims.signed_info,
            raw_signature=claims.value,
            signature_alg=_METHODS[claims.method],
            signing_certificate=signer,  # type: ignore[arg-type]
        )
    except (SignXMLException, cryptography.exceptions.InvalidSignature) as error:
        why = str(error) or _why_invalid(claims, signer)
        raise SignatureInvalid(
            f"the signature value does not verify with the key of {signer.partner_id}: {why}", rule="XMLDSig 3.2.2"
        ) from None


def digested(reference: Reference) -> tuple[bytes, bytes]:
    """The canonical octets of the part that `reference` leads to, and their digest."""
    octets = canonical(reference.target, reference.prefixes)
    return octets, getattr(hashlib, reference.digest)(octets).digest()


def verify_digests(claims: ParsedSignature) -> dict[_Element, bytes]:
    """The nodes that SignedInfo vouches for, each with its canonical octets: signed, if `verify_value` has passed.

    Errors: `DigestMismatch`.
    """
    signed: dict[_Element, bytes] = {}
    for reference in claims.references:
        target, _, digest, value = reference
        octets, actual = digested(reference)
        signed[target] = octets
        if actual != value:
            raise DigestMismatch(
                f"{target.tag}: {digest} is {b64encode(actual).decode()}, signed was {b64encode(value).decode()}; "
                f"digested here: {_told(octets)}",
                rule="XMLDSig 3.2.1",
            )
        check_qname_values(target, octets)
    return signed


def _why_invalid(claims: ParsedSignature, signer: Signer) -> str:
    """Whether another key made the value, or something else was signed: an RSA value tells what digest it is over."""
    algorithm, key = _PKCS1.get(claims.method), signer.public_key()
    if algorithm is None or not isinstance(key, RSAPublicKey):
        return "another key, or another SignedInfo"
    try:
        signed = key.recover_data_from_signature(claims.value, PKCS1v15(), algorithm)
    except cryptography.exceptions.InvalidSignature:
        return "it was made with another key"
    actual = hashlib.new(algorithm.name, claims.signed_info).digest()
    return f"SignedInfo: {algorithm.name} is {b64encode(actual).decode()}, signed was {b64encode(signed).decode()}"


def _told(octets: bytes) -> str:
    """A canonical form as the operator may keep it: a short one whole, since it is addressing, times or a certificate.

    Of a Body only the names and declarations of the first start tags: the rest speaks of people.
    """
    if len(octets) <= _SHORT and not _BODY.match(octets):
        return octets.decode()
    names = b"".join(islice(names_of_start_tags(octets), _TAGS_TOLD))
    return f"{len(octets)} octets, beginning with {names[:_SHORT].decode(errors='replace')}"


def signature_value(octets: bytes, method: str, key: PrivateKey) -> str:
    """The SignatureValue (base64) over the canonical `octets` of a SignedInfo."""
    prepared = _Prepared(octets)
    _signer(method).sign(prepared, key=key)
    return prepared.text


@cache
def _signer(method: str) -> _PreparedSigner:
    # Stateless between calls, so that all threads may share it.
    return _PreparedSigner(method)


class _Prepared:
    """A SignedInfo that is ready: stands where signxml expects the elements that it would have built."""

    __slots__ = ("octets", "text")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.text = ""


class _PreparedSigner(XMLSigner):
    """signxml's signer, given the octets instead of a document to take them from."""

    def __init__(self, method: str) -> None:
        super().__init__(SignatureConstructionMethod.detached, method, c14n_algorithm=_EXCLUSIVE)
        self.signature_annotators = []

    def _unpack(self, data: _Prepared, _references: Any) -> tuple[_Prepared, _Prepared, list[Any], list[Any]]:
        return data, data, [], []

    def _build_sig(self, sig_root: _Prepared, *_args: Any, **_settings: Any) -> tuple[_Prepared, _Prepared]:
        return sig_root, sig_root

    def _c14n(self, nodes: _Prepared, *_args: Any, **_kwargs: Any) -> bytes:
        return nodes.octets
