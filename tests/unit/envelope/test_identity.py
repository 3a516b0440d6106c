"""A private key is read with care."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from ccms_ws.envelope.identity import Identity, read_password
from ccms_ws.errors import ConfigError
from tests.support.oracles import certificate_pem, key_pem
from tests.support.pki import pki


def _write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    return _write(tmp_path / "court.key", key_pem(pki().court))


@pytest.fixture
def cert_path(tmp_path: Path) -> Path:
    chain = certificate_pem(pki().court) + pki().authority.public_bytes(Encoding.PEM)
    return _write(tmp_path / "court.crt", chain, 0o644)


def test_a_key_and_its_certificate_are_read(key_path: Path, cert_path: Path) -> None:
    identity = Identity.load(key_path, cert_path)
    assert identity.certificate == pki().court.certificate
    assert identity.chain == (pki().authority,)
    assert identity.curve_signature is None


@pytest.mark.parametrize("who", ["court", "dmv", "ftb"])
def test_an_encrypted_key_is_read_with_its_password(who: str, tmp_path: Path) -> None:
    identity = getattr(pki(), who)
    encrypted = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    key, certificate = _write(tmp_path / "k", encrypted), _write(tmp_path / "c", certificate_pem(identity))
    assert Identity.load(key, certificate, b"word").certificate == identity.certificate
    for password in (None, b"wrong"):
        with pytest.raises(ConfigError):
            Identity.load(key, certificate, password)


def test_a_pkcs12_file_holds_both(tmp_path: Path) -> None:
    identity = pki().dmv
    content = pkcs12.serialize_key_and_certificates(
        b"dmv", identity.key, identity.certificate, [pki().authority], BestAvailableEncryption(b"word")
    )
    path = _write(tmp_path / "dmv.p12", content)
    loaded = Identity.load(path, password=b"word")
    assert (loaded.certificate, loaded.chain) == (identity.certificate, (pki().authority,))
    beside = _write(tmp_path / "dmv.crt", certificate_pem(identity), 0o644)
    assert Identity.load(path, beside, b"word").certificate == identity.certificate
    with pytest.raises(ConfigError, match="does not belong"):
        Identity.load(path, _write(tmp_path / "ftb.crt", certificate_pem(pki().ftb), 0o644), b"word")
    with pytest.raises(ConfigError):
        Identity.load(path, password=b"wrong")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_that_others_may_read_is_refused(mode: int, key_path: Path, cert_path: Path) -> None:
    key_path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        Identity.load(key_path, cert_path)
    assert caught.value.hint == f"chmod 600 {key_path}"


def test_key_and_certificate_must_belong_together(key_path: Path, tmp_path: Path) -> None:
    other = _write(tmp_path / "dmv.crt", certificate_pem(pki().dmv))
    with pytest.raises(ConfigError, match="does not belong"):
        Identity.load(key_path, other)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_broken_key_is_refused(content: bytes, cert_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Identity.load(_write(tmp_path / "broken.key", content), cert_path)


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_broken_certificate_is_refused(content: bytes, key_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Identity.load(key_path, _write(tmp_path / "broken.crt", content))


def test_a_missing_file_is_named(cert_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.key"):
        Identity.load(tmp_path / "absent.key", cert_path)


def test_a_key_of_another_kind_is_refused(cert_path: Path, tmp_path: Path) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigError, match="RSA or EC"):
        Identity.load(_write(tmp_path / "ed.key", pem), cert_path)


def test_a_certificate_for_another_use_makes_no_identity() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ConfigError, match="KeyUsage"):
        Identity(key, pki().certificate("court", signing=False))


def test_a_password_comes_from_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    assert read_password(_write(tmp_path / "password", b"word \r\n")) == b"word "
    with pytest.raises(ConfigError, match="can be read by others"):
        read_password(_write(tmp_path / "open", b"word", 0o644))
    with pytest.raises(ConfigError, match="no password"):
        read_password(_write(tmp_path / "empty", b"\n"))
