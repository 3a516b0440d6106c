"""Reading the value of an element: its whole text, or the octets that the text stands for."""

from __future__ import annotations

import binascii
import re
from typing import Final

from lxml.etree import _Element

from ccms_ws.errors import SecurityHeaderInvalid

_WHITESPACE: Final = re.compile(r"[ \t\r\n]++")


def text_of(element: _Element) -> str:
    """The text of an element that has nothing else, so that no reader can see less of it than was signed.

    Errors: `SecurityHeaderInvalid` if it has children.
    """
    if len(element):
        raise SecurityHeaderInvalid(f"an element inside {element.tag}")
    return element.text or ""


def octets_of(element: _Element) -> bytes:
    """The octets of a base64 element. Errors: `SecurityHeaderInvalid` if it is not strictly base64."""
    return decode_base64(text_of(element), element.tag)


def decode_base64(text: str, what: str) -> bytes:
    """The octets that `text` stands for; whitespace is let pass. Errors: `SecurityHeaderInvalid`."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    try:
        return binascii.a2b_base64(_WHITESPACE.sub("", text), strict_mode=True)
    except ValueError:
        raise SecurityHeaderInvalid(f"{what} is not base64", rule="XSD base64Binary") from None
