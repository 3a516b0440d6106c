"""Qualified names in contract files: read from attribute values, and written for people with the usual prefix."""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import NIEM_XSD, PREFIXES, STRUCTURES, XSD, q

_PREFIXES: Final = {**PREFIXES, "xs": XSD, "niem-xsd": NIEM_XSD, "s": STRUCTURES}
_PREFIX_OF: Final = {uri: prefix for prefix, uri in _PREFIXES.items()}


def qualified(element: _Element, attribute: str) -> str:
    """The qualified name that the value of `attribute` stands for, in Clark notation ({}name without a namespace)."""
    prefix, _, local = element.get(attribute, "").strip().rpartition(":")
    return q(element.nsmap.get(prefix or None) or "", local)


def readable(name: str) -> str:
    """`{namespace}name` with the project's usual prefix; a name of a foreign namespace without it."""
    namespace, _, local = name.removeprefix("{").rpartition("}")
    prefix = _PREFIX_OF.get(namespace)
    return f"{prefix}:{local}" if prefix else local
