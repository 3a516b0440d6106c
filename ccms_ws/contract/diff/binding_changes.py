"""What changed in the bindings: SOAPAction, style, use, parts, headers, transport, extensions. Port by port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.diff.changes import BREAKS_BOTH, STRICTER, Change, Effect, Effects, Sides
from ccms_ws.contract.diff.facts import differing, facts_of, in_words
from ccms_ws.contract.lint.description import SOAP, Description
from ccms_ws.contract.lint.findings import select
from ccms_ws.contract.namespaces import SOAP_HTTP_TRANSPORT, WSDL, WSP, WSP_2004, q
from ccms_ws.contract.qnames import qualified, readable

_HEADERS: Final = tuple(q(soap, name) for soap in SOAP for name in ("header", "headerfault"))
_BOTH: Final = Sides(sent=True, received=True)


Place = tuple[str, str, str]
"""A port type, the protocol of a port, and an operation, "" for what is said of all of them."""
Bindings = Mapping[Place, Mapping[str, str]]
"""What is said of each: facts by their place in the binding."""


def bindings_of(description: Description, named: Callable[[str], str]) -> dict[Place, dict[str, str]]:
    """What the bindings at the ports of a WSDL say. `named` rewrites qualified names."""
    found: dict[Place, dict[str, str]] = {}
    for _, port in description.everywhere("wsdl:service/wsdl:port"):
        binding = description.bindings.get(qualified(port, "binding"))
        if binding is None:
            continue
        port_type, protocol = named(qualified(binding, "type")), protocol_of(binding)
        whole = found.setdefault((port_type, protocol, ""), {})
        whole.update(_extensions(binding, "", description, named))
        whole.update(_extensions(port, "port", description, named))
        for operation in select(binding, "wsdl:operation"):
            place = (port_type, protocol, operation.get("name", ""))
            found.setdefault(place, {}).update(_operation(binding, operation, description, named))
    return found


def protocol_of(binding: _Element) -> str:
    """The protocol of a binding: "SOAP 1.1", "SOAP 1.2", or what else it is bound to."""
    for element in binding.iterchildren("*"):
        if etree.QName(element).localname == "binding":
            namespace = str(etree.QName(element).namespace)
            if namespace in SOAP:
                return f"SOAP 1.{SOAP.index(namespace) + 1}"
            return f"{namespace.rstrip('/').rpartition('/')[2]} {element.get('verb', '')}".strip()
    return "no protocol"


def binding_changes(old: Bindings, new: Bindings) -> Iterator[Change]:
    """The changes of what both contracts bind; operations that only one of them binds, where both have the port."""
    for place, before in old.items():
        if place not in new:
            if (*place[:2], "") in new:
                words = "the operation is no longer bound"
                yield _BOTH.change(STRICTER, _shown(place), words, "who calls it is refused")
            continue
        after = new[place]
        for fact in differing(before, after):
            effects, why = _effects(fact, before.get(fact), after.get(fact))
            yield _sides(fact).change(effects, _shown(place), in_words(fact, before, after), why)
    for place in new.keys() - old.keys():
        if (*place[:2], "") in old:
            yield _BOTH.change((Effect.NONE, Effect.COMPATIBLE), _shown(place), "the operation is bound now")


def _shown(place: Place) -> str:
    port_type, protocol, operation = place
    return ", ".join(filter(None, (port_type.rpartition("}")[2], protocol, operation)))


def _sides(fact: str) -> Sides:
    """A client sends what stands at the input and gets what stands at the output and at faults."""
    return Sides(sent=not fact.startswith(("output", "fault")), received=not fact.startswith("input"))


def _effects(fact: str, was: str | None, now: str | None) -> tuple[Effects, str]:
    if " @" not in fact and "/header " in fact:
        if was is None:
            return STRICTER, "who keeps to the old contract does not send it"
        if now is None:
            return (Effect.COMPATIBLE, Effect.BREAKING), "who keeps to the old contract waits for it"
    if fact == "@soapAction":
        return BREAKS_BOTH, "it stands in the HTTP request and names the operation"
    if "extension " in fact:
        return BREAKS_BOTH, "this comparison does not know the extension: look at what it demands"
    return BREAKS_BOTH, "the messages have another form"


# -- reading -----------------------------------------------------------------------------------------------------------
def _operation(
    binding: _Element, operation: _Element, description: Description, named: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    whole = select(binding, "*[self::soap:binding or self::soap12:binding]")
    style = whole[0].get("style", "document") if whole else ""
    for soap in select(operation, "soap:operation | soap12:operation"):
        style = soap.get("style", style)
        yield "@soapAction", soap.get("soapAction", "")
        for attribute, value in sorted((str(name), str(value)) for name, value in soap.items()):
            if attribute not in ("soapAction", "style"):
                yield f"@{attribute}", value
    yield "@style", style
    yield from _extensions(operation, "", description, named)
    for role in select(operation, "wsdl:input | wsdl:output | wsdl:fault"):
        kind = etree.QName(role).localname
        place = f"fault {role.get('name')}" if kind == "fault" else kind
        for element in role.iterchildren("*"):
            namespace = etree.QName(element).namespace
            if element.tag in _HEADERS:
                yield from _header(element, place, description, named)
            elif namespace in SOAP:
                label = f"{place}/{etree.QName(element).localname}"
                for attribute, value in {"use": "literal", **{str(k): str(v) for k, v in element.items()}}.items():
                    if (kind, attribute) != ("fault", "name"):
                        yield f"{label} @{attribute}", value
        yield from _extensions(role, place, description, named)


def _header(
    header: _Element, place: str, description: Description, named: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    element = header_element(header, description)
    label = f"{place}/{etree.QName(header).localname} {readable(named(element)) if element else header.get('part', '')}"
    yield label, "there"
    for attribute, value in {"use": "literal", **{str(k): str(v) for k, v in header.items()}}.items():
        if attribute not in ("message", "part"):
            yield f"{label} @{attribute}", value
    for inner in header.iterchildren("*"):
        if inner.tag in _HEADERS:
            yield from _header(inner, label, description, named)


def header_element(header: _Element, description: Description) -> str:
    """The element or type of the part that a soap:header names; "" if there is none."""
    message = description.messages.get(qualified(header, "message"))
    parts = [] if message is None else select(message, "wsdl:part")
    for part in parts:
        if part.get("name") == header.get("part"):
            return qualified(part, "element" if part.get("element") else "type")
    return ""


def _extensions(
    parent: _Element, place: str, description: Description, named: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """What stands in a binding and is neither WSDL nor known from SOAP; for a SOAP binding its transport."""
    for element in parent.iterchildren("*"):
        name = etree.QName(element)
        if name.namespace == WSDL or (name.namespace in SOAP and name.localname != "binding"):
            continue
        if name.namespace in SOAP:
            yield "@transport", element.get("transport", SOAP_HTTP_TRANSPORT)
            continue
        if name.localname == "address" and parent.tag == q(WSDL, "port"):
            continue
        label = "/".join(filter(None, (place, f"extension {name.localname}")))
        yield label, "there"
        for inner, value in facts_of(element, named).items():
            yield f"{label}{' ' if inner.startswith('@') else '/'}{inner}", value
        if name.localname == "PolicyReference" and str(name.namespace) in (WSP, WSP_2004):
            yield f"{label} @URI leads to", "a policy" if policy_of(element, description) is not None else "nothing"


def policy_of(reference: _Element, description: Description) -> _Element | None:
    """The policy of this WSDL that a wsp:PolicyReference names; None if there is none."""
    name = reference.get("URI", "").removeprefix("#")
    for _, root in description.wsdls:
        for policy in root.iter(q(WSP, "Policy"), q(WSP_2004, "Policy")):
            if any(str(attribute).endswith(("}Id", "}id")) and value == name for attribute, value in policy.items()):
                return policy
    return None
