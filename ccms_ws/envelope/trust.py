"""Whose certificate is whose: the pinned certificates of all partners, with an overlap of old and new; and, where a
partner chose that instead, the authority that may certify it under one name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.envelope.algorithms import ECDSA_BY_CURVE
from ccms_ws.envelope.certificate_chains import Authority, NameParts, exact_name
from ccms_ws.envelope.names import is_name
from ccms_ws.envelope.published_keys import key_hash, refuse_published_keys
from ccms_ws.errors import ConfigError, SignerNotTrusted, TokenInvalid

MINIMUM_RSA_BITS: Final = 2048
UNREADABLE: Final = (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, x509.UnsupportedGeneralNameType)
"""What `cryptography` raises for a certificate of nonsense; they have no base of their own."""
_MOST_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class PinnedCertificate:
    """One certificate that one partner signs with. A partner may have several (roll-over)."""

    partner_id: str
    certificate: x509.Certificate

    @classmethod
    def load(cls, partner_id: str, path: str | os.PathLike[str]) -> PinnedCertificate:
        """Read the certificate from a PEM file. Errors: `ConfigError`."""
        try:
            return cls(partner_id, x509.load_pem_x509_certificate(Path(path).read_bytes()))
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise ConfigError(f"{path} is no certificate in PEM") from None


@dataclass(frozen=True, slots=True)
class Signer:
    """A partner's certificate with everything about it that a verification asks for, computed once."""

    partner_id: str
    certificate: x509.Certificate
    key: RSAPublicKey | EllipticCurvePublicKey
    key_kind: str
    not_before: datetime
    not_after: datetime
    revoked: bool
    crl_until: datetime | None = None
    """When the revocation list that concerns it must have been replaced; None if none does."""
    pinned: bool = True
    """False if an authority vouches for the certificate, which is then known from the message alone."""

    def public_key(self) -> RSAPublicKey | EllipticCurvePublicKey:
        """The key that the certificate certifies."""
        return self.key

    def check(self, now: datetime) -> None:
        """Errors: `TokenInvalid` if the certificate is not valid at `now`, or revoked."""
        if now < self.not_before:
            raise TokenInvalid(f"the certificate of {self.partner_id} is not valid before {self.not_before}")
        if now > self.not_after:
            raise TokenInvalid(f"the certificate of {self.partner_id} expired on {self.not_after}", rule="RFC 5280 6.1")
        if self.revoked:
            raise TokenInvalid(f"the certificate of {self.partner_id} is revoked", rule="RFC 5280 6.3")
        if self.crl_until is not None and now > self.crl_until:
            # An attacker who can withhold a new list could otherwise use a stolen key for ever.
            raise TokenInvalid(
                f"the revocation list for the certificate of {self.partner_id} ended on {self.crl_until}",
                rule="RFC 5280 6.3",
                hint="fetch the authority's new list, then let the endpoint read its settings again (SIGHUP)",
            )


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A CRL with the certificate of the authority that issued it.

    Errors when made: `ConfigError` if the authority did not sign it, or it does not say until when it holds.
    """

    crl: x509.CertificateRevocationList
    issuer: x509.Certificate

    def __post_init__(self) -> None:
        whose = self.issuer.subject.rfc4514_string()
        try:
            genuine = self.crl.is_signature_valid(self.issuer.public_key())  # type: ignore[arg-type]
        except (TypeError, ValueError):
            genuine = False
        if not genuine or self.crl.issuer != self.issuer.subject:
            raise ConfigError(f"a CRL that {whose} did not sign")
        if self.crl.next_update_utc is None:
            raise ConfigError(f"a CRL of {whose} without nextUpdate: its age cannot be judged")

    @property
    def until(self) -> datetime:
        """When a newer one must be there."""
        assert self.crl.next_update_utc is not None  # noqa: S101 - checked when it was made
        return self.crl.next_update_utc


class TrustStore:
    """All pinned certificates and authorities. Build a new one when the configuration changes."""

    def __init__(
        self,
        pins: Iterable[PinnedCertificate],
        *,
        crls: Sequence[RevocationList] = (),
        authorities: Iterable[Authority] = (),
        published_keys: bool = False,
    ) -> None:
        """`published_keys`: accept published test keys under an authority, too.

        Errors: `ConfigError` for a certificate that cannot be used, for a key or SubjectKeyIdentifier that is pinned
        for two partners, and for a subject that two partners are to have.
        """
        self._crls = crls
        self._published_keys = published_keys
        self._authorities: dict[NameParts, Authority] = {}
        for authority in authorities:
            other = self._authorities.setdefault(authority.name, authority)
            if other is not authority:
                raise ConfigError(f"{other.partner_id} and {authority.partner_id} have the subject {authority.subject}")
        self._by_chain: dict[bytes, Signer] = {}
        self._by_der: dict[bytes, Signer] = {}
        self._owners: dict[str, str] = {}
        """The partner of each pinned key, whatever certificates there are for it."""
        self._by_ski: dict[bytes, list[Signer]] = {}
        self._by_thumbprint: dict[bytes, Signer] = {}
        self._by_serial: dict[int, list[Signer]] = {}
        for pin in pins:
            self._add(_signer(pin.partner_id, [pin.certificate], crls))

    def _add(self, signer: Signer) -> None:
        certificate = signer.certificate
        der = certificate.public_bytes(Encoding.DER)
        self._check_owner(signer)
        self._owners[key_hash(signer.key)] = signer.partner_id
        namesakes = self._by_ski.setdefault(subject_key_identifier(certificate), [])
        if any(namesake.partner_id != signer.partner_id for namesake in namesakes):
            partners = f"{namesakes[0].partner_id} and for {signer.partner_id}"
            raise ConfigError(f"one SubjectKeyIdentifier is pinned for {partners}, with different keys")
        if der not in self._by_der:
            self._by_der[der] = signer
            namesakes.append(signer)
            self._by_thumbprint[thumbprint(certificate)] = signer
            self._by_serial.setdefault(certificate.serial_number, []).append(signer)

    def _check_owner(self, signer: Signer) -> None:
        """Raise ConfigError if another partner has this key: either could speak for the other."""
        owner = self._owners.get(key_hash(signer.key), signer.partner_id)
        if owner != signer.partner_id:
            raise ConfigError(f"one key is pinned for {owner} and for {signer.partner_id}")

    def by_der(self, der: bytes) -> Signer | None:
        """The signer with exactly this certificate."""
        return self._by_der.get(der)

    def by_authority(self, der: bytes, now: datetime) -> Signer | None:
        """The signer whom an authority has certified under the subject of a partner; None if that is not so.

        Only a token brings a certificate that is not pinned, so that there is no other reference to such a signer.
        """
        if not self._authorities:
            return None
        signer = self._by_chain.get(der)
        if signer is None and (signer := self._chained(der, now)) is not None:
            if len(self._by_chain) >= _MOST_REMEMBERED:
                self._by_chain.clear()
            self._by_chain[der] = signer
        return signer

    def _chained(self, der: bytes, now: datetime) -> Signer | None:
        try:
            certificate = x509.load_der_x509_certificate(der)
            authority = self._authorities.get(exact_name(certificate.subject))
            chain = authority.chain_of(certificate, now) if authority else None
            if authority is None or chain is None:
                return None
            signer = replace(_signer(authority.partner_id, chain, self._crls), pinned=False)
            if not self._published_keys:
                refuse_published_keys([certificate], authority.partner_id)
            self._check_owner(signer)
            return signer
        except UNREADABLE:
            return None
        except ConfigError as error:
            raise TokenInvalid(error.detail) from None

    def by_thumbprint(self, digest: bytes) -> Signer | None:
        """The signer whose certificate has this SHA-1."""
        return self._by_thumbprint.get(digest)

    def by_key_identifier(self, identifier: bytes) -> Signer | None:
        """The signer with this SubjectKeyIdentifier; of several (renewed with the same key) the one valid longest."""
        return max(self._by_ski.get(identifier, ()), key=lambda signer: signer.not_after, default=None)

    def by_issuer_serial(self, issuer: str, serial: int) -> Signer | None:
        """The signer whose certificate has this serial number from this issuer (a distinguished name as text); None if
        there is none, or more than one.
        """
        # The number first: an unauthenticated sender's text is read only if there is something to compare it with.
        found = [each for each in self._by_serial.get(serial, ()) if is_name(issuer, each.certificate.issuer)]
        return found[0] if len(found) == 1 else None

    def check(self, certificate: x509.Certificate, now: datetime) -> str:
        """The partner that the certificate is pinned for; `SignerNotTrusted` or `TokenInvalid` otherwise."""
        signer = self.by_der(certificate.public_bytes(Encoding.DER))
        if signer is None:
            raise SignerNotTrusted(f"no partner's certificate: {certificate.subject.rfc4514_string()}")
        signer.check(now)
        return signer.partner_id

    def expiring(self, now: datetime) -> list[tuple[PinnedCertificate, int]]:
        """Every pin with the whole days that it is still valid (negative: expired), soonest first."""
        pins = [
            (PinnedCertificate(signer.partner_id, signer.certificate), (signer.not_after - now).days)
            for signer in self._by_der.values()
        ]
        return sorted(pins, key=lambda pin: pin[1])


def subject_key_identifier(certificate: x509.Certificate) -> bytes:
    """The SubjectKeyIdentifier extension, or what RFC 5280 4.2.1.2 (1) would have it be."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def thumbprint(certificate: x509.Certificate) -> bytes:
    """ThumbprintSHA1: a name for the certificate (WSS 1.1 7.3), never a proof."""
    return certificate.fingerprint(hashes.SHA1())  # noqa: S303


