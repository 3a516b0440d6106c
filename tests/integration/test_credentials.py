"""Keys, authorities and revocation lists as an installation's settings name them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from ccms_ws.demo.pki import issue, make_authority
from ccms_ws.errors import ConfigError
from tests.support.court import NOW, Court, HttpAnswer


def put(folder: Path, table: str, lines: str) -> None:
    """Add lines to a table of the court's settings."""
    settings = folder / "ccms-ws.toml"
    settings.write_text(settings.read_text().replace(f"[{table}]\n", f"[{table}]\n{lines}\n"))


def asked(court: Court, signer: str = "adult-probation") -> HttpAnswer:
    return court.ask(court.query(case_number="TR-2025-004417"), signer=signer)


@pytest.fixture(params=["PEM", "PKCS#12"])
def locked_court(court_folder: Path, request: pytest.FixtureRequest) -> Path:
    """A court whose key is encrypted."""
    pki = court_folder / "pki"
    identity = Court(court_folder).identity("court")
    word = BestAvailableEncryption(b"word")
    (pki / "court.key").write_bytes(
        identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, word)
        if request.param == "PEM"
        else pkcs12.serialize_key_and_certificates(b"court", identity.key, identity.certificate, None, word)
    )
    return court_folder


def test_a_password_comes_from_the_environment(locked_court: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(locked_court, "identity", 'password_variable = "COURT_KEY_PASSWORD"')
    with pytest.raises(ConfigError, match="COURT_KEY_PASSWORD holds no password"):
        Court(locked_court)
    monkeypatch.setenv("COURT_KEY_PASSWORD", "wrong")
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        Court(locked_court)
    assert "wrong" not in str(caught.value)
    monkeypatch.setenv("COURT_KEY_PASSWORD", "word")
    assert Court(locked_court).application.identity.key.key_size == 2048


def test_a_password_comes_from_a_file_of_the_owner(locked_court: Path) -> None:
    put(locked_court, "identity", 'password_file = "pki/court.password"')
    file = locked_court / "pki" / "court.password"
    file.write_text("word\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others"):
        Court(locked_court)
    file.chmod(0o600)
    assert Court(locked_court).application.identity.key.key_size == 2048


def test_the_algorithm_of_our_rsa_signatures_is_a_setting(court_folder: Path) -> None:
    put(court_folder, "identity", 'rsa_signature = "sha384-rsa-MGF1"')
    answer = asked(Court(court_folder))
    assert b"#sha384-rsa-MGF1" in answer.body
    assert answer.status == 200


def test_a_partner_is_known_by_authority_and_subject(court_folder: Path) -> None:
    root = make_authority("partners' root", NOW)
    (court_folder / "pki" / "partners-ca.crt").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    profile = court_folder / "partners" / "ADULT-PROBATION.toml"
    kept = [line for line in profile.read_text().splitlines() if not line.startswith("certificates")]
    names = {}
    for name in ("first", "renewed", "somebody else"):
        key, certificate = issue(root, "probation" if name != "somebody else" else name, NOW)
        file = court_folder / "pki" / name
        file.with_suffix(".key").touch(0o600)
        file.with_suffix(".key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.with_suffix(".crt").write_bytes(certificate.public_bytes(Encoding.PEM))
        names[name] = certificate.subject.rfc4514_string()
    lines = f"authority = \"../pki/partners-ca.crt\"\nsubject = '{names['first']}'\n"
    profile.write_text(lines + "\n".join(kept) + "\n")
    court = Court(court_folder)
    assert [asked(court, signer).status for signer in ("first", "renewed")] == [200, 200]
    assert [asked(court, signer).status for signer in ("somebody else", "adult-probation")] == [400, 400]


@pytest.mark.parametrize(("days", "revoked", "status"), [(5, False, 200), (5, True, 400), (-1, False, 400)])
def test_a_revocation_list_is_kept_to(court_folder: Path, days: int, revoked: bool, status: int) -> None:
    pki = court_folder / "pki"
    root = x509.load_pem_x509_certificate((pki / "root.crt").read_bytes())
    court = Court(court_folder)
    builder = (
        x509.CertificateRevocationListBuilder().issuer_name(root.subject)
        .last_update(NOW - timedelta(days=3)).next_update(NOW + timedelta(days=days))
    )  # fmt: skip
    if revoked:
        serial = court.identity("adult-probation").certificate.serial_number
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        )
    key = load_pem_private_key((pki / "root.key").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    crl = builder.sign(key, hashes.SHA256())
    (pki / "root.crl").write_bytes(crl.public_bytes(Encoding.DER))
    put(court_folder, "security", 'crls = [{ file = "pki/root.crl", issuer = "pki/root.crt" }]')
    assert asked(Court(court_folder)).status == status


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('authority = "../pki/ca.crt"', "authority and subject go together"),
        ('profile = "mtls-only"', "receives"),
        ('profile = { sends = "mtls-only" }', "needs tls_certificates"),
        ('profile = { receives = "tls-endorsing-timestamp" }', "needs tls_ca, tls_certificate and tls_key"),
        ('profile = { sends = "none" }', "profile"),
        ('token_reference = "name"', "token_reference"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(court_folder: Path, lines: str, said: str) -> None:
    profile = court_folder / "partners" / "DMV.toml"
    profile.write_text(f"{lines}\n{profile.read_text()}")
    with pytest.raises(ConfigError, match=said):
        Court(court_folder)


def test_the_court_s_own_certificate_is_nobody_else_s(court_folder: Path) -> None:
    profile = court_folder / "partners" / "DMV.toml"
    profile.write_text(profile.read_text().replace("pki/dmv.crt", "pki/court.crt"))
    with pytest.raises(ConfigError, match="own key"):
        Court(court_folder)
