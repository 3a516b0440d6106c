"""Personal data out of a recording: the same value always becomes the same other value, and nothing leads back.

Whatever is not known to be harmless is replaced: codes, amounts, quantities and the days of the matter stay, names,
dates of birth, every kind of number, organizations and free text do not. Which value stood for which is nowhere kept.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DMV907, EXT, NC, J, q
from ccms_ws.domain.courts import Court
from ccms_ws.domain.name_matching import name_key
from ccms_ws.parts.metadata import Q_PARTY_ID

_HARMLESS: Final = re.compile(
    r"faultcode|Value|\w*(Amount|Code|CodeText|Indicator|Quantity|DateTime|SequenceID|VersionID|NodeName|NameSuffixText)"
)
_STATUTES: Final = re.compile(r"Statute\w*Identification")
_NAMES: Final = frozenset({q(NC, "PersonGivenName"), q(NC, "PersonMiddleName"), q(NC, "PersonSurName")})
_PARTIES: Final = frozenset({Q_PARTY_ID, q(NC, "OrganizationName")})
_OUR_WORDS: Final = frozenset({"ErrorReasonText", "RejectionReasonText", "ErrorReason", "faultstring", "Text"})
"""What the court says in its own words: sentences without anybody's data."""

_STEMS: Final = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elder", "Fir", "Gum", "Hazel", "Ironwood", "Juniper", "Kapok", "Laurel",
    "Maple", "Nutmeg", "Olive", "Poplar", "Quince", "Rowan", "Sumac", "Teak", "Ulmo", "Viburnum", "Willow", "Yew",
    "Acorn", "Bramble", "Clover", "Daisy", "Fern", "Gorse", "Heather", "Ivy", "Lichen", "Moss", "Nettle", "Orchid",
    "Primrose", "Rush", "Sedge", "Thistle", "Vetch", "Yarrow",
)  # fmt: skip
_YEARS: Final = 2
_PATIENCE: Final = 0.05


class Disguise:
    """One recording's replacements."""

    def __init__(self, standing_in: Mapping[str, str], court: Court, *, chance: random.Random | None = None) -> None:
        """`standing_in`: ids and names of the real court and its partners to those of who stands in for them; `court`
        is the one that does for the court.
        """
        self._standing_in = standing_in
        self._fixed = {
            q(J, "CourtName"): court.name,
            q(EXT, "CourtORIID"): court.ori,
            q(EXT, "CountyCode"): court.county_code,
            q(EXT, "TestIndicator"): "false",
            q(DMV907, "DMVCourtCodeText"): court.dmv_court_code,
        }
        self._chance = chance or random.SystemRandom()
        self._said: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def id(self, recorded: UUID) -> UUID:
        """Another id, always the same for one."""
        return UUID(self._once("id", str(recorded), lambda: str(UUID(int=self._chance.getrandbits(128), version=4))))

    def payload(self, message: _Element, *, ours: bool) -> bytes:
        """The message with everything replaced; `ours`: the court says it, in words of its own."""
        for element in message.iter(etree.Element):
            if not len(element) and element.text and element.text.strip():
                element.text = self._replaced(element, element.text.strip(), ours=ours)
        return etree.tostring(message, method="c14n", exclusive=True, with_comments=False)

    def _replaced(self, element: _Element, text: str, *, ours: bool) -> str:
        name, parent = etree.QName(element).localname, element.getparent()
        above = "" if parent is None else etree.QName(parent).localname
        fixed = self._fixed.get(str(element.tag)) or self._standing_in.get(text)
        if fixed is not None:
            return fixed
        harmless = _HARMLESS.fullmatch(name) or _STATUTES.fullmatch(above) or element.tag == q(NC, "Date")
        rules: Sequence[tuple[object, Callable[[str], str]]] = (
            (element.tag in _PARTIES, self._party),
            (element.tag in _NAMES, self._name),
            (above == "PersonBirthDate", self._born),
            (harmless, str),
            (ours and name in _OUR_WORDS, self._ids_in),
            (name.endswith("ID"), self._number),
        )
        return next((replace for holds, replace in rules if holds), self._words)(text)

    # -- kinds of values ----------------------------------------------------------------------------------------------
    def _party(self, text: str) -> str:
        return self._once("party", text, lambda: f"Organization {self._count('party') + 1}")

    def _words(self, text: str) -> str:
        return self._once("words", text, lambda: f"(text {self._count('words') + 1})")

    def _name(self, text: str) -> str:
        def make() -> str:
            first = self._chance.choice(_STEMS)
            return first if first not in self._taken else f"{first}-{self._chance.choice(_STEMS)}"

        return self._once("name", name_key(text) or text, make)

    def _born(self, text: str) -> str:
        def make() -> str:
            days = self._chance.randrange(-365 * _YEARS, 0)
            return (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat()

        return self._once("born", text[:10], make)

    def _number(self, text: str) -> str:
        """Another number of the same look: digits for digits, capitals for capitals."""
        try:
            return str(self.id(UUID(text.removeprefix("urn:uuid:"))))
        except ValueError:
            if not any(map(str.isalnum, text)):
                return text
            return self._once("number", text, lambda: "".join(map(self._alike, text)))

    def _alike(self, char: str) -> str:
        for alphabet in (string.digits, string.ascii_uppercase, string.ascii_lowercase):
            if char in alphabet:
                return self._chance.choice(alphabet)
        return char

    def _ids_in(self, text: str) -> str:
        for (kind, recorded), other in self._said.items():
            if kind in ("id", "number"):
                text = text.replace(recorded, other)
        return text

    def _once(self, kind: str, text: str, make: Callable[[], str]) -> str:
        """What `text` became before, or something new that nothing else has become."""
        found = self._said.get((kind, text))
        longer = ""
        while found is None:
            made = make() + longer
            if made not in self._taken and made != text:
                self._taken.add(made)
                self._said[kind, text] = found = made
            elif self._chance.random() < _PATIENCE:
                longer += self._chance.choice(string.digits)  # short numbers run out
        return found

    def _count(self, kind: str) -> int:
        return sum(known == kind for known, _ in self._said)
