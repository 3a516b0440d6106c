"""Qualified names in contract files: read from attribute values, and written for people with the usual prefix."""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import NIEM_XSD, STRUCTURES, XSD, q

_OF_SCHEMAS: Final = {XSD: "xs", NIEM_XSD: "niem-xsd", STRUCTURES: "s"}


def qualified(element: _Element, attribute: str) -> str:
    """The qualified name that the value of `attribute` stands for, in Clark notation ({}name without a namespace)."""
    prefix, _, local = element.get(attribute, "").strip().rpartition(":")
    return q(element.nsmap.get(prefix or None) or "", local)


def readable(name: str) -> str:
    """`{namespace}name` with the project's usual prefix; a name of a foreign namespace without it."""
    namespace, _, local = name.removeprefix("{").rpartition("}")
    usual = {uri: prefix for prefix, uri in catalog.prefixes().items()} | _OF_SCHEMAS
    prefix = usual.get(namespace)
    return f"{prefix}:{local}" if prefix else local
