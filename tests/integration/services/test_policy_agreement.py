"""What the WSDL states is what the gate enforces: an envelope that leaves out a part is refused by both."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU, q
from ccms_ws.contract.policy import SignedPart, check_published_policy, in_words, published_policy, signed_parts
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.errors import ContractError
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import EXCHANGES, get_exchange
from ccms_ws.services.contract_package import describe
from tests.support.court import Court

SIGNER = "adult-probation"


def parts_of(envelope: _Element) -> Iterator[tuple[SignedPart, _Element]]:
    """Every element that must be signed, with the part that it is."""
    yield SignedPart.BODY, envelope[-1]
    for block in envelope[0]:
        if str(block.tag).startswith(f"{{{WSA}}}"):
            yield SignedPart.ADDRESSING, block
    yield from ((SignedPart.TIMESTAMP, found) for found in envelope.iter(q(WSU, "Timestamp")))
    yield from ((SignedPart.TOKEN, found) for found in envelope.iter(q(WSSE, "BinarySecurityToken")))


def reference_to(envelope: _Element, part: _Element) -> _Element | None:
    uri = f"#{part.get(q(WSU, 'Id'))}"
    return next((found for found in envelope.iter(q(DS, "Reference")) if found.get("URI") == uri), None)


def keeps_the_policy(envelope: _Element, policy: _Element) -> bool:
    """As a partner's toolkit judges it: every part that the policy names is under the signature."""
    return all(
        reference_to(envelope, part) is not None for kind, part in parts_of(envelope) if kind in signed_parts(policy)
    )


def without(court: Court, envelope: _Element, part: _Element) -> _Element:
    """The envelope, validly signed by its partner, but for that part."""
    reference = reference_to(envelope, part)
    assert reference is not None
    signed_info = reference.getparent()
    assert signed_info is not None
    signed_info.remove(reference)
    key = court.identity(SIGNER).key
    assert isinstance(key, RSAPrivateKey)
    value = key.sign(etree.tostring(signed_info, method="c14n", exclusive=True), PKCS1v15(), SHA256())
    found = envelope.find(f".//{q(DS, 'SignatureValue')}")
    assert found is not None
    found.text = base64.b64encode(value).decode()
    return envelope


@pytest.fixture
def sealed(court: Court) -> _Element:
    query = court.query(case_number="TR-2025-004417")
    body = court.seal(
        query_to_xml(query),
        signer=SIGNER,
        exchange=get_exchange("FCC807"),
        message_id=query.metadata.transaction_id,
    )
    return etree.fromstring(body)


@pytest.fixture
def policy() -> _Element:
    stated = published_policy(catalog.wsdl_path(get_exchange("FCC807").service))
    assert stated is not None
    return stated


def test_an_envelope_with_every_part_signed_keeps_the_policy_and_passes(
    court: Court, sealed: _Element, policy: _Element
) -> None:
    assert keeps_the_policy(sealed, policy)
    assert court.post(etree.tostring(sealed)).status == 200


@pytest.mark.parametrize("name", ["Body", "To", "Action", "MessageID", "ReplyTo", "Timestamp"])
def test_an_envelope_with_a_part_unsigned_breaks_the_policy_and_is_refused(
    court: Court, sealed: _Element, policy: _Element, name: str
) -> None:
    found = [part for _, part in parts_of(sealed) if etree.QName(part).localname == name]
    if not found:
        pytest.skip(f"this envelope has no {name}")
    envelope = without(court, sealed, found[0])
    assert not keeps_the_policy(envelope, policy)
    answer = court.post(etree.tostring(envelope))
    assert answer.status == 400
    assert answer.text("ErrorCode") == "security.part-not-signed"


def test_the_token_of_a_pinned_certificate_may_stay_unsigned_as_the_words_say_and_the_policy_does_not(
    court: Court, sealed: _Element, policy: _Element
) -> None:
    (token,) = (part for kind, part in parts_of(sealed) if kind is SignedPart.TOKEN)
    envelope = without(court, sealed, token)
    assert not keeps_the_policy(envelope, policy)
    assert court.post(etree.tostring(envelope)).status == 200
    words = dict(in_words(describe(SecurityPolicy())))
    assert "not signed is tolerated if the court has pinned the certificate" in words["Signed"]


@pytest.mark.parametrize("code", [exchange.code for exchange in EXCHANGES])
def test_the_wsdl_states_what_is_enforced(code: str) -> None:
    check_published_policy(catalog.wsdl_path(get_exchange(code).service), describe(SecurityPolicy()))


@pytest.mark.parametrize("part", SignedPart)
def test_a_wsdl_that_left_out_a_part_would_be_noticed(part: SignedPart) -> None:
    profile = describe(SecurityPolicy())
    with pytest.raises(ContractError, match="another security policy"):
        check_published_policy(
            catalog.wsdl_path("FCC807-1.0-service.wsdl"), replace(profile, signed=profile.signed - {part})
        )


def test_a_gate_that_enforces_something_else_does_not_open(court: Court) -> None:
    lenient = replace(court.application, policy=SecurityPolicy(token_references=frozenset({TokenReference.DIRECT})))
    with pytest.raises(ContractError, match="another security policy"):
        lenient.gateway()
