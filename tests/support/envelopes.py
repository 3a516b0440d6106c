"""Signed messages for tests, and the receiver that opens them."""

from __future__ import annotations

import uuid
from dataclasses import replace

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import FixedClock
from ccms_ws.contract.namespaces import DS, SOAP11, SOAP12, WSA, WSSE, WSU
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.checks import Report
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.trust import TrustStore
from tests.support.pki import NOW, pki

TEST = "urn:example:test"
QUERY = f"{{{TEST}}}Query"
ACTION = f"{TEST}:query"
ADDRESS = "https://court.example/services/test"
POLICY = SecurityPolicy()
CLOCK = FixedClock(NOW)
NS = {"soap": SOAP11, "soap12": SOAP12, "wsa": WSA, "wsse": WSSE, "wsu": WSU, "ds": DS, "t": TEST}


def payload(size: int = 0, **texts: str) -> _Element:
    """A query. `size`: about so many bytes of items."""
    element = etree.Element(QUERY, nsmap={"t": TEST})
    for name, text in ({"Case": "24CR01234", "Name": "O'Brien & Söhne <1>"} | texts).items():
        etree.SubElement(element, f"{{{TEST}}}{name}").text = text
    while size > 0:
        item = etree.SubElement(element, f"{{{TEST}}}Item", kind="fine")
        etree.SubElement(item, f"{{{TEST}}}Amount").text = f"{size}.00"
        etree.SubElement(item, f"{{{TEST}}}Statute").text = "PC 1214.1"
        size -= 105
    return element


def addressing(**changes: str | None) -> Addressing:
    """The properties of a good request."""
    request = Addressing.request(to=ADDRESS, action=ACTION, message_id=f"urn:uuid:{uuid.uuid4()}")
    return replace(request, **changes)  # type: ignore[arg-type]


def sealed(
    body: _Element | None = None,
    *,
    by: Identity | None = None,
    version: SoapVersion = SoapVersion.SOAP11,
    policy: SecurityPolicy = POLICY,
    reference: TokenReference = TokenReference.DIRECT,
    clock: FixedClock = CLOCK,
    **changes: str | None,
) -> _Element:
    """A signed request as a tree; by adult probation if not said otherwise."""
    envelope = compose_envelope(payload() if body is None else body, addressing(**changes), version)
    identity = pki().probation if by is None else by
    return seal_envelope(envelope, identity=identity, policy=policy, clock=clock, token_reference=reference)


def received(message: _Element | bytes, version: SoapVersion | None = None, **changes: str | None) -> HttpMessage:
    """The HTTP request that carries `message`."""
    raw = message if isinstance(message, bytes) else to_bytes(message)
    version = version or (SoapVersion.SOAP12 if SOAP12.encode() in raw[:600] else SoapVersion.SOAP11)
    soap11 = version is SoapVersion.SOAP11
    action = f'"{ACTION}"'
    content_type = f"{version.media_type}; charset=utf-8" + ("" if soap11 else f"; action={action}")
    return replace(HttpMessage(raw, content_type, action if soap11 else None), **changes)  # type: ignore[arg-type]


def acceptance(**changes: object) -> ReceivePolicy:
    """What the receiver accepts: queries, from anybody who is pinned."""
    return replace(ReceivePolicy(frozenset({ADDRESS}), {QUERY: ACTION}, lambda _partner, _root: True), **changes)  # type: ignore[arg-type]


def opened(
    message: _Element | bytes | HttpMessage,
    *,
    trust: TrustStore | None = None,
    policy: SecurityPolicy = POLICY,
    clock: FixedClock = CLOCK,
    accept: ReceivePolicy | None = None,
    report: Report | None = None,
) -> VerifiedEnvelope:
    """Open `message` as the receiver does."""
    return open_envelope(
        message if isinstance(message, HttpMessage) else received(message),
        trust=trust or pki().trust, policy=policy, clock=clock, acceptance=accept or acceptance(),
        report=report,
    )  # fmt: skip


def parsed(raw: bytes) -> _Element:
    """A tree to tamper with."""
    return etree.fromstring(raw)


def find(root: _Element, path: str) -> _Element:
    """The one element at `path` (prefixes of `NS`)."""
    (element,) = root.findall(path, NS)
    return element
