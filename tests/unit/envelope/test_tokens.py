"""A signature names its certificate in one of four ways, and in no other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSSE, WSU
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.soap_parts import read_parts
from ccms_ws.envelope.tokens import resolve_signer, write_token, write_token_reference
from ccms_ws.envelope.trust import Signer
from ccms_ws.errors import CcmsWsError, SecurityHeaderInvalid, TokenUnavailable, TokenUnsupported
from tests.support.envelopes import POLICY, parsed, sealed
from tests.support.pki import NOW, pki


def _resolve(root: _Element, policy: SecurityPolicy = POLICY, remarks: list[str] | None = None) -> Signer:
    parts = read_parts(root)
    found = [] if remarks is None else remarks
    return resolve_signer(parts.signature[2], parts, trust=pki().trust, policy=policy, now=NOW, remarks=found)


def _message(kind: TokenReference = TokenReference.DIRECT) -> _Element:
    return parsed(to_bytes(sealed(reference=kind)))


def _str(root: _Element) -> _Element:
    return next(root.iter(f"{{{WSSE}}}SecurityTokenReference"))


@pytest.mark.parametrize("kind", TokenReference)
def test_each_kind_of_reference_finds_the_signer(kind: TokenReference) -> None:
    remarks: list[str] = []
    signer = _resolve(_message(kind), remarks=remarks)
    assert (signer.partner_id, signer.certificate) == ("adult-probation", pki().probation.certificate)
    assert remarks == []


@pytest.mark.parametrize("kind", TokenReference)
def test_a_policy_may_refuse_a_kind(kind: TokenReference) -> None:
    with pytest.raises(TokenUnsupported):
        _resolve(_message(kind), replace(POLICY, token_references=frozenset(TokenReference) - {kind}))


def test_a_token_is_written_in_its_canonical_form() -> None:
    text = write_token(pki().dmv, "X509-1")
    assert etree.tostring(etree.fromstring(text), method="c14n", exclusive=True) == text.encode()


def test_an_issuer_with_special_characters_is_escaped() -> None:
    text = write_token_reference(
        pki().identity("A & B <C>", "p256", own_authority=True), TokenReference.ISSUER_SERIAL, ""
    )
    wrapped = etree.fromstring(f'<a xmlns:wsse="{WSSE}" xmlns:ds="{DS}">{text}</a>')
    assert "A & B" in "".join(str(piece) for piece in wrapped.itertext())


def _without(attribute: str, tags: Iterable[str]) -> _Element:
    root = _message()
    for tag in tags:
        del next(root.iter(tag)).attrib[attribute]
    return root


@pytest.mark.parametrize(
    ("attribute", "tag", "rule"),
    [
        ("ValueType", f"{{{WSSE}}}Reference", "BSP R3059"),
        ("ValueType", f"{{{WSSE}}}BinarySecurityToken", "BSP R3031"),
        ("EncodingType", f"{{{WSSE}}}BinarySecurityToken", "BSP R3029"),
    ],
)
def test_a_type_may_be_left_out_but_not_be_another(attribute: str, tag: str, rule: str) -> None:
    remarks: list[str] = []
    assert _resolve(_without(attribute, [tag]), remarks=remarks).partner_id == "adult-probation"
    assert [remark[:9] for remark in remarks] == [rule]
    root = _message()
    next(root.iter(tag)).set(attribute, "urn:other")
    with pytest.raises(TokenUnsupported):
        _resolve(root)


def test_a_key_identifier_without_type_is_refused() -> None:
    root = _message(TokenReference.KEY_IDENTIFIER)
    del _str(root)[0].attrib["ValueType"]
    with pytest.raises(TokenUnsupported) as caught:
        _resolve(root)
    assert caught.value.rule == "BSP R3054"


def test_a_token_after_its_signature_is_remarked_upon() -> None:
    root = _message()
    security = root[0][-1]
    security.append(security[1])
    remarks: list[str] = []
    _resolve(root, remarks=remarks)
    assert [remark[:9] for remark in remarks] == ["BSP R5205"]


@pytest.mark.parametrize("uri", ["#other", "http://x/", "X509", "#"])
def test_a_direct_reference_is_to_the_token(uri: str) -> None:
    root = _message()
    _str(root)[0].set("URI", uri)
    with pytest.raises(TokenUnavailable):
        _resolve(root)


def test_a_reference_to_something_that_is_no_token_finds_none() -> None:
    root = _message()
    _str(root)[0].set("URI", "#" + str(next(root.iter(f"{{{WSU}}}Timestamp")).get(f"{{{WSU}}}Id")))
    with pytest.raises(TokenUnavailable):
        _resolve(root)


@pytest.mark.parametrize(
    ("serial", "refused"),
    [
        ("12", TokenUnavailable),
        ("9" * 49, TokenUnavailable),
        ("9" * 50, SecurityHeaderInvalid),
        ("-1", SecurityHeaderInvalid),
        ("0x1", SecurityHeaderInvalid),
        ("", SecurityHeaderInvalid),
        ("\u0661", SecurityHeaderInvalid),
    ],
)
def test_a_serial_number_is_a_number(serial: str, refused: type[CcmsWsError]) -> None:
    root = _message(TokenReference.ISSUER_SERIAL)
    next(root.iter(f"{{{DS}}}X509SerialNumber")).text = serial
    with pytest.raises(refused):
        _resolve(root)
