"""The import of a WSDL: it and everything that it refers to, brought into one folder where every reference is local.

Only files below a named address are fetched from the network. References to the project's own schemas are resolved from
the package. Nothing is written while a needed file is missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.addresses import Address
from ccms_ws.contract.namespaces import WSDL, XSD, q
from ccms_ws.contract.references import Q_WSDL_IMPORT, Q_XSD_IMPORT, REFERENCES, is_remote, local_target, references
from ccms_ws.errors import ContractError, ContractMissing

Fetch = Callable[[str], bytes]
"""Gets what is at an http(s) address. Raises ContractMissing."""

_SUFFIXES: Final = {q(WSDL, "definitions"): ".wsdl", q(XSD, "schema"): ".xsd"}
_UTF16: Final = re.compile(rb"""(<\?xml[^>]*?encoding\s*=\s*["'])utf-?16(?:[lb]e)?(["'])""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a file, and its SHA-256 before its references were made local."""

    location: str
    received: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A reference without a target: its file, the reference, the reason, and advice.

    `namespace`: of the components that it would provide, "" if unknown; None for a part of the WSDL itself.
    """

    file: str
    reference: str
    why: str
    advice: str
    namespace: str | None = None


@dataclass(slots=True)
class Gathering:
    """The files by their new names, the entry first, and missing references, which no file contains any more."""

    entry: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write all files. Raises ContractMissing if something is missing."""
        if self.missing:
            named = ", ".join(each.reference for each in self.missing)
            raise ContractMissing(f"{self.entry} refers to {named}: not there", hint=self.missing[0].advice)
        self.lay_out(folder)

    def lay_out(self, folder: Path) -> None:
        """Write all files that were found."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def gather(entry: str, *, named: Sequence[str] = (), fetch: Fetch | None = None) -> Gathering:
    """The WSDL at a path or http(s) address, with its references. `named`: the addresses that may be fetched from.

    Raises ContractMissing if the entry itself is missing, ContractError if it is not XML.
    """
    if is_remote(entry):
        Address.parse(entry)
    gathering, names = Gathering(), _Names()
    start = entry if is_remote(entry) else str(Path(entry).resolve())
    files: dict[str, _File] = {}
    todo = [_Reference("", start)]
    while todo:
        wanted = todo.pop(0)
        if wanted.target in files:
            continue
        try:
            file = _File.read(wanted.target, _content(wanted, named, fetch))
        except ContractError as error:
            if wanted.element is None:
                kind = ContractMissing if isinstance(error, ContractMissing) else ContractError
                raise kind(f"{entry}: {error}", hint=error.hint) from None
            gathering.missing.append(Missing(wanted.file, wanted.reference, str(error), error.hint, wanted.brings))
            continue
        name = names.give(wanted.target, str(file.root.tag))
        files[wanted.target] = file
        gathering.sources[name] = Source(wanted.target, hashlib.sha256(file.received).hexdigest())
        todo += [
            _Reference(name, target, element, text) for element, text, target in _targets(file.root, wanted.target)
        ]
    gathering.entry = names.of[start]
    for location, file in files.items():
        gathering.files[names.of[location]] = file.referring_to(names.of, location)
    return gathering


@dataclass(frozen=True, slots=True)
class _Reference:
    """A reference from a file (by its new name) to a path or address."""

    file: str
    target: str
    element: _Element | None = None
    reference: str = ""

    @property
    def brings(self) -> str | None:
        """The namespace of the referenced schema; None for a WSDL."""
        if self.element is None or self.element.tag == Q_WSDL_IMPORT:
            return None
        if self.element.tag == Q_XSD_IMPORT:
            return self.element.get("namespace", "")
        schema = self.element.getparent()
        return "" if schema is None else schema.get("targetNamespace", "")


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was received, and its root."""

    received: bytes
    root: _Element
    repaired: bool

    @classmethod
    def read(cls, location: str, received: bytes) -> _File:
        content = _repaired(received)
        return cls(received, _parse(content, location), content != received)

    def referring_to(self, names: dict[str, str], location: str) -> bytes:
        """Its bytes, with every reference changed to the new name; a missing one is removed."""
        changed = self.repaired
        for element, reference, target in list(_targets(self.root, location)):
            attribute, name = REFERENCES[str(element.tag)], names.get(target)
            if name == reference:
                continue
            changed = True
            parent = element.getparent()
            if name is not None:
                element.set(attribute, name)
            elif element.tag == Q_XSD_IMPORT or parent is None:
                del element.attrib[attribute]
            else:
                parent.remove(element)
        if not changed:
            return self.received
        return etree.tostring(self.root.getroottree(), xml_declaration=True, encoding="UTF-8")


def _content(wanted: _Reference, named: Sequence[str], fetch: Fetch | None) -> bytes:
    own = None if wanted.brings is None else catalog.published_schemas().get(wanted.brings)
    if not is_remote(wanted.target):
        path = Path(wanted.target)
        if path.is_file():
            return path.read_bytes()
        if own is not None:
            return own.read_bytes()
        raise ContractMissing("it is not there", hint="ask the partner for the file, or name its address with --fetch")
    address = Address.parse(wanted.target)
    if fetch is not None and any(address.begins_with(Address.parse(each)) for each in named):
        return fetch(wanted.target)
    if own is not None:
        return own.read_bytes()
    raise ContractMissing(
        "it is on the network and was not named", hint=f"save it beside the WSDL, or --fetch {wanted.target}"
    )


def _repaired(content: bytes) -> bytes:
    """Repair files of Windows tools that XML parsers refuse: blank lines before the declaration, and UTF-8 text with
    a declaration of UTF-16.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:100]:
        return content
    mark, text = (content[:3], content[3:]) if content[:3] == b"\xef\xbb\xbf" else (b"", content)
    return _UTF16.sub(rb"\1utf-8\2", mark + text.lstrip(), count=1)


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


def _targets(root: _Element, location: str) -> Iterator[tuple[_Element, str, str]]:
    """Every reference of a file: the element, its text, and the address or absolute path of the target."""
    for element, reference in references(root):
        if is_remote(reference):
            yield element, reference, reference
        elif is_remote(location):
            yield element, reference, urljoin(location, reference.replace("\\", "/"))
        else:
            found = local_target(Path(location), reference)
            yield element, reference, reference if found is None else str(found)


class _Names:
    """A short name for each location, fit for a file system, no two alike."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def give(self, location: str, root: str) -> str:
        parts = urlsplit(location) if is_remote(location) else None
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
