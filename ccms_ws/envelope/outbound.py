"""Sealing an envelope: timestamp, token and signature. The mirror of `inbound`."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU, XSI
from ccms_ws.envelope.addressing import Addressing, addressing_texts
from ccms_ws.envelope.algorithms import DIGESTS
from ccms_ws.envelope.canonical import canonical, check_qname_values
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.parsing import check_own, check_own_size
from ccms_ws.envelope.policy import Profile, SecurityPolicy, TokenReference
from ccms_ws.envelope.signature_xml import write_signed_info
from ccms_ws.envelope.signatures import signature_value
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.soap_parts import Q_ID, Q_SECURITY, outline
from ccms_ws.envelope.timestamps import write_timestamp
from ccms_ws.envelope.tokens import write_token, write_token_reference

# lxml invents ns0, ns1... for a namespace that an envelope made elsewhere does not declare yet.
for _prefix, _uri in (("wsu", WSU), ("wsa", WSA)):
    etree.register_namespace(_prefix, _uri)

_WSA_BLOCK: Final = f"{{{WSA}}}"
_PREFIXES: Final = {WSSE: "wsse", WSU: "wsu", DS: "ds"}
_DECLARATION: Final = "<?xml version='1.0' encoding='UTF-8'?>\n"
BODY_END: Final = b"</soap:Body>"
ENVELOPE_END: Final = b"</soap:Body></soap:Envelope>"
# Prefixes that the Body declares, and the one attribute whose value a signature does not protect.
_OURS: Final = (b"soap", b"wsu", XSI.encode())


def seal_envelope(
    envelope: _Element,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
    mark: str = "",
) -> _Element:
    """Sign `envelope` in place and return it: wsse:Security becomes the last header block.

    `mark`: what the ids in the envelope end in; random unless a published example needs the same bytes each time.

    Signed are the Body, the Timestamp, every wsa header and the token; only the Timestamp and the token if the policy's
    profile leaves the rest to TLS. Sealing again (a retry) replaces an earlier Security header. Errors:
    `MalformedEnvelope`, `LimitExceeded`, `DigestMismatch` (a value's prefix that no signature can hold).
    """
    version, header, body = outline(envelope)
    header = _header_without_security(envelope, header, version)

    # Body and addressing are digested where they stand.
    mark = mark or secrets.token_hex(8)
    digests: list[tuple[str, str]] = []
    digest = getattr(hashlib, DIGESTS[policy.digest])
    blocks = [block for block in header if block.tag.startswith(_WSA_BLOCK)]
    for index, part in enumerate([] if policy.profile is Profile.TLS_ENDORSING_TIMESTAMP else [body, *blocks]):
        part_id = f"id-{mark}-{index}"
        part.set(Q_ID, part_id)
        octets = canonical(part)
        if part is body:
            check_own(envelope, octets, policy.send_limits)
        check_qname_values(part, octets)
        digests.append((part_id, b64encode(digest(octets).digest()).decode()))
    if not digests:
        check_own(envelope, canonical(body), policy.send_limits)

    # What is ours is written as text in its canonical form and parsed once at the end: five times faster than making
    # sixty elements one by one.
    method = identity.curve_signature or policy.rsa_signature
    text = _security(digests, mark, identity=identity, policy=policy, clock=clock, token_reference=token_reference)
    security = etree.fromstring(text.encode())
    renamed = _has_other_prefixes(header)
    header.append(security)
    if renamed:
        _sign_as_it_stands(security, identity, policy, method)
    security.set(f"{{{version.namespace}}}mustUnderstand", version.must_understand)
    return envelope


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
    """A whole sealed message around `payload`, an element in exclusive canonical form: what `compose_envelope`,
    `seal_envelope` and `to_bytes` give, in a third of the time beside the signature.

    Every signed part is written in the very octets that are digested, so nothing is canonicalized: the payload's are
    the same inside our Body, as long as it leans on no declaration of ours. Of the policy's `send_limits` only the size
    is looked at: a payload in canonical form has been validated, and the schema bounds its structure. Errors: as
    `seal_envelope`.
    """
    check_own_size(len(payload), policy.send_limits)
    if policy.profile.is_weaker or any(prefix in payload for prefix in _OURS):
        envelope = compose_envelope(etree.fromstring(payload), addressing, version)
        sealed = seal_envelope(envelope, identity=identity, policy=policy, clock=clock, token_reference=token_reference)
        return to_bytes(sealed)
    mark = secrets.token_hex(8)
    start = body_start(version, mark)
    body = getattr(hashlib, DIGESTS[policy.digest])(start + payload + BODY_END)
    head = sealed_head(
        body.digest(),
        mark,
        addressing,
        version,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
    )
    return head + payload + ENVELOPE_END


def body_start(version: SoapVersion, mark: str) -> bytes:
    """The start tag of the Body, as it is digested; `BODY_END` follows the payload."""
    return f'<soap:Body xmlns:soap="{version.namespace}" xmlns:wsu="{WSU}" wsu:Id="id-{mark}-0">'.encode()


def sealed_head(
    body: bytes,
    mark: str,
    addressing: Addressing,
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
    soap, wsu = f' xmlns:soap="{version.namespace}"', f' xmlns:wsu="{WSU}"'
    digests, header = [(f"id-{mark}-0", b64encode(body).decode())], []
    for index, (name, content) in enumerate(addressing_texts(addressing), 1):
        part_id = f"id-{mark}-{index}"
        rest = f' wsu:Id="{part_id}">{content}</{name}>'
        block = digest(f'<{name} xmlns:wsa="{WSA}"{wsu}{rest}'.encode())
        digests.append((part_id, b64encode(block.digest()).decode()))
        header.append(f"<{name}{rest}")
    understood = f' soap:mustUnderstand="{version.must_understand}"'
    security = _security(
        digests,
        mark,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
        attributes=understood,
    )
    return (
        f'{_DECLARATION}<soap:Envelope{soap} xmlns:wsa="{WSA}"{wsu}><soap:Header>{"".join(header)}{security}'
        f'</soap:Header><soap:Body wsu:Id="id-{mark}-0">'
    ).encode()


def _security(
    digests: list[tuple[str, str]],
    mark: str,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
    attributes: str = "",
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
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"{attributes}>{"".join(written.values())}'
        f'<ds:Signature xmlns:ds="{DS}">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>'
        f"<ds:KeyInfo>{reference}</ds:KeyInfo></ds:Signature></wsse:Security>"
    )


def _header_without_security(envelope: _Element, header: _Element | None, version: SoapVersion) -> _Element:
    if header is None:
        header = etree.Element(f"{{{version.namespace}}}Header")
        envelope.insert(0, header)
    for earlier in list(header.iterchildren(Q_SECURITY)):
        header.remove(earlier)
    return header


def _has_other_prefixes(header: _Element) -> bool:
    """Whether one of our namespaces is declared around `header` under another prefix than ours."""
    return any(uri in _PREFIXES and prefix != _PREFIXES[uri] for prefix, uri in header.nsmap.items())


def _sign_as_it_stands(security: _Element, identity: Identity, policy: SecurityPolicy, method: str) -> None:
    """Sign again what lxml gave other prefixes when it was put into an envelope that declares such."""
    *parts, signature = security
    signed_info = signature[0]
    digests = {f"#{part.get(Q_ID)}": hashlib.new(DIGESTS[policy.digest], canonical(part)).digest() for part in parts}
    for reference in list(signed_info)[2:]:
        if (digest := digests.get(reference.get("URI", ""))) is not None:
            reference[2].text = b64encode(digest).decode()
    signature[1].text = signature_value(canonical(signed_info), method, identity.key)
