"""Sealing an envelope: timestamp, token and signature. The mirror of `inbound`."""

from __future__ import annotations

import copy
import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU, XSI
from ccms_ws.envelope.addressing import Addressing, addressing_texts
from ccms_ws.envelope.algorithms import DIGESTS
from ccms_ws.envelope.canonical import canonical, check_qname_values
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.parsing import check_own, check_own_size, new_parser
from ccms_ws.envelope.policy import Profile, SecurityPolicy, TokenReference
from ccms_ws.envelope.signature_xml import write_signed_info
from ccms_ws.envelope.signatures import signature_value
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.soap_parts import Q_ID, Q_SECURITY, outline
from ccms_ws.envelope.timestamps import write_timestamp
from ccms_ws.envelope.tokens import write_token, write_token_reference

_WSA_BLOCK: Final = f"{{{WSA}}}"
_DECLARATION: Final = "<?xml version='1.0' encoding='UTF-8'?>\n"
_DS: Final = f' xmlns:ds="{DS}"'
_WSSE: Final = f' xmlns:wsse="{WSSE}"'
_WSU: Final = f' xmlns:wsu="{WSU}"'
_DECLARED: Final = f' xmlns:wsa="{WSA}"{_WSU}'
BODY_END: Final = b"</soap:Body>"
ENVELOPE_END: Final = b"</soap:Body></soap:Envelope>"
# Prefixes that the Body declares, and the one attribute whose value a signature does not protect.
_OURS: Final = (b"soap", b"wsu", XSI.encode())


class HeaderBlock(NamedTuple):
    """A header block in exclusive canonical form."""

    id: str
    """Its wsu:Id; "" if it is not signed."""
    text: str


def seal_envelope(
    envelope: _Element,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
    mark: str = "",
) -> _Element:
    """What `seal_payload` makes of a composed envelope, as a new tree. `envelope` stays as it is.

    A Security header in it is left out, so that a message can be sealed again. `mark`: what the ids in the envelope end
    in; random unless a published example needs the same bytes each time. Errors: `MalformedEnvelope`, `LimitExceeded`,
    `DigestMismatch` (a value's prefix that no signature can hold).
    """
    version, header, body = outline(envelope)
    check_own(envelope, canonical(body), policy.send_limits)
    mark = mark or secrets.token_hex(8)
    content, octets = _rewritten(body, version, mark)
    blocks: list[HeaderBlock] = []
    for block in () if header is None else header.iterchildren(etree.Element):
        if block.tag == Q_SECURITY:
            continue
        text, part_id = canonical(block), ""
        check_qname_values(block, text)
        if block.tag.startswith(_WSA_BLOCK):
            part_id = f"id-{mark}-{sum(bool(each.id) for each in blocks) + 1}"
            alone = etree.fromstring(_envelope_start(version).encode() + text + b"</soap:Envelope>")[0]
            alone.set(Q_ID, part_id)
            text = canonical(alone)
        blocks.append(HeaderBlock(part_id, text.decode()))
    sealed = _seal(
        content,
        octets,
        blocks,
        mark,
        version,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
    )
    return etree.fromstring(sealed, new_parser())


def seal_payload(
    payload: bytes,
    addressing: Addressing,
    version: SoapVersion,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
) -> bytes:
    """A whole sealed message around `payload`, an element in exclusive canonical form.

    Signed are the Body, the Timestamp, every wsa header and the token; only the Timestamp and the token if the policy's
    profile leaves the rest to TLS. Every signed part is written in the very octets that are digested, so nothing is
    canonicalized: the payload's are the same inside our Body, as long as it leans on no declaration of ours. Of the
    policy's `send_limits` only the size is looked at: a payload in canonical form has been validated, and the schema
    bounds its structure. Errors: `LimitExceeded`, `DigestMismatch` (a value's prefix that no signature can hold).
    """
    check_own_size(len(payload), policy.send_limits)
    mark = secrets.token_hex(8)
    blocks = addressing_blocks(addressing, mark)
    start = body_start(version, mark)
    body = start + payload + BODY_END
    if any(prefix in payload for prefix in _OURS):
        body = _canonical_inside(body, version)
        payload = body[len(start) : -len(BODY_END)]
    return _seal(
        payload,
        body,
        blocks,
        mark,
        version,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
    )


def _seal(
    content: bytes,
    body: bytes,
    blocks: Iterable[HeaderBlock],
    mark: str,
    version: SoapVersion,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference,
) -> bytes:
    """The message with `content` in its Body, which is `body` in canonical form."""
    head = sealed_head(
        getattr(hashlib, DIGESTS[policy.digest])(body).digest(),
        mark,
        blocks,
        version,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
    )
    return head + content + ENVELOPE_END


