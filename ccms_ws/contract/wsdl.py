"""WSDL 1.1 files as facts: operations with their messages and actions, ports, and the files that belong to one WSDL.

Reads the court's own WSDLs and those of partners; a file that refers to the network is refused. The court's own are
published as they are committed: only `soap:address` and the references between the files are led to the public URL, and
a file that does not belong to the WSDL is never served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import WSAM, WSDL, WSDL_SOAP11, WSDL_SOAP12, XSD, q
from ccms_ws.contract.qnames import qualified
from ccms_ws.errors import ContractError, ContractMissing

Q_WSDL_IMPORT: Final = q(WSDL, "import")
Q_XSD_IMPORTS: Final = (q(XSD, "import"), q(XSD, "include"))
Q_ADDRESSES: Final = {q(WSDL_SOAP11, "address"): "1.1", q(WSDL_SOAP12, "address"): "1.2"}
_W: Final = {"w": WSDL}


@dataclass(frozen=True, slots=True)
class WsdlFault:
    """A declared fault: the element of its detail, in Clark notation, and its action."""

    element: str
    action: str


@dataclass(frozen=True, slots=True)
class WsdlOperation:
    """An operation, its elements in Clark notation.

    `output` is None for a one-way operation and "" for a reply with an empty Body; the actions are those of
    `wsam:Action` or, where it is not given, what WS-Addressing 1.0 Metadata 4.4.4 makes of the names.
    """

    name: str
    input: str
    output: str | None
    faults: Mapping[str, WsdlFault]
    input_action: str
    output_action: str
    documentation: str = ""

    @property
    def one_way(self) -> bool:
        """True if no message answers it in the HTTP response."""
        return self.output is None and not self.faults


@dataclass(frozen=True, slots=True)
class WsdlPort:
    """A port of a service: where, and in which SOAP version ("1.1" or "1.2")."""

    service: str
    name: str
    soap_version: str
    address: str


@dataclass(frozen=True, slots=True)
class Wsdl:
    """A WSDL with everything that it imports. `files` are the WSDLs and schemas of it, itself first.

    `documentation` is what its port types say of themselves.
    """

    target_namespace: str
    operations: Mapping[str, WsdlOperation]
    ports: tuple[WsdlPort, ...]
    files: tuple[Path, ...]
    documentation: str = ""

    @property
    def one_way(self) -> bool:
        """True if all its operations are one-way."""
        return all(operation.one_way for operation in self.operations.values())


def load_wsdl(name: str | Path) -> Wsdl:
    """The WSDL of that name below `wsdl/`, or at that absolute path: a partner's own.

    Errors: `ContractMissing`, if a file of it is not there; `ContractError`, if it is not WSDL 1.1 as the exchanges use
    it (document/literal with at most one part a message, one name an operation, nothing on the network).
    """
    return _load(Path(name) if Path(name).is_absolute() else catalog.wsdl_path(str(name)))


def closure_of(path: Path) -> tuple[Path, ...]:
    """The WSDL or schema at `path` and every file that it refers to, itself first. Errors as `load_wsdl`."""
    return tuple(found for found, _ in _closure(path))


# -- publishing --------------------------------------------------------------------------------------------------------
def published_wsdl(name: str, url: str, file: str = "") -> bytes:
    """The WSDL `name` as it is published at `url` (`?wsdl`), or the WSDL `file` that it imports (`?wsdl=file`).

    Raises ContractMissing for a file that the WSDL does not import.
    """
    return _led_to(catalog.wsdl_path(name), catalog.wsdl_path(file or name), url)


def published_schema(name: str, url: str, file: str) -> bytes:
    """The schema `file` (below `xsd/`) of the WSDL `name` as it is published at `url` (`?xsd=file`).

    Raises ContractMissing for a schema that the WSDL does not import.
    """
    return _led_to(catalog.wsdl_path(name), catalog.xsd_path(file), url)


def published_queries(name: str) -> tuple[str, ...]:
    """Every query string under which a file of the WSDL `name` is published, "wsdl" first."""
    others = load_wsdl(name).files[1:]
    return ("wsdl", *(_query(path) for path in others))


@cache
def _led_to(wsdl: Path, path: Path, url: str) -> bytes:
    if path not in load_wsdl(wsdl).files:
        raise ContractMissing(f"{path.name} does not belong to {wsdl.name}")
    root = catalog.parse(path)
    for element, attribute in _references(root):
        element.set(attribute, f"{url}?{_query(_referred(path, element, attribute))}")
    for address in root.iter(*Q_ADDRESSES):
        address.set("location", url)
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def _query(path: Path) -> str:
    for kind in ("wsdl", "xsd"):
        root = catalog.folder(kind)
        if path.is_relative_to(root):
            return f"{kind}={quote(path.relative_to(root).as_posix())}"
    raise ContractMissing(f"{path.name} lies outside the contract")


# -- reading -----------------------------------------------------------------------------------------------------------
def _references(root: _Element) -> Iterator[tuple[_Element, str]]:
    """The elements of a WSDL or schema that refer to another file, and the attribute that does."""
    for element in root.iter(Q_WSDL_IMPORT, *Q_XSD_IMPORTS):
        attribute = "location" if element.tag == Q_WSDL_IMPORT else "schemaLocation"
        if element.get(attribute):
            yield element, attribute


def _referred(path: Path, element: _Element, attribute: str) -> Path:
    """The file that `element`, in the file at `path`, refers to. Raises ContractError for an address on the network."""
    location = element.get(attribute, "")
    if ":" in location:
        raise ContractError(f"{path.name} refers to {location}; the file has to lie next to it")
    return (path.parent / location).resolve()


@cache
def _load(path: Path) -> Wsdl:
    documents = dict(_closure(path))
    definitions = [root for root in documents.values() if root.tag == q(WSDL, "definitions")]
    if not definitions or documents[path] is not definitions[0]:
        raise ContractError(f"{path} is no WSDL 1.1")
    messages = {
        q(root.get("targetNamespace", ""), message.get("name", "")): _element_of(message, path)
        for root in definitions
        for message in root.iterfind("w:message", _W)
    }
    operations: dict[str, WsdlOperation] = {}
    for root in definitions:
        for port_type in root.iterfind("w:portType", _W):
            for operation in port_type.iterfind("w:operation", _W):
                read = _operation(operation, root.get("targetNamespace", ""), port_type.get("name", ""), messages)
                if operations.setdefault(read.name, read) is not read:
                    raise ContractError(f"{path}: the operation {read.name} is declared twice", rule="BP R2304")
    return Wsdl(
        target_namespace=definitions[0].get("targetNamespace", ""),
        operations=MappingProxyType(operations),
        ports=tuple(_ports(definitions)),
        files=tuple(documents),
        documentation=" ".join(
            _documentation(each) for root in definitions for each in root.iterfind("w:portType", _W)
        ),
    )


def _closure(path: Path) -> Iterator[tuple[Path, _Element]]:
    todo, seen = [path], {path}
    while todo:
        current = todo.pop(0)
        root = catalog.parse(current)
        yield current, root
        for element, attribute in _references(root):
            other = _referred(current, element, attribute)
            if other not in seen:
                seen.add(other)
                todo.append(other)


def _operation(operation: _Element, namespace: str, port_type: str, messages: Mapping[str, str]) -> WsdlOperation:
    name = operation.get("name", "")
    delimiter = ":" if namespace.startswith("urn:") else "/"
    start = delimiter.join((namespace.removesuffix(delimiter), port_type))

    def message(element: _Element) -> str:
        try:
            return messages[qualified(element, "message")]
        except KeyError:
            raise ContractError(f"the operation {name} uses a message that is not declared") from None

    def action(element: _Element, *default: str) -> str:
        return element.get(q(WSAM, "Action")) or delimiter.join((start, *default))

    given, output = operation.find("w:input", _W), operation.find("w:output", _W)
    if given is None:
        raise ContractError(f"the operation {name} has no input", rule="BP R2303")
    suffixes = ("Request", "Response") if output is not None else ("", "")
    return WsdlOperation(
        name=name,
        input=message(given),
        output=None if output is None else message(output),
        faults=MappingProxyType({
            fault.get("name", ""): WsdlFault(message(fault), action(fault, name, "Fault", fault.get("name", "")))
            for fault in operation.iterfind("w:fault", _W)
        }),
        input_action=action(given, given.get("name") or name + suffixes[0]),
        output_action="" if output is None else action(output, output.get("name") or name + suffixes[1]),
        documentation=_documentation(operation),
    )  # fmt: skip


def _documentation(element: _Element) -> str:
    return " ".join((element.findtext("w:documentation", "", _W)).split())


def _element_of(message: _Element, path: Path) -> str:
    """The element of the message's part; "" for a message without parts."""
    parts = message.findall("w:part", _W)
    if not parts:
        return ""
    if len(parts) > 1 or not parts[0].get("element"):
        rule = "BP R2210" if len(parts) > 1 else "BP R2204"
        raise ContractError(f"{path}: the message {message.get('name')} is not document/literal", rule=rule)
    return qualified(parts[0], "element")


def _ports(definitions: list[_Element]) -> Iterator[WsdlPort]:
    for root in definitions:
        for service in root.iterfind("w:service", _W):
            for port in service.iterfind("w:port", _W):
                for address in port.iterchildren(*Q_ADDRESSES):
                    version = Q_ADDRESSES[str(address.tag)]
                    yield WsdlPort(service.get("name", ""), port.get("name", ""), version, address.get("location", ""))
