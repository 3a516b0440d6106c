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
from urllib.parse import quote

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import WSDL, q
from ccms_ws.contract.pins import LOCK
from ccms_ws.contract.references import REFERENCES, local_target, references
from ccms_ws.contract.wsdl_operations import (
    Q_ADDRESSES,
    BoundOperation,
    UnusableOperation,
    WsdlFault,
    WsdlOperation,
    WsdlPort,
    documentation_of,
    read_operations,
)
from ccms_ws.errors import ContractError, ContractMissing

__all__ = [
    "Q_ADDRESSES",
    "BoundOperation",
    "UnusableOperation",
    "Wsdl",
    "WsdlFault",
    "WsdlOperation",
    "WsdlPort",
    "closure_of",
    "load_wsdl",
    "published_queries",
    "published_schema",
    "published_wsdl",
    "version_of",
]


@dataclass(frozen=True, slots=True)
class Wsdl:
    """A WSDL with everything that it imports. `files` are the WSDLs and schemas of it, itself first.

    `operations` are those that the court can use, by name, those at a SOAP port first; if two have one name, the
    second one's is prefixed by its port type. `bound` are they at each port, `unusable` the others with the reason.
    `documentation` is that of its port types.
    """

    target_namespace: str
    operations: Mapping[str, WsdlOperation]
    bound: tuple[BoundOperation, ...]
    unusable: tuple[UnusableOperation, ...]
    ports: tuple[WsdlPort, ...]
    files: tuple[Path, ...]
    documentation: str = ""

    @property
    def one_way(self) -> bool:
        """True if all its operations are one-way."""
        return all(operation.one_way for operation in self.operations.values())


def load_wsdl(name: str | Path) -> Wsdl:
    """The WSDL of that name below `wsdl/`, or at that absolute path: a partner's own.

    Errors: `ContractMissing`, if a file of it is not there; `ContractError`, if it is no WSDL 1.1 or refers to the
    network. An operation that is not described as the exchanges need it is no error: it is in `unusable`.
    """
    path = Path(name) if Path(name).is_absolute() else catalog.wsdl_path(str(name))
    return _load(path, version_of(path))


def version_of(wsdl: Path) -> tuple[int, ...]:
    """A value that changes when the WSDL at this path is written or imported again: each version is read once."""
    files = (wsdl, wsdl.parent / LOCK)
    return tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)


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
    for element, reference in references(root):
        element.set(REFERENCES[str(element.tag)], f"{url}?{_query(_referred(path, reference))}")
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
@cache
def _load(path: Path, _version: tuple[int, ...]) -> Wsdl:
    documents = dict(_closure(path))
    definitions = [root for root in documents.values() if root.tag == q(WSDL, "definitions")]
    if not definitions or documents[path] is not definitions[0]:
        raise ContractError(f"{path} is no WSDL 1.1")
    found = read_operations(definitions)
    return Wsdl(
        target_namespace=definitions[0].get("targetNamespace", ""),
        operations=MappingProxyType(found.usable),
        bound=tuple(found.bound),
        unusable=tuple(found.unusable),
        ports=tuple(found.ports),
        files=tuple(documents),
        documentation=" ".join(
            documentation_of(each) for root in definitions for each in root.iterfind(q(WSDL, "portType"))
        ),
    )


def _closure(path: Path) -> Iterator[tuple[Path, _Element]]:
    todo, seen = [path], {path}
    while todo:
        current = todo.pop(0)
        root = catalog.parse(current)
        yield current, root
        for _, reference in references(root):
            other = _referred(current, reference)
            if other not in seen:
                seen.add(other)
                todo.append(other)


def _referred(path: Path, reference: str) -> Path:
    """The file that the file at `path` refers to. Raises ContractError for an address on the network."""
    found = local_target(path, reference)
    if found is None:
        raise ContractError(
            f"{path.name} refers to {reference}; the file has to lie next to it",
            hint="ccms-ws contract import brings everything that a WSDL refers to into one folder",
        )
    return found
