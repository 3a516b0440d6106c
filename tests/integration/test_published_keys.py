"""A key that comes with the package or its source is accepted by no court, whatever it is named for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ccms_ws.bootstrap import open_court
from ccms_ws.cli import main
from ccms_ws.config import load_settings
from ccms_ws.contract import catalog
from ccms_ws.demo.pki import issue, make_authority
from ccms_ws.envelope.published_keys import published_keys, refuse_published_keys
from ccms_ws.errors import ConfigError
from ccms_ws.replay import pki
from ccms_ws.services.samples import published_test_identity
from tests.support.court import NOW

TREE = Path(__file__).parents[2]
TOOL = TREE / "tools" / "make-published-keys"
VECTORS = TREE / "tests" / "vectors" / "attacks" / "pki"


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def another_certificate(name: str) -> x509.Certificate:
    """One that nobody has published, for a key that everybody has."""
    key = pki.identity(name).key
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Franchise Tax Board, production")])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(4711).not_valid_before(NOW).not_valid_after(NOW.replace(year=2028))
    return made.sign(key, hashes.SHA256())


PUBLISHED = {
    "replay": lambda: pki.identity("ftb").certificate,
    "samples": lambda: published_test_identity().certificate,
    "tests": lambda: x509.load_pem_x509_certificate((VECTORS / "dmv.crt").read_bytes()),
    "another certificate": lambda: another_certificate("ftb"),
}


@pytest.mark.parametrize("which", PUBLISHED)
def test_no_certificate_of_a_published_key_is_accepted(which: str) -> None:
    with pytest.raises(ConfigError, match="published test key") as caught:
        refuse_published_keys([PUBLISHED[which]()], "FTB")
    assert "only its owner" in caught.value.hint
    refuse_published_keys([issue(make_authority("root", NOW), "court", NOW)[1]], "FTB")


def named_for(folder: Path, use: str, certificate: bytes) -> None:
    """Let the settings in `folder` name `certificate` for one use."""
    settings, ftb = folder / "ccms-ws.toml", folder / "partners" / "FTB.toml"
    adult = folder / "partners" / "ADULT-PROBATION.toml"
    (folder / "pki" / "public.crt").write_bytes(certificate)
    profile, given = ftb.read_text(), settings.read_text()
    if use == "pin":
        (folder / "pki" / "ftb.crt").write_bytes(certificate)
    elif use == "second in a chain":
        file = folder / "pki" / "ftb.crt"
        file.write_bytes(file.read_bytes() + certificate)
    elif use == "TLS client of the court":
        (folder / "pki" / "public.key").write_bytes((folder / "pki" / "court.key").read_bytes())
        profile = profile.replace("http://", "https://").replace(
            "[receives.COL903]\n",
            '[receives.COL903]\ntls_certificate = "../pki/public.crt"\ntls_key = "../pki/public.key"\n',
        )
    elif use == "authority of a TLS server":
        profile = profile.replace("http://", "https://").replace(
            "[receives.COL903]\n", '[receives.COL903]\ntls_ca = "../pki/public.crt"\n'
        )
    elif use == "TLS client of a partner":
        profile = 'tls_certificates = ["../pki/public.crt"]\n' + profile
    elif use == "authority":
        lines = [line for line in adult.read_text().splitlines() if not line.startswith("certificates")]
        adult.write_text("\n".join(['authority = "../pki/public.crt"', 'subject = "CN=x"', *lines]) + "\n")
    elif use == "issuer of revocation lists":
        identity = published_test_identity()
        crl = x509.CertificateRevocationListBuilder().issuer_name(identity.certificate.subject)
        crl = crl.last_update(NOW).next_update(NOW.replace(year=2060))
        (folder / "pki" / "public.crl").write_bytes(crl.sign(identity.key, hashes.SHA256()).public_bytes(Encoding.DER))
        given = given.replace(
            "[security]\n", '[security]\ncrls = [{ file = "pki/public.crl", issuer = "pki/public.crt" }]\n'
        )
    elif use in ("TLS server", "authorities of TLS clients"):
        shown = "public" if use == "TLS server" else "court"
        given += f'\n[endpoint.tls]\ncertificate = "pki/{shown}.crt"\nkey = "pki/court.key"\n'
        given += 'client_authorities = "pki/public.crt"\n' if use != "TLS server" else ""
    elif use == "identity":
        (folder / "pki" / "court.crt").write_bytes(certificate)
        key = folder / "pki" / "court.key"
        key.write_bytes((catalog.xsd_path("test-key/published-test.key")).read_bytes())
    ftb.write_text(profile)
    settings.write_text(given)


USES = (
    "pin",
    "second in a chain",
    "TLS client of the court",
    "authority of a TLS server",
    "TLS client of a partner",
    "authority",
    "TLS server",
    "authorities of TLS clients",
    "issuer of revocation lists",
    "identity",
)


@pytest.mark.parametrize("use", USES)
def test_settings_that_name_a_published_key_are_refused(
    court_folder: Path, use: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named_for(court_folder, use, pem(PUBLISHED["samples"]()))
    settings = court_folder / "ccms-ws.toml"
    with pytest.raises(ConfigError, match="published test key"):
        open_court(load_settings(settings))
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--no-partners", "--json", "--config", str(settings)])
    findings = json.loads(capsys.readouterr().out)
    red = [each for each in findings if each["light"] == "red"]
    assert ended.value.code == 5
    assert any("published test key" in each["found"] for each in red), findings


@pytest.mark.parametrize("command", ["rehearse", "roll"])
def test_a_rollover_to_a_published_key_is_refused(
    court_folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = court_folder / "partners" / "FTB.toml"
    before, new = profile.read_text(), court_folder / "pki" / "new.crt"
    new.write_bytes(pem(another_certificate("ftb")))
    with pytest.raises(SystemExit) as ended:
        main(
            ["certs", command, "--partner", "FTB", "--certificate", str(new), "-c", str(court_folder / "ccms-ws.toml")]
        )
    assert (ended.value.code, "published test key" in capsys.readouterr().err) == (3, True)
    assert profile.read_text() == before


# -- the list ---------------------------------------------------------------------------------------------------------
def made(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_every_key_in_the_tree_is_on_the_list() -> None:
    checked = made("--check")
    assert checked.returncode == 0, checked.stderr
    assert len(published_keys()) > 20


FORMS = (
    "private key",
    "private key, older form",
    "public key",
    "certificate",
    "certificate, DER",
    "token in an envelope",
    "token in UTF-16",
    "string in source text",
)


def written(form: str) -> tuple[str, bytes]:
    """A new key in a file of that form: the file's name and content."""
    key = generate_private_key(SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    older = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    certificate = issue(make_authority("root", NOW), "partner", NOW)[1]
    token = "".join(pem(certificate).decode().splitlines()[1:-1])
    forms = {
        "private key": ("a.key", private),
        "private key, older form": ("a.pem", older),
        "public key": ("a.pub", public),
        "certificate": ("a.crt", pem(certificate)),
        "certificate, DER": ("a.der", certificate.public_bytes(Encoding.DER)),
        "token in an envelope": ("a.xml", f"<BinarySecurityToken>{token}</BinarySecurityToken>".encode()),
        "token in UTF-16": ("b.xml", f"<BinarySecurityToken>{token}</BinarySecurityToken>".encode("utf-16")),
        "string in source text": ("a.py", f"KEY = {private.decode()!r}\n".encode()),
    }
    assert set(forms) == set(FORMS)
    return forms[form]


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_found_in_whatever_form_it_is_added(form: str, tmp_path: Path) -> None:
    name, content = written(form)
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors" / name).write_bytes(content)
    checked = made("--check", tmp_path)
    assert checked.returncode == 1
    assert f"vectors/{name}" in checked.stderr


def test_a_key_that_cannot_be_looked_at_ends_the_check(tmp_path: Path) -> None:
    (tmp_path / "store.p12").write_bytes(b"\x30\x82")
    checked = made("--check", tmp_path)
    assert (checked.returncode, checked.stderr) == (2, "store.p12: a key store: keep its keys as PEM\n")


def test_a_published_private_key_is_that_of_a_listed_one() -> None:
    """The hash is that of the key, not of a certificate."""
    key = load_pem_private_key((VECTORS / "dmv.key").read_bytes(), None)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    assert digest.finalize().hex() in published_keys()
