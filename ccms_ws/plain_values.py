"""Values in text that a court's staff and programs write: amounts, dates, and characters that no value may have."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

FIRST_DAY: Final = date(1850, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)

# Controls (line breaks are among them), line separators, byte order marks, and what no XML document can hold.
UNREADABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CENT: Final = Decimal("0.01")


def amount(text: str) -> Decimal:
    """US dollars with two places. Raises ValueError, with the form in words."""
    if _AMOUNT.fullmatch(text) is None:
        raise ValueError("is not an amount like 1490.10: digits, and at most two places after a point")
    return _cents(text)


@lru_cache(maxsize=10_000)
def _cents(text: str) -> Decimal:
    return Decimal(text).quantize(_CENT)


@lru_cache(maxsize=50_000)
def day(text: str) -> date:
    """An ISO date within the years of a court's files. Raises ValueError, with the form in words."""
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError("is not a day like 2026-03-01")
    return check_day(found)


def check_day(found: date) -> date:
    """Raises ValueError for a day outside the years of a court's files."""
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ValueError(f"is not between {FIRST_DAY} and {LAST_DAY}")
    return found


def unreadable_character(text: str) -> str:
    """The first character of `text` that is not allowed in a value, as U+0007; empty if there is none."""
    if text.isprintable() or (found := UNREADABLE.search(text)) is None:
        return ""
    return f"U+{ord(found[0]):04X}"


def why_unreadable(text: str) -> str:
    """The problem with the characters of a value; empty if there is none."""
    found = unreadable_character(text)
    if not found:
        return ""
    return "has a line break" if found in ("U+000A", "U+000D") else f"has a character that no value has ({found})"
