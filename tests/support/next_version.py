"""FCC807 1.1 as a contract in the making: the committed files, changed where a new version would change them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.envelope.canonical import canonical
from ccms_ws.exchange import Exchange, RequestMessage
from ccms_ws.exchanges.fcc807 import FCC807 as VERSION_1_0
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807

NAMESPACE = FCC807.replace(":1.0", ":1.1")
ADDED = '<xs:element ref="fcc807:QueryPurposeText" minOccurs="0"/>'
REMARK = """<xs:element name="QueryRemarkText" type="nc:TextType">
    <xs:annotation><xs:documentation>A remark about the query.</xs:documentation></xs:annotation>
  </xs:element>
  <xs:element name="QueryRejection" """


def write_next_version(folder: Path) -> None:
    """Copy `xsd/` and `wsdl/` to `folder` and add version 1.1: a query may carry a remark."""
    for kind in ("xsd", "wsdl"):
        shutil.copytree(catalog.folder(kind), folder / kind)
    for name in ("xsd/exchange/FCC807-1.0.xsd", "wsdl/FCC807-1.0.wsdl", "wsdl/FCC807-1.0-service.wsdl"):
        text = (folder / name).read_text("utf-8").replace(ADDED, ADDED + ADDED.replace("Purpose", "Remark"))
        text = text.replace('<xs:element name="QueryRejection" ', REMARK).replace('" version="1.0"', '" version="1.1"')
        for old in ("FCC807:1.0", "FCC807-1.0", "FCC807/1.0", "version 1.0"):
            text = text.replace(old, old.replace("1.0", "1.1"))
        (folder / name.replace("1.0", "1.1")).write_text(text, encoding="utf-8")


@contextmanager
def next_version(folder: Path) -> Iterator[Exchange]:
    """FCC807 1.1, published from `folder` for as long as the context is open. The handler is that of 1.0."""
    write_next_version(folder)
    with catalog.reading_from(folder):
        query = VERSION_1_0.request
        assert query is not None
        yield replace(
            VERSION_1_0,
            version="1.1",
            namespace=NAMESPACE,
            service="FCC807-1.1-service.wsdl",
            request=RequestMessage(
                root=query.root.replace(FCC807, NAMESPACE),
                read=_read(query.read),
                handle=query.handle,
                write=_write(query.write),
            ),
        )


def renamed(message: _Element, old: str, new: str) -> _Element:
    """The message in the namespace of another version."""
    return etree.fromstring(etree.tostring(message).replace(old.encode(), new.encode()))


def _read(read: Callable[[_Element], Any]) -> Callable[[_Element], Any]:
    return lambda message: read(renamed(message, NAMESPACE, FCC807))


def _write(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def written(value: Any) -> bytes:
        message = renamed(etree.fromstring(write(value)), FCC807, NAMESPACE)
        version = message.find(f".//{q(EXT, 'SchemaVersionID')}")
        assert version is not None
        version.text = "1.1"
        return canonical(message)

    return written
