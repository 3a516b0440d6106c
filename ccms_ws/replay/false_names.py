"""Names in the place of names: part for part, so that spellings of one name stay spellings of one name.

Particles ("de la") and suffixes ("Jr.") stay: they belong to the language. An initial becomes the initial of what a
part with that initial becomes.
"""

from __future__ import annotations

import random
import re
import string
from typing import Final

from ccms_ws.domain.name_matching import name_key

_STEMS: Final = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elder", "Fir", "Gum", "Hazel", "Ironwood", "Juniper", "Kapok", "Laurel",
    "Maple", "Nutmeg", "Olive", "Poplar", "Quince", "Rowan", "Sumac", "Teak", "Ulmo", "Viburnum", "Willow", "Xylia",
    "Yew", "Zinnia",
)  # fmt: skip
"""One for each letter."""
_SECOND: Final = (
    "acorn", "bramble", "clover", "daisy", "fern", "gorse", "heather", "ivy", "lichen", "moss", "nettle", "orchid",
    "primrose", "rush", "sedge", "thistle", "vetch", "yarrow",
)  # fmt: skip
_KEPT: Final = frozenset(
    {"AL", "BIN", "DA", "DE", "DEL", "DELLA", "DEN", "DER", "DES", "DI", "DOS", "DU", "EL", "IBN", "LA", "LAS", "LOS"}
    | {"VAN", "VON", "Y", "JR", "SR", "II", "III", "IV", "V", "VI", "JUNIOR", "SENIOR", "2ND", "3RD", "4TH", "5TH"}
)
_SEPARATORS: Final = re.compile(r"[\s,./\-\u2010-\u2015\u2212]+")


class FalseNames:
    """One recording's names: the same part always becomes the same other part."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        letters = list(string.ascii_uppercase)
        chance.shuffle(letters)
        self._letters = dict(zip(string.ascii_uppercase, letters, strict=True))
        self._parts: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        """Another name; one without a letter or digit becomes another such name."""
        keys = [key for part in _SEPARATORS.split(name) if (key := name_key(part))]
        return " ".join(self._part(key, last=number > 0) for number, key in enumerate(keys)) or "-"

    def _part(self, key: str, *, last: bool) -> str:
        if key in _KEPT and (last or len(key) > 1):
            return key.title()
        letter = self._letters.get(key[0]) or self._letters.setdefault(
            key[0], self._chance.choice(string.ascii_uppercase)
        )
        if len(key) == 1:
            return letter
        if key not in self._parts:
            self._parts[key] = self._new(letter)
        return self._parts[key]

    def _new(self, letter: str) -> str:
        made = next(stem for stem in _STEMS if stem.startswith(letter))
        while made in self._taken:
            made += self._chance.choice(_SECOND)
        self._taken.add(made)
        return made
