"""Messages against their schemas: the exchange's own, found by the root element's namespace.

Added to XML Schema is the one rule that it cannot say: which part of its exchange a message plays, and what it answers.
What a violation says never holds a value of the message, so that it may be logged and shown.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from lxml import etree
from lxml.etree import _Element, _LogEntry

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import EXT, FAULT, q
from ccms_ws.contract.qnames import readable
from ccms_ws.errors import ContractError, SchemaViolated, UnknownMessage

Q_METADATA: Final = q(EXT, "MessageMetadata")
Q_KIND: Final = q(EXT, "MessageKindCode")
Q_CORRELATION: Final = q(EXT, "CorrelationID")

_ANSWERS: Final = ("Response", "Error")

# What libxml2 says of these repeats the value; of everything else only names.
_IN_WORDS: Final = {
    "SCHEMAV_CVC_PATTERN_VALID": "has not the required form",
    "SCHEMAV_CVC_ENUMERATION_VALID": "is not in the list of codes",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "is too long",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "is too small",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "has too many digits",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "has too many digits after the point",
}
_SUBJECT: Final = re.compile(r"Element '(?P<name>(?:\{[^{}']*+\})?[^{}':]++)'(?:, attribute '[^']*+')?: (?P<said>.*+)")
_LONGEST: Final = 300
_NAMES_ONLY: Final = ("SCHEMAV_ELEMENT_CONTENT", "SCHEMAV_CVC_COMPLEX_TYPE_", "SCHEMAV_CVC_ELT_3_1")


class _Compiled(threading.local):
    """The compiled schemas of one thread: threads that shared one would share, and mix up, its error log."""

    def __init__(self) -> None:
        self._by_path: dict[Path, etree.XMLSchema] = {}

    def schema_of(self, namespace: str) -> etree.XMLSchema | None:
        path = catalog.exchange_schemas().get(namespace)
        if path is None:
            return None
        compiled = self._by_path.get(path)
        if compiled is None:
            try:
                compiled = etree.XMLSchema(catalog.parse(path).getroottree())
            except etree.XMLSchemaParseError as error:
                raise ContractError(f"{path} is no usable schema: {error}") from error
            self._by_path[path] = compiled
        return compiled


_compiled: Final = _Compiled()


def validate(message: _Element) -> None:
    """Raise unless `message`, a Body's child where it stands, is valid against the schema of its exchange.

    Errors: `UnknownMessage`, if no schema declares it as a message; `SchemaViolated`, with the element at fault in
    `node` and the path to it in `detail`.
    """
    name = etree.QName(message)
    schema = _compiled.schema_of(name.namespace or "")
    if schema is None:
        raise UnknownMessage(f"no exchange has messages in the namespace {name.namespace!r}")
    if not schema.validate(message):
        raise _violation(schema, message)
    if name.namespace != FAULT:
        _check_kind(message, name.localname)


def kind_of(local_name: str) -> str:
    """The MessageKindCode of a message: its name ends in it, but notifications are named after their content."""
    return next((kind for kind in ("Query", *_ANSWERS) if local_name.endswith(kind)), "Notification")


def _check_kind(message: _Element, local_name: str) -> None:
    metadata = message.find(Q_METADATA)
    if metadata is None:
        raise UnknownMessage(f"{local_name} is a part of messages, not a message")
    kind = kind_of(local_name)
    if (metadata.findtext(Q_KIND) or "").strip() != kind:
        raise SchemaViolated(f"the MessageKindCode of a {local_name} is {kind}", node="ext:MessageKindCode")
    if (metadata.find(Q_CORRELATION) is not None) is not (kind in _ANSWERS):
        must = "needs a" if kind in _ANSWERS else "has no"
        raise SchemaViolated(f"a {local_name} {must} CorrelationID", node="ext:CorrelationID")


def _violation(schema: etree.XMLSchema, message: _Element) -> ContractError:
    """The first violation in words, without values."""
    error = cast("Sequence[_LogEntry]", schema.error_log)[0]
    if error.type_name == "SCHEMAV_CVC_ELT_1":
        return UnknownMessage(f"no exchange has a message {readable(str(message.tag))}")
    found = _SUBJECT.match(error.message)
    node = readable(found["name"]) if found else readable(str(message.tag))
    if found and error.type_name.startswith(_NAMES_ONLY):
        words = found["said"][:_LONGEST]
    else:
        words = _IN_WORDS.get(error.type_name, "is not a value of the required type")
    return SchemaViolated(f"{node}, at {error.path}: {words}", node=node, rule=error.type_name)
