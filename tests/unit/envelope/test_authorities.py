"""Chain and subject: the right authority and the right name, both."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ccms_ws.envelope.authorities import Authority
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.trust import PinnedCertificate, RevocationList, TrustStore
from ccms_ws.errors import ConfigError, SignerNotTrusted, TokenInvalid, TokenUnavailable
from tests.support.envelopes import opened, sealed
from tests.support.pki import NOW, name

SUBJECT = "CN=ftb,O=Superior Court\\, Test County,ST=California,C=US"


class House:
    """A root with as many authorities below it as are asked for; the last of them issues."""

    def __init__(self, title: str, levels: int = 1) -> None:
        self.names = [name(f"{title} {level}") for level in range(levels)]
        self.keys = [ec.generate_private_key(ec.SECP256R1()) for _ in self.names]
        self.certificates = [
            _certify(self.names[level], self.keys[level], self.names[max(level - 1, 0)], self.keys[max(level - 1, 0)],
                     authority=True)
            for level in range(levels)
        ]  # fmt: skip

    def issue(self, common_name: str, **how: object) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        return Identity(key, _certify(name(common_name), key, self.names[-1], self.keys[-1], **how))  # type: ignore[arg-type]

    def revoke(self, *certificates: x509.Certificate, level: int = -1, until: datetime | None = None) -> RevocationList:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.names[level]).last_update(
            NOW - timedelta(days=9)).next_update(until or NOW + timedelta(days=1))  # fmt: skip
        for each in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(each.serial_number).revocation_date(NOW).build()
            )
        return RevocationList(builder.sign(self.keys[level], hashes.SHA256()), self.certificates[level])

    def trust(self, partner_id: str = "FTB", subject: str = SUBJECT, *crls: RevocationList) -> TrustStore:
        return TrustStore([], crls=crls, authorities=[Authority(partner_id, tuple(self.certificates), subject)])


def _certify(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
    days: int = 90,
    use: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=30)).not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )  # fmt: skip
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_certificate_of_the_authority_under_the_subject_is_the_partner_s(levels: int) -> None:
    house = House("root", levels)
    trust = house.trust()
    for identity in (house.issue("ftb"), house.issue("ftb")):  # a renewal needs no change
        assert [opened(sealed(by=identity), trust=trust).partner_id for _ in range(2)] == ["FTB", "FTB"]


def test_no_web_server_s_extensions_are_asked_for() -> None:
    house = House("root")
    mail = house.issue("ftb", use=ExtendedKeyUsageOID.EMAIL_PROTECTION)
    assert opened(sealed(by=mail), trust=house.trust()).partner_id == "FTB"


def test_the_right_authority_with_another_subject_is_nobody() -> None:
    house = House("root")
    for other in ("dmv", "FTB", "ftb ", "ftb\u200b"):
        with pytest.raises(SignerNotTrusted):
            opened(sealed(by=house.issue(other)), trust=house.trust())


def test_the_right_subject_of_another_authority_is_nobody() -> None:
    with pytest.raises(SignerNotTrusted):
        opened(sealed(by=House("root").issue("ftb")), trust=House("root").trust())


def test_a_partner_s_certificate_certifies_nobody() -> None:
    house = House("root")
    middle, key = house.issue("ftb"), ec.generate_private_key(ec.SECP256R1())
    below = _certify(name("ftb"), key, middle.certificate.subject, middle.key)  # type: ignore[arg-type]
    trust = TrustStore([], authorities=[Authority("FTB", (*house.certificates, middle.certificate), SUBJECT)])
    with pytest.raises(SignerNotTrusted):
        opened(sealed(by=Identity(key, below)), trust=trust)


def test_a_chain_has_a_greatest_length() -> None:
    house = House("root", 4)
    with pytest.raises(SignerNotTrusted):
        opened(sealed(by=house.issue("ftb")), trust=house.trust())


def test_an_expired_certificate_is_refused_before_and_after_it_was_known() -> None:
    house = House("root")
    identity, trust = house.issue("ftb", days=10), house.trust()
    der = identity.certificate.public_bytes(Encoding.DER)
    late = NOW + timedelta(days=11)
    assert trust.by_authority(der, late) is None
    signer = trust.by_authority(der, NOW)
    assert signer is not None
    assert trust.by_authority(der, late) is signer
    with pytest.raises(TokenInvalid, match="expired"):
        signer.check(late)


def test_a_signer_lasts_no_longer_than_those_who_certify_it() -> None:
    house = House("root")
    identity = house.issue("ftb", days=3650)
    signer = house.trust().by_authority(identity.certificate.public_bytes(Encoding.DER), NOW)
    assert signer is not None
    assert signer.not_after == house.certificates[0].not_valid_after_utc


@pytest.mark.parametrize("whose", ["the partner's", "the authority's"])
def test_a_revoked_link_breaks_the_chain(whose: str) -> None:
    house = House("root", 2)
    identity = house.issue("ftb")
    crl = house.revoke(identity.certificate) if whose == "the partner's" else house.revoke(
        house.certificates[1], level=0)  # fmt: skip
    with pytest.raises(TokenInvalid, match="revoked"):
        opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, crl))


def test_an_old_revocation_list_lets_nobody_in_whom_it_concerns() -> None:
    house, other = House("root"), House("other")
    identity = house.issue("ftb")
    old = house.revoke(until=NOW - timedelta(seconds=1))
    with pytest.raises(TokenInvalid, match="revocation list") as caught:
        opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, old))
    assert "SIGHUP" in caught.value.hint
    assert opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, old, house.revoke())).partner_id == "FTB"
    strange = other.revoke(until=NOW - timedelta(days=1))
    assert opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, strange)).partner_id == "FTB"


def test_an_old_revocation_list_concerns_pins_too() -> None:
    house = House("root")
    identity = house.issue("ftb")
    trust = TrustStore(
        [PinnedCertificate("FTB", identity.certificate)], crls=[house.revoke(until=NOW - timedelta(days=1))]
    )
    with pytest.raises(TokenInvalid, match="revocation list"):
        opened(sealed(by=identity), trust=trust)


def test_only_a_token_brings_a_certificate_that_is_not_pinned() -> None:
    house = House("root")
    identity, trust = house.issue("ftb"), house.trust()
    opened(sealed(by=identity), trust=trust)
    for kind in set(TokenReference) - {TokenReference.DIRECT}:
        with pytest.raises(TokenUnavailable):
            opened(sealed(by=identity, reference=kind), trust=trust)


def test_two_partners_cannot_have_one_subject() -> None:
    one, two = House("one"), House("two")
    reversed_order = "C=US,ST=California,O=Superior Court\\, Test County,CN=ftb"
    with pytest.raises(ConfigError, match="AGENCY"):
        TrustStore([], authorities=[
            Authority("FTB", tuple(one.certificates), SUBJECT),
            Authority("AGENCY", tuple(two.certificates), reversed_order),
        ])  # fmt: skip


@pytest.mark.parametrize("subject", ["", "ftb", "CN", "=ftb"])
def test_a_subject_is_a_distinguished_name(subject: str) -> None:
    with pytest.raises(ConfigError, match="FTB"):
        Authority("FTB", tuple(House("root").certificates), subject)


def test_an_authority_needs_a_root() -> None:
    with pytest.raises(ConfigError, match="root"):
        Authority("FTB", (House("root", 2).certificates[1],), SUBJECT)


def test_a_revocation_list_of_another_key_is_refused() -> None:
    house = House("root")
    crl = x509.CertificateRevocationListBuilder().issuer_name(house.names[0]).last_update(NOW).next_update(
        NOW + timedelta(days=1)).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())  # fmt: skip
    with pytest.raises(ConfigError, match="did not sign"):
        RevocationList(crl, house.certificates[0])
