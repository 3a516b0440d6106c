"""A WSDL with everything that it refers to, brought into one folder where every reference is local.

Nothing is fetched from the network but what begins with an address that was named. What a reference of ours would lead
to is taken from the project's own schemas. Nothing is written as long as something is missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.addresses import Address
from ccms_ws.contract.namespaces import WSDL, XSD, q
from ccms_ws.errors import ContractError, ContractMissing

Fetch = Callable[[str], bytes]
"""Gets what is at an http(s) address. Raises ContractMissing."""

_REFERENCES: Final = {q(WSDL, "import"): "location", q(XSD, "import"): "schemaLocation"} | {
    q(XSD, name): "schemaLocation" for name in ("include", "redefine")
}
_SUFFIXES: Final = {q(WSDL, "definitions"): ".wsdl", q(XSD, "schema"): ".xsd"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file came from, and the SHA-256 of what was there, before its references were made local."""

    location: str
    received: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A reference that leads nowhere: in which file, to what, and what can be done."""

    file: str
    reference: str
    why: str
    advice: str


@dataclass(slots=True)
class Gathering:
    """The files by their new names, the entry first, and what is missing."""

    entry: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write all files. Raises ContractMissing if something is missing."""
        if self.missing:
            raise ContractMissing(f"{len(self.missing)} references of {self.entry} lead nowhere")
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def gather(entry: str, *, named: Sequence[str] = (), fetch: Fetch | None = None) -> Gathering:
    """The WSDL at a path or http(s) address, with its references. `named`: the addresses that may be fetched from.

    Raises ContractMissing if the entry itself is not there, ContractError if it is no XML.
    """
    if _is_remote(entry):
        Address.parse(entry)
    gathering, names = Gathering(), _Names()
    start = entry if _is_remote(entry) else str(Path(entry).resolve())
    roots: dict[str, tuple[_Element, bytes]] = {}
    todo = [(start, "", "", "")]
    while todo:
        location, referrer, reference, namespace = todo.pop(0)
        if location in roots:
            continue
        try:
            content = _content(location, namespace, named, fetch)
            root = _parse(content, location)
        except ContractError as error:
            if isinstance(error, ContractMissing) and not referrer:
                raise ContractMissing(f"{entry}: {error}", hint=error.hint) from None
            if not referrer:
                raise
            gathering.missing.append(Missing(referrer, reference, str(error), error.hint))
            continue
        name = names.give(location, str(root.tag))
        roots[location] = (root, content)
        gathering.sources[name] = Source(location, hashlib.sha256(content).hexdigest())
        for element, target in _references(root, location):
            todo.append((target, name, element.get(_REFERENCES[str(element.tag)], ""), element.get("namespace", "")))
    gathering.entry = names.of[start]
    for location, (root, content) in roots.items():
        changed = False
        for element, target in _references(root, location):
            if target in names.of:
                element.set(_REFERENCES[str(element.tag)], names.of[target])
                changed = True
        document = etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8") if changed else content
        gathering.files[names.of[location]] = document
    return gathering


def _content(location: str, namespace: str, named: Sequence[str], fetch: Fetch | None) -> bytes:
    own = catalog.published_schemas().get(namespace)
    if not _is_remote(location):
        path = Path(location)
        if path.is_file():
            return path.read_bytes()
        if own is not None:
            return own.read_bytes()
        raise ContractMissing("it is not there", hint="ask the partner for the file, or name its address with --fetch")
    address = Address.parse(location)
    if fetch is not None and any(address.begins_with(Address.parse(each)) for each in named):
        return fetch(location)
    if own is not None:
        return own.read_bytes()
    raise ContractMissing(
        "it is on the network and was not named", hint=f"save it beside the WSDL, or --fetch {location}"
    )


def _parse(content: bytes, location: str) -> _Element:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ContractError(
            f"{location} is not well-formed: {error.msg}", hint="ask the partner for it again"
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ContractError(f"{location} has a document type", hint="no WSDL or schema needs one; remove it")
    return root


def _references(root: _Element, location: str) -> Iterator[tuple[_Element, str]]:
    """Every reference of a file with what it leads to: an address, or an absolute path. A fragment is nothing."""
    for element in root.iter(*_REFERENCES):
        reference = urldefrag(element.get(_REFERENCES[str(element.tag)], "").strip()).url
        if reference and _is_remote(reference):
            yield element, reference
        elif reference and _is_remote(location):
            yield element, urljoin(location, reference)
        elif reference:
            yield element, str((Path(location).parent / unquote(reference.removeprefix("file://"))).resolve())


def _is_remote(location: str) -> bool:
    return location.lower().startswith(("http:", "https:"))


class _Names:
    """A short name for each location, fit for a file system, no two alike."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def give(self, location: str, root: str) -> str:
        parts = urlsplit(location) if _is_remote(location) else None
        where = location if parts is None else (parts.query.partition("=")[2] or parts.path)
        stem = re.sub(r"\.(wsdl|xsd|xml)$", "", unquote(where).rstrip("/").rpartition("/")[2], flags=re.IGNORECASE)
        stem = re.sub(r"[^A-Za-z0-9._\-]", "-", stem).strip(".-")[:80] or "contract"
        suffix = _SUFFIXES.get(root, ".xml")
        taken = {name.lower() for name in self.of.values()}
        name, number = f"{stem}{suffix}", 2
        while name.lower() in taken:
            name, number = f"{stem}-{number}{suffix}", number + 1
        self.of[location] = name
        return name
