"""A file and all that it imports, for the rules. Reading never fails.

What cannot be read or is not where it should be is kept as a problem, for the rules to report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSDL, XSD, q
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
