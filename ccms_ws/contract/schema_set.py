"""The schemas of a WSDL as one set of components: what is declared, and what one component needs of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import cached_property
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.documents import Document
from ccms_ws.contract.namespaces import XML, XSD, q
from ccms_ws.contract.qnames import qualified

QNAME_ATTRIBUTES: Final = ("type", "ref", "base", "itemType", "substitutionGroup", "refer")
"""The attributes of XML Schema that name one component. `memberTypes` names several."""
COMPONENTS: Final = ("element", "attribute", "complexType", "simpleType", "group", "attributeGroup", "notation")
_INCLUDES: Final = tuple(q(XSD, name) for name in ("include", "redefine", "override"))
_REDEFINES: Final = _INCLUDES[1:]
_TYPES: Final = ("complexType", "simpleType")
_KINDS: Final = {
    "type": _TYPES, "base": _TYPES, "itemType": _TYPES, "memberTypes": _TYPES, "substitutionGroup": ("element",),
}  # fmt: skip

Key = tuple[str, str]
"""Kind and name of a component: ("complexType", "{urn:x}T")."""


def schemas_of(description: Description) -> list[_Element]:
    """Every xs:schema of a WSDL. One without a target namespace that is included gets the one of who includes it."""
    found: list[_Element] = []
    todo: list[tuple[Document, _Element, str]] = [
        (document, schema, schema.get("targetNamespace", "")) for document, schema in description.schemas
    ]
    seen: set[tuple[_Element, str]] = {(schema, namespace) for _, schema, namespace in todo}
    while todo:
        document, schema, namespace = todo.pop(0)
        found.append(schema if schema.get("targetNamespace", "") == namespace else _chameleon(schema, namespace))
        for include in schema.iterchildren(*_INCLUDES):
            target = description.closure.target(document, include)
            root = None if target is None else target.root
            if target is None or root is None or root.get("targetNamespace") or (root, namespace) in seen:
                continue
            seen.add((root, namespace))
            todo.append((target, root, namespace))
    return found


def _chameleon(schema: _Element, namespace: str) -> _Element:
    """A copy of the schema in that namespace (XML Schema 1.0 part 1, 4.2.1)."""
    nsmap = {**schema.nsmap, None: schema.nsmap.get(None) or namespace}
    copy = etree.Element(schema.tag, None, nsmap)  # type: ignore[arg-type]  # the stubs forget the default namespace
    copy.attrib.update(schema.attrib)
    copy.set("targetNamespace", namespace)
    copy.extend([deepcopy(child) for child in schema])
    return copy


def names_in(element: _Element) -> Iterator[tuple[str, str]]:
    """The components that a declaration and everything in it refers to: the attribute that refers, and the name."""
    for each in element.iter(f"{{{XSD}}}*"):
        for attribute in QNAME_ATTRIBUTES:
            if each.get(attribute):
                yield (attribute if attribute != "ref" else etree.QName(each).localname), qualified(each, attribute)
        for member in each.get("memberTypes", "").split():
            prefix, _, local = member.rpartition(":")
            yield "memberTypes", q(each.nsmap.get(prefix or None) or "", local)


class SchemaSet:
    """The global components of a list of schemas by kind and name; the first declaration of a name counts.

    What xs:redefine or xs:override declares takes the place of what they refer to.
    """

    def __init__(self, schemas: Iterable[_Element]) -> None:
        self.schemas = list(schemas)
        self.components: dict[Key, _Element] = {}
        for redefining in (True, False):
            for schema in self.schemas:
                parents = list(schema.iterchildren(*_REDEFINES)) if redefining else [schema]
                for parent in parents:
                    self._enter(parent, schema.get("targetNamespace", ""))

    def _enter(self, parent: _Element, namespace: str) -> None:
        for element in parent.iterchildren(*(q(XSD, kind) for kind in COMPONENTS)):
            key = etree.QName(element).localname, q(namespace, element.get("name", ""))
            self.components.setdefault(key, element)

    def find(self, kinds: Iterable[str], name: str) -> Key | None:
        """The key of the component of that name that is of one of these kinds."""
        return next(((kind, name) for kind in kinds if (kind, name) in self.components), None)

    def needed_by(self, elements: Iterable[str]) -> tuple[set[Key], set[str]]:
        """The components that messages with these root elements are made of, and the names that are not declared."""
        reached: set[Key] = set()
        undeclared: set[str] = set()
        todo: list[tuple[tuple[str, ...], str]] = [(("element",), name) for name in elements]
        while todo:
            kinds, name = todo.pop()
            if name.startswith((f"{{{XSD}}}", f"{{{XML}}}")):
                continue
            key = self.find(kinds, name)
            if key is None:
                undeclared.add(name)
            elif key not in reached:
                reached.add(key)
                for attribute, other in names_in(self.components[key]):
                    if attribute != "refer":
                        todo.append((_KINDS.get(attribute, (attribute,)), other))
                if key[0] == "element":
                    todo += [(("element",), member) for member in self.members.get(name, ())]
        return reached, undeclared

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """The elements that name each element as the head of their substitution group."""
        found: dict[str, list[str]] = {}
        for (kind, name), element in self.components.items():
            if kind == "element" and element.get("substitutionGroup"):
                found.setdefault(qualified(element, "substitutionGroup"), []).append(name)
        return found
