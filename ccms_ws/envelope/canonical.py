"""Exclusive canonical XML of an element where it stands, and what it does not protect: the prefixes in values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, cast

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import XSI
from ccms_ws.errors import DigestMismatch, MalformedEnvelope

_XSI_TYPE: Final = f"{{{XSI}}}type"
_XSI_BYTES: Final = XSI.encode()
_START_TAG: Final = re.compile(rb'(<[^/\s>]++)((?: [^=]++="[^"]*+")*+)>')
_ATTRIBUTE: Final = re.compile(rb' ([^=]++)="[^"]*+"')


def canonical(node: _Element, prefixes: Sequence[str] | None = None) -> bytes:
    """Exclusive C14N 1.0 without comments of `node` in its document.

    `prefixes`: the InclusiveNamespaces, with `""` for `#default` (see `read_prefix_list`). Errors: `MalformedEnvelope`.
    """
    if prefixes and "" in prefixes:
        # lxml drops an inclusive prefix that libxml2's dictionary of this thread does not hold, and the empty one gets
        # there only when the thread parses an xmlns="": without this the bytes would depend on what was parsed before.
        etree.fromstring('<a xmlns=""/>')
    try:
        return etree.tostring(
            node,
            method="c14n",
            exclusive=True,
            with_comments=False,
            with_tail=False,
            inclusive_ns_prefixes=prefixes or None,
        )
    except etree.C14NError:
        # Never read as "nothing was there": some have taken the failure for an empty string, and its digest for good.
        raise MalformedEnvelope(
            f"{node.tag} has no canonical form: a relative namespace name", rule="C14N 1.3"
        ) from None


def content_of_canonical(octets: bytes) -> bytes:
    """The canonical form of the only child, out of that of its parent, in `octets`."""
    start = _START_TAG.match(octets)
    if start is not None:
        content = octets[start.end() : octets.rindex(b"</")].strip(b" \t\n")
        declared = (name for name in _ATTRIBUTE.findall(start[2]) if name.startswith(b"xmlns"))
        relies = any(_might_use(content, name[len(b"xmlns:") :]) for name in declared)
        if content.startswith(b"<") and content.endswith(b">") and not relies:
            return content
    return canonical(etree.fromstring(octets)[0])


def names_of_start_tags(octets: bytes) -> Iterator[bytes]:
    """Each start tag of canonical `octets` without the values of its attributes, but with its declarations."""
    for tag in _START_TAG.finditer(octets):
        declarations = (found[0] for found in _ATTRIBUTE.finditer(tag[2]) if found[1].startswith(b"xmlns"))
        yield b"".join((tag[1], *declarations, b">"))


def _might_use(content: bytes, prefix: bytes) -> bool:
    """Whether `content` might need the declaration of `prefix` in its parent's start tag."""
    return not prefix or (prefix + b":" in content and (b"<%b:" % prefix in content or b" %b:" % prefix in content))


def read_prefix_list(prefix_list: str) -> list[str]:
    """An InclusiveNamespaces/@PrefixList as lxml wants it."""
    return ["" if prefix == "#default" else prefix for prefix in prefix_list.split()]


def check_qname_values(apex: _Element, octets: bytes) -> None:
    """Refuse an `xsi:type` below `apex` whose prefix the signed `octets` do not bind as the message does.

    Exclusive C14N leaves out the declaration of a prefix that is used in values alone: rebinding it changes the
    type and not the digest (Exclusive XML Canonicalization 1.0, 1.3). Errors: `DigestMismatch`.
    """
    if _XSI_BYTES not in octets:
        return
    signed = etree.fromstring(octets, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    for (value, meant), (_, bound) in zip(_types(apex), _types(signed), strict=True):
        if meant != bound:
            raise DigestMismatch(
                f"the prefix of xsi:type={value!r} is not bound by what was signed", rule="exc-C14N 1.3"
            )


def _types(apex: _Element) -> Iterator[tuple[str, str | None]]:
    """Each `xsi:type` below `apex` in the order of the document, and the namespace that its prefix stands for.

    lxml's `nsmap` collects the declarations of all ancestors each time: for every element, that would be their product.
    """
    bound: dict[str, list[str]] = {prefix or "": [uri] for prefix, uri in apex.nsmap.items()}
    declared: list[str] = []
    for event, what in etree.iterwalk(apex, events=("start-ns", "start", "end-ns")):
        if event == "start-ns":
            prefix, uri = cast("tuple[str, str]", what)
            declared.append(prefix)
            bound.setdefault(prefix, []).append(uri)
        elif event == "end-ns":
            bound[declared.pop()].pop()
        elif (value := cast("_Element", what).get(_XSI_TYPE)) is not None:
            uris = bound.get(value.strip().rpartition(":")[0])
            yield value, (uris[-1] or None) if uris else None
