"""Keys, certificates and revocation lists as the settings name them: read from their files, ready for the envelope."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from ccms_ws.config import PartnerSettings, Settings
from ccms_ws.config.certificates import files_of_court, files_of_partner, issuers_of_revocation_lists
from ccms_ws.config.security import CrlSettings, IdentitySettings
from ccms_ws.envelope.algorithms import SIGNATURES
from ccms_ws.envelope.certificate_chains import Authority
from ccms_ws.envelope.identity import Identity, read_password
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.published_keys import refuse_published_keys
from ccms_ws.envelope.trust import PinnedCertificate, RevocationList, TrustStore
from ccms_ws.errors import ConfigError


def identity_of(settings: IdentitySettings) -> Identity:
    """The court's key and certificate. Its password is never in the settings. Raises ConfigError."""
    return Identity.load(settings.key, settings.certificate, _password(settings))


def policy_of(settings: Settings) -> SecurityPolicy:
    """The security policies for received and for sent messages."""
    name = settings.identity.rsa_signature
    return SecurityPolicy(
        skew=timedelta(seconds=settings.security.skew_seconds),
        lifetime=timedelta(seconds=settings.security.lifetime_seconds),
        rsa_signature=next(uri for uri in SIGNATURES if uri.rpartition("#")[2] == name),
    )


def trust_of(settings: Settings, *, published_keys: bool = False) -> TrustStore:
    """All trusted signers; `published_keys`: also with published test keys. Raises ConfigError."""
    return TrustStore(
        [pin for partner in settings.partners for pin in pins_of(partner)],
        crls=[revocation_list(crl) for crl in settings.security.crls],
        authorities=[
            Authority(partner.id, tuple(certificates_in(partner.authority)), partner.subject or "")
            for partner in settings.partners
            if partner.authority
        ],
        published_keys=published_keys,
    )


def check_no_published_keys(settings: Settings) -> None:
    """Raise ConfigError if any certificate in the settings is for a published key."""
    named = [("the court", use, path) for use, path in files_of_court(settings)]
    named += [("the court", use, path) for use, path in issuers_of_revocation_lists(settings)]
    named += [(each.id, use, path) for each in settings.partners for use, path in files_of_partner(each)]
    for whose, use, path in named:
        refuse_published_keys(certificates_in(path), f"{whose} ({use}), {path}")


def pins_of(partner: PartnerSettings) -> Iterator[PinnedCertificate]:
    """The certificates that a partner signs with."""
    for path in partner.certificates:
        yield PinnedCertificate(partner.id, certificates_in(path)[0])


def tls_pins_of(partner: PartnerSettings) -> Iterator[PinnedCertificate]:
    """The certificates that a partner presents as a TLS client."""
    for path in partner.tls_certificates:
        yield PinnedCertificate(partner.id, certificates_in(path)[0])


def certificates_in(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, at least one. Raises ConfigError."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a readable PEM certificate: {error}") from error


def revocation_list(settings: CrlSettings) -> RevocationList:
    """A revocation list with the authority that signs it. Raises ConfigError."""
    try:
        content = settings.file.read_bytes()
        pem = content.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{settings.file} is not a readable revocation list: {error}") from error
    return RevocationList(crl, certificates_in(settings.issuer)[0])


def _password(settings: IdentitySettings) -> bytes | None:
    if settings.password_file is not None:
        return read_password(settings.password_file)
    if settings.password_variable is None:
        return None
    password = os.environ.get(settings.password_variable)
    if not password:
        raise ConfigError(f"the environment variable {settings.password_variable} holds no password for the key")
    return password.encode()
