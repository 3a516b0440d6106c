"""A schema under the NIEM rules, with all that it imports."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.lint.documents import Q_SCHEMA, Closure
from ccms_ws.contract.lint.findings import Flaw, flaw, select
from ccms_ws.contract.namespaces import XSD, q
from ccms_ws.contract.qnames import qualified


class SchemaFile:
    """One schema; `root` is its xs:schema."""

    def __init__(self, path: Path, file: str) -> None:
        self.file = file
        self.path = path
        self.closure = Closure.read(path)
        root = self.closure.documents[path.resolve()].root
        self.root = root if root is not None else etree.Element(Q_SCHEMA)
        self.target = self.root.get("targetNamespace", "")

    @cached_property
    def types(self) -> dict[str, _Element]:
        """Every named type of the schema and of those that it imports, by qualified name."""
        return {
            q(root.get("targetNamespace", ""), element.get("name", "")): element
            for root in self.schemas
            for element in root.iterchildren(q(XSD, "complexType"), q(XSD, "simpleType"))
        }

    @property
    def schemas(self) -> Iterator[_Element]:
        for document in self.closure.documents.values():
            if document.root is not None and document.root.tag == Q_SCHEMA:
                yield document.root

    def is_simple(self, name: str) -> bool:
        """True for a simple type: one of XML Schema's own, or a declared xs:simpleType."""
        declared = self.types.get(name)
        return name.startswith(f"{{{XSD}}}") or (declared is not None and declared.tag == q(XSD, "simpleType"))

    def ancestry(self, name: str) -> Iterator[_Element]:
        """The type of that name and the types that it is made from, nearest first, as far as they are declared."""
        declared, seen = self.types.get(name), set[str]()
        while declared is not None and name not in seen:
            seen.add(name)
            yield declared
            derivations = select(declared, "xs:*/xs:extension | xs:*/xs:restriction | xs:restriction")
            if not derivations:
                return
            name = qualified(derivations[0], "base")
            declared = self.types.get(name)

    def has_simple_content(self, name: str) -> bool:
        return self.is_simple(name) or any(
            self.is_simple(name) or bool(select(declared, "xs:simpleContent")) for declared in self.ancestry(name)
        )

    def at(self, path: str, problem: str) -> Iterator[Flaw]:
        """A flaw at each element that the XPath selects."""
        for element in select(self.root, path):
            yield flaw(element, problem)
