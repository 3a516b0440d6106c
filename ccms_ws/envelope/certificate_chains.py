"""Chain and subject, the alternative to a pin: an authority that may certify one partner under one name.

A token carries one certificate, so that everything above it stands in the settings. What is in this file says only
whether a chain holds; whose it is, and whether it was revoked, is for `trust`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from ccms_ws.errors import ConfigError, TokenInvalid

MOST_INTERMEDIATES = 2
"""Authorities between the root and the partner's certificate."""
SIGNING_PURPOSES: Final = frozenset({
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing (RFC 9336)
    x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # document signing, as Microsoft's authorities write it
})  # fmt: skip
"""Extended key usages of which a certificate needs one, if it has any: its key may sign for its owner."""

NameParts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may certify a partner, and as whom.

    `certificates`: roots and, if the authority has them, the intermediate ones below. `subject`: the whole
    distinguished name that must stand in the partner's certificate, as RFC 4514 writes it. Errors: `ConfigError`.
    """

    partner_id: str
    certificates: tuple[x509.Certificate, ...]
    subject: str

    def __post_init__(self) -> None:
        if not self.roots:
            raise ConfigError(f"the authority of {self.partner_id} has no self-signed certificate: no root to trust")
        try:
            name = x509.Name.from_rfc4514_string(self.subject)
        except ValueError as error:
            raise ConfigError(f"the subject of {self.partner_id} is no distinguished name: {error}") from None
        if not list(name):
            raise ConfigError(f"the subject of {self.partner_id} is empty", hint='write it as "CN=...,O=...,C=US"')
        if len(name.get_attributes_for_oid(NameOID.COMMON_NAME)) > 1:
            raise ConfigError(f"the subject of {self.partner_id} has several common names", hint="name one")

    @property
    def roots(self) -> list[x509.Certificate]:
        """Where a chain must end."""
        return [each for each in self.certificates if each.subject == each.issuer]

    @property
    def name(self) -> NameParts:
        """The subject, comparable with `exact_name`."""
        return exact_name(x509.Name.from_rfc4514_string(self.subject))

    def chain_of(self, certificate: x509.Certificate, now: datetime) -> list[x509.Certificate] | None:
        """The certificates from `certificate` up to a root, all valid at `now`; None if there is no such chain.

        Raises TokenInvalid if there is one, but its first certificate is not one to sign messages with.
        """
        between = [each for each in self.certificates if each.subject != each.issuer]
        verifier = (
            PolicyBuilder()
            .store(Store(self.roots))
            .time(now)
            .max_chain_depth(MOST_INTERMEDIATES)
            # Certificates for signing messages need not name a host or a use that web browsers know.
            .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        try:
            chain = verifier.verify(certificate, between).chain
        except VerificationError:
            return None
        if problem := _unfit(certificate):
            raise TokenInvalid(f"the certificate of {self.partner_id} {problem}", rule="RFC 5280 4.2")
        return chain


def _unfit(certificate: x509.Certificate) -> str:
    """Why a certificate that an authority issued is not for signing messages; empty if it is. Its KeyUsage is checked
    as that of every signer is.
    """
    extensions = {extension.oid: extension for extension in certificate.extensions}
    basic = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    if (basic is not None and basic.value.ca) or (usage is not None and usage.value.key_cert_sign):
        return "is that of an authority"
    purposes = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
    if purposes is not None and SIGNING_PURPOSES.isdisjoint(purposes.value):
        return f"is for other purposes: {', '.join(purpose.dotted_string for purpose in purposes.value)}"
    return ""


def exact_name(name: x509.Name) -> NameParts:
    """The attributes of a name, letter for letter and each as often as it occurs. Their order is left out, since texts
    give it in both directions.
    """
    return tuple(sorted((part.oid.dotted_string, str(part.value)) for part in name))
