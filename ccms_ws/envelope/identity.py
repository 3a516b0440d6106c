"""A private key and its certificate: who we are when we sign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key with its certificate (and the chain above it, if it is to be shown)."""

    key: RSAPrivateKey | EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def load(cls, key_path: Path, cert_path: Path | None = None, password: bytes | None = None) -> Identity:
        """Read a PKCS#8 PEM key (plain or encrypted) and a PEM certificate, or both from one PKCS#12 file.

        Errors: `ConfigError` for unreadable, unprotected (group or world may read), weak or mismatched files.
        """
        raise NotImplementedError
