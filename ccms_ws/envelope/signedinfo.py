"""The shape of a ds:Signature, checked before any of it is computed: algorithms, transforms, references, places.

What this module hands out is the list of nodes that the signature claims to cover, each of which stands where a
signed part may stand. Whether the claim is true is found out in `signatures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, EXC_C14N
from ccms_ws.envelope.algorithms import DIGESTS, ENVELOPED_SIGNATURE
from ccms_ws.envelope.canonical import read_prefix_list
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.structure import Q_ID, Parts
from ccms_ws.envelope.values import octets_of
from ccms_ws.errors import AlgorithmRefused, LimitExceeded, PartNotSigned, SecurityHeaderInvalid

_Q_REFERENCE: Final = f"{{{DS}}}Reference"
_Q_TRANSFORM: Final = f"{{{DS}}}Transform"
_Q_INCLUSIVE: Final = f"{{{EXC_C14N}}}InclusiveNamespaces"
_SIGNATURE_CHILDREN: Final = [f"{{{DS}}}SignedInfo", f"{{{DS}}}SignatureValue", f"{{{DS}}}KeyInfo"]
_SIGNED_INFO_HEAD: Final = [f"{{{DS}}}CanonicalizationMethod", f"{{{DS}}}SignatureMethod"]
_REFERENCE_CHILDREN: Final = [f"{{{DS}}}Transforms", f"{{{DS}}}DigestMethod", f"{{{DS}}}DigestValue"]


@dataclass(frozen=True, slots=True)
class Reference:
    """One claim of a signature: this node has this digest."""

    element: _Element
    target: _Element
    prefixes: list[str]
    """Its InclusiveNamespaces, as `canonical` takes them."""
    digest: str
    """The name of the digest in hashlib."""
    value: bytes


@dataclass(frozen=True, slots=True)
class SignatureClaims:
    """A signature of the right shape, none of it verified yet."""

    signature: _Element
    signed_info: _Element
    method: str
    prefixes: list[str]
    references: list[Reference]
    value: bytes
    key_info: _Element


def read_claims(parts: Parts, ids: Mapping[str, _Element], policy: SecurityPolicy) -> SignatureClaims:
    """Errors: `SecurityHeaderInvalid`, `AlgorithmRefused`, `PartNotSigned` (a reference leads to a wrong place),
    `LimitExceeded`.
    """
    children = list(parts.signature)
    if [child.tag for child in children] != _SIGNATURE_CHILDREN:
        raise SecurityHeaderInvalid("a Signature is SignedInfo, SignatureValue, KeyInfo and no more", rule="BSP R3102")
    signed_info, value, key_info = children
    method_c14n, method_signature, *references = signed_info
    if [method_c14n.tag, method_signature.tag] != _SIGNED_INFO_HEAD:
        raise SecurityHeaderInvalid("SignedInfo begins with its two methods", rule="XMLDSig 4.4")
    if method_c14n.get("Algorithm") != EXC_C14N:
        raise AlgorithmRefused(f"canonicalization {method_c14n.get('Algorithm')!r}", rule="BSP R5404")
    method = method_signature.get("Algorithm")
    if method not in policy.signature_methods:
        raise AlgorithmRefused(f"signature algorithm {method!r}", rule="BSP R5421")
    if len(method_signature):
        raise AlgorithmRefused("parameters of the signature algorithm", rule="BSP R5401")
    if not references:
        raise SecurityHeaderInvalid("SignedInfo without a Reference", rule="XMLDSig 4.4")
    if len(references) > policy.limits.references:
        raise LimitExceeded(f"{len(references)} references, the limit is {policy.limits.references}")
    claims = [_read_reference(reference, parts, ids, policy) for reference in references]
    if len({id(claim.target) for claim in claims}) != len(claims):
        raise SecurityHeaderInvalid("two references to one part", rule="GFIPM S2S")
    return SignatureClaims(
        parts.signature, signed_info, method, _inclusive_prefixes(method_c14n), claims, octets_of(value), key_info
    )


def _read_reference(
    reference: _Element, parts: Parts, ids: Mapping[str, _Element], policy: SecurityPolicy
) -> Reference:
    children = list(reference)
    if reference.tag != _Q_REFERENCE or [child.tag for child in children] != _REFERENCE_CHILDREN:
        raise SecurityHeaderInvalid("a Reference is Transforms, DigestMethod, DigestValue", rule="BSP R5416")
    transforms, method, value = children
    if reference.get("Type") is not None:
        raise SecurityHeaderInvalid(f"a Reference of type {reference.get('Type')!r}", rule="BSP R5403")
    uri = reference.get("URI", "")
    target = ids.get(uri[1:]) if uri.startswith("#") else None
    if target is None:
        raise SecurityHeaderInvalid(f"the reference {uri[:80]!r} leads nowhere in this message", rule="BSP R3001")
    if target.get(Q_ID) != uri[1:]:
        raise SecurityHeaderInvalid(f"the reference {uri[:80]!r} is not to a wsu:Id", rule="BSP R3003")
    if not _stands_where_signed_parts_stand(target, parts):
        raise PartNotSigned(f"the reference {uri[:80]!r} leads to {target.tag}, out of place", rule="GFIPM S2S")
    digest = DIGESTS[name] if (name := method.get("Algorithm", "")) in policy.digest_methods else None
    if digest is None or len(method):
        raise AlgorithmRefused(f"digest algorithm {name!r}", rule="BSP R5420")
    return Reference(reference, target, _transform_prefixes(transforms), digest, octets_of(value))


def _stands_where_signed_parts_stand(target: _Element, parts: Parts) -> bool:
    """The Body, a header block other than Security, the Timestamp, the token: none of them holds the Signature."""
    if target is parts.body or target is parts.timestamp or target is parts.token:
        return True
    return target.getparent() is parts.header and target is not parts.security


def _transform_prefixes(transforms: _Element) -> list[str]:
    """Exactly one transform, exclusive C14N. An enveloped-signature transform before it is let pass: no target holds
    the Signature, so there is nothing that it could remove.
    """
    steps = list(transforms)
    if len(steps) == 2 and steps[0].get("Algorithm") == ENVELOPED_SIGNATURE and not len(steps[0]):
        del steps[0]
    if len(steps) != 1:
        raise AlgorithmRefused(f"{len(steps)} transforms", rule="BSP R5412" if steps else "BSP R5411")
    if steps[0].tag != _Q_TRANSFORM or steps[0].get("Algorithm") != EXC_C14N:
        raise AlgorithmRefused(f"transform {steps[0].get('Algorithm')!r}", rule="BSP R5423")
    return _inclusive_prefixes(steps[0])


def _inclusive_prefixes(method: _Element) -> list[str]:
    if not len(method):
        return []
    parameter = method[0]
    if len(method) != 1 or parameter.tag != _Q_INCLUSIVE or len(parameter):
        raise AlgorithmRefused(f"parameters of {EXC_C14N}", rule="BSP R5407")
    return read_prefix_list(parameter.get("PrefixList", ""))
