"""What this project asks of its own files beyond the standards: both SOAP versions, actions, faults, policy."""

from __future__ import annotations

from collections.abc import Iterator

from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.findings import Flaw, RuleBook, select
from ccms_ws.contract.namespaces import WSAM, WSU, q
from ccms_ws.contract.qnames import qualified
from tools.lint_contract.schema_file import SchemaFile

PROJECT_SCHEMAS: RuleBook[SchemaFile] = RuleBook()
PROJECT_RULES: RuleBook[Description] = RuleBook()
PROJECT_PUBLISHED: RuleBook[Description] = RuleBook()
_ACTION = q(WSAM, "Action")
_MESSAGES = "wsdl:portType/wsdl:operation/*[self::wsdl:input or self::wsdl:output or self::wsdl:fault]"


@PROJECT_SCHEMAS.rule("design 3", "Elements are qualified by default.", "Add elementFormDefault='qualified'")
def elements_are_qualified(schema: SchemaFile) -> Iterator[Flaw]:
    """Every element is a reference to a qualified one; PHP and node's soap look at the default all the same."""
    return schema.at("/xs:schema[not(@elementFormDefault = 'qualified')]", "elements are not qualified by default")


@PROJECT_RULES.rule("design 3", "Every message has a wsam:Action.", "Add wsam:Action")
def messages_have_actions(description: Description) -> Iterator[Flaw]:
    return description.at(f"{_MESSAGES}[not(@wsam:Action)]", "the message {name} has no wsam:Action")


@PROJECT_RULES.rule(
    "design 3", "The action is the default action of WS-Addressing Metadata 4.4.4.", "Use the default action"
)
def actions_are_default_actions(description: Description) -> Iterator[Flaw]:
    for document, element in description.everywhere(f"{_MESSAGES}[@wsam:Action]"):
        operation = element.getparent()
        port_type = None if operation is None else operation.getparent()
        definitions = None if port_type is None else port_type.getparent()
        if operation is None or port_type is None or definitions is None:
            continue
        target, name = definitions.get("targetNamespace", ""), element.get("name", "")
        names = [operation.get("name", ""), "Fault", name] if element.tag.endswith("}fault") else [name]
        delimiter = ":" if target.startswith("urn:") else "/"
        default = delimiter.join([target.removesuffix(delimiter), port_type.get("name", ""), *names])
        if element.get(_ACTION) != default:
            yield description.flaw(document, element, f"the default action is {default}")


@PROJECT_RULES.rule("design 3", "The soapAction of an operation is the action of its input.", "Use the same URI")
def soap_action_is_action(description: Description) -> Iterator[Flaw]:
    for document, binding in description.everywhere("wsdl:binding"):
        port_type = description.port_types.get(qualified(binding, "type"))
        actions = {
            operation.get("name"): select(operation, "wsdl:input")[0].get(_ACTION)
            for operation in ([] if port_type is None else select(port_type, "wsdl:operation[wsdl:input]"))
        }
        for bound in select(binding, "wsdl:operation/soap:operation | wsdl:operation/soap12:operation"):
            parent = bound.getparent()
            name = None if parent is None else parent.get("name")
            if name in actions and bound.get("soapAction") != actions[name]:
                yield description.flaw(document, bound, f"the soapAction of {name} is not its action")


@PROJECT_RULES.rule("BP R2740", "Every declared fault is bound.", "Add a wsdl:fault with a soap:fault to the binding")
def faults_are_bound(description: Description) -> Iterator[Flaw]:
    for document, binding in description.everywhere("wsdl:binding"):
        port_type = description.port_types.get(qualified(binding, "type"))
        for declared in [] if port_type is None else select(port_type, "wsdl:operation/wsdl:fault"):
            operation = declared.getparent()
            path = "wsdl:operation[@name = '{}']/wsdl:fault[@name = '{}'][soap:fault or soap12:fault]"
            where = path.format("" if operation is None else operation.get("name"), declared.get("name"))
            if not select(binding, where):
                yield description.flaw(document, binding, f"the fault {declared.get('name')} is not bound")


@PROJECT_RULES.rule(
    "design 3", "A service has a port for SOAP 1.1 and one for SOAP 1.2.", "Add the other binding and port"
)
def both_soap_versions(description: Description) -> Iterator[Flaw]:
    for document, service in description.everywhere("wsdl:service"):
        for prefix in ("soap", "soap12"):
            if not select(service, f"wsdl:port/{prefix}:address"):
                yield description.flaw(document, service, f"there is no {prefix}:address")


# -- the court's own services ------------------------------------------------------------------------------------------
@PROJECT_PUBLISHED.rule("design 3", "Messages and operations lie apart from address and policy.", "Move them")
def abstract_and_concrete_lie_apart(description: Description) -> Iterator[Flaw]:
    for document, service in description.everywhere("wsdl:service"):
        if document.root is not None and select(document.root, "wsdl:message | wsdl:portType"):
            yield description.flaw(document, service, "the service lies in one file with its messages")


@PROJECT_PUBLISHED.rule("design 3", "Every binding refers to a policy of its file.", "Add wsp:PolicyReference")
def bindings_have_policy(description: Description) -> Iterator[Flaw]:
    for document, binding in description.everywhere("wsdl:binding"):
        policies = [] if document.root is None else select(document.root, "wsp:Policy")
        known = {f"#{policy.get(q(WSU, 'Id'))}" for policy in policies}
        if not {reference.get("URI") for reference in select(binding, "wsp:PolicyReference")} & known:
            yield description.flaw(document, binding, f"the binding {binding.get('name')} has no policy")
