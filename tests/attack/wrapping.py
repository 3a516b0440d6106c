"""Signature wrapping, systematically: every signed part moved, doubled, renamed and nested in every position.

The attacker holds one validly signed message and no key. What it wants to be believed stands in an *evil twin* of a
signed part; the signed original is hidden somewhere where its digest still fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import product

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU
from tests.support.envelopes import NS, TEST, find
from tests.support.oracles import token
from tests.support.pki import pki

Q_ID = f"{{{WSU}}}Id"
EVIL = "evil"
PARTS = {
    "Body": "{soap}:Body",
    "To": "{soap}:Header/wsa:To",
    "Action": "{soap}:Header/wsa:Action",
    "MessageID": "{soap}:Header/wsa:MessageID",
    "ReplyTo": "{soap}:Header/wsa:ReplyTo",
    "Timestamp": "{soap}:Header/wsse:Security/wsu:Timestamp",
    "Token": "{soap}:Header/wsse:Security/wsse:BinarySecurityToken",
}


@dataclass(frozen=True)
class Variant:
    """One tampered message."""

    name: str
    raw: bytes


class Message:
    """A fresh copy of the signed message, with names for its places."""

    def __init__(self, raw: bytes) -> None:
        self.root = etree.fromstring(raw)
        self.soap = "soap" if "schemas.xmlsoap.org" in str(self.root.tag) else "soap12"
        self.header = self.at("{soap}:Header")
        self.security = self.at("{soap}:Header/wsse:Security")
        self.signature = self.at("{soap}:Header/wsse:Security/ds:Signature")
        self.body = self.at("{soap}:Body")

    def at(self, path: str) -> _Element:
        return find(self.root, path.format(soap=self.soap))

    def has(self, path: str) -> bool:
        return self.root.find(path.format(soap=self.soap), NS) is not None

    def raw(self) -> bytes:
        return etree.tostring(self.root, encoding="UTF-8", xml_declaration=True)


def evil_twin(part: _Element) -> _Element:
    """A copy of `part` that says what the attacker wants."""
    twin = deepcopy(part)
    twin.tail = None
    name = etree.QName(part).localname
    if name == "Body":
        for element in twin.iter(f"{{{TEST}}}Case"):
            element.text = EVIL
    elif name == "Timestamp":
        for element in twin:
            element.text = "2026-03-02T17:31:00.000Z" if element.tag.endswith("Created") else "2026-03-02T17:34:00.000Z"
    elif name == "BinarySecurityToken":
        twin.text = etree.fromstring(f'<a xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">{token(pki().stranger)}</a>')[0].text
    elif name == "ReplyTo":
        twin[0].text = f"https://{EVIL}.example/"
    else:
        twin.text = f"urn:{EVIL}" if name != "To" else f"https://{EVIL}.example/"
    return twin


def _wrapper(place: _Element, *, first: bool = False, tag: str = "{urn:wrapper}Wrapper") -> _Element:
    wrapper = etree.Element(tag)
    place.insert(0, wrapper) if first else place.append(wrapper)
    return wrapper


_PLACES: dict[str, Callable[[Message, _Element], object]] = {
    "first in Envelope": lambda message, part: message.root.insert(0, part),
    "before Body": lambda message, part: message.body.addprevious(part),
    "last in Envelope": lambda message, part: message.root.append(part),
    "first in Header": lambda message, part: message.header.insert(0, part),
    "last in Header": lambda message, part: message.header.append(part),
    "wrapped in Header": lambda message, part: _wrapper(message.header).append(part),
    "wrapped first in Header": lambda message, part: _wrapper(message.header, first=True).append(part),
    "wrapped in a second Security": lambda message, part: _wrapper(message.header, tag=f"{{{WSSE}}}Security").append(
        part
    ),
    "wrapped in Envelope": lambda message, part: _wrapper(message.root).append(part),
    "wrapped in ReferenceParameters": lambda message, part: _wrapper(
        message.at("{soap}:Header/wsa:ReplyTo"), tag=f"{{{WSA}}}ReferenceParameters"
    ).append(part),
    "first in Security": lambda message, part: message.security.insert(0, part),
    "last in Security": lambda message, part: message.security.append(part),
    "wrapped in Security": lambda message, part: _wrapper(message.security).append(part),
    "in a ds:Object": lambda message, part: _wrapper(message.signature, tag=f"{{{DS}}}Object").append(part),
    "in a ds:Object, first": lambda message, part: _wrapper(
        message.signature, first=True, tag=f"{{{DS}}}Object"
    ).append(part),
    "in Signature": lambda message, part: message.signature.append(part),
    "in SignedInfo": lambda message, part: message.signature[0].append(part),
    "in KeyInfo": lambda message, part: message.signature[2].append(part),
    "in the SecurityTokenReference": lambda message, part: message.signature[2][0].append(part),
    "in Body": lambda message, part: message.body.append(part),
    "first in Body": lambda message, part: message.body.insert(0, part),
    "in the payload": lambda message, part: message.body[0].append(part),
    "wrapped in the payload": lambda message, part: _wrapper(message.body[0]).append(part),
    "in the Timestamp": lambda message, part: message.at(PARTS["Timestamp"]).append(part),
}


def _same_id(_original: _Element, _twin: _Element) -> None:
    """Both carry the id: who resolves the reference first?"""


def _other_id(_original: _Element, twin: _Element) -> None:
    twin.set(Q_ID, "another")


def _no_id(_original: _Element, twin: _Element) -> None:
    del twin.attrib[Q_ID]


def _original_has_plain_id(original: _Element, _twin: _Element) -> None:
    original.set("Id", original.attrib.pop(Q_ID))


def _twin_has(attribute: str) -> Callable[[_Element, _Element], None]:
    def rename(_original: _Element, twin: _Element) -> None:
        twin.set(attribute, twin.attrib.pop(Q_ID))

    return rename


_IDS: dict[str, Callable[[_Element, _Element], None]] = {
    "both with the id": _same_id,
    "the twin with another id": _other_id,
    "the twin without id": _no_id,
    "the twin with Id": _twin_has("Id"),
    "the twin with ID": _twin_has("ID"),
    "the twin with xml:id": _twin_has("{http://www.w3.org/XML/1998/namespace}id"),
    "the original with Id": _original_has_plain_id,
}


def variants(raw: bytes) -> Iterator[Variant]:
    """Every variant of the signed message `raw`."""
    for part, path in PARTS.items():
        if not Message(raw).has(path):
            continue
        for family in (_moved_behind_a_twin, _just_moved, _doubled, _nested, _renamed):
            yield from family(raw, part, path)
    yield from _whole_headers(raw)


def _moved_behind_a_twin(raw: bytes, part: str, path: str) -> Iterator[Variant]:
    """The twin takes the place of the original, which hides somewhere else."""
    for where, (which, mark) in product(_PLACES, _IDS.items()):
        message = Message(raw)
        original = message.at(path)
        twin = evil_twin(original)
        _replace(original, twin)
        if part == "Body":
            message.body = twin
        mark(original, twin)
        if _put(message, where, original):
            yield Variant(f"{part}: twin in its place, {which}; original {where}", message.raw())


def _just_moved(raw: bytes, part: str, path: str) -> Iterator[Variant]:
    """The original stands somewhere else, and nothing in its place."""
    for where in _PLACES:
        message = Message(raw)
        original = message.at(path)
        _remove(original)
        if _put(message, where, original):
            yield Variant(f"{part}: moved {where}", message.raw())


def _doubled(raw: bytes, part: str, path: str) -> Iterator[Variant]:
    """A twin beside the original."""
    for which, mark in _IDS.items():
        for side in ("before", "after"):
            message = Message(raw)
            original = message.at(path)
            twin = evil_twin(original)
            mark(original, twin)
            original.addprevious(twin) if side == "before" else original.addnext(twin)
            yield Variant(f"{part}: twin {side} it, {which}", message.raw())


def _nested(raw: bytes, part: str, path: str) -> Iterator[Variant]:
    """The twin holds the original, or the original the twin."""
    for which, mark in _IDS.items():
        message = Message(raw)
        original = message.at(path)
        twin = evil_twin(original)
        mark(original, twin)
        _replace(original, twin)
        twin.append(original)
        yield Variant(f"{part}: inside its twin, {which}", message.raw())
        message = Message(raw)
        original = message.at(path)
        twin = evil_twin(original)
        mark(original, twin)
        original.append(twin)
        yield Variant(f"{part}: its twin inside it, {which}", message.raw())


def _renamed(raw: bytes, part: str, path: str) -> Iterator[Variant]:
    """Another name or namespace for the original, with and without a twin under the true name."""
    for tag in ("{urn:other}" + part, part, f"{{{TEST}}}Query", f"{{{WSA}}}From", f"{{{DS}}}Object"):
        for with_twin in (False, True):
            message = Message(raw)
            original = message.at(path)
            if with_twin:
                original.addnext(evil_twin(original))
            original.tag = tag
            yield Variant(f"{part}: renamed {tag}{' beside a twin' if with_twin else ''}", message.raw())


def _whole_headers(raw: bytes) -> Iterator[Variant]:
    """Header, Security and Signature themselves removed, doubled or moved."""
    for name in ("header", "security", "signature"):
        message = Message(raw)
        element: _Element = getattr(message, name)
        _remove(element)
        yield Variant(f"{name}: removed", message.raw())
        for side in ("before", "after"):
            message = Message(raw)
            element = getattr(message, name)
            copy = deepcopy(element)
            element.addprevious(copy) if side == "before" else element.addnext(copy)
            yield Variant(f"{name}: doubled {side}", message.raw())
        for where in _PLACES:
            message = Message(raw)
            element = getattr(message, name)
            _remove(element)
            if _put(message, where, element):
                yield Variant(f"{name}: moved {where}", message.raw())


def _remove(element: _Element) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _replace(original: _Element, twin: _Element) -> None:
    parent = original.getparent()
    assert parent is not None
    parent.replace(original, twin)


def _put(message: Message, where: str, element: _Element) -> bool:
    """Whether there is such a place: some lie inside the very element, or went away with it."""
    if element is message.body and "before Body" in where:
        return False
    try:
        _PLACES[where](message, element)
    except ValueError:
        return False
    return True
