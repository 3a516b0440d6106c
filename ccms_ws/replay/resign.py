"""Sign an envelope again as it stands: for messages that are laid out, or spoilt, in ways that we never send."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, EXC_C14N, q
from ccms_ws.envelope.algorithms import DIGESTS, SIGNATURES
from ccms_ws.envelope.canonical import canonical, read_prefix_list
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.signatures import signature_value
from ccms_ws.envelope.soap_parts import Q_ID, Q_SIGNATURE

Q_SIGNED_INFO: Final = q(DS, "SignedInfo")
Q_REFERENCE: Final = q(DS, "Reference")
Q_TRANSFORM: Final = q(DS, "Transform")
Q_DIGEST_METHOD: Final = q(DS, "DigestMethod")
Q_DIGEST_VALUE: Final = q(DS, "DigestValue")
Q_METHOD: Final = q(DS, "SignatureMethod")
Q_CANONICALIZATION: Final = q(DS, "CanonicalizationMethod")
Q_VALUE: Final = q(DS, "SignatureValue")
Q_PREFIXES: Final = q(EXC_C14N, "InclusiveNamespaces")


def one(root: _Element, name: str) -> _Element:
    """The first element of that name in `root`. Raises LookupError if there is none."""
    found = next(root.iter(name), None)
    if found is None:
        raise LookupError(f"there is no {name}")
    return found


def by_id(root: _Element) -> dict[str, _Element]:
    """The elements with a wsu:Id; of several with the same, the first."""
    found: dict[str, _Element] = {}
    for element in root.iter():
        if (name := element.get(Q_ID)) is not None:
            found.setdefault(name, element)
    return found


def resign(envelope: _Element, signer: Identity) -> _Element:
    """Digest the target of each reference again, sign, and return `envelope`.

    A reference that leads nowhere and an algorithm that is not ours keep the values that they have.
    """
    signature = one(envelope, Q_SIGNATURE)
    signed_info, targets = one(signature, Q_SIGNED_INFO), by_id(envelope)
    for reference in signed_info.iter(Q_REFERENCE):
        target = targets.get(reference.get("URI", "").removeprefix("#"))
        digest = DIGESTS.get(one(reference, Q_DIGEST_METHOD).get("Algorithm", ""))
        if target is not None and digest is not None:
            octets = canonical(target, _prefixes(reference))
            one(reference, Q_DIGEST_VALUE).text = b64encode(hashlib.new(digest, octets).digest()).decode()
    method = one(signed_info, Q_METHOD).get("Algorithm", "")
    if method in SIGNATURES:
        octets = canonical(signed_info, _prefixes(one(signed_info, Q_CANONICALIZATION)))
        one(signature, Q_VALUE).text = signature_value(octets, method, signer.key)
    return envelope


def drop_reference(envelope: _Element, part: _Element) -> None:
    """Take the reference to `part` out of the signature, and its id off it."""
    uri = f"#{part.get(Q_ID)}"
    del part.attrib[Q_ID]
    signed_info = one(envelope, Q_SIGNED_INFO)
    for reference in list(signed_info.iter(Q_REFERENCE)):
        if reference.get("URI") == uri:
            signed_info.remove(reference)


def _prefixes(parent: _Element) -> list[str]:
    inclusive = next(parent.iter(Q_PREFIXES), None)
    return [] if inclusive is None else read_prefix_list(inclusive.get("PrefixList", ""))
