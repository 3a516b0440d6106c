"""WS-I Basic Profile 1.1, 4.4 and 4.5: messages, their parts, and the operations of a port type."""

from __future__ import annotations

from collections.abc import Iterator

from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.findings import Flaw, RuleBook, select
from ccms_ws.contract.qnames import qualified, readable

BP_MESSAGES: RuleBook[Description] = RuleBook()
_rule = BP_MESSAGES.rule


@_rule("BP R2201", "A document/literal body names at most one part.", "Name one part, or leave parts out")
def body_names_one_part(description: Description) -> Iterator[Flaw]:
    for document, body in description.extensions("body"):
        if len(body.get("parts", "").split()) > 1:
            yield description.flaw(document, body, f"parts names {len(body.get('parts', '').split())} parts")


@_rule("BP R2204", "A document/literal body carries parts that are defined by an element.", "Use element, not type")
def body_parts_are_elements(description: Description) -> Iterator[Flaw]:
    for document, body, parts in description.bodies():
        for part in parts:
            if not part.get("element"):
                yield description.flaw(document, body, f"the part {part.get('name')} is not defined by an element")


@_rule("BP R2205", "Headers and faults carry parts that are defined by an element.", "Use element, not type")
def header_and_fault_parts_are_elements(description: Description) -> Iterator[Flaw]:
    for document, header in description.extensions("header", "headerfault"):
        message = description.messages.get(qualified(header, "message"))
        for part in [] if message is None else select(message, "wsdl:part"):
            if part.get("name") == header.get("part") and not part.get("element"):
                yield description.flaw(document, header, f"the part {part.get('name')} is not defined by an element")
    for document, fault in description.everywhere("wsdl:portType/wsdl:operation/wsdl:fault"):
        message = description.messages.get(qualified(fault, "message"))
        for part in [] if message is None else select(message, "wsdl:part[not(@element)]"):
            yield description.flaw(document, fault, f"the part {part.get('name')} is not defined by an element")


@_rule("BP R2206", "The element of a part is a global declaration.", "Declare it in the schema, or correct the name")
def part_elements_are_declared(description: Description) -> Iterator[Flaw]:
    for document, part in description.everywhere("wsdl:message/wsdl:part[@element]"):
        name = qualified(part, "element")
        if name not in description.elements:
            yield description.flaw(document, part, f"there is no global element {readable(name)}")


@_rule("BP R2209", "Every part of a message is bound.", "Bind it to the body or to a header")
def every_part_is_bound(description: Description) -> Iterator[Flaw]:
    for document, body, parts in description.bodies():
        if body.get("parts") is None:
            continue
        beside = body.itersiblings(), body.itersiblings(preceding=True)
        bound = {*body.get("parts", "").split(), *(each.get("part") for side in beside for each in side)}
        for part in parts:
            if part.get("name") not in bound:
                yield description.flaw(document, body, f"the part {part.get('name')} is bound to nothing")


@_rule("BP R2210", "The message of a document/literal body without parts has at most one part.", "Leave one part")
def message_has_one_part(description: Description) -> Iterator[Flaw]:
    for document, body, parts in description.bodies():
        if body.get("parts") is None and len(parts) > 1:
            yield description.flaw(document, body, f"the message has {len(parts)} parts")


@_rule("BP R2303", "Operations are one-way or request/response.", "Begin with an input; let the partner offer the rest")
def operations_begin_with_input(description: Description) -> Iterator[Flaw]:
    path = "wsdl:portType/wsdl:operation[*[self::wsdl:input or self::wsdl:output][1][self::wsdl:output]]"
    return description.at(path, "the operation {name} begins with its output")


@_rule("BP R2304", "The operations of a port type have different names.", "Rename one")
def operation_names_differ(description: Description) -> Iterator[Flaw]:
    path = "wsdl:portType/wsdl:operation[@name = preceding-sibling::wsdl:operation/@name]"
    return description.at(path, "the operation {name} is declared twice")


@_rule("BP R2306", "A part has an element or a type, not both.", "Keep element")
def part_has_element_or_type(description: Description) -> Iterator[Flaw]:
    return description.at("wsdl:message/wsdl:part[@element][@type]", "the part {name} has both")
