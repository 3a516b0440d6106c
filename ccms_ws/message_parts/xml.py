"""Functions that write and read message bodies. Element names are in Clark notation.

Readers expect a schema-valid element: what the schema requires is present.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, NC, J

Q_DATE: Final = f"{{{NC}}}Date"
XML_SPACE: Final = " \t\r\n"  # Python's strip() removes more: a name may be a no-break space
_SHARED: Final = {"ext": EXT, "nc": NC, "j": J}


def root(name: str, prefix: str) -> _Element:
    """A new message root. It declares every namespace of the message, so that no descendant has to."""
    return etree.Element(name, nsmap={prefix: etree.QName(name).namespace or "", **_SHARED})


def add(parent: _Element, name: str, text: str | None = None) -> _Element:
    """A new last child of `parent`."""
    child = etree.SubElement(parent, name)
    child.text = text
    return child


def add_if(parent: _Element, name: str, text: str) -> None:
    """A new last child, unless the text is empty."""
    if text:
        etree.SubElement(parent, name).text = text


def add_date(parent: _Element, name: str, day: date | None) -> None:
    """An nc:DateType child, unless `day` is None."""
    if day is not None:
        add(add(parent, name), Q_DATE, day.isoformat())


def add_indicator(parent: _Element, name: str, value: bool) -> None:
    add(parent, name, "true" if value else "false")


def child(parent: _Element, name: str) -> _Element:
    """The required child of that name."""
    found = parent.find(name)
    if found is None:
        raise LookupError(f"{parent.tag} has no {name}; was the message validated?")
    return found


def text(parent: _Element, path: str) -> str:
    """The text at `path` (an ElementPath), XML's white space trimmed; empty if there is no such element."""
    return (parent.findtext(path) or "").strip(XML_SPACE)


def texts(parent: _Element) -> dict[str, str]:
    """The text of every child by its name, white space trimmed: much faster than one by one."""
    return {child.tag: (child.text or "").strip(XML_SPACE) for child in parent}


def indicator(parent: _Element, path: str) -> bool | None:
    """The xs:boolean at `path`, None if there is no such element."""
    value = text(parent, path)
    return value in ("true", "1") if value else None


def day(parent: _Element, path: str) -> date | None:
    """The nc:DateType at `path`, None if there is no such element. A time zone of the date is ignored."""
    value = text(parent, f"{path}/{Q_DATE}")
    return date.fromisoformat(value[:10]) if value else None


def utc(value: datetime) -> str:
    """An xs:dateTime in UTC, with as many digits as needed: to the second, milli- or microsecond."""
    fraction = value.microsecond
    precision = "seconds" if not fraction else "microseconds" if fraction % 1000 else "milliseconds"
    return value.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
