"""Sections of California's codes as files spell them, in one spelling: `PC 1214.1(a)`, `VC 40508(b)`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Self

_BOOKS: Final = {
    "PC": ("PEN", "PENAL"),
    "VC": ("CVC", "VEH", "VEHICLE"),
    "GOV": ("GC", "GOVT", "GOVERNMENT"),
    "WI": ("W&I", "WIC", "WELFARE AND INSTITUTIONS", "WELFARE & INSTITUTIONS"),
    "HS": ("H&S", "HSC", "HEALTH AND SAFETY", "HEALTH & SAFETY"),
    "BP": ("B&P", "BPC", "BUSINESS AND PROFESSIONS", "BUSINESS & PROFESSIONS"),
    "RTC": ("R&T", "RT", "R&TC", "REVENUE AND TAXATION", "REVENUE & TAXATION"),
    "HN": ("H&N", "HNC", "HARBORS AND NAVIGATION", "HARBORS & NAVIGATION"),
    "FGC": ("F&G", "FG", "FISH AND GAME", "FISH & GAME"),
}
"""The abbreviations of code books in this project, with their other names."""
_BOOK_OF: Final = {name: book for book, names in _BOOKS.items() for name in (book, *names)}
_NOISE: Final = re.compile(r"§+|\b(?:sections?|secs?|subdivisions?|subds?|code)\b\.?|,", re.IGNORECASE)
_BOOK: Final = r"[A-Za-z][A-Za-z&.]*(?: [A-Za-z&.]+){0,2}"
_STATUTE: Final = re.compile(
    rf"(?P<book>{_BOOK})? ?(?P<number>[0-9]{{1,6}}(?:\.[0-9]{{1,4}})?)(?P<letters>[A-Za-z]{{0,2}})"
    rf"(?P<subdivisions>(?: ?\([A-Za-z0-9]{{1,5}}\))*)(?: (?P<after>{_BOOK}))?",
    re.ASCII,
)
_SUBDIVISION: Final = re.compile(r"\(([A-Za-z0-9]+)\)")
_NUMBER: Final = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True)
class Statute:
    """One section: `book` ("PC"; empty if none was named), `section` ("1203.1b"), and its subdivisions ("g", "1")."""

    book: str
    section: str
    subdivisions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.book} {self.number}".lstrip()

    @property
    def number(self) -> str:
        """The section with its subdivisions, without the code book."""
        return self.section + "".join(f"({each})" for each in self.subdivisions)


@lru_cache(maxsize=4096)  # a ledger has few statutes, and reads each of them often; no setting changes the result
def read_statute(text: str) -> Statute | None:
    """The section that `text` names; None if it names none.

    A letter right behind the number is a subdivision in the Vehicle Code ("40508b", also without its code book) and a
    part of the section elsewhere ("PC 1203.1b", which is no part of PC 1203.1).
    """
    found = _STATUTE.fullmatch(" ".join(_NOISE.sub(" ", text).split()))
    if found is None or (found["book"] and found["after"]):
        return None
    name = (found["book"] or found["after"] or "").replace(".", "").upper()
    book = _BOOK_OF.get(name, name)
    if " " in book:
        return None
    number, letters = found["number"], found["letters"].lower()
    subdivisions = _SUBDIVISION.findall(found["subdivisions"])
    if len(letters) == 1 and (book == "VC" or (not book and len(number.partition(".")[0]) == 5)):
        subdivisions.insert(0, letters)
        letters = ""
    if subdivisions:
        subdivisions[0] = subdivisions[0].lower()
    return Statute(book, number + letters, tuple(subdivisions))


def normal_statute(text: str) -> str:
    """`text` in the one spelling; as it is, without white space at its ends, if it names no section."""
    read = read_statute(text)
    return text.strip() if read is None else str(read)


@dataclass(frozen=True, slots=True)
class Statutes:
    """Sections that a rule names.

    "PC 1203.016" covers the section with all its subdivisions, "PC 29550(c)" that subdivision and what is below it,
    "VC 22500-22526" every section from the first to the last. A code book that an entry does not name is `book`.
    """

    entries: tuple[str, ...] = ()
    book: str = ""
    _single: frozenset[Statute] = frozenset()
    _ranges: tuple[tuple[str, Decimal, Decimal], ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str], book: str = "") -> Self:
        """Raises ValueError for an entry that is no section and no range of sections."""
        listed = tuple(entries)
        single, ranges = set(), []
        for entry in listed:
            first_text, dash, last_text = entry.partition("-")
            first, last = read_statute(first_text), read_statute(last_text) if dash else None
            if first is None or (dash and (last is None or last.book not in ("", first.book or book))):
                raise ValueError(f"{entry!r} is no section like 'PC 1203.016(g)' or 'VC 22500-22526'")
            if last is None:
                single.add(Statute(first.book or book, first.section, first.subdivisions))
            else:
                ranges.append((first.book or book, _place(first), _place(last)))
        return cls(listed, book, frozenset(single), tuple(ranges))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def covers(self, text: str) -> bool:
        """True if the section that `text` names is one of these, or a subdivision of one."""
        read = read_statute(text)
        if read is None:
            return False
        book = read.book or self.book
        above = (read.subdivisions[:depth] for depth in range(len(read.subdivisions) + 1))
        if any(Statute(book, read.section, each) in self._single for each in above):
            return True
        return any(book == each and first <= _place(read) <= last for each, first, last in self._ranges)


def _place(statute: Statute) -> Decimal:
    """Where the section stands in its code, letters aside."""
    found = _NUMBER.match(statute.section)
    return Decimal(found[0]) if found else Decimal(0)
