"""A private key and its certificate: who we are when we sign."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from ccms_ws.envelope.algorithms import ECDSA_BY_CURVE
from ccms_ws.envelope.trust import check_signing_certificate, subject_key_identifier, thumbprint
from ccms_ws.errors import ConfigError

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True)
class Identity:
    """A private key with its certificate (and the chain above it, if it is to be shown).

    Errors when made: `ConfigError` if key and certificate do not belong together or are not fit for signing.
    """

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        whose = self.certificate.subject.rfc4514_string()
        check_signing_certificate(self.certificate, whose)
        public = [
            key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for key in (self.key.public_key(), self.certificate.public_key())
        ]
        if public[0] != public[1]:
            raise ConfigError(f"{whose}: the private key does not belong to the certificate")

    @classmethod
    def load(
        cls,
        key_path: str | os.PathLike[str],
        cert_path: str | os.PathLike[str] | None = None,
        password: bytes | None = None,
    ) -> Identity:
        """Read a key (PKCS#8 PEM, plain or encrypted; PKCS#12) and a PEM certificate, or both from the PKCS#12 file.

        A PEM certificate file may go on with the chain. Errors: `ConfigError` for files that are unreadable, open to
        group or others, or do not make an identity.
        """
        secret = read_private(Path(key_path))
        try:
            if cert_path is None:
                key, certificate, chain = pkcs12.load_key_and_certificates(secret, password)
            else:
                pem = secret.lstrip().startswith(b"-----BEGIN")
                key = load_pem_private_key(secret, password) if pem else pkcs12.load_pkcs12(secret, password).key
                certificate, *chain = x509.load_pem_x509_certificates(_read(Path(cert_path)))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            where = f"{key_path}" if cert_path is None else f"{key_path} or {cert_path}"
            raise ConfigError(f"{where} cannot be used: {error}", hint="check the format and the password") from None
        if certificate is None or not isinstance(key, PrivateKey):
            raise ConfigError(f"{key_path}: an RSA or EC private key with its certificate is needed")
        return cls(key, certificate, tuple(chain))

    @property
    def curve_signature(self) -> str | None:
        """The signature algorithm that an EC key implies; None for RSA, where the policy chooses."""
        return ECDSA_BY_CURVE[self.key.curve.name] if isinstance(self.key, EllipticCurvePrivateKey) else None

    @cached_property
    def certificate_text(self) -> str:
        """The certificate in base64, without line breaks."""
        return b64encode(self.certificate.public_bytes(Encoding.DER)).decode()

    @cached_property
    def key_identifier_text(self) -> str:
        """The SubjectKeyIdentifier in base64."""
        return b64encode(subject_key_identifier(self.certificate)).decode()

    @cached_property
    def thumbprint_text(self) -> str:
        """The SHA-1 thumbprint in base64."""
        return b64encode(thumbprint(self.certificate)).decode()


def read_password(path: Path) -> bytes:
    """The password in a file that only its owner may read, without a line break at its end.

    Errors: `ConfigError`.
    """
    password = read_private(path).rstrip(b"\r\n")
    if not password:
        raise ConfigError(f"{path} holds no password")
    return password


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def read_private(path: Path) -> bytes:
    """Read a file that only its owner may read. Errors: `ConfigError` if others may, or if it is not there."""
    content = _read(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path} can be read by others than its owner", hint=f"chmod 600 {path}")
    return content
