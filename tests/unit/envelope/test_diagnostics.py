"""Looking into a message shows both digests and what was digested, and believes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.diagnostics import advice, diagnose
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.errors import CcmsWsError, DigestMismatch, EnvelopeError, MalformedEnvelope
from tests.support.envelopes import POLICY, parsed, sealed


def test_every_digest_of_a_good_message_fits() -> None:
    found = diagnose(to_bytes(sealed()), POLICY)
    assert len(found.parts) == 7
    assert all(part.fits for part in found.parts)
    assert found.signed_info.startswith(b"<ds:SignedInfo")
    assert found.stopped_by is None


def test_a_part_that_was_changed_is_shown_as_it_was_digested_here() -> None:
    raw = to_bytes(sealed()).replace(b"24CR01234", b"24CR01235")
    (part,) = (part for part in diagnose(raw, POLICY).parts if not part.fits)
    assert part.path == "/soap:Envelope/soap:Body"
    assert part.canonical == canonical(parsed(raw)[1])
    assert part.signed != part.computed


def test_what_cannot_be_read_says_why() -> None:
    found = diagnose(b"<x/>", POLICY)
    assert isinstance(found.stopped_by, MalformedEnvelope)
    assert not found.parts


def test_a_partner_is_told_what_to_do() -> None:
    assert "canonical form" in advice(DigestMismatch.code)
    assert advice("nothing.known") == ""


def subclasses(kind: type[CcmsWsError]) -> Iterator[type[CcmsWsError]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


@pytest.mark.parametrize(
    "error", [each for each in subclasses(EnvelopeError) if "." in each.code], ids=lambda e: e.code
)
def test_a_partner_can_be_told_what_to_do_about_every_refusal_of_an_envelope(error: type[CcmsWsError]) -> None:
    assert len(advice(error.code)) > 30


def test_the_advice_names_what_stacks_get_wrong() -> None:
    assert all(name in advice("addressing.header-missing") for name in ("wsa:To", "wsa:Action", "wsa:MessageID"))
    assert "wsa:From" in advice("addressing.reply-address-refused")
    assert "none address" in advice("addressing.reply-address-refused")
    assert "in quotes" in advice("addressing.action-mismatch")
    assert "later Expires" in advice("security.timestamp-out-of-range")