def check_signing_certificate(certificate: x509.Certificate, whose: str) -> str:
    """The kind of its key ("rsa", "ec"). Errors: `ConfigError` if it is too weak, or not meant for signing."""
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        if key.key_size < MINIMUM_RSA_BITS:
            raise ConfigError(f"{whose}: an RSA key of {key.key_size} bits, {MINIMUM_RSA_BITS} are needed")
        kind = "rsa"
    elif isinstance(key, EllipticCurvePublicKey) and key.curve.name in ECDSA_BY_CURVE:
        kind = "ec"
    else:
        raise ConfigError(f"{whose}: the key is neither RSA nor EC on P-256 or P-384")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return kind
    if not (usage.digital_signature or usage.content_commitment):
        raise ConfigError(f"{whose}: the certificate's KeyUsage does not allow signing", hint="ask for another one")
    return kind


def _signer(partner_id: str, chain: Sequence[x509.Certificate], crls: Sequence[RevocationList]) -> Signer:
    """What is known of the first of `chain`; it is as good as the whole chain is."""
    certificate = chain[0]
    kind = check_signing_certificate(certificate, partner_id)
    concerned = [[each for each in crls if each.crl.issuer == link.issuer] for link in chain]
    revoked = any(
        each.crl.get_revoked_certificate_by_serial_number(link.serial_number) is not None
        for link, lists in zip(chain, concerned, strict=True)
        for each in lists
    )
    return Signer(
        partner_id, certificate, certificate.public_key(), kind,  # type: ignore[arg-type]  # by kind
        max(link.not_valid_before_utc for link in chain), min(link.not_valid_after_utc for link in chain), revoked,
        min((max(each.until for each in lists) for lists in concerned if lists), default=None),
    )  # fmt: skip
