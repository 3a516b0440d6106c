"""Changes of the WSDLs' own names, and of declarations at no port: they are in no message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree

from ccms_ws.contract.diff.changes import Change, Effect
from ccms_ws.contract.diff.facts import Facts, differing, facts_of, in_words
from ccms_ws.contract.diff.service_changes import Service
from ccms_ws.contract.namespaces import WSDL, q

_DECLARED: Final = tuple(q(WSDL, kind) for kind in ("message", "portType", "binding", "service"))
_COMPARED: Final = (*_DECLARED, q(WSDL, "types"), q(WSDL, "import"))
_UNSEEN: Final = "it is in no message; what it changes in one is reported there"


def name_changes(old: Service, new: Service, named_as_before: Callable[[str], str]) -> Iterator[Change]:
    """What changed in the WSDLs. What it means for messages is reported by `ServiceChanges`."""
    before, after = _names(old, lambda name: name), _names(new, named_as_before)
    for key in dict.fromkeys([*before, *after]):
        if key not in before or key not in after:
            yield Change(Effect.NONE, key, "is there now" if key in after else "is gone", _UNSEEN)
            continue
        for place in differing(before[key], after[key]):
            yield Change(Effect.NONE, key, in_words(place, before[key], after[key]), _UNSEEN)


def _names(service: Service, named: Callable[[str], str]) -> dict[str, Facts]:
    found: dict[str, dict[str, str]] = {}
    for each in service.descriptions:
        for _, root in each.wsdls:
            key = f"definitions {named(root.get('targetNamespace', ''))}"
            found.setdefault(key, {}).update(facts_of(root, named, skip=lambda child: child.tag in _COMPARED))
            for element in root.iterchildren(*_DECLARED):
                key = f"{etree.QName(element).localname} {named(element.get('name', ''))}"
                found.setdefault(key, {}).update(facts_of(element, named))
    return dict(found)
