"""Personal data out of a recording: the same value always becomes the same other value, and nothing leads back.

A new message is written: elements that the schema declares, values that are harmless (`harmless`) or replaced.
Attributes, comments, prefixes and whatever else the sender chose are left behind. A message that does not keep its
schema is refused, since nothing says what its values are. Which value stood for which is nowhere kept.
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

from ccms_ws.config import CourtSettings
from ccms_ws.contract import catalog, schemas
from ccms_ws.contract.namespaces import EXT, NC, SOAP11, SOAP12, XML, J, q
from ccms_ws.errors import ConfigError, ContractError, SchemaViolated
from ccms_ws.message_parts.metadata import Q_PARTY_ID
from ccms_ws.message_parts.xml import XML_SPACE
from ccms_ws.registry import EXCHANGES
from ccms_ws.replay.false_names import FalseNames
from ccms_ws.replay.harmless import is_harmless, known_codes, known_elements

_NAMES: Final = frozenset({q(NC, "PersonGivenName"), q(NC, "PersonMiddleName"), q(NC, "PersonSurName")})
_PARTIES: Final = frozenset({Q_PARTY_ID, q(NC, "OrganizationName")})
_COURT_NAME: Final = q(J, "CourtName")
_TEST: Final = q(EXT, "TestIndicator")
_REASONS: Final = frozenset({"ErrorReasonText", "RejectionReasonText", "ErrorReason", "faultstring", "Text"})
_FAULTS: Final = tuple(q(namespace, "Fault") for namespace in (SOAP11, SOAP12))
_SOAP: Final = (SOAP11, SOAP12, None)
"""Namespaces of the elements of a fault."""
_Q_LANG: Final = q(XML, "lang")
_Q_CURRENCY: Final = q(NC, "currencyCode")
_RULE: Final = re.compile(
    r"(TransactionID is the wsa:MessageID|CorrelationID is the wsa:RelatesTo|ExchangeCode is [A-Z]{3}[0-9]{3}"
    r"|SchemaVersionID is [0-9.]+|SendingParty is the signer|ReceivingParty is this court"
    r"|TestIndicator is (true|false) here)( \((?P<value>[^()]*)\))?"
)
"""The clauses of `parts.metadata.MetadataContradicted`."""
_YEARS: Final = 2
_PATIENCE: Final = 0.05
_SHORTEST_ID: Final = 8
"""Characters of a made-up id: in place of a shorter one there would soon be the id of another recorded person."""
_SOME_DAY: Final = date(1980, 1, 1)


class NotAnonymized(ConfigError):
    """A message of which not everything can be replaced, so that it is left out."""


class Anonymizer:
    """One recording's replacements."""

    def __init__(
        self,
        standing_in: Mapping[str, str],
        recorded: CourtSettings,
        played: CourtSettings,
        *,
        spelling: Callable[[str], str] = str.strip,
        chance: random.Random | None = None,
    ) -> None:
        """`standing_in`: ids and names of the real court and its partners to those of who stands in for them; `played`
        is the court that does for the court `recorded`, which has the `spelling` of its case numbers.
        """
        self._standing_in = standing_in
        self._own: dict[str, tuple[str, str]] = {
            _COURT_NAME: (recorded.name, played.name),
            q(EXT, "CourtORIID"): (recorded.ori, played.ori),
            q(EXT, "CountyCode"): (recorded.county_code, played.county_code),
        } | {
            element: (getattr(recorded, field), getattr(played, field))
            for each in EXCHANGES
            for element, field in each.elements.court.items()
        }
        self._tests_are_tests = recorded.test is played.test
        self._spelling = spelling
        self._chance = chance or random.SystemRandom()
        self._false_names = FalseNames(self._chance)
        self._said: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def id(self, recorded: UUID) -> UUID:
        """Another id, always the same for one."""
        return UUID(self._once("id", str(recorded), lambda: str(UUID(int=self._chance.getrandbits(128), version=4))))

    def payload(self, message: _Element, *, ours: bool) -> bytes:
        """The message with everything replaced; `ours`: the court says it, in sentences of its own.

        Raises NotAnonymized for a message that does not keep its schema, before or after.
        """
        _check_schema(message, "it does not keep the schema, so that nothing says which values are harmless")
        written = self._written(message, None, ours=ours)
        octets: bytes = etree.tostring(written, method="c14n", exclusive=True, with_comments=False)
        _check_schema(etree.fromstring(octets), "what would stand for its values does not keep the schema")
        return octets

    def _written(self, element: _Element, parent: _Element | None, *, ours: bool) -> _Element:
        """A copy of `element` below `parent` with the values that may be seen."""
        soap = SOAP11 if element.tag == _FAULTS[0] else SOAP12
        prefixes = {prefix: uri for prefix, uri in catalog.prefixes().items() if uri not in _SOAP} | {"soap": soap}
        made = etree.Element(element.tag, nsmap=prefixes) if parent is None else etree.SubElement(parent, element.tag)
        children = list(element.iterchildren(etree.Element))
        name = etree.QName(element)
        if name.namespace not in _SOAP and name.localname not in known_elements():
            raise NotAnonymized("it contains an element that no schema declares")
        for child in children:
            self._written(child, made, ours=ours)
        text = "".join((element.text or "", *(each.tail or "" for each in element))).strip(XML_SPACE)
        if text and children:
            raise NotAnonymized("it has text between elements")
        if text:
            made.text = self._replaced(element, text, ours=ours)
        if element.get(_Q_CURRENCY) in known_codes():
            made.set(_Q_CURRENCY, element.get(_Q_CURRENCY, ""))
        if ours and element.tag == q(SOAP12, "Text"):
            made.set(_Q_LANG, "en")
        return made

    def _replaced(self, element: _Element, text: str, *, ours: bool) -> str:
        name = etree.QName(element).localname
        own = self._own.get(str(element.tag))
        if own is not None and text == own[0]:
            return own[1]
        if element.tag == _TEST and not self._tests_are_tests:
            return "false" if text in ("true", "1") else "true"
        if text in self._standing_in and element.tag in _PARTIES:
            return self._standing_in[text]
        rules: Sequence[tuple[object, Callable[[str], str]]] = (
            (is_harmless(element, text), str),
            (ours and name in _REASONS, self._sentence),
            (element.tag in _PARTIES, self._party),
            (element.tag in _NAMES, self._false_names.of),
            (name == "Date", self._born),
            (element.tag == q(NC, "CaseTrackingID"), lambda number: self._number(self._spelling(number), _SHORTEST_ID)),
            (name.endswith(("Code", "CodeText", "NameSuffixText", "VersionID")), self._number),
            (name.endswith("ID"), lambda number: self._number(number, _SHORTEST_ID)),
        )
        return next((replace for holds, replace in rules if holds), self._words)(text)

    # -- kinds of values ----------------------------------------------------------------------------------------------
    def _party(self, text: str) -> str:
        return self._once("party", text, lambda: f"Organization-{self._count('party') + 1}")

    def _words(self, text: str) -> str:
        return self._once("words", text, lambda: f"(text {self._count('words') + 1})")

    def _born(self, text: str) -> str:
        def make() -> str:
            try:
                day = date.fromisoformat(text[:10])
                return (day + timedelta(days=self._chance.randrange(-365 * _YEARS, 0))).isoformat()
            except (ValueError, OverflowError):
                return (_SOME_DAY + timedelta(days=self._chance.randrange(10_000))).isoformat()

        return self._once("born", text[:10], make)

    def _number(self, text: str, shortest: int = 0) -> str:
        """Another number of the same look: digits for digits, capitals for capitals; digits follow up to `shortest`
        characters.

        Two that differ in blanks and capitals alone still do.
        """
        try:
            return str(self.id(UUID(text.removeprefix("urn:uuid:"))))
        except ValueError:
            pass
        essence = "".join(char.upper() if len(char.upper()) == 1 else char for char in text if not char.isspace())
        if not any(map(str.isalnum, essence)):
            return "-" * len(text)
        others = iter(self._once("number", essence, lambda: "".join(map(self._alike, essence.ljust(shortest, "0")))))
        shaped = [char if char == " " else "" if char.isspace() else _cased(next(others), char) for char in text]
        return "".join((*shaped, *others))

    def _alike(self, char: str) -> str:
        if char in string.digits:
            return self._chance.choice(string.digits)
        if char in string.punctuation:
            return char
        return self._chance.choice(string.ascii_uppercase)

    def _sentence(self, text: str) -> str:
        """What the court says of a message that contradicts its envelope: which rule is broken, and ids and parties.

        Raises NotAnonymized for any other sentence that is on no list: it may repeat a value of the message.
        """
        others = {recorded: other for (kind, recorded), other in self._said.items() if kind == "id"}
        others |= self._standing_in
        clauses = [_RULE.fullmatch(clause) for clause in text.removeprefix("must hold: ").split("; ")]
        if not text.startswith("must hold: ") or not all(
            clause and (clause["value"] is None or clause["value"] in others) for clause in clauses
        ):
            raise NotAnonymized("the court's answer contains a sentence that may repeat a value of the message")
        return re.sub(r"\(([^()]*)\)", lambda value: f"({others[value[1]]})", text)

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


def _check_schema(message: _Element, otherwise: str) -> None:
    """Raise NotAnonymized unless the message, or the detail of a fault, is as its schema has it."""
    if message.tag in _FAULTS:
        details = [each for name in ("detail", q(SOAP12, "Detail")) for each in message.iterchildren(name)]
        parts = [part for detail in details for part in detail.iterchildren(etree.Element)]
    else:
        parts = [message]
    for part in parts:
        try:
            schemas.validate(part)
        except SchemaViolated as error:
            where = f" (at {error.node})" if error.node in known_elements() else ""
            raise NotAnonymized(f"{otherwise}{where}") from None
        except ContractError:
            raise NotAnonymized(otherwise) from None


def _cased(other: str, char: str) -> str:
    return other.lower() if char.islower() else other
