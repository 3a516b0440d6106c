"""`ccms-ws certs`: what is in use, and a rollover that is rehearsed before it is performed."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.demo.installation import make_installation
from ccms_ws.demo.pki import Authority, issue, make_authority
from ccms_ws.errors import ConfigError
from ccms_ws.health.certificates import inventory, remind, reminders
from ccms_ws.health.settings_edit import switch_identity, switch_pins
from tests.support.commands import Commands


@pytest.fixture(scope="module")
def current_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A court whose certificates are valid now: commands read the machine's clock."""
    folder = tmp_path_factory.mktemp("current") / "court"
    make_installation(folder, SystemClock())
    return folder


@pytest.fixture
def court_folder(current_installation: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(current_installation, tmp_path / "court"))


@pytest.fixture
def commands(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority("another root", SystemClock().now())


def write(folder: Path, name: str, authority: Authority, *, days_ago: int = 0) -> tuple[Path, Path]:
    """A new key and its certificate in the court's folder."""
    key, certificate = issue(authority, name, SystemClock().now() - timedelta(days=days_ago))
    files = folder / "pki" / f"{name}.key", folder / "pki" / f"{name}.crt"
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[0].chmod(0o600)
    files[1].write_bytes(certificate.public_bytes(Encoding.PEM))
    return files


def test_everything_in_use_is_listed(commands: Commands) -> None:
    found = commands("certs", "list", "--json").json
    assert {each["whose"] for each in found} == {
        "the court", "ADULT-PROBATION", "JUVENILE-PROBATION", "FTB", "AGENCY", "DMV",
    }  # fmt: skip
    assert all(len(each["fingerprint"]) == 64 and each["days"] > 0 for each in found)
    assert "court.crt" in commands("certs", "list").out


def test_a_weaker_profile_is_shown_beside_the_certificate(commands: Commands, court_folder: Path) -> None:
    profile = court_folder / "partners" / "DMV.toml"
    lines = 'profile = { sends = "mtls-only" }\ntls_certificates = ["../pki/dmv.crt"]\n'
    profile.write_text(lines + profile.read_text())
    assert "TLS client, mtls-only" in {each["use"] for each in commands("certs", "list", "--json").json}
    assert "mtls-only (weaker)" in commands("partners", "show", "DMV").out


def test_the_court_s_rollover_changes_two_lines_and_nothing_else(
    commands: Commands, court_folder: Path, authority: Authority
) -> None:
    key, certificate = write(court_folder, "court-2", authority)
    before = commands.settings.read_text().splitlines()
    rehearsed = commands("certs", "rehearse", "--key", key, "--certificate", certificate, "--json")
    assert rehearsed.code == ExitCode.OK
    assert commands.settings.read_text().splitlines() == before
    found = {each["what"]: each for each in rehearsed.json}
    assert found["test message"]["light"] == found["overlap"]["light"] == "green"
    assert "refuse" in found["partners that wait"]["found"]
    assert "Motor Vehicles" in found["DMV"]["do"]
    assert commands("certs", "roll", "--key", key, "--certificate", certificate).code == ExitCode.OK
    after = commands.settings.read_text().splitlines()
    assert {(old, new) for old, new in zip(before, after, strict=True) if old != new} == {
        ('key = "pki/court.key"', 'key = "pki/court-2.key"'),
        ('certificate = "pki/court.crt"', 'certificate = "pki/court-2.crt"'),
    }


def test_a_partner_s_new_certificate_is_pinned_beside_the_old(
    commands: Commands, court_folder: Path, authority: Authority
) -> None:
    _, certificate = write(court_folder, "dmv-2", authority)
    assert commands("certs", "rehearse", "--partner", "DMV", "--certificate", certificate).code == ExitCode.OK
    assert commands("certs", "roll", "--partner", "DMV", "--certificate", certificate).code == ExitCode.OK
    pinned = load_settings(commands.settings).partner("DMV").certificates
    assert [path.name for path in pinned] == ["dmv.crt", "dmv-2.crt"]
    assert commands("certs", "roll", "--partner", "DMV", "--certificate", certificate, "--retire").code == ExitCode.OK
    assert [path.name for path in load_settings(commands.settings).partner("DMV").certificates] == ["dmv-2.crt"]


def test_a_rollover_that_cannot_work_is_refused_and_changes_nothing(
    commands: Commands, court_folder: Path, authority: Authority
) -> None:
    before = commands.settings.read_text(), (court_folder / "partners" / "DMV.toml").read_text()
    pki = court_folder / "pki"
    key, _ = write(court_folder, "court-2", authority)
    _, expired = write(court_folder, "expired", authority, days_ago=900)
    for arguments, code in [
        (("--key", key, "--certificate", pki / "dmv.crt"), ExitCode.CONFIGURATION),  # another key's
        (("--key", pki / "absent.key", "--certificate", pki / "court-2.crt"), ExitCode.CONFIGURATION),
        (("--key", expired.with_suffix(".key"), "--certificate", expired), ExitCode.REFUSED),
        (("--partner", "DMV", "--certificate", pki / "ftb.crt"), ExitCode.REFUSED),  # another partner's
        (("--partner", "DMV", "--certificate", expired), ExitCode.REFUSED),
        (("--partner", "DMV", "--key", key, "--certificate", pki / "court-2.crt"), ExitCode.CONFIGURATION),
        (("--partner", "NOBODY", "--certificate", pki / "court-2.crt"), ExitCode.CONFIGURATION),
    ]:
        assert commands("certs", "roll", *arguments).code == code, arguments
    assert before == (commands.settings.read_text(), (court_folder / "partners" / "DMV.toml").read_text())


def test_a_file_of_an_unusual_form_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "ccms-ws.toml"
    file.write_text('identity = { key = "a", certificate = "b" }\n')
    with pytest.raises(ConfigError, match="cannot be changed here"):
        switch_identity(file, tmp_path / "c", tmp_path / "d")
    assert file.read_text() == 'identity = { key = "a", certificate = "b" }\n'


def test_pins_on_several_lines_with_remarks_are_changed_too(tmp_path: Path) -> None:
    file = tmp_path / "DMV.toml"
    rest = '\n[receives.DMV907]\nsoap = "1.2"\n'
    file.write_text('# about\ncertificates = [ # two\n  "a.crt",\n  "b.crt",\n] # end\n' + rest)
    switch_pins(file, [tmp_path / "b.crt", tmp_path / "c.crt"])
    assert file.read_text() == '# about\ncertificates = ["b.crt", "c.crt"] # end\n' + rest


@pytest.mark.parametrize(
    ("days", "at_the_start", "daily"),
    [(61, False, False), (60, True, True), (59, True, False), (30, True, True), (14, True, True), (13, True, False),
     (7, True, True), (6, True, True), (0, True, True), (-3, True, True)],
)  # fmt: skip
def test_the_end_is_spoken_of_in_time(court_folder: Path, days: int, at_the_start: bool, daily: bool) -> None:
    settings = load_settings(court_folder / "ccms-ws.toml")
    court = x509.load_pem_x509_certificate(settings.identity.certificate.read_bytes())
    entries = inventory(settings, court.not_valid_after_utc - timedelta(days=days, seconds=-1 if days < 0 else 0))
    for starting, expected in ((True, at_the_start), (False, daily)):
        assert ("the court" in {each.whose for each in reminders(entries, starting=starting)}) is expected


def test_a_reminder_names_the_file_and_the_days(court_folder: Path) -> None:
    settings = load_settings(court_folder / "ccms-ws.toml")
    court = x509.load_pem_x509_certificate(settings.identity.certificate.read_bytes())
    with capture_logs() as logs:
        remind(settings, court.not_valid_after_utc - timedelta(days=14), starting=False)
    told = next(each for each in logs if each["whose"] == "the court")
    assert (told["event"], told["days"], told["file"], told["log_level"]) == (
        "certificate.ends", 14, "court.crt", "warning",
    )  # fmt: skip
