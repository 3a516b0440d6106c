"""signxml is the engine: each seam that we use is held against the library as it comes."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from importlib.metadata import version

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from ccms_ws.contract.namespaces import DS, SOAP11, WSU
from ccms_ws.envelope.algorithms import ECDSA_SHA256, ECDSA_SHA384, RSA_SHA256, RSA_SHA512, SIGNATURES
from ccms_ws.envelope.base64_text import decode_base64
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.parsing import parse
from ccms_ws.envelope.signature_xml import parse_signature
from ccms_ws.envelope.signatures import _METHODS, signature_value, verify_digests, verify_value
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.soap_parts import read_parts, unique_ids
from ccms_ws.envelope.trust import Signer, thumbprint
from ccms_ws.errors import AlgorithmRefused, DigestMismatch, SignatureInvalid
from tests.support.envelopes import POLICY, TEST, find, opened, parsed, sealed
from tests.support.layouts import Layout
from tests.support.oracles import stock_signxml_sign
from tests.support.pki import pki

OCTETS = b"<ds:SignedInfo/>"
PARTS = ["Body", "TS", "X509", "To", "Action", "MessageID", "ReplyTo"]


def _signer(who: str) -> Signer:
    signer = pki().trust.by_thumbprint(thumbprint(getattr(pki(), who).certificate))
    assert signer is not None
    return signer


def test_the_version_is_one_that_the_seams_were_tested_with() -> None:
    assert version("signxml").startswith("5.2.")


@pytest.mark.parametrize("method", [method for method, kind in SIGNATURES.items() if kind == "rsa"])
def test_an_rsa_value_is_what_cryptography_verifies(method: str) -> None:
    value = decode_base64(signature_value(OCTETS, method, pki().probation.key), "")
    public = pki().probation.key.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    digest = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}[method.partition("sha")[2][:3]]
    algorithm = getattr(hashes, digest)()
    pad = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size) if method.endswith("MGF1") else padding.PKCS1v15()
    public.verify(value, OCTETS, pad, algorithm)


@pytest.mark.parametrize(("who", "method", "size"), [("dmv", ECDSA_SHA256, 32), ("ftb", ECDSA_SHA384, 48)])
def test_an_ecdsa_value_is_r_and_s_of_the_curve_s_size(who: str, method: str, size: int) -> None:
    identity = getattr(pki(), who)
    public = identity.key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    algorithm = hashes.SHA256() if size == 32 else hashes.SHA384()
    for _ in range(40):  # some have leading zeros
        value = decode_base64(signature_value(OCTETS, method, identity.key), "")
        assert len(value) == 2 * size
        r, s = int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big")
        public.verify(utils.encode_dss_signature(r, s), OCTETS, ec.ECDSA(algorithm))


def test_the_signing_seam_gives_what_the_stock_signer_gives() -> None:
    """RSA PKCS#1 is deterministic: over the same SignedInfo both must write the same value."""
    raw = stock_signxml_sign(Layout().text(), pki().probation, PARTS)
    root = parse(raw, POLICY.limits)
    signature = next(root.iter(f"{{{DS}}}Signature"))
    ours = signature_value(canonical(signature[0]), RSA_SHA256, pki().probation.key)
    assert ours == signature[1].text


def test_the_stock_signer_still_has_the_methods_that_we_replace() -> None:
    signer = XMLSigner(
        SignatureConstructionMethod.detached, SignatureMethod.RSA_SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )  # fmt: skip
    for name in ("_unpack", "_build_sig", "_c14n", "signature_annotators"):
        assert hasattr(signer, name)


def test_every_algorithm_of_the_allow_list_is_signxml_s_too() -> None:
    assert {method.value for method in _METHODS.values()} == set(SIGNATURES)


@pytest.mark.parametrize("who", ["probation", "dmv", "ftb"])
def test_the_verified_nodes_are_the_nodes_of_the_tree(who: str) -> None:
    root = parse(to_bytes(sealed(by=getattr(pki(), who))), POLICY.limits)
    parts = read_parts(root)
    claims = parse_signature(parts, unique_ids(root), POLICY)
    verify_value(claims, _signer(who))
    signed = verify_digests(claims)
    assert set(signed) == {parts.body, parts.timestamp, parts.token, *parts.addressing}
    assert signed[parts.body] == canonical(root[1])


