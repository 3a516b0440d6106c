"""The shape of a ds:Signature, checked before any of it is computed: algorithms, transforms, references, places.

What this module hands out is the list of nodes that the signature claims to cover, each of which stands where a
signed part may stand. Whether the claim is true is found out in `signatures`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, EXC_C14N
from ccms_ws.envelope.algorithms import DIGESTS, ENVELOPED_SIGNATURE
from ccms_ws.envelope.base64_text import decode_base64, octets_of, text_of
from ccms_ws.envelope.canonical import canonical, read_prefix_list
from ccms_ws.envelope.parsing import most_declared
from ccms_ws.envelope.policy import Limits, SecurityPolicy
from ccms_ws.envelope.soap_parts import MessageParts
from ccms_ws.errors import AlgorithmRefused, LimitExceeded, PartNotSigned, SecurityHeaderInvalid

_SIGNATURE_CHILDREN: Final = [f"{{{DS}}}SignedInfo", f"{{{DS}}}SignatureValue", f"{{{DS}}}KeyInfo"]
_Q_METHOD_C14N: Final = f"{{{DS}}}CanonicalizationMethod"
_Q_METHOD_SIGNATURE: Final = f"{{{DS}}}SignatureMethod"
_Q_REFERENCE: Final = f"{{{DS}}}Reference"
_REFERENCE_CHILDREN: Final = [f"{{{DS}}}Transforms", f"{{{DS}}}DigestMethod", f"{{{DS}}}DigestValue"]
_Q_TRANSFORM: Final = f"{{{DS}}}Transform"
_SEARCHED_PER_OCTET: Final = 24
"""Declarations that may be searched, for each octet that a message may have: some 3 ns each. A stack that lists ten
prefixes, with thirty declared, stays below it with as many elements as a message may have.
"""
_Q_INCLUSIVE: Final = f"{{{EXC_C14N}}}InclusiveNamespaces"


class Reference(NamedTuple):
    """One claim of a signature: this node has this digest."""

    target: _Element
    prefixes: Sequence[str]
    """Its InclusiveNamespaces, as `canonical` takes them."""
    digest: str
    """The name of the digest in hashlib."""
    value: bytes


class ParsedSignature(NamedTuple):
    """A signature of the right shape, none of it verified yet."""

    signed_info: bytes
    """The canonical octets of SignedInfo, which the signature value is over."""
    method: str
    references: list[Reference]
    value: bytes
    key_info: _Element


_Written = tuple[str, str, str, Sequence[str]]
"""A ds:Reference as it is written, before anything in it is looked up: URI, digest algorithm and value, prefixes."""


def parse_signature(parts: MessageParts, ids: Mapping[str, _Element], policy: SecurityPolicy) -> ParsedSignature:
    """Errors: `SecurityHeaderInvalid`, `AlgorithmRefused`, `PartNotSigned` (a reference leads to a wrong place),
    `LimitExceeded`.
    """
    children = list(parts.signature)
    if [child.tag for child in children] != _SIGNATURE_CHILDREN:
        raise SecurityHeaderInvalid("a Signature is SignedInfo, SignatureValue, KeyInfo and no more", rule="BSP R3102")
    signed_info, value, key_info = children
    octets, method, written = _read_signed_info(signed_info, policy)
    if method not in policy.signature_methods:
        raise AlgorithmRefused(f"signature algorithm {method[:200]!r}", rule="BSP R5421")
    # The Body, the Timestamp, the token, the header blocks: none of them holds the Signature.
    places = {parts.body, parts.timestamp, parts.token, *parts.header} - {parts.security}
    references = [_resolve(reference, places, ids, policy) for reference in written]
    if len({id(reference.target) for reference in references}) != len(references):
        raise SecurityHeaderInvalid("two references to one part", rule="GFIPM S2S")
    _check_searches(references, parts, policy.limits)
    return ParsedSignature(octets, method, references, octets_of(value), key_info)


def _check_searches(references: Iterable[Reference], parts: MessageParts, limits: Limits) -> None:
    """Bound what PrefixLists cost: for each element of a part, libxml2 searches all declarations around it for each
    prefix. Errors: `LimitExceeded`.
    """
    lookups = sum(
        len(reference.prefixes) * sum(1 for _ in reference.target.iter(etree.Element))
        for reference in references
        if reference.prefixes
    )
    most = _SEARCHED_PER_OCTET * limits.message
    if lookups * 2 * limits.namespaces > most and lookups * most_declared(parts.envelope) > most:
        raise LimitExceeded(f"{lookups} lookups of prefixes, by the PrefixLists and the elements under them")


def _resolve(
    written: _Written, places: Collection[_Element | None], ids: Mapping[str, _Element], policy: SecurityPolicy
) -> Reference:
    uri, digest_method, digest_value, prefixes = written
    target = ids.get(uri[1:]) if uri.startswith("#") else None
    if target is None:
        raise SecurityHeaderInvalid(f"the reference {uri[:80]!r} leads to no wsu:Id in this message", rule="BSP R3001")
    if target not in places:
        raise PartNotSigned(f"the reference {uri[:80]!r} leads to {target.tag}, out of place", rule="GFIPM S2S")
    if digest_method not in policy.digest_methods:
        raise AlgorithmRefused(f"digest algorithm {digest_method[:200]!r}", rule="BSP R5420")
    return Reference(target, prefixes, DIGESTS[digest_method], decode_base64(digest_value, "DigestValue"))


def write_signed_info(method: str, references: Iterable[tuple[str, str, str]]) -> str:
    """A SignedInfo in its canonical form. `references`: the URI of each part, digest algorithm, digest in base64."""
    written = "".join(
        f'<ds:Reference URI="{uri}"><ds:Transforms><ds:Transform Algorithm="{EXC_C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{digest}"></ds:DigestMethod><ds:DigestValue>{value}</ds:DigestValue>'
        "</ds:Reference>"
        for uri, digest, value in references
    )
    return (
        f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXC_C14N}">'
        f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{method}"></ds:SignatureMethod>{written}'
        "</ds:SignedInfo>"
    )


def _read_signed_info(signed_info: _Element, policy: SecurityPolicy) -> tuple[bytes, str, list[_Written]]:
    """The canonical octets, the signature algorithm and the references.

    Canonicalized last: by then no element is in it but those that a SignedInfo has.
    """
    count = len(signed_info) - 2
    if count > policy.limits.references:
        raise LimitExceeded(f"{count} references, the limit is {policy.limits.references}")
    if count < 1:
        raise SecurityHeaderInvalid("SignedInfo without a Reference", rule="XMLDSig 4.4")
    method_c14n, method, *others = signed_info
    if method_c14n.tag != _Q_METHOD_C14N or method_c14n.get("Algorithm") != EXC_C14N:
        raise AlgorithmRefused(f"{method_c14n.tag} {method_c14n.get('Algorithm')!r}", rule="BSP R5404")
    if method.tag != _Q_METHOD_SIGNATURE or len(method):
        raise AlgorithmRefused(f"{method.tag} with parameters", rule="BSP R5401")
    limit = policy.limits.namespaces
    prefixes = _inclusive_prefixes(method_c14n, limit)
    references = [_read_reference(reference, limit) for reference in others]
    return canonical(signed_info, prefixes), method.get("Algorithm", ""), references


def _read_reference(reference: _Element, limit: int) -> _Written:
    children = list(reference)
    if reference.tag != _Q_REFERENCE or [child.tag for child in children] != _REFERENCE_CHILDREN:
        raise SecurityHeaderInvalid("a Reference is Transforms, DigestMethod, DigestValue", rule="BSP R5416")
    transforms, method, value = children
    if reference.get("Type") is not None:
        raise SecurityHeaderInvalid(f"a Reference of type {reference.get('Type')!r}", rule="BSP R5403")
    if len(method):
        raise AlgorithmRefused("parameters of a digest algorithm", rule="BSP R5420")
    prefixes = _transform_prefixes(transforms, limit)
    return reference.get("URI", ""), method.get("Algorithm", ""), text_of(value), prefixes


def _transform_prefixes(transforms: _Element, limit: int) -> Sequence[str]:
    """Exactly one transform, exclusive C14N. An enveloped-signature transform before it is let pass: no target holds
    the Signature, so there is nothing that it could remove.
    """
    steps = list(transforms)
    if any(step.tag != _Q_TRANSFORM for step in steps):
        raise SecurityHeaderInvalid("Transforms holds something else than transforms", rule="BSP R5411")
    if len(steps) == 2 and steps[0].get("Algorithm") == ENVELOPED_SIGNATURE and not len(steps[0]):
        del steps[0]
    if len(steps) != 1:
        raise AlgorithmRefused(f"{len(steps)} transforms", rule="BSP R5412" if steps else "BSP R5411")
    if steps[0].get("Algorithm") != EXC_C14N:
        raise AlgorithmRefused(f"transform {steps[0].get('Algorithm')!r}", rule="BSP R5423")
    return _inclusive_prefixes(steps[0], limit)


def _inclusive_prefixes(method: _Element, limit: int) -> Sequence[str]:
    """Errors: `LimitExceeded` for more than `limit` prefixes: each is looked up for every element of what is signed."""
    if not len(method):
        return ()
    parameter = method[0]
    if len(method) != 1 or parameter.tag != _Q_INCLUSIVE or len(parameter):
        raise AlgorithmRefused(f"parameters of {EXC_C14N}", rule="BSP R5407")
    prefixes = read_prefix_list(parameter.get("PrefixList", ""))
    if len(prefixes) > limit:
        raise LimitExceeded(f"{len(prefixes)} prefixes in a PrefixList, the limit is {limit}")
    return prefixes
