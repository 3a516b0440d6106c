"""Values are read whole or not at all."""

from __future__ import annotations

import pytest
from lxml import etree

from ccms_ws.envelope.base64_text import decode_base64, octets_of, text_of
from ccms_ws.errors import SecurityHeaderInvalid


def test_text_is_read_whole() -> None:
    assert text_of(etree.fromstring("<a> b </a>")) == " b "
    assert text_of(etree.fromstring("<a/>")) == ""


def test_a_text_with_an_element_in_it_is_refused() -> None:
    with pytest.raises(SecurityHeaderInvalid):
        text_of(etree.fromstring("<a>b<c/>d</a>"))


@pytest.mark.parametrize("text", ["aGVsbG8=", " aGVs\r\n\tbG8= "])
def test_base64_may_have_white_space(text: str) -> None:
    assert decode_base64(text, "x") == b"hello"
    assert decode_base64("", "x") == b""


@pytest.mark.parametrize("text", ["aGVsbG8", "aGVsbG8==", "aGV*bG8=", "aGVsbG8=aGVs", "=", "ａGVs", "aGVs\u00a0bG8="])
def test_base64_is_strict(text: str) -> None:
    with pytest.raises(SecurityHeaderInvalid):
        octets_of(etree.fromstring(f"<a>{text}</a>"))
