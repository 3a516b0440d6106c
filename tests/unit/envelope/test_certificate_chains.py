"""Chain and subject: the right authority and the right name, both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ccms_ws.envelope.certificate_chains import SIGNING_PURPOSES, Authority
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.trust import PinnedCertificate, RevocationList, TrustStore
from ccms_ws.errors import ConfigError, SignerNotTrusted, TokenInvalid, TokenUnavailable
from tests.support.envelopes import opened, sealed
from tests.support.pki import NOW, PrivateKey, name, pki

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
        return self.certify(ec.generate_private_key(ec.SECP256R1()), name(common_name), **how)

    def certify(self, key: PrivateKey, subject: x509.Name, **how: object) -> Identity:
        return Identity(key, _certify(subject, key, self.names[-1], self.keys[-1], **how))  # type: ignore[arg-type]

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
    key: PrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
    days: int = 90,
    use: Sequence[x509.ObjectIdentifier] = (),
    certifies: bool = False,
    extension: x509.ExtensionType | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=30)).not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(not authority or certifies, False, False, False, False, authority or certifies, authority,
                          False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )  # fmt: skip
    if use:
        builder = builder.add_extension(x509.ExtendedKeyUsage(use), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_certificate_of_the_authority_under_the_subject_is_the_partner_s(levels: int) -> None:
    house = House("root", levels)
    trust = house.trust()
    for identity in (house.issue("ftb"), house.issue("ftb")):  # a renewal needs no change
        assert [opened(sealed(by=identity), trust=trust).partner_id for _ in range(2)] == ["FTB", "FTB"]


@pytest.mark.parametrize("use", sorted(SIGNING_PURPOSES, key=attrgetter("dotted_string")))
def test_a_certificate_for_a_fitting_purpose_is_the_partner_s(use: x509.ObjectIdentifier) -> None:
    house = House("root")
    several = house.issue("ftb", use=[ExtendedKeyUsageOID.SERVER_AUTH, use])
    assert opened(sealed(by=several), trust=house.trust()).partner_id == "FTB"


@pytest.mark.parametrize(
    "use",
    [
        [ExtendedKeyUsageOID.SERVER_AUTH],
        [ExtendedKeyUsageOID.CODE_SIGNING],
        [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING],
        [x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")],
    ],
)
def test_a_certificate_for_other_purposes_alone_is_refused(use: list[x509.ObjectIdentifier]) -> None:
    house = House("root")
    with pytest.raises(TokenInvalid, match="other purposes"):
        opened(sealed(by=house.issue("ftb", use=use)), trust=house.trust())


@pytest.mark.parametrize("levels", [1, 2])
def test_an_authority_below_the_authority_does_not_sign_messages(levels: int) -> None:
    """One that bears the partner's subject, so that only what it is for tells it apart."""
    house = House("root", levels)
    with pytest.raises(TokenInvalid, match="that of an authority"):
        opened(sealed(by=house.issue("ftb", authority=True, certifies=True)), trust=house.trust())
    with pytest.raises(TokenInvalid, match="that of an authority"):
        opened(sealed(by=house.issue("ftb", certifies=True)), trust=house.trust())


def test_a_critical_extension_that_is_not_known_is_refused() -> None:
    house = House("root")
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00")
    with pytest.raises(SignerNotTrusted):
        opened(sealed(by=house.issue("ftb", extension=strange)), trust=house.trust())
    named = house.issue("ftb", extension=x509.SubjectAlternativeName([x509.DNSName("ftb.example")]))
    assert opened(sealed(by=named), trust=house.trust()).partner_id == "FTB"


@pytest.mark.parametrize("attribute", [x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME])
def test_a_name_with_an_attribute_twice_is_another_name(attribute: x509.ObjectIdentifier) -> None:
    house, parts = House("root"), list(name("ftb"))
    twice = x509.Name([*parts, *(each for each in parts if each.oid == attribute)])
    doubled = house.certify(ec.generate_private_key(ec.SECP256R1()), twice)
    with pytest.raises(SignerNotTrusted):
        opened(sealed(by=doubled), trust=house.trust())


def test_two_common_names_cannot_be_configured() -> None:
    with pytest.raises(ConfigError, match="several common names"):
        Authority("FTB", tuple(House("root").certificates), f"CN=dmv,{SUBJECT}")


def test_a_key_that_is_pinned_for_another_partner_is_refused() -> None:
    house, dmv = House("root"), pki().dmv
    certified = house.certify(dmv.key, name("ftb"))
    authority = Authority("FTB", tuple(house.certificates), SUBJECT)
    trust = TrustStore([PinnedCertificate("DMV", pki().renewed(dmv).certificate)], authorities=[authority])
    # The key of these tests is published, which alone is a reason to refuse it.
    with pytest.raises(TokenInvalid, match="published test key"):
        opened(sealed(by=certified), trust=trust)
    own = house.issue("ftb")
    assert opened(sealed(by=own), trust=trust).partner_id == "FTB"
    pinned = PinnedCertificate("DMV", house.certify(own.key, name("dmv")).certificate)
    with pytest.raises(TokenInvalid, match="one key is pinned for DMV and for FTB"):
        opened(sealed(by=own), trust=TrustStore([pinned], authorities=[authority]))


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


def test_every_link_s_revocation_list_must_be_fresh() -> None:
    """The list of the partner's issuer, and that of the authority above it: one of them alone is not enough."""
    house = House("root", 3)
    identity, ended = house.issue("ftb"), NOW - timedelta(seconds=1)
    fresh = [house.revoke(level=level) for level in range(3)]
    assert opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, *fresh)).partner_id == "FTB"
    for level in range(3):
        lists = [house.revoke(level=level, until=ended), *(each for each in fresh if each is not fresh[level])]
        for order in (lists, lists[::-1]):
            with pytest.raises(TokenInvalid, match="revocation list"):
                opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, *order))


def test_the_first_list_that_ends_counts_and_of_one_issuer_the_last() -> None:
    house = House("root", 2)
    ends = [NOW + timedelta(days=days) for days in (5, 3, 2)]
    trust = house.trust(
        "FTB", SUBJECT,
        house.revoke(until=ends[0]), house.revoke(until=ends[2]), house.revoke(level=0, until=ends[1]),
    )  # fmt: skip
    signer = trust.by_authority(house.issue("ftb").certificate.public_bytes(Encoding.DER), NOW)
    assert signer is not None
    assert signer.crl_until == ends[1]


def test_any_list_of_an_issuer_revokes_and_another_issuer_s_does_not() -> None:
    house, other = House("root"), House("other")
    identity = house.issue("ftb")
    empty, full, strange = house.revoke(), house.revoke(identity.certificate), other.revoke(identity.certificate)
    assert opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, strange, empty)).partner_id == "FTB"
    for lists in ((empty, full), (full, empty), (strange, full)):
        with pytest.raises(TokenInvalid, match="revoked"):
            opened(sealed(by=identity), trust=house.trust("FTB", SUBJECT, *lists))


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
