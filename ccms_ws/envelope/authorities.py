"""Chain and subject, the alternative to a pin: an authority that may certify one partner under one name.

A token carries one certificate, so that everything above it stands in the settings. What is in this file says only
whether a chain holds; whose it is, and whether it was revoked, is for `trust`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from ccms_ws.errors import ConfigError

MOST_INTERMEDIATES = 2
"""Authorities between the root and the partner's certificate."""


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

    @property
    def roots(self) -> list[x509.Certificate]:
        """Where a chain must end."""
        return [each for each in self.certificates if each.subject == each.issuer]

    @property
    def name(self) -> frozenset[tuple[str, str]]:
        """The subject, comparable with `exact_name`."""
        return exact_name(x509.Name.from_rfc4514_string(self.subject))

    def chain_of(self, certificate: x509.Certificate, now: datetime) -> list[x509.Certificate] | None:
        """The certificates from `certificate` up to a root, all valid at `now`; None if there is no such chain."""
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
            return verifier.verify(certificate, between).chain
        except VerificationError:
            return None


def exact_name(name: x509.Name) -> frozenset[tuple[str, str]]:
    """The attributes of a name, letter for letter; their order is left out, since texts give it in both directions."""
    return frozenset((part.oid.dotted_string, str(part.value)) for part in name)
