"""A public key infrastructure: one authority, the court, its partners and some that must be refused.

Those who have a name keep their keys in `tests/vectors/attacks/pki`, for everybody to read: what they signed once
verifies for ever, at `NOW`. Whoever else is asked for is made in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ccms_ws.envelope.certificate_chains import Authority
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.trust import PinnedCertificate, RevocationList, TrustStore

NOW = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
"""The time at which all fixed clocks of the envelope tests stand."""

FOLDER = Path(__file__).parents[1] / "vectors" / "attacks" / "pki"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _key(kind: str) -> PrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def name(common_name: str) -> x509.Name:
    """A distinguished name as the test authority writes it."""
    return x509.Name([
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(x509.NameOID.STATE_OR_PROVINCE_NAME, "California"),
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Superior Court, Test County"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name),
    ])  # fmt: skip


class Pki:
    """The authority and everybody it issued for."""

    def __init__(self) -> None:
        self.authority_key, self.authority = self._kept(
            "authority", lambda key: self._issue(name("Test Authority"), key, ca=True), "p256"
        )

    def _kept(
        self, who: str, issue: Callable[[PrivateKey], x509.Certificate], kind: str
    ) -> tuple[PrivateKey, x509.Certificate]:
        """The key and certificate in the folder; made and written there if they are missing."""
        key_path, certificate_path = FOLDER / f"{who}.key", FOLDER / f"{who}.crt"
        if not key_path.exists():
            key = _key(kind)
            FOLDER.mkdir(parents=True, exist_ok=True)
            certificate_path.write_bytes(issue(key).public_bytes(Encoding.PEM))
            key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        kept = load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(kept, PrivateKey)
        return kept, x509.load_pem_x509_certificate(certificate_path.read_bytes())

    def _named(self, who: str, kind: str = "rsa", **how: object) -> Identity:
        return Identity(*self._kept(who, lambda key: self._issue(name(who), key, **how), kind))  # type: ignore[arg-type]

    def _issue(
        self,
        subject: x509.Name,
        key: PrivateKey,
        *,
        ca: bool = False,
        start: datetime = NOW - timedelta(days=30),
        days: int = 365,
        signing: bool = True,
        own_authority: bool = False,
    ) -> x509.Certificate:
        alone = ca or own_authority
        public = key.public_key()
        issuer_key = key if alone else self.authority_key
        usage = x509.KeyUsage(signing and not ca, False, not signing, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if alone else self.authority.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return builder.sign(issuer_key, hashes.SHA256())

    def identity(self, common_name: str, kind: str = "rsa", **how: object) -> Identity:
        """A fresh key and certificate."""
        key = _key(kind)
        return Identity(key, self._issue(name(common_name), key, **how))  # type: ignore[arg-type]

    def renewed(self, identity: Identity) -> Identity:
        """The same key and name with another certificate."""
        return Identity(identity.key, self._issue(identity.certificate.subject, identity.key))

    def certificate(self, common_name: str, **how: object) -> x509.Certificate:
        """A certificate that an `Identity` would refuse."""
        return self._issue(name(common_name), _key("p256"), **how)  # type: ignore[arg-type]

    def revocation_list(self, *revoked: x509.Certificate) -> RevocationList:
        """A CRL of the authority."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.authority.subject)
        builder = builder.last_update(NOW - timedelta(days=1)).next_update(NOW + timedelta(days=7))
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(NOW - timedelta(days=1))
                .build()
            )
        return RevocationList(builder.sign(self.authority_key, hashes.SHA256()), self.authority)

    @cached_property
    def court(self) -> Identity:
        """The court."""
        return self._named("court")

    @cached_property
    def probation(self) -> Identity:
        """The partner that most tests speak as: adult probation, RSA."""
        return self._named("adult-probation")

    @cached_property
    def dmv(self) -> Identity:
        """A partner with an EC key on P-256."""
        return self._named("dmv", "p256")

    @cached_property
    def ftb(self) -> Identity:
        """A partner with an EC key on P-384."""
        return self._named("ftb", "p384")

    @cached_property
    def stranger(self) -> Identity:
        """Somebody with a certificate of the right authority whom nobody has pinned."""
        return self._named("stranger", "p256")

    @cached_property
    def chained(self) -> Identity:
        """A partner whose certificate is not pinned: the authority vouches for it, under its subject."""
        return self._named("chained")

    @cached_property
    def expired(self) -> Identity:
        """A partner whose certificate has run out."""
        return self._named("expired", "p256", start=NOW - timedelta(days=40), days=30)

    @cached_property
    def early(self) -> Identity:
        """A partner whose certificate is not valid yet."""
        return self._named("early", "p256", start=NOW + timedelta(days=1))

    @cached_property
    def revoked(self) -> Identity:
        """A partner whose certificate is on the revocation list."""
        return self._named("revoked", "p256")

    @cached_property
    def trust(self) -> TrustStore:
        """Pins for court, adult-probation, dmv, ftb, expired, early and revoked; the authority for chained."""
        partners = {
            "court": self.court, "adult-probation": self.probation, "dmv": self.dmv, "ftb": self.ftb,
            "expired": self.expired, "early": self.early, "revoked": self.revoked,
        }  # fmt: skip
        pins = [PinnedCertificate(partner, identity.certificate) for partner, identity in partners.items()]
        subject = self.chained.certificate.subject.rfc4514_string()
        return TrustStore(
            pins,
            crls=[self.revocation_list(self.revoked.certificate)],
            authorities=[Authority("chained", (self.authority,), subject)],
            published_keys=True,
        )


@cache
def pki() -> Pki:
    """The one PKI of this test process."""
    return Pki()
