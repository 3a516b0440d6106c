"""The reading guide of an exported contract: what lies where, who sends what, what must be signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeList
from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.contract.policy import WireProfile, in_words
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.html_templates import render


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an exported contract holds."""

    code: str
    version: str
    title: str
    url: str
    service: str
    schema: str
    partner_wsdls: Sequence[str]
    samples: Sequence[str]
    lists: Sequence[CodeList]
    profile: WireProfile


def reading_guide(contents: Contents) -> str:
    """The guide in Markdown."""
    return render(
        "ccms_ws.contract",
        "reading_guide.md",
        contents=contents,
        service=load_wsdl(contents.service),
        partners=[(name, load_wsdl(name)) for name in contents.partner_wsdls],
        demands=list(in_words(contents.profile)),
        samples=[_sample(name) for name in contents.samples],
        local=_local,
    )


def _sample(name: str) -> tuple[str, str, str]:
    """A sample's name, its message and the moment of its signature."""
    root = etree.fromstring(catalog.sample(name))
    at = root.findtext(f"{q(EXT, 'MessageMetadata')}/{q(EXT, 'MessageDateTime')}")
    return name, _local(str(root.tag)), at or ""


def _local(element: str) -> str:
    return etree.QName(element).localname
