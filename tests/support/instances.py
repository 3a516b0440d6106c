"""Random messages made from the schemas: every element that may occur does, sooner or later, and every form of value.

What depends on other parts of the message (control totals, kinds, sums) is not the schema's: see `tests/contract`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import XSD, q
from ccms_ws.contract.qnames import qualified

# What trips up software: markup, quotes, accents, spaces that only Python trims, other scripts, astral planes.
ALPHABET = "abcXYZ019 -'\"&<>;]éñßŁİğ\u00a0\u2003\u3000\u200bжשע漢字😀𝒳.,:/\\%_"
MOST_TIMES = 4


@cache
def declarations() -> Mapping[tuple[str, str], _Element]:
    """Every global declaration of the schemas, by kind and qualified name."""
    return {
        (etree.QName(element).localname, q(root.get("targetNamespace", ""), element.get("name", ""))): element
        for root in map(catalog.parse, catalog.published_schemas().values())
        for element in root.iterchildren("*")
        if element.get("name")
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """What a type is made of: particles and attributes of an object, or what narrows a value."""

    particles: tuple[_Element, ...]
    attributes: tuple[_Element, ...]
    base: str
    codes: tuple[str, ...]
    pattern: str
    bounds: Mapping[str, str]


@cache
def plan(kind: str) -> Plan:
    """The plan of the type of that name."""
    chain = list(_simple_chain(kind))
    facets = [(etree.QName(facet).localname, facet.get("value", "")) for _, each in chain for facet in each]
    particles, attributes = _content(kind)
    return Plan(
        particles=tuple(particles),
        attributes=tuple(attributes),
        base=chain[-1][0].rpartition("}")[2] if chain else "",
        codes=tuple(value for name, value in facets if name == "enumeration"),
        pattern=next((value for name, value in facets if name == "pattern"), ""),
        bounds=dict(reversed(facets)),
    )


def _content(kind: str) -> tuple[list[_Element], list[_Element]]:
    """The particles and attributes of a type, its bases first."""
    declared = declarations().get(("complexType", kind))
    particles: list[_Element] = []
    attributes: list[_Element] = []
    if declared is None:
        return particles, attributes
    for path in ("{*}complexContent/{*}extension", "{*}simpleContent/*"):
        for derivation in declared.iterfind(path):
            particles, attributes = _content(qualified(derivation, "base"))
    own = list(declared.iter(q(XSD, "sequence")))
    return [*particles, *own[:1]], [*attributes, *declared.iterfind(".//{*}attribute[@ref]")]


def _simple_chain(kind: str) -> Iterator[tuple[str, list[_Element]]]:
    """A simple type and what it goes back to, nearest first, each with its facets."""
    while not kind.startswith(f"{{{XSD}}}"):
        declared, path = declarations().get(("simpleType", kind)), "{*}restriction"
        if declared is None:
            declared, path = declarations().get(("complexType", kind)), "{*}simpleContent/*"
        steps = [] if declared is None else list(declared.iterfind(path))
        if not steps:
            return
        yield kind, list(steps[0].iterchildren("*"))
        kind = qualified(steps[0], "base")
    yield kind, []


class Maker:
    """Makes instances from one seed. An element in `never` is not chosen where a choice offers another."""

    def __init__(self, seed: str, *, never: frozenset[str] = frozenset()) -> None:
        self.chance = random.Random(seed)
        self._never = never

    def message(self, name: str) -> _Element:
        root = etree.Element(name, nsmap={prefix: catalog.prefixes()[prefix] for prefix in ("ext", "nc", "j")})
        self._fill(root, declarations()["element", name])
        return root

    # -- elements ------------------------------------------------------------------------------------------------------
    def _fill(self, element: _Element, declared: _Element) -> None:
        kind = qualified(declared, "type")
        made = plan(kind)
        for particle in made.particles:
            self._add(element, particle)
        for attribute in made.attributes:
            name = qualified(attribute, "ref")
            element.set(name, self._value(plan(qualified(declarations()["attribute", name], "type"))))
        if made.base:
            element.text = self._value(made)

    def _add(self, parent: _Element, particle: _Element) -> None:
        kind = etree.QName(particle).localname
        if kind == "sequence":
            for child in particle.iterchildren("*"):
                self._add(parent, child)
        elif kind == "choice":
            allowed = [child for child in particle.iterchildren("*") if qualified(child, "ref") not in self._never]
            self._add(parent, self.chance.choice(allowed))
        elif kind == "element":
            name = qualified(particle, "ref")
            for _ in range(self._times(particle)):
                self._fill(etree.SubElement(parent, name), declarations()["element", name])

    def _times(self, particle: _Element) -> int:
        least = int(particle.get("minOccurs", "1"))
        most = MOST_TIMES if particle.get("maxOccurs") == "unbounded" else int(particle.get("maxOccurs", "1"))
        return self.chance.randint(least, most)

    # -- values --------------------------------------------------------------------------------------------------------
    def _value(self, made: Plan) -> str:
        if made.codes:
            return self.chance.choice(made.codes)
        if made.base == "decimal":
            return str(self._decimal(made.bounds))
        if made.base == "date":
            return self._date()
        if made.base == "dateTime":
            return self._date_time()
        text = self._matching(made.pattern or "true|false|1|0")
        return text[: int(made.bounds.get("maxLength", 100))].strip(" ") or "x"

    def _decimal(self, bounds: Mapping[str, str]) -> Decimal:
        """Small, so that sums of a few stay within the digits that the schema has."""
        cents = self.chance.choice((0, 1, 99, 100, self.chance.randrange(10**5), self.chance.randrange(10**11)))
        return Decimal(cents if "minInclusive" in bounds else self.chance.choice((cents, -cents))).scaleb(-2)

    def _date(self) -> str:
        return (date(1900, 1, 1) + timedelta(days=self.chance.randrange(80_000))).isoformat()

    def _date_time(self) -> str:
        at = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=self.chance.randrange(2 * 10**9))
        fraction = self.chance.choice(("", ".5", ".123", ".123456", ".123456789"))
        return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"

    def _matching(self, pattern: str) -> str:
        """A text that fits an XML Schema pattern."""
        return "".join(self._sample(_parsed(pattern)))

    def _sample(self, parsed: Any) -> Iterator[str]:
        for kind, value in parsed:
            if kind is sre.LITERAL:
                yield chr(value)
            elif kind in (sre.IN, sre.NOT_LITERAL):
                yield self.chance.choice(_fitting(repr(value), kind, value))
            elif kind is sre.MAX_REPEAT:
                least, most, inner = value
                for _ in range(self.chance.randint(least, min(int(most), least + self.chance.choice((1, 3, 40))))):
                    yield from self._sample(inner)
            elif kind is sre.SUBPATTERN:
                yield from self._sample(value[-1])
            elif kind is sre.BRANCH:
                yield from self._sample(self.chance.choice(value[1]))
            else:
                raise NotImplementedError(str(kind))


@cache
def _parsed(pattern: str) -> Any:
    return _parser.parse(pattern.replace(r"[^\s\p{Cc}]", r"[^ \t\r\n]").replace(r"[^\p{Cc}]", r"[^\t\r\n]"))


_FITTING: dict[str, list[str]] = {}


def _fitting(shown: str, kind: Any, value: Any) -> list[str]:
    """The characters that a class stands for: all that it names, or those of the alphabet that it does not exclude."""
    key = f"{kind} {shown}"
    if key not in _FITTING:
        items = value if kind is sre.IN else [(sre.NEGATE, None), (sre.LITERAL, value)]
        named = [chr(code) for what, each in items for code in _codes(what, each)]
        negated = any(what is sre.NEGATE for what, _ in items)
        _FITTING[key] = [c for c in ALPHABET if c not in named] if negated else named
    return _FITTING[key]


def _codes(what: Any, value: Any) -> range:
    if what is sre.LITERAL:
        return range(value, value + 1)
    return range(value[0], value[1] + 1) if what is sre.RANGE else range(0)
