"""WS-I Basic Profile 1.1, 4.6 and 4.7: bindings. What it says of the SOAP 1.1 binding is asked of SOAP 1.2 as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.findings import Flaw, RuleBook, select
from ccms_ws.contract.namespaces import SOAP_HTTP_TRANSPORT
from ccms_ws.contract.qnames import qualified, readable

BP_BINDINGS: RuleBook[Description] = RuleBook()
_rule = BP_BINDINGS.rule
_SOAP = "*[self::soap:binding or self::soap12:binding]"


@_rule("BP R2401", "A binding is a SOAP binding.", "Add soap:binding or soap12:binding")
def binding_is_soap(description: Description) -> Iterator[Flaw]:
    return description.at(f"wsdl:binding[not({_SOAP})]", "the binding {name} is no SOAP binding")


@_rule("BP R2701", "A SOAP binding names its transport.", "Add transport")
def binding_names_transport(description: Description) -> Iterator[Flaw]:
    return description.at(f"wsdl:binding/{_SOAP}[not(@transport)]", "the binding names no transport")


@_rule("BP R2702", "The transport is HTTP.", f"Use {SOAP_HTTP_TRANSPORT}")
def transport_is_http(description: Description) -> Iterator[Flaw]:
    path = f"wsdl:binding/{_SOAP}[@transport][@transport != '{SOAP_HTTP_TRANSPORT}']"
    return description.at(path, "the transport is another one")


@_rule("BP R2705", "All operations of a binding are document/literal.", "Use style='document' throughout")
def style_is_document(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("binding", "operation"):
        if element.get("style", "document") != "document":
            yield description.flaw(document, element, f"the style is {element.get('style')}")


@_rule("BP R2706", "Everything that is bound is literal.", "Use use='literal'")
def use_is_literal(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("body", "header", "headerfault"):
        if element.get("use", "literal") != "literal":
            yield description.flaw(document, element, f"the use is {element.get('use')}")


@_rule("BP R2723", "The use of a soap:fault, if given, is literal.", "Use use='literal'")
def fault_use_is_literal(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("fault"):
        if element.get("use", "literal") != "literal":
            yield description.flaw(document, element, f"the use is {element.get('use')}")


@_rule("BP R2710", "The operations of a binding are told apart by their Body.", "Give each its own element")
def bodies_differ(description: Description) -> Iterator[Flaw]:
    for document, binding in description.everywhere("wsdl:binding"):
        inputs = []
        for operation in select(binding, "wsdl:operation"):
            parts = description.parts_of(binding, operation, "input")
            if parts is not None:
                inputs.append(qualified(parts[0], "element") if parts else "")
        for name, count in Counter(inputs).items():
            if count > 1:
                what = readable(name) if name else "an empty Body"
                yield description.flaw(document, binding, f"{count} operations begin with {what}")


@_rule("BP R2716", "A document/literal binding names no namespace on what it binds.", "Remove namespace")
def no_namespace_attribute(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("body", "header", "headerfault", "fault"):
        if element.get("namespace") is not None:
            yield description.flaw(document, element, "a namespace is named")


@_rule("BP R2718", "A binding has the operations of its port type.", "Bind the same operations")
def operations_agree(description: Description) -> Iterator[Flaw]:
    for document, binding in description.everywhere("wsdl:binding"):
        port_type = description.port_types.get(qualified(binding, "type"))
        if port_type is None:
            continue
        bound, declared = (
            {operation.get("name") for operation in select(element, "wsdl:operation")}
            for element in (binding, port_type)
        )
        for name in sorted(filter(None, bound ^ declared)):
            yield description.flaw(document, binding, f"{name} is {'only bound' if name in bound else 'not bound'}")


@_rule("BP R2720", "Headers name their part with the attribute part.", "Add part")
def headers_name_part(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("header", "headerfault"):
        if not element.get("part"):
            yield description.flaw(document, element, "no part is named")


@_rule("BP R2749", "Headers do not use the attribute parts.", "Use part")
def headers_name_no_parts(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("header", "headerfault"):
        if element.get("parts") is not None:
            yield description.flaw(document, element, "parts is used")


@_rule("BP R2721", "A soap:fault has a name.", "Add the name of the wsdl:fault")
def soap_faults_have_names(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("fault"):
        if not element.get("name"):
            yield description.flaw(document, element, "the soap:fault has no name")


@_rule("BP R2754", "A soap:fault has the name of its wsdl:fault.", "Use the same name")
def soap_fault_names_agree(description: Description) -> Iterator[Flaw]:
    for document, element in description.extensions("fault"):
        parent = element.getparent()
        if element.get("name") and parent is not None and parent.get("name") != element.get("name"):
            yield description.flaw(document, element, f"{element.get('name')} stands in {parent.get('name')}")
