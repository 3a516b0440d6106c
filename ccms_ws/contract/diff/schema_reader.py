"""The types of a contract's messages, read from its schemas.

A local declaration gets a name from where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.diff.model import (
    UNBOUNDED,
    Attribute,
    Declaration,
    Group,
    Particle,
    Type,
    Values,
    Wildcard,
)
from ccms_ws.contract.namespaces import XSD, q
from ccms_ws.contract.qnames import qualified
from ccms_ws.contract.schema_set import Key, SchemaSet

_TOP = tuple(q(XSD, kind) for kind in ("schema", "redefine", "override"))
_CONSTRAINTS = tuple(q(XSD, kind) for kind in ("key", "unique", "keyref"))
_DERIVATIONS = ("extension", "restriction", "substitution")


class Types:
    """The types that a set of schemas declares. `sources` are the components that each type was read from."""

    def __init__(self, schemas: list[_Element]) -> None:
        self.set = SchemaSet(schemas)
        self.sources: dict[str, set[Key]] = {}
        self._reading: list[set[Key]] = []
        self._local: dict[str, _Element] = {}
        self._made: dict[str, Type] = {}

    def element_type(self, name: str) -> str | None:
        """The type of a global element; None if it is not declared."""
        declared = self.set.components.get(("element", name))
        return None if declared is None else self._type_name(declared, name)

    def declaration(self, name: str) -> Declaration:
        """What a global element declares beside its type."""
        declared = self.set.components.get(("element", name))
        return Declaration(frozenset({name})) if declared is None else self._declaration(declared, name)

    def get(self, name: str) -> Type:
        """The type of that name; a type that is not declared has any text."""
        if name not in self._made:
            self._made[name] = Type(values=Values(name))  # what a type that holds itself sees of itself
            self._reading.append(set())
            self._made[name] = self._make(name)
            self.sources[name] = self._reading.pop()
        if self._reading:
            self._reading[-1].update(self.sources.get(name, ()))
        return self._made[name]

    # -- reading -------------------------------------------------------------------------------------------------------
    def _use(self, element: _Element) -> _Element:
        """Note the component that the element belongs to."""
        if self._reading:
            namespace = _schema(element).get("targetNamespace", "")
            for each in (element, *element.iterancestors()):
                parent = each.getparent()
                if parent is not None and parent.tag in _TOP and each.get("name"):
                    self._reading[-1].add((etree.QName(each).localname, q(namespace, each.get("name", ""))))
        return element

    def _type_name(self, element: _Element, where: str) -> str:
        if element.get("type"):
            return qualified(element, "type")
        for child in element.iterchildren(q(XSD, "complexType"), q(XSD, "simpleType")):
            self._local[f"{where}/type"] = child
            return f"{where}/type"
        head = element.get("substitutionGroup")
        if head and element.tag == q(XSD, "element"):
            return self.element_type(qualified(element, "substitutionGroup")) or q(XSD, "anyType")
        return q(XSD, "anySimpleType" if element.tag == q(XSD, "attribute") else "anyType")

    def _make(self, name: str) -> Type:
        if name.startswith(f"{{{XSD}}}"):
            anything = Wildcard("##any", "lax", 0, UNBOUNDED)
            return Type(values=Values(name), wildcards=(anything,) if name == q(XSD, "anyType") else ())
        declared = self._local.get(name)
        for kind in ("complexType", "simpleType"):
            declared = self.set.components.get((kind, name)) if declared is None else declared
        if declared is None:
            return Type(values=Values(name))
        self._use(declared)
        if declared.tag == q(XSD, "simpleType"):
            return Type(values=self._values(declared, name))
        made = self._complex(declared, name)
        return replace(
            made,
            abstract=_flag(declared, "abstract"),
            mixed=any(_flag(each, "mixed") for each in (declared, *declared.iterchildren(q(XSD, "complexContent")))),
            block=_control(declared, "block", _DERIVATIONS[:2]),
        )

    def _complex(self, declared: _Element, name: str) -> Type:
        for content in declared.iterchildren(q(XSD, "simpleContent"), q(XSD, "complexContent")):
            for derivation in content.iterchildren(q(XSD, "extension"), q(XSD, "restriction")):
                return self._derived(content, derivation, name)
        return self._content(declared, name)

    def _derived(self, content: _Element, derivation: _Element, name: str) -> Type:
        base, own = self.get(qualified(derivation, "base")), self._content(derivation, name)
        attributes = {each.name: each for each in (*base.attributes, *own.attributes)}
        extends = derivation.tag == q(XSD, "extension")
        for prohibited in self._prohibited(derivation):
            attributes.pop(prohibited, None)
        values = base.values
        if content.tag == q(XSD, "simpleContent") and not extends:
            for inner in derivation.iterchildren(q(XSD, "simpleType")):
                values = self._values(inner, name)
            values = _narrowed(values or Values(name), derivation)
        return Type(
            particles=(*base.particles, *own.particles) if extends else own.particles,
            attributes=tuple(attributes.values()),
            values=values if content.tag == q(XSD, "simpleContent") else None,
            wildcards=(*base.wildcards, *own.wildcards) if extends else own.wildcards,
            any_attribute=own.any_attribute or (base.any_attribute if extends else None),
            groups=(*base.groups, *own.groups) if extends else own.groups,
        )

    def _content(self, parent: _Element, name: str) -> Type:
        particles: list[Particle] = []
        wildcards: list[Wildcard] = []
        groups = self._groups(parent, name, _Repeat(), particles, wildcards)
        wild = self._any_attribute(parent)
        return Type(
            tuple(particles), tuple(self._attributes(parent, name)), wildcards=tuple(wildcards), any_attribute=wild,
            groups=tuple(each for each in groups if isinstance(each, Group)),
        )  # fmt: skip

    def _groups(
        self, parent: _Element, where: str, repeat: _Repeat, particles: list[Particle], wildcards: list[Wildcard]
    ) -> tuple[str | Group, ...]:
        found: list[str | Group] = []
        for child in parent.iterchildren(f"{{{XSD}}}*"):
            kind = etree.QName(child).localname
            inside = repeat.times(child)
            if kind == "element":
                particle = self._particle(child, where, inside)
                if particle.most > 0:
                    particles.append(particle)
                    found.append(particle.name)
            elif kind == "any" and inside.most > 0:
                wildcards.append(_wildcard(child, inside.least, inside.most))
            elif kind in ("sequence", "all", "choice") and inside.most > 0:
                under = replace(inside, alternative=inside.alternative or kind == "choice")
                children = self._groups(child, where, under, particles, wildcards)
                found.append(Group(kind, _least(child), _most(child), children))
            elif kind == "group" and child.get("ref") and inside.most > 0:
                group = self.set.components.get(("group", qualified(child, "ref")))
                if group is not None:
                    children = self._groups(self._use(group), where, inside, particles, wildcards)
                    found.append(Group("sequence", _least(child), _most(child), children))
        return tuple(found)

    def _particle(self, element: _Element, where: str, repeat: _Repeat) -> Particle:
        least = 0 if repeat.alternative else repeat.least
        inner = _least(element)
        if element.get("ref"):
            name = qualified(element, "ref")
            declared = self.set.components.get(("element", name))
            if declared is not None:
                self._use(declared)
            kind = self.element_type(name) or name
            return Particle(name, kind, least, repeat.most, repeat.alternative, inner, self.declaration(name))
        schema = _schema(element)
        form = element.get("form") or schema.get("elementFormDefault", "unqualified")
        name = q(schema.get("targetNamespace", "") if form == "qualified" else "", element.get("name", ""))
        kind = self._type_name(element, f"{where}/{element.get('name')}")
        return Particle(
            name, kind, least, repeat.most, repeat.alternative, inner, self._declaration(element, name, local=True)
        )

    def _declaration(self, element: _Element, name: str, *, local: bool = False) -> Declaration:
        return Declaration(
            accepts=frozenset({name}) if local else self._accepted(name, set()),
            nillable=_flag(element, "nillable"),
            default=element.get("default"),
            fixed=element.get("fixed"),
            block=_control(element, "block", _DERIVATIONS),
            constraints={each.get("name", ""): _constraint(each) for each in element.iterchildren(*_CONSTRAINTS)},
        )

    def _accepted(self, name: str, seen: set[str]) -> frozenset[str]:
        declared = self.set.components.get(("element", name))
        if declared is None or name in seen:
            return frozenset({name})
        seen.add(name)
        found = set() if _flag(declared, "abstract") else {name}
        if "substitution" not in _control(declared, "block", _DERIVATIONS):
            for member in self.set.members.get(name, ()):
                found |= self._accepted(member, seen)
        return frozenset(found)

    def _attributes(self, parent: _Element, where: str) -> Iterator[Attribute]:
        for child in self._attribute_elements(parent):
            if child.get("use") == "prohibited":
                continue
            declared = self.set.components.get(("attribute", qualified(child, "ref"))) if child.get("ref") else child
            if declared is not None:
                self._use(declared)
            name = _attribute_name(child)
            kind = q(XSD, "string") if declared is None else self._type_name(declared, f"{where}@{name}")
            default, fixed = (
                child.get(each) if child.get(each) is not None or declared is None else declared.get(each)
                for each in ("default", "fixed")
            )
            yield Attribute(name, kind, child.get("use") == "required", default, fixed)

    def _prohibited(self, parent: _Element) -> Iterator[str]:
        for child in self._attribute_elements(parent):
            if child.get("use") == "prohibited":
                yield _attribute_name(child)

    def _attribute_elements(self, parent: _Element) -> Iterator[_Element]:
        for child in parent.iterchildren(q(XSD, "attribute"), q(XSD, "attributeGroup")):
            if child.tag == q(XSD, "attribute"):
                yield child
            elif (group := self._attribute_group(child)) is not None:
                yield from self._attribute_elements(group)

    def _attribute_group(self, reference: _Element) -> _Element | None:
        if not reference.get("ref"):
            return None
        found = self.set.components.get(("attributeGroup", qualified(reference, "ref")))
        return None if found is None else self._use(found)

    def _any_attribute(self, parent: _Element) -> Wildcard | None:
        for child in parent.iterchildren(q(XSD, "anyAttribute"), q(XSD, "attributeGroup")):
            if child.tag == q(XSD, "anyAttribute"):
                return _wildcard(child)
            group = self._attribute_group(child)
            if group is not None and (found := self._any_attribute(group)) is not None:
                return found
        return None

    def _values(self, declared: _Element, name: str) -> Values:
        for restriction in declared.iterchildren(q(XSD, "restriction")):
            if restriction.get("base"):
                base = self.get(qualified(restriction, "base")).values
            else:
                inner = restriction.iterchildren(q(XSD, "simpleType"))
                base = next((self._values(each, name) for each in inner), None)
            return _narrowed(base or Values(name), restriction)
        for kind, attribute in (("list", "itemType"), ("union", "memberTypes")):
            for element in declared.iterchildren(q(XSD, kind)):
                named = (_named(element, each) for each in element.get(attribute, "").split())
                members = [self.get(each).values or Values(each) for each in named]
                members += [self._values(each, name) for each in element.iterchildren(q(XSD, "simpleType"))]
                return Values(kind, members=tuple(members))
        return Values(name)


@dataclass(frozen=True, slots=True)
class _Repeat:
    """How often what stands here occurs, all the groups around it counted."""

    least: int = 1
    most: int = 1
    alternative: bool = False

    def times(self, element: _Element) -> _Repeat:
        least, most = self.least * _least(element), min(UNBOUNDED, self.most * _most(element))
        return replace(self, least=least, most=most)


def _narrowed(values: Values, restriction: _Element) -> Values:
    bounds, codes, patterns = dict(values.bounds), set[str](), []
    for facet in restriction.iterchildren(f"{{{XSD}}}*"):
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


def _named(element: _Element, name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return q(element.nsmap.get(prefix or None) or "", local)


def _constraint(element: _Element) -> str:
    parts = element.iterchildren(q(XSD, "selector"), q(XSD, "field"))
    paths = [f"{etree.QName(each).localname} {each.get('xpath')}" for each in parts]
    refers = f" refers to {etree.QName(qualified(element, 'refer')).localname}" if element.get("refer") else ""
    return f"{etree.QName(element).localname}{refers} ({', '.join(paths)})"


def _wildcard(element: _Element, least: int = 0, most: int = 1) -> Wildcard:
    target = _schema(element).get("targetNamespace", "")
    namespaces = " ".join(sorted(element.get("namespace", "##any").split())).replace("##targetNamespace", target)
    return Wildcard(namespaces, element.get("processContents", "strict"), least, most, target)


def _attribute_name(child: _Element) -> str:
    if child.get("ref"):
        return qualified(child, "ref")
    schema = _schema(child)
    form = child.get("form") or schema.get("attributeFormDefault", "unqualified")
    parent = child.getparent()
    own = form == "qualified" or parent is schema
    return q(schema.get("targetNamespace", "") if own else "", child.get("name", ""))


def _schema(element: _Element) -> _Element:
    return next(element.iterancestors(q(XSD, "schema")))


def _flag(element: _Element, attribute: str) -> bool:
    return element.get(attribute, "false") in ("true", "1")


def _control(element: _Element, attribute: str, kinds: tuple[str, ...]) -> frozenset[str]:
    """The derivations that `block` names, of the declaration or as the schema's default."""
    said = element.get(attribute)
    if said is None:
        said = _schema(element).get(f"{attribute}Default", "")
    return frozenset(kinds) if "#all" in said else frozenset(said.split()) & set(kinds)


def _least(element: _Element) -> int:
    return _number(element.get("minOccurs", "1"))


def _most(element: _Element) -> int:
    most = element.get("maxOccurs", "1").strip()
    return UNBOUNDED if most == "unbounded" else _number(most)


def _number(text: str) -> int:
    """A number of occurrences. What is none counts as one: the declaration itself is compared too."""
    return int(text) if text.strip().isascii() and text.strip().isdigit() else 1
