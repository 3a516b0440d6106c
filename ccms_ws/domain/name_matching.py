"""When two spellings are one name. `DECISIONS` says what counts as one, and why; tests hold every line of it.

Whom a name means is decided by `same_name`. The search keys lead to all who can be meant, and to more: they leave out
what two spellings of one name may differ in.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from ccms_ws.domain.courts import PersonName

MOST_SURNAME_KEYS: Final = 3
"""The most keys by which one surname is looked up."""
_LONGEST_KEY: Final = 100


class Decision(NamedTuple):
    """A difference of spelling: an example ("Given|Surname") and what it is read as; `same`: it makes no difference."""

    asked: str
    on_file: str
    same: bool
    reason: str


DECISIONS: Final = (
    Decision("ANA|nunez", "Ana|Núñez", True, "letter case and diacritics are lost on forms and in old systems"),
    Decision("Ana|OʼBrien", "Ana|O'Brien", True, "keyboards write an apostrophe as one of many characters"),
    Decision("Ana|Kaʻaihue", "Ana|Kaaihue", True, "an okina is written, left out, or an apostrophe"),
    Decision("Ana|Garcia-Lopez", "Ana|García López", True, "hyphens and blanks are used in turn"),
    Decision("Ana|Lopez", "Ana|García López", True, "the first or last part of a surname stands for the whole"),
    Decision("Ana|Cruz", "Ana|de la Cruz", True, "particles are dropped"),
    Decision("Ana|Mueller", "Ana|Müller", True, "passports and airlines write ue for ü (ICAO 9303)"),
    Decision("Ana|Muller", "Ana|Müller", True, "others leave the dots away"),
    Decision("Ana|Mueller", "Ana|Muller", False, "without an ü on either side these are two surnames"),
    Decision("Aage|Noergaard", "Åge|Nørgård", True, "aa for å and oe for ø (ICAO 9303)"),
    Decision("Ana|Weiss", "Ana|Weiß", True, "ss for ß (ICAO 9303)"),
    Decision("Ana|St. John", "Ana|Saint John", True, "St. and Saint, Ste. and Sainte are one word, abbreviated"),
    Decision("Ana|St", "Ana|St. John", False, "the abbreviation alone names nobody"),
    Decision("Robert|Lee", "R|Lee", True, "clerks file an initial; who else is meant by it makes several matches"),
    Decision("R.|Lee", "Robert|Lee", True, "the same the other way round"),
    Decision("Robert|Lee", "Rob|Lee", False, "a short form may be another name"),
    Decision("Robert|Lee", "S|Lee", False, "another initial is another name"),
    Decision("Ana|Lee|M", "Ana|Lee|Maria", True, "an initial stands for a middle name"),
    Decision("Ana|Lee|Rosa", "Ana|Lee|Maria", False, "another middle name is another person"),
    Decision("Ana|Lee", "Ana|Lee||Jr", True, "suffixes are left out"),
    Decision("Ana|Lee||Sr", "Ana|Lee||Jr", False, "father and son"),
)
"""Asked, on file, and whether the one can mean the other. Parts: given, surname, middle, suffix."""

# Letters with a stroke and ligatures, which no normalization form takes apart.
_LETTERS: Final = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
# What is written for a letter that a machine-readable zone does not have (ICAO 9303 Part 3, 6.A).
_TRANSLITERATED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# Letters by their category in Unicode, apostrophes by their look: modifier letters and the saltillo.
_APOSTROPHES: Final = dict.fromkeys(
    [*range(0x02B9, 0x02C2), *range(0x02C6, 0x02D0), 0x02EE, 0x07F4, 0x07F5, 0xA78B, 0xA78C]
)
_SEPARATORS: Final = re.compile(r"[\s,./\-\u2010-\u2015\u2212]+")
# No common surname is among them.
_PARTICLES: Final = frozenset(
    {"AL", "BIN", "DA", "DE", "DEL", "DELLA", "DEN", "DER", "DES", "DI", "DOS", "DU", "EL", "IBN", "LA", "LAS", "LOS"}
    | {"VAN", "VON", "Y"}
)
_SAINTS: Final = {"ST": "SAINT", "STE": "SAINTE"}
_ABBREVIATIONS: Final = {long: short for short, long in _SAINTS.items()}
_SUFFIXES: Final = {
    **{suffix: suffix for suffix in ("JR", "SR", "II", "III", "IV", "V", "VI")},
    "JUNIOR": "JR",
    "SENIOR": "SR",
    "2ND": "II",
    "3RD": "III",
    "4TH": "IV",
    "5TH": "V",
}

_Part = tuple[str, ...]
"""The spellings of one part of a name: as its letters are, and transliterated if that is another one."""


def name_key(text: str) -> str:
    """`text` reduced to what decides: "O'Brien-Núñez" and "OBRIEN NUNEZ" have the same key, "OBRIENNUNEZ"."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)).translate(_APOSTROPHES)
    return "".join(char for char in folded if char.isalnum()).upper()


