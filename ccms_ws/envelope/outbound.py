"""Sealing an envelope: timestamp, token and signature. The mirror of `inbound`."""

from __future__ import annotations

import secrets

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import DS, EXC_C14N, WSA, WSSE, WSU
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.signatures import sign_references
from ccms_ws.envelope.structure import Q_ID, Q_SECURITY, outline
from ccms_ws.envelope.timestamps import write_instant
from ccms_ws.envelope.tokens import write_token, write_token_reference

# lxml invents ns0, ns1... for a namespace that an envelope made elsewhere does not declare yet.
etree.register_namespace("wsu", WSU)

_WSA_BLOCK = f"{{{WSA}}}"


def seal_envelope(
    envelope: _Element,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
) -> _Element:
    """Sign `envelope` in place and return it: wsse:Security becomes the last header block.

    Signed are the Body, the Timestamp, every wsa header and the token. Sealing again (a retry) replaces an earlier
    Security header. Errors: `MalformedEnvelope`, `DigestMismatch` (a value's prefix that no signature can hold).
    """
    version, header, body = outline(envelope)
    if header is None:
        header = etree.Element(f"{{{version.namespace}}}Header")
        envelope.insert(0, header)
    for earlier in header.findall(Q_SECURITY):
        header.remove(earlier)
    targets = [body, *(block for block in header if block.tag.startswith(_WSA_BLOCK))]
    mark = secrets.token_hex(8)
    for index, target in enumerate(targets):
        target.set(Q_ID, f"id-{mark}-{index}")
    security = etree.fromstring(
        _security(identity, policy, clock, token_reference=token_reference, mark=mark, targets=len(targets))
    )
    header.append(security)
    security.set(f"{{{version.namespace}}}mustUnderstand", version.must_understand)
    *inner, signature = security
    sign_references([*targets, *inner], signature, identity, policy)
    return envelope


def _security(
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    *,
    token_reference: TokenReference,
    mark: str,
    targets: int,
) -> str:
    """The Security header with everything but the digests and the signature value. Written as text and parsed at once:
    five times faster than sixty elements made one by one.
    """
    now = clock.now()
    token_id = f"X509-{mark}"
    ids = [*(f"id-{mark}-{index}" for index in range(targets)), f"TS-{mark}"]
    token = ""
    if token_reference is TokenReference.DIRECT:
        token = write_token(identity, token_id)
        ids.append(token_id)
    reference = (
        f'"><ds:Transforms><ds:Transform Algorithm="{EXC_C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{policy.digest}"></ds:DigestMethod><ds:DigestValue></ds:DigestValue>'
        "</ds:Reference>"
    )
    references = "".join(f'<ds:Reference URI="#{target_id}{reference}' for target_id in ids)
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">'
        f'<wsu:Timestamp wsu:Id="TS-{mark}"><wsu:Created>{write_instant(now)}</wsu:Created>'
        f"<wsu:Expires>{write_instant(now + policy.lifetime)}</wsu:Expires></wsu:Timestamp>{token}"
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{EXC_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{identity.curve_signature or policy.rsa_signature}"></ds:SignatureMethod>'
        f"{references}</ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>"
        f"<ds:KeyInfo>{write_token_reference(identity, token_reference, token_id)}</ds:KeyInfo>"
        "</ds:Signature></wsse:Security>"
    )
