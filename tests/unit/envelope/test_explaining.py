"""Looking into a message shows both digests and what was digested, and believes nothing."""

from __future__ import annotations

from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.explaining import advice, examine
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.errors import DigestMismatch, MalformedEnvelope
from tests.support.envelopes import POLICY, parsed, sealed


def test_every_digest_of_a_good_message_fits() -> None:
    found = examine(to_bytes(sealed()), POLICY)
    assert len(found.parts) == 7
    assert all(part.fits for part in found.parts)
    assert found.signed_info.startswith(b"<ds:SignedInfo")
    assert found.stopped_by is None


def test_a_part_that_was_changed_is_shown_as_it_was_digested_here() -> None:
    raw = to_bytes(sealed()).replace(b"24CR01234", b"24CR01235")
    (part,) = (part for part in examine(raw, POLICY).parts if not part.fits)
    assert part.path == "/soap:Envelope/soap:Body"
    assert part.canonical == canonical(parsed(raw)[1])
    assert part.signed != part.computed


def test_what_cannot_be_read_says_why() -> None:
    found = examine(b"<x/>", POLICY)
    assert isinstance(found.stopped_by, MalformedEnvelope)
    assert not found.parts


def test_a_partner_is_told_what_to_do() -> None:
    assert "canonical form" in advice(DigestMismatch.code)
    assert advice("nothing.known") == ""
