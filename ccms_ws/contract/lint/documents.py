"""The files under lint: a schema with all that it imports, a WSDL with all that it imports. Reading never fails.

What cannot be read or is not where it should be is kept as a problem, for the rules to report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.lint.findings import Flaw, flaw, select
from ccms_ws.contract.namespaces import WSDL, XSD, q
from ccms_ws.contract.qnames import qualified
from ccms_ws.contract.references import REFERENCES, local_target, references

Q_SCHEMA: Final = q(XSD, "schema")
Q_DEFINITIONS: Final = q(WSDL, "definitions")
_DECLARATION: Final = re.compile(rb"""<\?xml\s+version\s*=\s*["']([^"']*)["'](?:\s+encoding\s*=\s*["']([^"']*)["'])?""")


@dataclass(frozen=True, slots=True)
class Document:
    """One file: `root` is None if it is not well-formed; `version` and `encoding` as its declaration says."""

    path: Path
    root: _Element | None
    version: str
    encoding: str

    @classmethod
    def read(cls, path: Path) -> Document:
        raw = path.read_bytes()
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        said = _DECLARATION.search(raw[:400].replace(b"\0", b""))
        version = said[1].decode("ascii", "replace") if said else "1.0"
        encoding = (said[2] or b"").decode("ascii", "replace") if said else ""
        try:
            parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
            root = etree.fromstring(raw, parser)
        except etree.XMLSyntaxError:
            root = None
        return cls(path, root, version, encoding.lower() or ("utf-16" if wide else "utf-8"))


@dataclass(slots=True)
class Closure:
    """A file and everything that it refers to, each file once, itself first."""

    documents: dict[Path, Document] = field(default_factory=dict)
    unresolved: list[tuple[Path, _Element, str]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Closure:
        closure, todo = cls(), [path.resolve()]
        while todo:
            current = todo.pop(0)
            if current in closure.documents:
                continue
            document = closure.documents[current] = Document.read(current)
            for element, location in [] if document.root is None else references(document.root):
                target = local_target(current, location)
                if target is not None and target.is_file():
                    todo.append(target)
                else:
                    closure.unresolved.append((current, element, location))
        return closure

    def target(self, document: Document, element: _Element) -> Document | None:
        """The file that an import refers to; None if it is not there."""
        location = element.get(REFERENCES[str(element.tag)], "")
        found = local_target(document.path, location) if location else None
        return None if found is None else self.documents.get(found)


class SchemaFile:
    """A schema under the NIEM rules. `root` is its xs:schema."""

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
