"""Stored messages of other implementations, opened as they were when they were signed."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509

from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import CcmsWsError
from tests.support.envelopes import opened

FOLDER = Path(__file__).parents[1] / "vectors" / "envelope"
VECTORS = sorted(FOLDER.glob("*/*.xml"))


@cache
def _trust() -> TrustStore:
    certificates = (FOLDER / "pki").glob("*.crt")
    return TrustStore(
        PinnedCertificate(path.stem, x509.load_pem_x509_certificate(path.read_bytes())) for path in certificates
    )


def _outcome(raw: bytes) -> tuple[str, str]:
    try:
        return "accepted", opened(raw, trust=_trust()).partner_id
    except CcmsWsError as error:
        return error.code, ""


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_vector_has_the_outcome_that_its_sidecar_says(path: Path) -> None:
    expectation = tomllib.loads(path.with_suffix(".toml").read_text())
    assert _outcome(path.read_bytes()) == (expectation["expect"], expectation["partner"])


def test_every_vector_has_its_expectation_and_every_expectation_its_vector() -> None:
    messages = {path.with_suffix("") for path in FOLDER.glob("*/*.xml")}
    assert messages == {path.with_suffix("") for path in FOLDER.glob("*/*.toml")}
    assert len(messages) >= 35
