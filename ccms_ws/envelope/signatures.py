"""The signature engine: signxml, led to work on the live tree.

signxml verifies and signs; what is replaced here are the copies that it makes. It serializes and parses every input
again, whole documents per reference, to be sure of namespaces; lxml 6 canonicalizes a subtree in place and gives the
same octets, and a copy is what we must not have: the verified node has to be the dispatched node. signxml's version is
pinned, and `tests/unit/envelope/test_signatures.py` holds every seam against the stock library.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import cryptography.exceptions
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from ccms_ws.contract.namespaces import DS
from ccms_ws.envelope.algorithms import DIGESTS, SIGNATURES
from ccms_ws.envelope.canonical import canonical, check_qname_values
from ccms_ws.errors import AlgorithmRefused, DigestMismatch, SignatureInvalid

if TYPE_CHECKING:
    from ccms_ws.envelope.identity import Identity
    from ccms_ws.envelope.policy import SecurityPolicy
    from ccms_ws.envelope.signedinfo import Reference, SignatureClaims
    from ccms_ws.envelope.trust import Signer

_EXCLUSIVE: Final = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0


def verify_signature(claims: SignatureClaims, signer: Signer) -> dict[_Element, bytes]:
    """The nodes that are truly signed, each with its canonical octets.

    The signature value comes first, then the digests. Errors: `AlgorithmRefused` (the key cannot have made such a
    signature), `SignatureInvalid`, `DigestMismatch`.
    """
    if SIGNATURES[claims.method] != signer.key_kind:
        raise AlgorithmRefused(f"{claims.method} with the {signer.key_kind} key of {signer.partner_id}")
    verifier = _LiveVerifier(claims, signer)
    try:
        verifier.verify(claims.signature, x509_cert=signer.certificate, validate_schema=False,
                        expect_config=_configuration(len(claims.references)))  # fmt: skip
    except (SignXMLException, cryptography.exceptions.InvalidSignature) as error:
        raise SignatureInvalid(
            f"the signature value does not verify with the key of {signer.partner_id}: {error}"
        ) from None
    return verifier.signed


@cache
def _configuration(references: int) -> SignatureConfiguration:
    return SignatureConfiguration(
        require_x509=True,
        expect_references=references,
        signature_methods=frozenset(SignatureMethod(uri) for uri in SIGNATURES),
        digest_algorithms=frozenset(DigestAlgorithm(uri) for uri in DIGESTS),
    )


class _OnLiveTree:
    """What signer and verifier have in common: a node stays the node that it is."""

    def get_root(self, data: _Element) -> _Element:
        return data

    def _c14n(self, node: _Element, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None) -> bytes:
        if algorithm is not _EXCLUSIVE:
            raise AlgorithmRefused(f"canonicalization {algorithm}")
        return canonical(node, inclusive_ns_prefixes)


class _LiveVerifier(_OnLiveTree, XMLVerifier):
    """One verification. Its shape was checked in `signedinfo`; the key was found in `trust`."""

    def __init__(self, claims: SignatureClaims, signer: Signer) -> None:
        self.signed: dict[_Element, bytes] = {}
        self._claims = claims
        self._signer = signer

    def _get_signature(self, _root: _Element) -> _Element:
        return self._claims.signature

    def _tostring(self, xml_node: _Element, **_kwargs: Any) -> _Element:
        return xml_node

    def _fromstring(self, xml_string: Any, **_kwargs: Any) -> Any:
        # Twice signxml parses again: the signature (given as the node itself, see _tostring), and the octets of
        # SignedInfo that have just been verified, which are those of this very node.
        return self._claims.signed_info if isinstance(xml_string, bytes) else xml_string

    def _find(self, element: _Element, query: str, require: bool = True, xpath: str = "") -> _Element | None:
        return next(element.iterchildren(f"{{{DS}}}{query}"), None)

    def _findall(self, _element: _Element, _query: str, xpath: str = "") -> list[_Element]:
        return [reference.element for reference in self._claims.references]

    def _get_inclusive_ns_prefixes(self, _method: _Element) -> list[str]:
        return self._claims.prefixes

    def _check_cert_validity(self, _certificate: Any, _source: str) -> None:
        """Done in `trust`, by the injected clock."""

    def _verify_signature_with_pubkey(self, **arguments: Any) -> Any:
        # signing_certificate is asked for its public_key() alone, which cryptography would parse anew each time.
        return super()._verify_signature_with_pubkey(**{**arguments, "signing_certificate": self._signer})

    def _verify_reference(self, _element: _Element, index: int, *_rest: Any) -> _Element:
        reference = self._claims.references[index]
        target = reference.target
        octets = canonical(target, reference.prefixes)
        actual = hashlib.new(reference.digest, octets).digest()
        if not hmac.compare_digest(actual, reference.value):
            raise DigestMismatch(
                f"{target.tag}: {reference.digest} is {b64encode(actual).decode()}, "
                f"signed was {b64encode(reference.value).decode()}",
                rule="XMLDSig 3.2.1",
            )
        check_qname_values(target, octets, reference.prefixes)
        self.signed[target] = octets
        return target


def sign_references(
    targets: Sequence[_Element], signature: _Element, identity: Identity, policy: SecurityPolicy
) -> None:
    """Fill in the digests of `targets` (in the order of the references) and the value of a prepared `signature`."""
    _LiveSigner(targets, signature, identity, policy).sign(signature, key=identity.key)


class _LiveSigner(_OnLiveTree, XMLSigner):
    """One signing. The elements of the signature are prepared by `outbound`, in their place in the envelope."""

    def __init__(
        self, targets: Sequence[_Element], signature: _Element, identity: Identity, policy: SecurityPolicy
    ) -> None:
        super().__init__(
            method=SignatureConstructionMethod.detached,
            signature_algorithm=identity.curve_signature or policy.rsa_signature,
            digest_algorithm=policy.digest,
            c14n_algorithm=_EXCLUSIVE,
        )
        self.signature_annotators = []
        self._targets = targets
        self._signature = signature
        self._digest = DIGESTS[policy.digest]

    def _unpack(self, _data: _Element, _references: Any) -> tuple[_Element, _Element, list[_Element], list[Reference]]:
        return self._signature, self._signature, [], []

    def _build_sig(self, sig_root: _Element, *_args: Any, **_settings: Any) -> tuple[_Element, _Element]:
        signed_info = sig_root[0]
        for target, reference in zip(self._targets, list(signed_info)[2:], strict=True):
            octets = canonical(target)
            check_qname_values(target, octets, ())
            reference[2].text = b64encode(hashlib.new(self._digest, octets).digest()).decode()
        return signed_info, sig_root[1]
