from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.streaming import SealedStream, seal_stream
from tests.support.envelopes import CLOCK, POLICY, TEST, addressing, opened
from tests.support.pki import pki

PIECES = [f'<t:Query xmlns:t="{TEST}">'.encode(), *[b"<t:Case>%d</t:Case>" % n for n in range(50)], b"</t:Query>"]


def sealed(pieces: list[bytes], version: SoapVersion = SoapVersion.SOAP12) -> SealedStream:
    return seal_stream(pieces, addressing(), version, identity=pki().probation, policy=POLICY, clock=CLOCK)


@pytest.mark.parametrize("version", SoapVersion)
def test_what_was_sealed_piece_by_piece_is_opened_as_a_whole(version: SoapVersion) -> None:
    stream = sealed(PIECES, version)
    raw = b"".join(stream)
    assert len(stream) == len(raw)
    found = opened(raw)
    assert (found.version, found.partner_id) == (version, "adult-probation")
    assert etree.tostring(found.payload, method="c14n", exclusive=True) == b"".join(PIECES)


def test_a_stream_can_be_sent_again() -> None:
    stream = sealed(PIECES)
    assert b"".join(stream) == b"".join(stream)


def test_no_more_than_a_piece_is_ever_held() -> None:
    class Once:
        """Each piece must be let go before the next one is asked for."""

        def __iter__(self) -> Iterator[bytes]:
            yield PIECES[0]
            for _ in range(2000):
                yield b"<t:Case>" + b"x" * 10_000 + b"</t:Case>"
            yield PIECES[-1]

    stream = seal_stream(Once(), addressing(), SoapVersion.SOAP12, identity=pki().probation, policy=POLICY, clock=CLOCK)
    assert max(map(len, stream)) < 20_000
    assert len(stream) > 20_000_000