def _canonical_inside(body: bytes, version: SoapVersion) -> bytes:
    """The canonical form of a Body in our Envelope. Errors: `DigestMismatch`."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    parsed = etree.fromstring(_envelope_start(version).encode() + body + b"</soap:Envelope>", parser)[0]
    octets = canonical(parsed)
    check_qname_values(parsed, octets)
    return octets


def _rewritten(body: _Element, version: SoapVersion, mark: str) -> tuple[bytes, bytes]:
    """The content of `body` as it stands in our Body, and that Body in canonical form.

    Not canonical itself: it keeps declarations that only values use, such as the code of a fault.
    Errors: `DigestMismatch`, `MalformedEnvelope`.
    """
    start = f'{_envelope_start(version)}<soap:Body wsu:Id="id-{mark}-0">'.encode()
    envelope = etree.fromstring(start + ENVELOPE_END)
    ours = envelope[0]
    ours.text = body.text or ""
    ours.extend(copy.deepcopy(child) for child in body)
    octets = canonical(ours)
    check_qname_values(body, octets)
    check_qname_values(ours, octets)
    return etree.tostring(envelope, encoding="utf-8")[len(start) : -len(ENVELOPE_END)], octets


def body_start(version: SoapVersion, mark: str) -> bytes:
    """The start tag of the Body, as it is digested; `BODY_END` follows the payload."""
    return f'<soap:Body xmlns:soap="{version.namespace}" xmlns:wsu="{WSU}" wsu:Id="id-{mark}-0">'.encode()


def _envelope_start(version: SoapVersion) -> str:
    return f'<soap:Envelope xmlns:soap="{version.namespace}"{_DECLARED}>'


def addressing_blocks(addressing: Addressing, mark: str) -> list[HeaderBlock]:
    """The wsa header blocks of a message; their ids end in `mark`."""
    return [
        HeaderBlock(part_id := f"id-{mark}-{index}", f'<{name}{_DECLARED} wsu:Id="{part_id}">{content}</{name}>')
        for index, (name, content) in enumerate(addressing_texts(addressing), 1)
    ]


def sealed_head(
    body: bytes,
    mark: str,
    blocks: Iterable[HeaderBlock],
    version: SoapVersion,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
) -> bytes:
    """A sealed message up to its payload; `ENVELOPE_END` follows that. `body`: the digest of the Body, in which the
    payload stands after `body_start`.
    """
    digest = getattr(hashlib, DIGESTS[policy.digest])
    digests, header = [(f"id-{mark}-0", b64encode(body).decode())], []
    for part_id, text in blocks:
        if part_id:
            digests.append((part_id, b64encode(digest(text.encode()).digest()).decode()))
        start, declared, rest = text.partition(_DECLARED)
        # The Envelope declares the same; in the start tag of the block it need not be said again.
        header.append(start + rest if declared and ">" not in start else text)
    security = _security(
        [] if policy.profile is Profile.TLS_ENDORSING_TIMESTAMP else digests,
        mark,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
        attributes=f' soap:mustUnderstand="{version.must_understand}"',
    )
    return (
        f"{_DECLARATION}{_envelope_start(version)}<soap:Header>{''.join(header)}{security}"
        f'</soap:Header><soap:Body wsu:Id="id-{mark}-0">'
    ).encode()


def _security(
    digests: list[tuple[str, str]],
    mark: str,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference,
    attributes: str,
) -> str:
    """The Security header over parts with these `digests`, and over its own Timestamp and token."""
    digest = getattr(hashlib, DIGESTS[policy.digest])
    written = {f"TS-{mark}": write_timestamp(clock.now(), policy.lifetime, f"TS-{mark}")}
    if token_reference is TokenReference.DIRECT:
        written[f"X509-{mark}"] = write_token(identity, f"X509-{mark}")
    of_security = [(part_id, b64encode(digest(text.encode()).digest()).decode()) for part_id, text in written.items()]
    references = [(f"#{part_id}", policy.digest, value) for part_id, value in [*digests, *of_security]]
    method = identity.curve_signature or policy.rsa_signature
    signed_info = write_signed_info(method, references)
    value = signature_value(signed_info.encode(), method, identity.key)
    reference = write_token_reference(identity, token_reference, f"X509-{mark}")
    # Digested as they stand alone; what Envelope, Security and Signature declare around them is not said again.
    inside = "".join(written.values()).replace(_WSSE, "").replace(_WSU, "")
    return (
        f"<wsse:Security{_WSSE}{attributes}>{inside}<ds:Signature{_DS}>{signed_info.replace(_DS, '')}"
        f"<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo>{reference}</ds:KeyInfo></ds:Signature>"
        "</wsse:Security>"
    )
