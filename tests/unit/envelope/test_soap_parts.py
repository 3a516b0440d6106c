"""Every part is found by its place, and is alone there."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from ccms_ws.contract.namespaces import SOAP11, SOAP12, WSSE, WSU
from ccms_ws.envelope.parsing import new_parser, parse
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.envelope.soap_parts import Q_SECURITY, outline, read_parts, unique_ids
from ccms_ws.errors import (
    CcmsWsError,
    HeaderNotUnderstood,
    MalformedEnvelope,
    SecurityHeaderInvalid,
    TokenUnsupported,
)
from tests.support.envelopes import NS, POLICY, QUERY, find, parsed, sealed


@pytest.mark.parametrize("version", SoapVersion)
def test_a_sealed_message_has_all_its_parts(version: SoapVersion) -> None:
    root = parsed(to_bytes(sealed(version=version)))
    parts = read_parts(root)
    assert parts.version is version
    assert (parts.envelope, parts.header, parts.body) == (root, root[0], root[1])
    assert parts.payload is root[1][0]
    assert parts.payload.tag == QUERY
    assert [etree.QName(block).localname for block in parts.addressing] == ["To", "Action", "MessageID", "ReplyTo"]
    assert parts.security is root[0][-1]
    assert [parts.timestamp, parts.token, parts.signature] == list(parts.security)


@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize("children", ["", "H", "HHB", "BH", "BB", "HBB", "HBx", "xHB", "B" + "x", "HxB"])
def test_an_envelope_is_one_header_and_one_body(version: SoapVersion, children: str) -> None:
    names = {"H": "<s:Header/>", "B": "<s:Body/>", "x": "<x:y xmlns:x='urn:x'/>"}
    inner = "".join(names[child] for child in children)
    with pytest.raises(MalformedEnvelope):
        outline(etree.fromstring(f"<s:Envelope xmlns:s='{version.namespace}'>{inner}</s:Envelope>"))


def test_a_body_of_the_other_version_is_no_body() -> None:
    with pytest.raises(MalformedEnvelope):
        outline(etree.fromstring(f"<s:Envelope xmlns:s='{SOAP11}'><t:Body xmlns:t='{SOAP12}'/></s:Envelope>"))


@pytest.mark.parametrize(
    ("version", "value", "refused"),
    [
        (SoapVersion.SOAP11, "1", HeaderNotUnderstood), (SoapVersion.SOAP11, "0", None),
        (SoapVersion.SOAP11, "true", MalformedEnvelope), (SoapVersion.SOAP11, "", MalformedEnvelope),
        (SoapVersion.SOAP12, "1", HeaderNotUnderstood), (SoapVersion.SOAP12, "true", HeaderNotUnderstood),
        (SoapVersion.SOAP12, "false", None), (SoapVersion.SOAP12, "yes", MalformedEnvelope),
    ],
)  # fmt: skip
def test_a_mandatory_block_must_be_understood(
    version: SoapVersion, value: str, refused: type[CcmsWsError] | None
) -> None:
    root = parsed(to_bytes(sealed(version=version)))
    etree.SubElement(root[0], "{urn:x}y").set(f"{{{version.namespace}}}mustUnderstand", value)
    if refused is None:
        assert read_parts(root).payload.tag == QUERY
    else:
        with pytest.raises(refused):
            read_parts(root)


@pytest.mark.parametrize(
    "role",
    [
        "", "http://schemas.xmlsoap.org/soap/actor/next",
        "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
    ],
)  # fmt: skip
def test_a_block_may_say_that_it_is_for_us(role: str) -> None:
    root = parsed(to_bytes(sealed()))
    find(root, "soap:Header/wsse:Security").set(f"{{{SOAP11}}}actor", role)
    assert read_parts(root).security.tag == Q_SECURITY


@pytest.mark.parametrize(
    ("extra", "refused"),
    [
        (f"<w:BinarySecurityToken xmlns:w='{WSSE}'/>", SecurityHeaderInvalid),
        (f"<u:Timestamp xmlns:u='{WSU}'/>", SecurityHeaderInvalid),
        (f"<w:UsernameToken xmlns:w='{WSSE}'/>", TokenUnsupported),
        ("<s:Assertion xmlns:s='urn:oasis:names:tc:SAML:2.0:assertion'/>", TokenUnsupported),
    ],
)
def test_a_security_header_holds_three_things(extra: str, refused: type[CcmsWsError]) -> None:
    root = parsed(to_bytes(sealed()))
    find(root, "soap:Header/wsse:Security").append(etree.fromstring(extra))
    with pytest.raises(refused):
        read_parts(root)


@pytest.mark.parametrize("name", ["wsu:Timestamp", "ds:Signature"])
def test_a_security_header_needs_timestamp_and_signature(name: str) -> None:
    root = parsed(to_bytes(sealed()))
    security = find(root, "soap:Header/wsse:Security")
    security.remove(find(security, name))
    with pytest.raises(SecurityHeaderInvalid):
        read_parts(root)


def test_ids_are_those_of_wsu_alone() -> None:
    root = etree.fromstring(f"<a xmlns:u='{WSU}' u:Id='1' Id='2'><b ID='3' k='1'/><c u:Id='4' s='1'/></a>")
    assert unique_ids(root) == {"1": root, "4": root[1]}


@pytest.mark.parametrize("name", ["Id", "ID", "id", "xml:id", "AssertionID", "u:Id", "x:id"])
@pytest.mark.parametrize("twin", ["Id", "ID", "id", "xml:id", "u:Id", "x:ID"])
def test_no_id_occurs_twice_whatever_it_is_called(name: str, twin: str) -> None:
    text = f"<r xmlns:u='{WSU}' xmlns:x='urn:x'><a {name}='same'/><b><c {twin}='same'/></b></r>"
    with pytest.raises(SecurityHeaderInvalid):
        unique_ids(etree.fromstring(text, new_parser()))


@pytest.mark.parametrize(
    "attribute",
    ["Id", "ID", "id", "xml:id", "AssertionID", "wsu:Id", "x:ID", "Id ", "ID\n\t", "id\r\n"],
)
@pytest.mark.parametrize("twin", [True, False])
@pytest.mark.parametrize("place", ["<t:Case", "<wsa:Address", "<ds:SignedInfo", "<ds:Signature", "<wsse:Reference"])
def test_an_id_out_of_the_usual_places_is_seen(attribute: str, twin: bool, place: str) -> None:
    raw = to_bytes(sealed())
    used = re.findall(rb'wsu:Id="([^"]+)"', raw)[0].decode()
    value = used if twin else "another"
    changed = raw.replace(place.encode(), f"{place} xmlns:x='urn:x' {attribute}='{value}'".encode(), 1)
    root = parse(changed, POLICY.limits)
    if twin:
        with pytest.raises(SecurityHeaderInvalid):
            unique_ids(root)
    else:
        found = unique_ids(root)
        assert len(found) == (8 if attribute == "wsu:Id" else 7)
        assert used in found


def test_every_signed_part_is_found_by_its_id() -> None:
    root = parse(to_bytes(sealed()), POLICY.limits)
    parts = read_parts(root)
    assert set(unique_ids(root).values()) == {parts.body, parts.timestamp, parts.token, *parts.addressing}


def test_the_namespaces_of_the_tests_are_those_of_the_wire() -> None:
    assert find(parsed(to_bytes(sealed())), "soap:Body/t:Query").nsmap["t"] == NS["t"]
