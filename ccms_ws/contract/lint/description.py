"""A WSDL under the Basic Profile: its documents, and who refers to what in them. Reading never fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.lint.documents import Q_DEFINITIONS, Q_SCHEMA, Closure, Document
from ccms_ws.contract.lint.findings import Flaw, flaw, select
from ccms_ws.contract.namespaces import WSDL_SOAP11, WSDL_SOAP12, XSD, q
from ccms_ws.contract.qnames import qualified

SOAP: Final = (WSDL_SOAP11, WSDL_SOAP12)
_BOUND: Final = ("input", "output", "fault")


class Description:
    """A WSDL with all that it imports; `file` is how findings name it."""

    def __init__(self, path: Path, file: str, shown: dict[Path, str] | None = None) -> None:
        self.file = file
        self.path = path.resolve()
        self.closure = Closure.read(path)
        self._shown = shown or {}

    def name(self, document: Document) -> str:
        """How findings name a file of the description."""
        return self._shown.get(document.path) or (self.file if document.path == self.path else document.path.name)

    @cached_property
    def wsdls(self) -> list[tuple[Document, _Element]]:
        """Every WSDL of the description with its wsdl:definitions, the entry first."""
        return [
            (d, d.root) for d in self.closure.documents.values() if d.root is not None and d.root.tag == Q_DEFINITIONS
        ]

    @cached_property
    def schemas(self) -> list[tuple[Document, _Element]]:
        """Every xs:schema: those in wsdl:types, then the files that they import."""
        found = [(document, schema) for document, root in self.wsdls for schema in select(root, "wsdl:types/xs:schema")]
        return found + [
            (d, d.root) for d in self.closure.documents.values() if d.root is not None and d.root.tag == Q_SCHEMA
        ]

    def everywhere(self, path: str) -> Iterator[tuple[Document, _Element]]:
        """The elements at an XPath from each wsdl:definitions, with the document that they stand in."""
        for document, root in self.wsdls:
            for element in select(root, path):
                yield document, element

    def at(self, path: str, problem: str) -> Iterator[Flaw]:
        """A flaw at each element that the XPath selects; `{name}` in the problem is the element's name attribute."""
        for document, element in self.everywhere(path):
            yield self.flaw(document, element, problem.format(name=element.get("name") or "without a name"))

    def flaw(self, document: Document, element: _Element, problem: str) -> Flaw:
        return flaw(element, problem, self.name(document))

    # -- who refers to what --------------------------------------------------------------------------------------------
    @cached_property
    def messages(self) -> dict[str, _Element]:
        return self._declared("message")

    @cached_property
    def port_types(self) -> dict[str, _Element]:
        return self._declared("portType")

    @cached_property
    def bindings(self) -> dict[str, _Element]:
        return self._declared("binding")

    def _declared(self, kind: str) -> dict[str, _Element]:
        return {
            q(root.get("targetNamespace", ""), element.get("name", "")): element
            for _, root in self.wsdls
            for element in select(root, f"wsdl:{kind}")
        }

    @cached_property
    def elements(self) -> set[str]:
        """Every global element declaration, by qualified name."""
        return {
            q(schema.get("targetNamespace", ""), element.get("name", ""))
            for _, schema in self.schemas
            for element in schema.iterchildren(q(XSD, "element"))
        }

    def parts_of(self, binding: _Element, operation: _Element, role: str) -> list[_Element] | None:
        """The parts of the message that a binding's operation carries as its input or output; None if none is found."""
        port_type = self.port_types.get(qualified(binding, "type"))
        if port_type is None:
            return None
        named = [each for each in select(port_type, "wsdl:operation") if each.get("name") == operation.get("name")]
        carried = [each for declared in named for each in select(declared, f"wsdl:{role}")]
        message = self.messages.get(qualified(carried[0], "message")) if carried else None
        return None if message is None else select(message, "wsdl:part")

    def bodies(self) -> Iterator[tuple[Document, _Element, list[_Element]]]:
        """Every soap:body with the parts of the message that it carries."""
        for document, binding in self.everywhere("wsdl:binding"):
            for operation in select(binding, "wsdl:operation"):
                for role in ("input", "output"):
                    parts = self.parts_of(binding, operation, role)
                    for body in select(operation, f"wsdl:{role}/soap:body | wsdl:{role}/soap12:body"):
                        if parts is not None:
                            yield document, body, parts

    def extensions(self, *names: str) -> Iterator[tuple[Document, _Element]]:
        """Every SOAP extension element of those names in a binding, of SOAP 1.1 and 1.2 alike."""
        for document, element in self.everywhere("wsdl:binding"):
            for found in element.iter(*(q(soap, name) for soap in SOAP for name in names)):
                yield document, found

    def keep_only(self, operations: set[tuple[str, str]]) -> None:
        """Take out what these operations (port type in Clark notation, name) do not use: ports, bindings, messages."""
        kept = {name for name, each in self.bindings.items() if self._binds(each, operations)}
        parents = [(qualified(each, "type"), each) for each in self.bindings.values()]
        parents += list(self.port_types.items())
        unused = [
            port for _, port in self.everywhere("wsdl:service/wsdl:port") if qualified(port, "binding") not in kept
        ]
        unused += [
            operation
            for port_type, parent in parents
            for operation in select(parent, "wsdl:operation")
            if (port_type, operation.get("name", "")) not in operations
        ]
        unused += [each for name, each in self.bindings.items() if name not in kept]
        unused += [
            each for name, each in self.port_types.items() if name not in {port_type for port_type, _ in operations}
        ]
        _remove(unused)
        carried = (*self.everywhere("wsdl:portType/wsdl:operation/*"), *self.extensions("header", "headerfault"))
        used = {qualified(each, "message") for _, each in carried}
        _remove(each for name, each in self.messages.items() if name not in used)
        _remove([each for _, each in self.everywhere("wsdl:service[not(wsdl:port)]")])

    def _binds(self, binding: _Element, operations: set[tuple[str, str]]) -> bool:
        soap = select(binding, "*[self::soap:binding or self::soap12:binding]")
        return bool(soap) and any(
            (qualified(binding, "type"), each.get("name", "")) in operations
            for each in select(binding, "wsdl:operation")
        )


def _remove(elements: Iterable[_Element]) -> None:
    for element in elements:
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
