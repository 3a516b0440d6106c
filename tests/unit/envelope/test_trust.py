"""Pins decide whose certificate is whose."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.envelope.trust import (
    PinnedCertificate,
    RevocationList,
    TrustStore,
    subject_key_identifier,
    thumbprint,
)
from ccms_ws.errors import ConfigError, SignerNotTrusted, TokenInvalid
from tests.support.pki import NOW, pki


def test_a_pinned_certificate_is_its_partner_s() -> None:
    assert pki().trust.check(pki().probation.certificate, NOW) == "adult-probation"


def test_a_certificate_that_is_not_pinned_is_nobody_s() -> None:
    with pytest.raises(SignerNotTrusted, match="stranger"):
        pki().trust.check(pki().stranger.certificate, NOW)


@pytest.mark.parametrize("who", ["expired", "early", "revoked"])
def test_a_pinned_certificate_must_also_be_valid(who: str) -> None:
    with pytest.raises(TokenInvalid):
        pki().trust.check(getattr(pki(), who).certificate, NOW)


def test_validity_ends_with_the_certificate() -> None:
    certificate = pki().probation.certificate
    trust = TrustStore([PinnedCertificate("adult-probation", certificate)])
    assert trust.check(certificate, certificate.not_valid_after_utc) == "adult-probation"
    with pytest.raises(TokenInvalid):
        trust.check(certificate, certificate.not_valid_after_utc + timedelta(seconds=1))


def test_old_and_new_certificate_of_a_partner_overlap() -> None:
    old, new = pki().dmv, pki().identity("dmv", "p256")
    trust = TrustStore([PinnedCertificate("dmv", old.certificate), PinnedCertificate("dmv", new.certificate)])
    assert {trust.check(identity.certificate, NOW) for identity in (old, new)} == {"dmv"}


def test_a_renewal_with_the_same_key_is_found_by_its_key_identifier() -> None:
    old = pki().dmv
    new = pki().renewed(old)
    pins = [PinnedCertificate("dmv", old.certificate), PinnedCertificate("dmv", new.certificate)]
    signer = TrustStore(pins).by_key_identifier(subject_key_identifier(old.certificate))
    assert signer is not None
    assert signer.not_after == max(pin.certificate.not_valid_after_utc for pin in pins)


def test_pinning_one_certificate_twice_for_one_partner_does_no_harm() -> None:
    pin = PinnedCertificate("dmv", pki().dmv.certificate)
    assert len(TrustStore([pin, pin]).expiring(NOW)) == 1


def test_one_certificate_cannot_be_two_partners() -> None:
    certificate = pki().dmv.certificate
    with pytest.raises(ConfigError):
        TrustStore([PinnedCertificate("dmv", certificate), PinnedCertificate("ftb", certificate)])


def test_one_key_cannot_be_two_partners() -> None:
    renewed = pki().renewed(pki().dmv)
    with pytest.raises(ConfigError):
        TrustStore([PinnedCertificate("dmv", pki().dmv.certificate), PinnedCertificate("ftb", renewed.certificate)])


def with_identifier(key: ec.EllipticCurvePrivateKey, identifier: bytes) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "partner")])
    return (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip


def test_one_key_cannot_be_two_partners_whatever_its_certificates_call_it() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    one, other = (PinnedCertificate(who, with_identifier(key, who.encode())) for who in ("dmv", "ftb"))
    with pytest.raises(ConfigError, match="one key is pinned for dmv and for ftb"):
        TrustStore([one, other])
    TrustStore([one, PinnedCertificate("dmv", other.certificate)])  # a partner may have two certificates for its key


def test_one_key_identifier_cannot_be_two_keys_of_two_partners() -> None:
    """A reference by SubjectKeyIdentifier would name either of them."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    one, other = (with_identifier(key, b"the same") for key in keys)
    with pytest.raises(ConfigError, match="SubjectKeyIdentifier"):
        TrustStore([PinnedCertificate("dmv", one), PinnedCertificate("ftb", other)])


def test_a_certificate_that_is_not_for_signing_cannot_be_pinned() -> None:
    with pytest.raises(ConfigError, match="KeyUsage"):
        TrustStore([PinnedCertificate("dmv", pki().certificate("dmv", signing=False))])


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 1024), ed25519.Ed25519PrivateKey.generate()])
def test_a_weak_or_strange_key_cannot_be_pinned(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "weak")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )  # fmt: skip
    with pytest.raises(ConfigError):
        TrustStore([PinnedCertificate("dmv", certificate)])


def test_a_revocation_list_must_be_signed_by_its_issuer() -> None:
    genuine = pki().revocation_list()
    with pytest.raises(ConfigError, match="did not sign"):
        TrustStore([], crls=[RevocationList(genuine.crl, pki().probation.certificate)])


def test_pins_are_found_by_every_name_of_the_certificate() -> None:
    certificate = pki().ftb.certificate
    trust = pki().trust
    found = [
        trust.by_der(certificate.public_bytes(Encoding.DER)),
        trust.by_key_identifier(subject_key_identifier(certificate)),
        trust.by_thumbprint(thumbprint(certificate)),
        trust.by_issuer_serial(certificate.issuer.rfc4514_string(), certificate.serial_number),
    ]
    assert {signer.partner_id if signer else None for signer in found} == {"ftb"}


@pytest.mark.parametrize(
    "spelling",
    [
        "CN=Test Authority,O=Superior Court\\, Test County,ST=California,C=US",
        "CN=Test Authority, O=Superior Court\\, Test County, ST=California, C=US",
        'CN=Test Authority, O="Superior Court, Test County", S=California, C=US',
        "C=US, ST=California, O=Superior Court\\, Test County, CN=Test Authority",
        'C = US;ST = California;O = "Superior Court, Test County";CN = Test Authority',
        "cn=test authority,o=superior court\\, test county,st=california,c=us",
    ],
)
def test_an_issuer_is_recognized_however_a_stack_spells_it(spelling: str) -> None:
    assert pki().trust.by_issuer_serial(spelling, pki().dmv.certificate.serial_number) is not None


@pytest.mark.parametrize(
    "spelling", ["", "CN=Test Authority", "nonsense", "CN=\x00", "CN=Test Authority,O=x,ST=California,C=US"]
)
def test_another_issuer_is_not(spelling: str) -> None:
    assert pki().trust.by_issuer_serial(spelling, pki().dmv.certificate.serial_number) is None


def test_expiry_is_told_in_whole_days_soonest_first() -> None:
    expiring = pki().trust.expiring(NOW)
    days_left = {pin.partner_id: days for pin, days in expiring}
    assert next(iter(days_left.items())) == ("expired", -10)
    assert list(days_left.values()) == sorted(days_left.values())
    assert days_left["dmv"] == 335