def surname_keys(name: PersonName) -> frozenset[str]:
    """The keys by which the surname is looked up: two surnames that can be the same share one at least."""
    parts, _ = _surname(name)
    plain = [part[0] for part in parts]
    weighty = _without_particles(parts)
    ends = [weighty[0][0], weighty[-1][0]] if weighty else []
    return frozenset(key for text in ["".join(plain), *ends] if (key := _search_key(text)))


def _search_key(text: str) -> str:
    """What all spellings of a surname have in common: without transliterated vowels, and with Saint abbreviated."""
    short = re.sub("A[AE]*", "A", text)
    short = re.sub("([OU])E+", r"\1", short)
    return short.replace("SAINT", "ST")[:_LONGEST_KEY]


def same_name(asked: PersonName, on_file: PersonName) -> bool:
    """True if `asked` can mean `on_file`: the surnames agree, and every other part that both have."""
    asked_surname, asked_suffix = _surname(asked)
    file_surname, file_suffix = _surname(on_file)
    if asked_suffix and file_suffix and asked_suffix != file_suffix:
        return False
    if not _same_surname(asked_surname, file_surname):
        return False
    return not asked.given or _same_given(asked, on_file)


def _surname(name: PersonName) -> tuple[list[_Part], str]:
    """The parts of the surname, and the suffix, which may have been written behind the surname."""
    parts = _parts(name.surname)
    if name.suffix:
        suffix = name_key(name.suffix)
        return parts, _SUFFIXES.get(suffix, suffix)
    if len(parts) > 1 and parts[-1][0] in _SUFFIXES:
        return parts[:-1], _SUFFIXES[parts[-1][0]]
    return parts, ""


def _same_surname(one: list[_Part], other: list[_Part]) -> bool:
    if not one or not other:
        return False
    if not _joined(one).isdisjoint(_joined(other)):
        return True
    short, long = sorted((_without_particles(one), _without_particles(other)), key=len)
    if not short or all(part[0] in _SAINTS or part[0] in _ABBREVIATIONS for part in short):
        return False
    return any(all(map(_same_word, short, end)) for end in (long[: len(short)], long[-len(short) :]))


def _joined(parts: list[_Part]) -> set[str]:
    """The surname as one word, in each of its spellings."""
    words = {"".join(part[0] for part in parts), "".join(part[-1] for part in parts)}
    if len(parts) > 1:
        for table in (_SAINTS, _ABBREVIATIONS):
            words |= {"".join(table.get(part[end], part[end]) for part in parts) for end in (0, -1)}
    return words


def _same_word(one: _Part, other: _Part) -> bool:
    return not set(one).isdisjoint(other) or _SAINTS.get(one[0], one[0]) == _SAINTS.get(other[0], other[0])


def _same_given(asked: PersonName, on_file: PersonName) -> bool:
    """Where the given name ends and the middle name begins is written in more than one way."""
    if not _joined(_parts(asked.given)).isdisjoint(_joined(_parts(on_file.given))):
        mine, theirs = _parts(asked.middle), _parts(on_file.middle)
        return not mine or not theirs or _same_parts([_as_one(mine)], [_as_one(theirs)])
    one, other = (_parts(name.given) + _parts(name.middle) for name in (asked, on_file))
    if not one or not other:
        return False
    return not _joined(one).isdisjoint(_joined(other)) or _same_parts(one, other)


def _same_parts(one: list[_Part], other: list[_Part]) -> bool:
    """An initial stands for the whole; what only one of the two has contradicts nothing."""
    return all(map(_same_or_initial, one, other))


def _same_or_initial(one: _Part, other: _Part) -> bool:
    if not set(one).isdisjoint(other):
        return True
    return min(len(one[0]), len(other[0])) == 1 and one[0][:1] == other[0][:1]


def _as_one(parts: list[_Part]) -> _Part:
    return "".join(part[0] for part in parts), "".join(part[-1] for part in parts)


def _parts(text: str) -> list[_Part]:
    composed = unicodedata.normalize("NFC", text)
    found: list[_Part] = []
    for word in _SEPARATORS.split(composed):
        if plain := name_key(word):
            other = name_key(word.casefold().translate(_TRANSLITERATED))
            found.append((plain,) if plain == other else (plain, other))
    return found


def _without_particles(parts: list[_Part]) -> list[_Part]:
    return [part for part in parts if part[0] not in _PARTICLES]
