"""What `doctor` and `partners test` say of the certificate files of a partner, and of mutual TLS with it."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.demo.installation import make_installation
from ccms_ws.health.certificates import certificate_in, inventory
from ccms_ws.health.findings import Finding, Light
from ccms_ws.health.partner_checks import certificate_days, look_at
from ccms_ws.simulator.server import HttpReply, PartnerServer
from tests.support.commands import Commands
from tests.support.tls import Doors, make_doors


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation") / "court"
    make_installation(folder, SystemClock())
    return folder


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    """Valid for two days more."""
    return make_doors(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def listening(doors: Doors) -> Iterator[int]:
    """A partner that takes in those alone who show a certificate of the authority. Its port."""
    server = PartnerServer("127.0.0.1", 0, lambda _: HttpReply(), 1000)
    context = doors.server()
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.start()
    yield server.server_address[1]
    server.stop()


def settings_file(folder: Path, port: int, doors: Doors, **files: str) -> Path:
    """FTB's address and its TLS files: those that fit, and in place of some of them `files`."""
    profile = folder / "partners" / "FTB.toml"
    names = {"tls_ca": "ca.crt", "tls_certificate": "adult-probation.crt", "tls_key": "adult-probation.key"} | files
    lines = [line for line in profile.read_text().splitlines() if not line.startswith("url = ")]
    lines.append(f'url = "https://127.0.0.1:{port}/COL903"')
    lines += [f'{key} = "{doors.folder / name}"' for key, name in names.items() if name]
    profile.write_text("\n".join(lines))
    return folder / "ccms-ws.toml"


def seen(settings: Path, days: int = 0) -> dict[str, Finding]:
    now = SystemClock().now() + timedelta(days=days)
    return {each.what: each for each in look_at(load_settings(settings).partner("FTB"), skew_seconds=60, now=now)}


def test_a_partner_behind_mutual_tls_is_reached_as_the_worker_would(
    court_folder: Path, doors: Doors, listening: int
) -> None:
    found = seen(settings_file(court_folder, listening, doors))
    assert not [each for each in found.values() if each.light is Light.RED]
    assert found["FTB COL903 HTTP"].light is Light.GREEN
    soon = {what for what, each in found.items() if each.light is Light.AMBER}
    assert soon == {
        "FTB authorities of the TLS server ca.crt", "FTB COL903 TLS client adult-probation.crt",
        "FTB COL903 TLS TLSv1.3",
    }  # fmt: skip
    assert all(found[what].do.startswith("today: ") for what in soon)


def test_the_court_s_own_certificate_that_the_partner_does_not_know_is_red(
    court_folder: Path, doors: Doors, listening: int
) -> None:
    pki = court_folder / "pki"
    files = {"tls_certificate": str(pki / "court.crt"), "tls_key": str(pki / "court.key")}
    found = seen(settings_file(court_folder, listening, doors, **files))
    assert any(each.light is Light.RED for each in found.values())


@pytest.mark.parametrize(
    ("files", "red"),
    [
        ({"tls_key": "stranger.key"}, "FTB COL903 TLS files"),
        ({"tls_certificate": "adult-probation.key"}, "FTB COL903 TLS files"),
        ({"tls_ca": "server.key"}, "FTB COL903 TLS files"),
        ({"tls_ca": "stranger.crt"}, "FTB COL903 TLS"),
        ({"tls_certificate": "", "tls_key": ""}, "FTB COL903 HTTP"),
    ],
)
def test_tls_files_that_do_not_fit_are_red_with_what_to_do(
    court_folder: Path, doors: Doors, listening: int, files: dict[str, str], red: str
) -> None:
    found = seen(settings_file(court_folder, listening, doors, **files))
    assert found[red].light is Light.RED
    assert found[red].do


def test_every_file_of_a_partner_is_looked_at(court_folder: Path, doors: Doors, ccms_ws: Commands) -> None:
    shutil.copy(doors.folder / "ca.crt", court_folder / "pki" / "state-ca.crt")
    settings = settings_file(court_folder, 1, doors)
    profile = court_folder / "partners" / "FTB.toml"
    profile.write_text(
        'authority = "../pki/state-ca.crt"\nsubject = "CN=FTB"\n'
        f'tls_certificates = ["{doors.folder / "stranger.crt"}"]\n' + profile.read_text()
    )
    found = seen(settings, days=3)
    expired = {what for what, each in found.items() if "expired" in each.found}
    assert expired == {
        "FTB authority for CN=FTB state-ca.crt", "FTB TLS client, gfipm-s2s stranger.crt",
        "FTB authorities of the TLS server ca.crt", "FTB COL903 TLS client adult-probation.crt",
    }  # fmt: skip
    said = {row["what"] for row in ccms_ws("doctor", "--json").json}
    assert expired <= said
    assert "the court's TLS client adult-probation.crt" in said
    assert "ca.crt" in {entry.file.name for entry in inventory(load_settings(settings), SystemClock().now())}


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.mark.parametrize(
    ("left", "word"), [(61, ""), (60, "soon"), (30, "now"), (14, "this week"), (7, "today"), (0, "today")]
)
def test_the_nearer_the_end_the_more_urgent(court_folder: Path, left: int, word: str) -> None:
    path = court_folder / "pki" / "ftb.crt"
    ends = certificate_in(path, "signs").not_valid_after_utc
    found = certificate_days("x", path, ends - timedelta(days=left, minutes=1))
    assert found.found == f"valid for {left} days"
    assert (found.light, found.do.partition(":")[0]) == ((Light.AMBER, word) if word else (Light.GREEN, ""))


@pytest.mark.parametrize(("days", "light"), [(10, "green"), (2, "amber"), (-1, "red")])
def test_a_revocation_list_is_looked_at_in_time(court_folder: Path, ccms_ws: Commands, days: int, light: str) -> None:
    pki, now = court_folder / "pki", SystemClock().now()
    key = load_pem_private_key((pki / "root.key").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.load_pem_x509_certificate((pki / "root.crt").read_bytes()).subject)
        .last_update(now - timedelta(days=9)).next_update(now + timedelta(days=days, minutes=5))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (pki / "root.crl").write_bytes(crl.public_bytes(Encoding.PEM))
    settings = court_folder / "ccms-ws.toml"
    lines = 'crls = [{ file = "pki/root.crl", issuer = "pki/root.crt" }]'
    settings.write_text(settings.read_text().replace("[security]\n", f"[security]\n{lines}\n"))
    rows = {row["what"]: row for row in ccms_ws("doctor", "--no-partners", "--json").json}
    assert rows["revocation list root.crl"]["light"] == light
