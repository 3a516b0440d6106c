"""The demo's keys: usable for signing messages and for nothing else."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtensionOID

from ccms_ws.demo.pki import LIFETIME, has_pki, make_pki

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "pki"
    make_pki(folder, ["court", "ftb"], NOW)
    return folder


def certificate(pki: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes())


def test_each_certificate_is_issued_by_the_root(pki: Path) -> None:
    certificate(pki, "court").verify_directly_issued_by(certificate(pki, "ca"))


def test_a_certificate_signs_messages_and_nothing_else(pki: Path) -> None:
    extensions = certificate(pki, "court").extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)


def test_a_key_is_pkcs8_fits_its_certificate_and_is_its_owners_alone(pki: Path) -> None:
    path = pki / "court.key"
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert key.public_key() == certificate(pki, "court").public_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_roots_key_is_there_for_its_owner_alone(pki: Path) -> None:
    assert (pki / "root.key").stat().st_mode & 0o777 == 0o600
    assert (pki / "root.crt").read_bytes() == (pki / "ca.crt").read_bytes()


def test_keys_are_known_as_usable_until_a_month_before_they_end(pki: Path) -> None:
    assert has_pki(pki, ["court", "ftb"], NOW)
    assert not has_pki(pki, ["court", "dmv"], NOW)
    assert not has_pki(pki, ["court"], NOW + LIFETIME - timedelta(days=30))
