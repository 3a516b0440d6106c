"""When two spellings are one name.

Letter case, diacritics, hyphens, apostrophes and spacing make no difference; one part of a surname of several stands
for the whole, an initial for a middle name, "Jr." for "Junior".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ccms_ws.domain.courts import PersonName

MOST_SURNAME_KEYS: Final = 6
"""The most keys by which one surname is looked up."""

# Letters with a stroke and ligatures, which no normalization form takes apart.
_LETTERS: Final = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_SEPARATORS: Final = re.compile(r"[\s,./\-\u2010-\u2015\u2212]+")
# No common surname is among them.
_PARTICLES: Final = frozenset(
    {"AL", "BIN", "DA", "DE", "DEL", "DELLA", "DEN", "DER", "DES", "DI", "DOS", "DU", "EL", "IBN", "LA", "LAS", "LOS"}
    | {"VAN", "VON", "Y"}
)
_SUFFIXES: Final = {
    **{suffix: suffix for suffix in ("JR", "SR", "II", "III", "IV", "V", "VI")},
    "JUNIOR": "JR",
    "SENIOR": "SR",
    "2ND": "II",
    "3RD": "III",
    "4TH": "IV",
    "5TH": "V",
}


def name_key(text: str) -> str:
    """`text` reduced to what decides: "O'Brien-Núñez" and "OBRIEN NUNEZ" have the same key, "OBRIENNUNEZ"."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in folded if char.isalnum()).upper()


def surname_keys(name: PersonName) -> frozenset[str]:
    """The keys by which the surname is looked up: two surnames that can be the same share one at least."""
    parts, _ = _surname(name)
    keys = ["".join(parts), *_without_particles(parts)]
    return frozenset(key for key in keys[:MOST_SURNAME_KEYS] if key)


def same_name(asked: PersonName, on_file: PersonName) -> bool:
    """True if `asked` can mean `on_file`: the surnames agree, and every other part that both have."""
    asked_surname, asked_suffix = _surname(asked)
    file_surname, file_suffix = _surname(on_file)
    if asked_suffix and file_suffix and asked_suffix != file_suffix:
        return False
    if not _same_surname(asked_surname, file_surname):
        return False
    return not asked.given or _same_given(asked, on_file)


def _surname(name: PersonName) -> tuple[list[str], str]:
    """The parts of the surname, and the suffix, which may have been written behind the surname."""
    parts = _parts(name.surname)
    if name.suffix:
        suffix = name_key(name.suffix)
        return parts, _SUFFIXES.get(suffix, suffix)
    if len(parts) > 1 and parts[-1] in _SUFFIXES:
        return parts[:-1], _SUFFIXES[parts[-1]]
    return parts, ""


def _same_surname(one: list[str], other: list[str]) -> bool:
    if "".join(one) == "".join(other):
        return bool(one)
    short, long = sorted((_without_particles(one), _without_particles(other)), key=len)
    return bool(short) and short in (long[: len(short)], long[-len(short) :])


def _same_given(asked: PersonName, on_file: PersonName) -> bool:
    """Where the given name ends and the middle name begins is written in more than one way."""
    if name_key(asked.given) == name_key(on_file.given):
        mine, theirs = name_key(asked.middle), name_key(on_file.middle)
        return not mine or not theirs or _same_part(mine, theirs)
    one, other = (_parts(name.given) + _parts(name.middle) for name in (asked, on_file))
    if "".join(one) == "".join(other):
        return True
    return bool(one and other) and one[0] == other[0] and all(map(_same_part, one, other))


def _same_part(one: str, other: str) -> bool:
    """An initial stands for the whole."""
    return one == other or (min(len(one), len(other)) == 1 and one[:1] == other[:1])


def _parts(text: str) -> list[str]:
    return [key for part in _SEPARATORS.split(text) if (key := name_key(part))]


def _without_particles(parts: list[str]) -> list[str]:
    return [part for part in parts if part not in _PARTICLES]
