"""Exclusive canonical XML of an element where it stands, and what it does not protect: the prefixes in values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import XSI
from ccms_ws.errors import DigestMismatch, MalformedEnvelope

_XSI_TYPE: Final = f"{{{XSI}}}type"
_XSI_BYTES: Final = XSI.encode()
_START_TAG: Final = re.compile(rb'<[^\s>]+(?: [^=]+="[^"]*")*>')
_DECLARATION: Final = re.compile(rb' xmlns(?::([^=]+))?="')


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
        relies = any(_might_use(content, prefix) for prefix in _DECLARATION.findall(start[0]))
        if content.startswith(b"<") and content.endswith(b">") and not relies:
            return content
    return canonical(etree.fromstring(octets)[0])


def _might_use(content: bytes, prefix: bytes) -> bool:
    """Whether `content` might need the declaration of `prefix` in its parent's start tag."""
    return not prefix or (prefix + b":" in content and (b"<%b:" % prefix in content or b" %b:" % prefix in content))


def read_prefix_list(prefix_list: str) -> list[str]:
    """An InclusiveNamespaces/@PrefixList as lxml wants it."""
    return ["" if prefix == "#default" else prefix for prefix in prefix_list.split()]


def check_qname_values(apex: _Element, octets: bytes, prefixes: Sequence[str]) -> None:
    """Refuse an `xsi:type` below `apex` whose prefix the signed `octets` do not bind.

    Exclusive C14N leaves out the declaration of a prefix that is used in values alone: whoever rebinds it changes the
    type and not the digest (Exclusive XML Canonicalization 1.0, 1.3). Errors: `DigestMismatch`.
    """
    if _XSI_BYTES not in octets:
        return
    for element in apex.iter(etree.Element):
        value = element.get(_XSI_TYPE)
        if value is None:
            continue
        prefix = value.strip().rpartition(":")[0]
        if prefix == "xml" or is_bound(element, prefix, apex, prefixes):
            continue
        raise DigestMismatch(f"the prefix of xsi:type={value!r} is not bound by what was signed", rule="exc-C14N 1.3")


def is_bound(element: _Element, prefix: str, apex: _Element, prefixes: Sequence[str]) -> bool:
    """Whether the canonical form of `apex`, with `prefixes` as InclusiveNamespaces, binds `prefix` ("": the default
    namespace) at `element` to what the document binds it to. If not, that can be changed without any key.
    """
    return prefix in prefixes or element.nsmap.get(prefix or None) == _bound_in_octets(element, apex, prefix or None)


def _bound_in_octets(element: _Element, apex: _Element, prefix: str | None) -> str | None:
    """The namespace that the canonical form of `apex` binds `prefix` to at `element`."""
    node: _Element | None = element
    while node is not None:
        if node.prefix == prefix or (prefix and _attribute_uses(node, prefix)):
            return node.nsmap.get(prefix)
        node = None if node is apex else node.getparent()
    return None


def _attribute_uses(node: _Element, prefix: str) -> bool:
    # lxml does not tell an attribute's prefix: any prefix of the same namespace might be meant, so only a namespace
    # with this one prefix in scope counts.
    namespace = node.nsmap.get(prefix)
    if namespace is None or sum(uri == namespace for uri in node.nsmap.values()) != 1:
        return False
    return any(str(name).startswith(f"{{{namespace}}}") for name in node.attrib)