def test_a_changed_part_is_a_digest_mismatch_that_names_the_part() -> None:
    root = parse(to_bytes(sealed()).replace(b"24CR", b"25CR"), POLICY.limits)
    claims = parse_signature(read_parts(root), unique_ids(root), POLICY)
    with pytest.raises(DigestMismatch, match=r"Body.*sha256 is .*, signed was .*; digested here: \d+ octets"):
        verify_digests(claims)


@pytest.mark.parametrize(
    ("old", "new", "told", "untold"),
    [
        (
            b"24CR",
            b"25CR",
            f'<soap:Body xmlns:soap="{SOAP11}" xmlns:wsu="{WSU}"><t:Query xmlns:t="{TEST}"><t:Case>',
            "CR",
        ),
        (b"/anonymous", b"/other", "<wsa:Address>http://www.w3.org/2005/08/addressing/other</wsa:Address>", "Query"),
        (b":00.000Z", b":01.000Z", "<wsu:Created>2026-03-02T17:30:01.000Z</wsu:Created>", "Query"),
    ],
)
def test_the_operator_is_told_what_was_digested_but_nothing_of_people(
    old: bytes, new: bytes, told: str, untold: str
) -> None:
    root = parse(to_bytes(sealed()).replace(old, new), POLICY.limits)
    with pytest.raises(DigestMismatch) as caught:
        verify_digests(parse_signature(read_parts(root), unique_ids(root), POLICY))
    shown = caught.value.detail.partition("digested here: ")[2]
    assert told in shown
    assert untold not in shown


@pytest.mark.parametrize(
    ("who", "method", "other_key", "why"),
    [
        ("probation", RSA_SHA256, False, "SignedInfo: sha256 is .*, signed was "),
        ("probation", RSA_SHA512, False, "SignedInfo: sha512 is .*, signed was "),
        ("probation", RSA_SHA256, True, "made with another key"),
        ("dmv", ECDSA_SHA256, True, "another key, or another SignedInfo"),
    ],
)
def test_the_operator_is_told_how_a_signature_value_fails(who: str, method: str, other_key: bool, why: str) -> None:
    identity = getattr(pki(), who)
    root = parse(to_bytes(sealed(by=identity, policy=replace(POLICY, rsa_signature=method))), POLICY.limits)
    claims = parse_signature(read_parts(root), unique_ids(root), POLICY)
    if other_key:
        claims = claims._replace(value=bytes(len(claims.value)))
    else:
        claims = claims._replace(signed_info=claims.signed_info.replace(b"#TS", b"#ST"))
    with pytest.raises(SignatureInvalid, match=why):
        verify_value(claims, _signer(who))


@pytest.mark.parametrize("value", [b"", b"x", b"\0" * 256, b"\xff" * 256, b"x" * 255, b"x" * 10_000])
def test_no_rsa_value_but_the_right_one_verifies(value: bytes) -> None:
    root = parse(to_bytes(sealed()), POLICY.limits)
    claims = parse_signature(read_parts(root), unique_ids(root), POLICY)._replace(value=value)
    with pytest.raises(SignatureInvalid):
        verify_value(claims, _signer("probation"))


@pytest.mark.parametrize("value", [b"", b"x" * 63, b"\0" * 64, b"\xff" * 64, b"\0" * 63 + b"\1", b"x" * 65])
def test_no_ecdsa_value_but_the_right_one_verifies(value: bytes) -> None:
    root = parse(to_bytes(sealed(by=pki().dmv)), POLICY.limits)
    claims = parse_signature(read_parts(root), unique_ids(root), POLICY)._replace(value=value)
    with pytest.raises(SignatureInvalid):
        verify_value(claims, _signer("dmv"))


def test_a_signature_value_comes_before_the_digests() -> None:
    """Nothing is canonicalized for a stranger who cannot even sign."""
    root = parsed(to_bytes(sealed()).replace(b"24CR", b"25CR"))
    find(root, "soap:Header/wsse:Security/ds:Signature/ds:SignatureValue").text = b64encode(b"x" * 256).decode()
    with pytest.raises(SignatureInvalid):
        opened(root)


def test_the_algorithm_must_fit_the_key() -> None:
    root = parse(to_bytes(sealed()), POLICY.limits)
    claims = parse_signature(read_parts(root), unique_ids(root), POLICY)
    with pytest.raises(AlgorithmRefused):
        verify_value(claims, _signer("dmv"))
