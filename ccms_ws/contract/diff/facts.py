"""Declarations as facts: where an attribute or text stands, and what it says. Documentation is left out.

Values that XML Schema and WSDL give to what is left out are none: an attribute that says the same is no fact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSDL, XSD, q
from ccms_ws.contract.qnames import qualified, readable
from ccms_ws.contract.schema_set import QNAME_ATTRIBUTES

_DEFAULTS: Final = {
    "minOccurs": "1", "maxOccurs": "1", "nillable": "false", "abstract": "false", "mixed": "false", "use": "optional",
    "processContents": "strict", "elementFormDefault": "unqualified", "attributeFormDefault": "unqualified",
    "blockDefault": "", "finalDefault": "",
}  # fmt: skip
_DOCUMENTATION: Final = (q(XSD, "annotation"), q(WSDL, "documentation"))
_QNAMES: Final = (*QNAME_ATTRIBUTES, "message", "binding", "element")
_KEYED: Final = ("name", "ref", "value")
_OWN: Final = (XSD, WSDL)

Facts = Mapping[str, str]


def facts_of(
    element: _Element, named: Callable[[str], str], skip: Callable[[_Element], bool] = lambda _: False
) -> Facts:
    """The facts of a declaration and of everything in it, by their place. `named` rewrites qualified names."""
    return dict(_facts(element, "", named, skip))


def _facts(
    element: _Element, where: str, named: Callable[[str], str], skip: Callable[[_Element], bool]
) -> Iterator[tuple[str, str]]:
    own = etree.QName(element).namespace in _OWN
    for attribute, value in sorted((str(name), str(value)) for name, value in element.items()):
        if _is_annotation(element, attribute) or value.strip() == _DEFAULTS.get(attribute):
            continue
        name = attribute if attribute.startswith("{") is False else etree.QName(attribute).localname
        yield f"{where} @{name}".strip(), _said(element, attribute, value, named) if own else " ".join(value.split())
    if not own and (text := " ".join((element.text or "").split())):
        yield f"{where} text".strip(), text
    seen: Counter[str] = Counter()
    for child in element.iterchildren("*"):
        if child.tag in _DOCUMENTATION or skip(child):
            continue
        kind = etree.QName(child).localname
        key = next((child.get(each, "") for each in _KEYED if child.get(each) is not None), "")
        label = f"{kind} {key}".strip()
        seen[label] += 1
        place = f"{where}/{label}".strip("/") + (f" ({seen[label]})" if seen[label] > 1 else "")
        yield place, "there"
        yield from _facts(child, place, named, skip)


def _is_annotation(element: _Element, attribute: str) -> bool:
    """Attributes that say nothing about messages: ids, and those of other namespaces in a schema (annotations)."""
    if element.tag == q(XSD, "schema") and attribute in ("version", "targetNamespace"):
        return True
    in_schema = etree.QName(element).namespace == XSD
    return in_schema and (attribute == "id" or attribute.startswith("{"))


def _said(element: _Element, attribute: str, value: str, named: Callable[[str], str]) -> str:
    if attribute in _QNAMES:
        return named(qualified(element, attribute))
    return named(" ".join(value.split()))


def differing(old: Facts, new: Facts) -> list[str]:
    """The places where the facts differ, in order; of what was added or removed as a whole only its own place."""
    found = [place for place in dict.fromkeys([*old, *new]) if old.get(place) != new.get(place)]
    whole = [place for place in found if "there" in (old.get(place), new.get(place))]
    return [place for place in found if not any(place.startswith((f"{each}/", f"{each} @")) for each in whole)]


def in_words(place: str, old: Facts, new: Facts) -> str:
    """What is now said in a place, and what was."""
    was, now = _shown(old.get(place)), _shown(new.get(place))
    if "there" in (was, now):
        return f"{place} {'was added' if now == 'there' else 'was removed'}"
    return f"{place} is {now}, it was {was}"


def _shown(value: str | None) -> str:
    if value is None:
        return "not given"
    return readable(value) if value.startswith("{") and not value.endswith("}") else value or '""'
