"""Whose certificate is whose: the pinned certificates of all partners, with an overlap of old and new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509


@dataclass(frozen=True, slots=True)
class PinnedCertificate:
    """One certificate that one partner signs with. A partner may have several (roll-over)."""

    partner_id: str
    certificate: x509.Certificate


class TrustStore:
    """All pinned certificates. Immutable: build a new one when the configuration changes."""

    def __init__(
        self, pins: Iterable[PinnedCertificate], *, crls: Sequence[x509.CertificateRevocationList] = ()
    ) -> None:
        """Errors: `ConfigError` for a certificate pinned to two partners, a short key or a CRL that is not its issuer's."""
        raise NotImplementedError

    def check(self, certificate: x509.Certificate, now: datetime) -> str:
        """The partner that the certificate is pinned for; `SignerNotTrusted` or `TokenInvalid` otherwise."""
        raise NotImplementedError

    def expiring(self, now: datetime) -> list[tuple[PinnedCertificate, int]]:
        """Every pin with the whole days that it is still valid (negative: expired), soonest first."""
        raise NotImplementedError
