"""The demo court's keys and certificates: a root and one signing certificate for the court and for each partner.

A real court brings certificates of its own authority; nothing here is used to check a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=825)
BACKDATED = timedelta(hours=1)  # a partner's clock may be a little slow
ORGANIZATION = "ccms_ws demo (not a real authority)"


@dataclass(frozen=True, slots=True)
class Authority:
    """A root that issues signing certificates."""

    key: RSAPrivateKey
    certificate: x509.Certificate


def make_pki(folder: Path, names: Iterable[str], now: datetime) -> None:
    """Write, for "root" and each name, `NAME.key` (PKCS#8, readable by its owner alone) and `NAME.crt`, all PEM.

    `ca.crt` is the root's certificate under the name that programs ask for. A real court's root key lies elsewhere;
    this one is there to try certificates out with, a renewed one or a partner more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = make_authority("ccms_ws demo root", now)
    _write(folder / "ca.crt", _pem(root.certificate))
    _write(folder / "root.crt", _pem(root.certificate))
    _write(folder / "root.key", _pem_key(root.key), private=True)
    for name in names:
        key, certificate = issue(root, name, now)
        _write(folder / f"{name}.key", _pem_key(key), private=True)
        _write(folder / f"{name}.crt", _pem(certificate))


def has_pki(folder: Path, names: Iterable[str], now: datetime) -> bool:
    """True if `folder` holds usable files as `make_pki` writes them, none of which ends within 30 days."""
    try:
        certificates = [x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes()) for name in names]
        keys_exist = all((folder / f"{name}.key").is_file() for name in names)
    except (OSError, ValueError):
        return False
    return keys_exist and all(each.not_valid_after_utc > now + timedelta(days=30) for each in certificates)


def make_authority(common_name: str, now: datetime) -> Authority:
    """A self-signed root of that name."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    builder = (
        _builder(common_name, common_name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(key, builder.sign(key, SHA256()))


def issue(authority: Authority, common_name: str, now: datetime) -> tuple[RSAPrivateKey, x509.Certificate]:
    """A new key and its certificate, good for signing messages and nothing else."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    builder = (
        _builder(common_name, str(issuer), key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return key, builder.sign(authority.key, SHA256())


def _builder(subject: str, issuer: str, public_key: RSAPublicKey, now: datetime) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0) - BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "California"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _pem_key(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file; a private one is never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600 if private else 0o644)
    path.write_bytes(content)
