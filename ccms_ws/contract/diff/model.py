"""A contract as facts that can be compared: operations, ports, policy, and the types of the messages, flattened.

Names are in Clark notation. A local declaration gets a name from where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import XSD, q
from ccms_ws.contract.qnames import qualified

UNBOUNDED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Particle:
    """An element in a type: how often it occurs. Alternatives of a choice occur at least zero times."""

    name: str
    type: str
    least: int
    most: int
    alternative: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Values:
    """What a simple value may be: the XML Schema type that it goes back to, and what narrows it."""

    base: str
    enumeration: frozenset[str] | None = None
    patterns: tuple[str, ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Type:
    """A type: elements in their order, attributes, and the values of its text (None: it has none)."""

    particles: tuple[Particle, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    values: Values | None = None
    wildcard: bool = False


class Types:
    """The types that a set of schemas declares."""

    def __init__(self, schemas: list[_Element]) -> None:
        self._declared: dict[tuple[str, str], _Element] = {}
        self._local: dict[str, _Element] = {}
        self._made: dict[str, Type] = {}
        for schema in schemas:
            for element in schema.iterchildren("*"):
                if element.get("name"):
                    kind = etree.QName(element).localname
                    self._declared.setdefault(
                        (kind, q(schema.get("targetNamespace", ""), element.get("name", ""))), element
                    )

    def element_type(self, name: str) -> str | None:
        """The type of a global element; None if it is not declared."""
        declared = self._declared.get(("element", name))
        return None if declared is None else self._type_name(declared, name)

    def get(self, name: str) -> Type:
        """The type of that name; a type that is not declared has any text."""
        if name not in self._made:
            self._made[name] = Type(values=Values(name))  # what a type that holds itself sees of itself
            self._made[name] = self._make(name)
        return self._made[name]

    # -- reading -------------------------------------------------------------------------------------------------------
    def _type_name(self, element: _Element, where: str) -> str:
        if element.get("type"):
            return qualified(element, "type")
        for child in element.iterchildren(q(XSD, "complexType"), q(XSD, "simpleType")):
            self._local[f"{where}/type"] = child
            return f"{where}/type"
        return q(XSD, "anyType")

    def _make(self, name: str) -> Type:
        if name.startswith(f"{{{XSD}}}"):
            return Type(values=Values(name), wildcard=name == q(XSD, "anyType"))
        declared = self._local.get(name)
        for kind in ("complexType", "simpleType"):
            declared = self._declared.get((kind, name)) if declared is None else declared
        if declared is None:
            return Type(values=Values(name))
        if declared.tag == q(XSD, "simpleType"):
            return Type(values=self._values(declared, name))
        return self._complex(declared, name)

    def _complex(self, declared: _Element, name: str) -> Type:
        for content in declared.iterchildren(q(XSD, "simpleContent"), q(XSD, "complexContent")):
            for derivation in content.iterchildren(q(XSD, "extension"), q(XSD, "restriction")):
                return self._derived(content, derivation, name)
        return self._content(declared, name)

    def _derived(self, content: _Element, derivation: _Element, name: str) -> Type:
        base, own = self.get(qualified(derivation, "base")), self._content(derivation, name)
        attributes = {each.name: each for each in (*base.attributes, *own.attributes)}
        extends = derivation.tag == q(XSD, "extension")
        values = base.values
        if content.tag == q(XSD, "simpleContent") and not extends and values is not None:
            values = _narrowed(values, derivation)
        return Type(
            particles=(*base.particles, *own.particles) if extends else own.particles,
            attributes=tuple(attributes.values()),
            values=values if content.tag == q(XSD, "simpleContent") else None,
            wildcard=own.wildcard or (extends and base.wildcard),
        )

    def _content(self, parent: _Element, name: str) -> Type:
        particles = tuple(self._particles(parent, name, 1, 1, False))
        return Type(
            particles, tuple(self._attributes(parent, name)), wildcard=parent.find(f".//{q(XSD, 'any')}") is not None
        )

    def _particles(self, parent: _Element, where: str, least: int, most: int, alternative: bool) -> Iterator[Particle]:
        for child in parent.iterchildren("*"):
            kind = etree.QName(child).localname
            low, high = least * int(child.get("minOccurs", "1")), min(UNBOUNDED, most * _most(child))
            if kind == "element":
                yield self._particle(child, where, 0 if alternative else low, high, alternative)
            elif kind in ("sequence", "all"):
                yield from self._particles(child, where, low, high, alternative)
            elif kind == "choice":
                yield from self._particles(child, where, low, high, True)
            elif kind == "group" and child.get("ref"):
                group = self._declared.get(("group", qualified(child, "ref")))
                if group is not None:
                    yield from self._particles(group, where, low, high, alternative)

    def _particle(self, element: _Element, where: str, least: int, most: int, alternative: bool) -> Particle:
        if element.get("ref"):
            name = qualified(element, "ref")
            return Particle(name, self.element_type(name) or name, least, most, alternative)
        schema = next(element.iterancestors(q(XSD, "schema")))
        form = element.get("form") or schema.get("elementFormDefault", "unqualified")
        name = q(schema.get("targetNamespace", "") if form == "qualified" else "", element.get("name", ""))
        return Particle(name, self._type_name(element, f"{where}/{element.get('name')}"), least, most, alternative)

    def _attributes(self, parent: _Element, where: str) -> Iterator[Attribute]:
        for child in parent.iterchildren(q(XSD, "attribute"), q(XSD, "attributeGroup")):
            if child.tag == q(XSD, "attributeGroup"):
                group = self._declared.get(("attributeGroup", qualified(child, "ref"))) if child.get("ref") else None
                if group is not None:
                    yield from self._attributes(group, where)
                continue
            declared = self._declared.get(("attribute", qualified(child, "ref"))) if child.get("ref") else child
            name = qualified(child, "ref") if child.get("ref") else q("", child.get("name", ""))
            kind = q(XSD, "string") if declared is None else self._type_name(declared, f"{where}@{name}")
            yield Attribute(name, kind, child.get("use") == "required")

    def _values(self, declared: _Element, name: str) -> Values:
        for restriction in declared.iterchildren(q(XSD, "restriction")):
            if restriction.get("base"):
                base = self.get(qualified(restriction, "base")).values
            else:
                (inner,) = restriction.iterchildren(q(XSD, "simpleType"))
                base = self._values(inner, name)
            return _narrowed(base or Values(name), restriction)
        return Values(etree.tostring(declared, method="c14n", exclusive=True, with_comments=False).decode())


def _narrowed(values: Values, restriction: _Element) -> Values:
    bounds, codes, patterns = dict(values.bounds), set[str](), []
    for facet in restriction.iterchildren("*"):
        kind = etree.QName(facet).localname
        if kind == "enumeration":
            codes.add(facet.get("value", ""))
        elif kind == "pattern":
            patterns.append(facet.get("value", ""))
        elif facet.get("value") is not None:
            bounds[kind] = facet.get("value", "")
    return replace(
        values,
        enumeration=frozenset(codes) if codes else values.enumeration,
        patterns=(*values.patterns, "|".join(patterns)) if patterns else values.patterns,
        bounds=bounds,
    )


def _most(element: _Element) -> int:
    most = element.get("maxOccurs", "1")
    return UNBOUNDED if most == "unbounded" else int(most)
