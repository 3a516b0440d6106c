"""What a client program reads from files: its settings, keys and certificates, named by paths or strings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccms_ws.clients import Identity, PinnedCertificate, TrustStore
from ccms_ws.clock import SystemClock
from ccms_ws.demo.pki import make_pki
from ccms_ws.errors import ConfigError
from ccms_ws.exchanges.fcc807.client import BalanceQueryClient

SAMPLE = Path(__file__).parents[3] / "ccms_ws" / "docs" / "samples" / "probation.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    make_pki(folder, ("court", "adult-probation"), SystemClock().now())
    return folder


def test_identity_and_pin_are_read_from_paths_given_as_strings(folder: Path) -> None:
    identity = Identity.load(f"{folder}/adult-probation.key", f"{folder}/adult-probation.crt")
    pin = PinnedCertificate.load("ADULT-PROBATION", f"{folder}/adult-probation.crt")
    assert pin == PinnedCertificate("ADULT-PROBATION", identity.certificate)
    assert TrustStore([pin])


@pytest.mark.parametrize(
    ("name", "why"), [("nothing.crt", "cannot be read"), ("court.key", "is no certificate in PEM")]
)
def test_a_file_that_holds_no_certificate_is_named(folder: Path, name: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} {why}"):
        PinnedCertificate.load("COURT", f"{folder}/{name}")


@pytest.mark.parametrize(
    ("line", "other", "why"),
    [
        ('unit = "adult"', 'unit = "none"', "none"),
        ('key = "adult-probation.key"', "", "there is no key"),
        ('ori = "CA099015J"', "ori = ", "Invalid value"),
        ('"court.crt"', '"nothing.crt"', r"nothing\.crt cannot be read"),
    ],
)
def test_settings_that_make_no_client_are_refused_with_the_reason(
    folder: Path, line: str, other: str, why: str
) -> None:
    text = SAMPLE.read_text("utf-8")
    assert line in text
    path = folder / "probation.toml"
    path.write_text(text.replace(line, other, 1), "utf-8")
    with pytest.raises(ConfigError, match=why):
        BalanceQueryClient.from_settings(str(path))


def test_settings_that_are_not_there_are_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        BalanceQueryClient.from_settings(folder / "nowhere.toml")


def test_the_sample_makes_a_client(folder: Path) -> None:
    path = folder / "sample.toml"
    path.write_text(SAMPLE.read_text("utf-8"), "utf-8")
    client = BalanceQueryClient.from_settings(str(path))
    assert client.partner_id == "ADULT-PROBATION"
    client.close()
