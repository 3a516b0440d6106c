"""What the parts of a message are filled with when its cost is measured (`tests/attack/cost.py`)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

Fill = Callable[[int], str]


def repeat(unit: str) -> Fill:
    return lambda size: unit * max(1, size // max(1, len(unit.encode())))


def numbered(unit: str) -> Fill:
    """`unit` with {} in it, which a number takes the place of."""
    return lambda size: "".join(unit.format(number) for number in range(max(1, size // (len(unit.format(1000))))))


_UNITS: Final = (
    "a", "0", "A", " ", "\t", '"', "\\", "\\\\", '\\"', ",", "=", "+", ";", "#", "/", ":", "-", ".", "'", "{", "<", "&",
    "?", "!", "%41", "xmlns", " xmlns:", "xmlns=", "id=", "CN=", "CN=a,", "CN=a+", " ,", '",', '="', '"a"', " A", "A ",
    "A\n", "==", "urn:", "a:", "1.", ".1", "-1", "2026-", "T00:", "é", "\U0001f600", "\\41", "\\,", "/CN=a", "OID.",
    "#0c01", "text/xml;", "; a=b", ';a="', "\\a", "Body", "<Body ", "<a", "<!--", "]]>",
)  # fmt: skip
VALUES: Final = {repr(unit): repeat(unit) for unit in _UNITS} | {
    "numbered prefixes": numbered("p{} "), "#default": repeat("#default "), "numbered ids": numbered("#id{} "),
    "numbered RDNs": numbered("OU={},"),
}  # fmt: skip
"""Texts of fields, before they are escaped."""

RAW: Final = {
    "&#120;mlns": repeat("&#120;mlns"), " &#120;mlns:": repeat(" &#120;mlns:"), "&#10;": repeat("&#10;"),
    "&amp;": repeat("&amp;"), "&quot;": repeat("&quot;"), "&#32;A": repeat("&#32;A"),
}  # fmt: skip
"""Texts of fields, as they are written in XML."""

CONTENTS: Final = {
    "empty elements": repeat("<t:x/>"),
    "elements without a prefix": repeat("<x/>"),
    "elements of numbered names": numbered("<t:x{}/>"),
    "elements with text": repeat("<t:x>a</t:x>"),
    "elements with white space": repeat("<t:x/> "),
    "elements with an attribute": repeat('<t:x a=""/>'),
    "elements with ids": numbered('<t:x Id="i{}"/>'),
    "elements with wsu:Id": numbered('<t:x wsu:Id="i{}"/>'),
    "elements with one id": repeat('<t:x Id="i"/>'),
    "attributes named like a part of an id": repeat('<t:x I="" d="" D="" A="" s=""/>'),
    "elements with 60 attributes": repeat("<t:x " + " ".join(f'a{n}=""' for n in range(60)) + "/>"),
    "elements with 60 attributes of a namespace": repeat("<t:x " + " ".join(f't:a{n}=""' for n in range(60)) + "/>"),
    "elements with a declaration": repeat('<x xmlns="urn:x"/>'),
    "elements with numbered declarations": numbered('<p:x xmlns:p="u:{}"/>'),
    "elements with 60 declarations": repeat("<x " + " ".join(f'xmlns:a{n}="u"' for n in range(60)) + "/>"),
    "elements with xsi:type": repeat('<t:x xsi:type="t:T"/>'),
    "elements with xsi:type of an unknown prefix": repeat('<t:x xsi:type="nix:T"/>'),
    "elements with xsi:type of an outer prefix": repeat('<t:x xsi:type="o0:T"/>'),
    "elements with xsi:type and an attribute": repeat('<t:x t:a="" xsi:type="t:T"/>'),
    "comments": repeat("<!---->"),
    "comments in a text": repeat("a<!---->"),
    "comments between elements": repeat("<t:x/>a<!---->b"),
    "CDATA sections": repeat("<![CDATA[x]]>"),
    "CDATA sections in a text": repeat("a<![CDATA[x]]>"),
    "character references": repeat("&#65;"),
    "entities": repeat("&lt;"),
    "carriage returns": repeat("&#13;"),
    "text": repeat("a"),
    "white space": repeat(" \n"),
    "processing instructions": repeat("<?a?>"),
    "start tags": repeat("<t:x>"),
    "markup": repeat("<"),
}  # fmt: skip
"""What stands in an element, as it is written. The prefixes t, wsu and xsi are declared around it."""

PREFIXED: Final = {
    "elements of an outer prefix": repeat("<o0:x/>"),
    "elements with 50 attributes of outer prefixes": repeat("<x " + " ".join(f'o{n}:a=""' for n in range(50)) + "/>"),
    "elements with an attribute of an outer prefix": repeat('<t:x o0:a=""/>'),
    "elements that rebind an outer prefix": repeat('<o0:x xmlns:o0="urn:x"/>'),
}  # fmt: skip
"""What else stands in an element where the prefixes o0 to o49 are declared."""

TAGS: Final = {
    "declarations": numbered(' xmlns:p{}="u:{}"'.replace("{}", "{0}")),
    "declarations of one namespace": numbered(' xmlns:p{}="u"'),
    "attributes": numbered(' a{}=""'),
    "attributes of a namespace": numbered(' t:a{}=""'),
    "a long attribute": lambda size: f' a="{"x" * size}"',
    "an attribute that speaks of declarations": lambda size: f' a="{"&#120;mlns" * (size // 10)}"',
}
"""What stands in a start tag."""


def random_fills(chance: random.Random, count: int) -> dict[str, Fill]:
    """Texts of random short units, for what nobody has thought of."""
    alphabet = "aA01 \t\"'\\,;+=#<>&/:.-?!{}[]()@_%*xmlns"
    units = ("".join(chance.choices(alphabet, k=chance.randint(1, 4))) for _ in range(count))
    return {repr(unit): repeat(unit) for unit in units}
