"""A partner with a key and no scruples: it signs whatever it likes, true or not, and says so in any way it likes.

Digests are those of exclusive C14N and SHA-256, whatever transforms and algorithms the message names: what refuses it
must be the rule against what is named.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, EXC_C14N, WSU
from tests.support.pki import pki

_Q_ID = f"{{{WSU}}}Id"


def sign_again(root: _Element) -> None:
    """Fill in each digest that can be computed and sign SignedInfo with the DMV's key: a hostile partner's message."""
    signature = next(root.iter(f"{{{DS}}}Signature"))
    info, value = signature[0], signature[1]
    by_id = {str(element.get(_Q_ID)): element for element in root.iter(etree.Element) if element.get(_Q_ID) is not None}
    for reference in info.iter(f"{{{DS}}}Reference"):
        found, digest = by_id.get(reference.get("URI", "")[1:]), reference.find(f"{{{DS}}}DigestValue")
        if found is not None and digest is not None:
            octets = plain_canonical(found, prefix_lists(reference.find(f"{{{DS}}}Transforms")))
            digest.text = b64encode(hashlib.sha256(octets).digest()).decode()
    key = pki().dmv.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(plain_canonical(info, prefix_lists(info[0])), ec.ECDSA(hashes.SHA256())))
    value.text = b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()


def plain_canonical(node: _Element, prefixes: list[str]) -> bytes:
    """Exclusive C14N, written down a second time."""
    if "" in prefixes:
        etree.fromstring('<a xmlns=""/>')
    octets: bytes = etree.tostring(
        node,
        method="c14n",
        exclusive=True,
        with_comments=False,
        with_tail=False,
        inclusive_ns_prefixes=prefixes or None,
    )
    return octets


def prefix_lists(holder: _Element | None) -> list[str]:
    """The InclusiveNamespaces somewhere in `holder`, as lxml wants them."""
    found = None if holder is None else next(holder.iter(f"{{{EXC_C14N}}}InclusiveNamespaces"), None)
    listed = [] if found is None else found.get("PrefixList", "").split()
    return ["" if prefix == "#default" else prefix for prefix in listed]
