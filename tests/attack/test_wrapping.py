"""A signed part that does not stand in its place convinces nobody."""

from __future__ import annotations

import pytest

from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.inbound import VerifiedEnvelope
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import CcmsWsError
from tests.attack.wrapping import Variant, variants
from tests.support.envelopes import opened, sealed
from tests.support.oracles import stock_signxml_verify
from tests.support.pki import pki

MESSAGES = [
    (SoapVersion.SOAP11, TokenReference.DIRECT),
    (SoapVersion.SOAP12, TokenReference.ISSUER_SERIAL),
]


def _open(variant: Variant) -> VerifiedEnvelope | None:
    try:
        return opened(variant.raw)
    except CcmsWsError:
        return None


@pytest.mark.parametrize(("version", "reference"), MESSAGES)
def test_every_wrapping_variant_is_refused_or_shows_exactly_what_was_signed(
    version: SoapVersion, reference: TokenReference
) -> None:
    raw = to_bytes(sealed(version=version, reference=reference))
    honest = opened(raw)
    signed = canonical(honest.payload)
    count, let_in = 0, []
    for variant in variants(raw):
        count += 1
        envelope = _open(variant)
        if envelope is not None:
            let_in.append(variant.name)
            assert canonical(envelope.payload) == signed, variant.name
            assert envelope.addressing == honest.addressing, variant.name
            assert envelope.content_digest == honest.content_digest, variant.name
            assert (envelope.created, envelope.certificate) == (honest.created, honest.certificate), variant.name
    assert count >= 1000
    # What is let in has changed the order of blocks and nothing else: no twin is near.
    assert all(": moved " in name for name in let_in), let_in
    assert len(let_in) < 25


def test_the_generator_has_teeth() -> None:
    """A verifier that only asks whether the signature is good would believe many of these."""
    raw = to_bytes(sealed())
    believed = 0
    for variant in variants(raw):
        try:
            stock_signxml_verify(variant.raw, pki().probation, references=7)
        except Exception:
            continue
        believed += 1
    assert believed >= 500
