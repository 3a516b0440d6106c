"""Sealing puts the agreed shape around a payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, SOAP11, SOAP12, WSSE, WSU, XSI
from ccms_ws.envelope.addressing import write_addressing
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.faults import compose_fault
from ccms_ws.envelope.outbound import seal_envelope, seal_payload
from ccms_ws.envelope.policy import Limits, Profile, TokenReference
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.streaming import seal_stream
from ccms_ws.errors import (
    CcmsWsError,
    DigestMismatch,
    InternalError,
    LimitExceeded,
    MalformedEnvelope,
    MessageTooLarge,
    SoapVersionMismatch,
)
from tests.support.envelopes import CLOCK, NS, POLICY, TEST, addressing, find, opened, parsed, payload, received, sealed
from tests.support.oracles import libxmlsec_verifies
from tests.support.pki import pki


def _seal(envelope: _Element) -> _Element:
    return seal_envelope(envelope, identity=pki().probation, policy=POLICY, clock=CLOCK)


@pytest.mark.parametrize("version", SoapVersion)
def test_the_security_header_is_the_last_and_in_the_agreed_order(version: SoapVersion) -> None:
    root = parsed(to_bytes(sealed(version=version)))
    security = root[0][-1]
    assert [etree.QName(child).localname for child in security] == ["Timestamp", "BinarySecurityToken", "Signature"]
    assert security.get(f"{{{version.namespace}}}mustUnderstand") == version.must_understand
    assert [etree.QName(child).localname for child in security[-1]] == ["SignedInfo", "SignatureValue", "KeyInfo"]


def test_the_shape_is_the_one_that_every_stack_reads() -> None:
    raw = to_bytes(sealed())
    root = parsed(raw)
    assert b"PrefixList" not in raw
    assert b"xmlns=" not in raw
    for prefix in ("soap", "wsa", "wsu", "wsse", "ds", "t"):
        assert raw.count(f"xmlns:{prefix}=".encode()) == 1, prefix
    signed_info = next(root.iter(f"{{{DS}}}SignedInfo"))
    assert not any(element.tail or (len(element) and element.text) for element in signed_info)
    assert len(signed_info) == 2 + 7
    timestamp = next(root.iter(f"{{{WSU}}}Timestamp"))
    assert list(timestamp.attrib) == [f"{{{WSU}}}Id"]
    assert raw.count(b"\n") == 1  # behind the XML declaration


_WIDE = Limits(depth=99, attributes=99, namespaces=99)


def _nested(depth: int) -> str:
    return "<t:D>" * depth + "</t:D>" * depth


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        ("<t:D " + " ".join(f'a{number}=""' for number in range(65)) + "/>", Limits()),
        (_nested(62), Limits()),
        ("<t:D>" + "x" * 1001 + "</t:D>", Limits(text_length=1000)),
        (f'<t:D a="{"x" * 1001}"/>', Limits(attribute_length=1000)),
        ("<t:D/>" * 1000, Limits(elements=1000)),
        ("<t:D/>" * 1000, Limits(message=8000)),
        ("<t:D " + " ".join(f'xmlns:a{n}="u:{n}" a{n}:b=""' for n in range(65)) + "/>", Limits()),
    ],
)
@pytest.mark.parametrize("profile", [Profile.GFIPM_S2S, Profile.TLS_ENDORSING_TIMESTAMP])
def test_what_we_would_not_take_in_we_do_not_seal(content: str, limits: Limits, profile: Profile) -> None:
    body = etree.fromstring(f"<t:Query xmlns:t='{TEST}'><t:Case>24CR01234</t:Case>{content}</t:Query>")
    small = replace(POLICY, send_limits=limits, profile=profile)
    with pytest.raises(LimitExceeded):
        sealed(body, policy=small)
    raw = to_bytes(sealed(body, policy=replace(POLICY, send_limits=_WIDE)))
    with pytest.raises((LimitExceeded, MessageTooLarge)):
        opened(raw, policy=replace(POLICY, limits=limits))


def test_what_we_seal_we_take_in() -> None:
    content = _nested(61) + "<t:D " + " ".join(f'a{number}=""' for number in range(64)) + "/>"
    body = etree.fromstring(f"<t:Query xmlns:t='{TEST}'><t:Case>24CR01234</t:Case>{content}</t:Query>")
    assert opened(to_bytes(sealed(body))).partner_id == "adult-probation"


def test_a_payload_or_a_stream_that_is_too_large_is_not_sealed() -> None:
    octets = canonical(payload(2000))

    def seal_both(limit: int) -> Iterator[object]:
        how = (addressing(), SoapVersion.SOAP11)
        policy = replace(POLICY, send_limits=Limits(message=limit))
        yield lambda: seal_payload(octets, *how, identity=pki().probation, policy=policy, clock=CLOCK)
        pieces = [octets[:500], octets[500:]]
        yield lambda: seal_stream(pieces, *how, identity=pki().probation, policy=policy, clock=CLOCK)

    for seal in seal_both(len(octets)):
        assert callable(seal)
        assert len(seal()) > len(octets)
    for seal in seal_both(len(octets) - 1):
        assert callable(seal)
        with pytest.raises(LimitExceeded):
            seal()


def test_ids_are_new_in_every_message() -> None:
    def ids(raw: bytes) -> set[str]:
        return {str(value) for element in parsed(raw).iter() if (value := element.get(f"{{{WSU}}}Id"))}

    first, second = ids(to_bytes(sealed())), ids(to_bytes(sealed()))
    assert len(first) == len(second) == 7
    assert not first & second


def test_sealing_again_replaces_the_seal() -> None:
    envelope = sealed(message_id="urn:uuid:1")
    first = opened(to_bytes(envelope))
    envelope = seal_envelope(envelope, identity=pki().dmv, policy=POLICY, clock=CLOCK)
    again = opened(to_bytes(envelope))
    assert len(list(envelope.iter(f"{{{WSSE}}}Security"))) == 1
    assert (again.partner_id, again.addressing) == ("dmv", first.addressing)
    assert again.content_digest == first.content_digest
    assert again.signature_digest != first.signature_digest


def test_an_envelope_without_header_gets_one() -> None:
    envelope = etree.Element(f"{{{SOAP12}}}Envelope")
    etree.SubElement(envelope, f"{{{SOAP12}}}Body").append(payload())
    envelope = _seal(envelope)
    assert [child.tag for child in envelope] == [f"{{{SOAP12}}}Header", f"{{{SOAP12}}}Body"]
    assert libxmlsec_verifies(to_bytes(envelope), pki().probation)


PREFIXES: list[Mapping[str | None, str]] = [
    {"soap-env": SOAP11},
    {None: SOAP11},
    {"soap": SOAP11, "sec": WSSE, "wsse": WSSE},
    {"soap": SOAP11, "u": WSU, None: DS, "sec": WSSE},
    {"soap": SOAP11, "ds": "urn:other", "wsse": "urn:other"},
    {"a": SOAP11, "b": SOAP11, "u": WSU, "wsu": WSU},
    {None: WSU, "soap": SOAP11},
]


@pytest.mark.parametrize("prefixes", PREFIXES, ids=lambda prefixes: ",".join(str(prefix) for prefix in prefixes))
@pytest.mark.parametrize("reference", [TokenReference.DIRECT, TokenReference.ISSUER_SERIAL])
def test_an_envelope_with_prefixes_of_its_own_is_sealed_too(
    prefixes: Mapping[str | None, str], reference: TokenReference
) -> None:
    envelope = etree.Element(f"{{{SOAP11}}}Envelope", nsmap=dict(prefixes))  # type: ignore[arg-type]
    write_addressing(etree.SubElement(envelope, f"{{{SOAP11}}}Header"), addressing())
    etree.SubElement(envelope, f"{{{SOAP11}}}Body").append(payload())
    for _ in range(2):
        envelope = seal_envelope(
            envelope, identity=pki().probation, policy=POLICY, clock=CLOCK, token_reference=reference
        )
        raw = to_bytes(envelope)
        assert libxmlsec_verifies(raw, pki().probation)
        assert opened(raw).partner_id == "adult-probation"


def test_a_payload_that_no_signature_can_hold_is_refused_before_it_leaves() -> None:
    body = etree.fromstring(
        f"<t:Query xmlns:t='{TEST}' xmlns:k='urn:k' xmlns:i='{XSI}'><t:Case i:type='k:T'/></t:Query>"
    )
    with pytest.raises(DigestMismatch):
        sealed(body)
    with pytest.raises(MalformedEnvelope):
        sealed(etree.fromstring(f"<t:Query xmlns:t='{TEST}'><x:y xmlns:x='relative'/></t:Query>"))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("<a/>", MalformedEnvelope),
        ("<Envelope xmlns='urn:x'/>", SoapVersionMismatch),
        (f"<Envelope xmlns='{SOAP11}'/>", MalformedEnvelope),
    ],
)
def test_only_an_envelope_is_sealed(text: str, refused: type[CcmsWsError]) -> None:
    with pytest.raises(refused):
        _seal(etree.fromstring(text))


def test_a_fault_is_sealed_like_any_payload() -> None:
    envelope = compose_envelope(
        compose_fault(InternalError(), "incident", SoapVersion.SOAP12), addressing(), SoapVersion.SOAP12
    )
    assert libxmlsec_verifies(to_bytes(_seal(envelope)), pki().probation)
    assert find(envelope, "soap12:Body/soap12:Fault").nsmap["soap"] == NS["soap12"]
    assert received(envelope).content_type.startswith("application/soap+xml")


PAYLOADS = {
    "plain": f"<t:Query xmlns:t='{TEST}'><t:Case>1</t:Case></t:Query>",
    "default namespace": f"<Query xmlns='{TEST}'><Case xmlns=''>1</Case></Query>",
    "prefixes of the Body": (
        f"<t:Query xmlns:t='{TEST}' xmlns:soap='{SOAP11}' xmlns:wsu='{WSU}'><soap:a wsu:b='1'/></t:Query>"
    ),
    "its prefixes for others": f"<soap:Query xmlns:soap='{TEST}'><wsu:a xmlns:wsu='urn:x'/></soap:Query>",
    "a prefix of the Envelope": f"<t:Query xmlns:t='{TEST}' xmlns:wsa='urn:x'><wsa:a/></t:Query>",
    "soap: in a text": f"<t:Query xmlns:t='{TEST}'>soap: wsu:</t:Query>",
    "a type": f"<t:Query xmlns:t='{TEST}' xmlns:i='{XSI}'><t:Case i:type='t:Number'/></t:Query>",
    "special characters": f"<t:Query xmlns:t='{TEST}' a='&lt;&#9;&#10;&#13;\"'>&lt;&gt;&amp;&#13;\n\u738b</t:Query>",
}


@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize("name", PAYLOADS)
def test_a_canonical_payload_is_sealed_to_the_same_message(name: str, version: SoapVersion) -> None:
    payload_octets = canonical(etree.fromstring(PAYLOADS[name]))
    properties = addressing(to="https://court.example/?a=1&b=%3C")
    sealing = {"identity": pki().probation, "policy": POLICY, "clock": CLOCK}
    quick = seal_payload(payload_octets, properties, version, **sealing)  # type: ignore[arg-type]
    envelope = compose_envelope(etree.fromstring(payload_octets), properties, version)
    slow = to_bytes(seal_envelope(envelope, **sealing))  # type: ignore[arg-type]
    assert _normalized(quick) == _normalized(slow)
    assert libxmlsec_verifies(quick, pki().probation)


def _normalized(raw: bytes) -> list[tuple[object, ...]]:
    """Everything but what is random or depends on it."""
    random = {f"{{{DS}}}DigestValue", f"{{{DS}}}SignatureValue"}
    return [
        (node.tag, node.prefix, node.text if node.tag not in random else "", sorted(str(name) for name in node.attrib))
        for node in parsed(raw).iter()
    ]


def test_a_payload_with_a_type_that_no_signature_can_hold_is_refused_there_too() -> None:
    octets = (
        f"<t:Query xmlns:t='{TEST}'><t:Case xmlns:i='{XSI}' xmlns:k='urn:k' i:type='k:T'></t:Case></t:Query>".encode()
    )
    with pytest.raises(DigestMismatch):
        seal_payload(octets, addressing(), SoapVersion.SOAP11, identity=pki().probation, policy=POLICY, clock=CLOCK)
