"""WS-I Basic Profile 1.1, 4.2 and 4.3: the files of a description, how they import one another, and their schemas."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.documents import Q_DEFINITIONS, Q_SCHEMA, Document
from ccms_ws.contract.lint.findings import Flaw, RuleBook, select
from ccms_ws.contract.namespaces import WSDL, XSD, q
from ccms_ws.contract.qnames import qualified

BP_DOCUMENTS: RuleBook[Description] = RuleBook()
_rule = BP_DOCUMENTS.rule
Documents = list[tuple[Document, _Element]]
_ENCODINGS = ("utf-8", "utf-16", "utf-16le", "utf-16be")
# The references between components of a WSDL: where they stand, in which attribute, and what they name.
_REFERENCES = (
    ("wsdl:portType/wsdl:operation/*", "message", "messages"),
    ("wsdl:binding", "type", "port_types"),
    ("wsdl:service/wsdl:port", "binding", "bindings"),
)


@_rule("BP R2001", "wsdl:import imports WSDL only.", "Import schemas with xs:import in wsdl:types")
def wsdl_import_leads_to_wsdl(description: Description) -> Iterator[Flaw]:
    for document, element in description.everywhere("wsdl:import"):
        found = description.closure.target(document, element)
        if found is not None and (found.root is None or found.root.tag != Q_DEFINITIONS):
            yield description.flaw(document, element, f"{element.get('location')} is no WSDL")


@_rule("BP R2002", "A schema is imported with xs:import.", "Import it with xs:import in wsdl:types")
def schema_is_not_imported_by_wsdl_import(description: Description) -> Iterator[Flaw]:
    for document, element in description.everywhere("wsdl:import"):
        found = description.closure.target(document, element)
        if found is not None and found.root is not None and found.root.tag == Q_SCHEMA:
            yield description.flaw(document, element, f"wsdl:import is used for the schema {element.get('location')}")


@_rule("BP R2003", "xs:import stands in an xs:schema of wsdl:types only.", "Move it into wsdl:types/xs:schema")
def xs_import_stands_in_types(description: Description) -> Iterator[Flaw]:
    return description.at("//xs:import[not(parent::xs:schema/parent::wsdl:types)]", "xs:import stands elsewhere")


@_rule("BP R2004", "xs:import leads to a schema.", "Correct schemaLocation")
def xs_import_leads_to_schema(description: Description) -> Iterator[Flaw]:
    for document, schema in description.schemas:
        for element in select(schema, "xs:import[@schemaLocation]"):
            found = description.closure.target(document, element)
            if found is None or found.root is None or found.root.tag != Q_SCHEMA:
                yield description.flaw(document, element, f"there is no schema at {element.get('schemaLocation')}")


@_rule("BP R2005", "wsdl:import names the target namespace of the WSDL that it imports.", "Correct namespace")
def wsdl_import_names_target_namespace(description: Description) -> Iterator[Flaw]:
    for document, element in description.everywhere("wsdl:import"):
        found = description.closure.target(document, element)
        if found is not None and found.root is not None and found.root.tag == Q_DEFINITIONS:
            target = found.root.get("targetNamespace")
            if target != element.get("namespace"):
                yield description.flaw(document, element, f"{element.get('location')} is of namespace {target}")


@_rule("BP R2007", "wsdl:import has a location.", "Add location")
def wsdl_import_has_location(description: Description) -> Iterator[Flaw]:
    return description.at("wsdl:import[not(normalize-space(@location))]", "wsdl:import has no location")


@_rule("BP R2007", "What a location names is there.", "Put the file there, or correct the location")
def references_resolve(description: Description) -> Iterator[Flaw]:
    for path, element, location in description.closure.unresolved:
        if element.tag == q(WSDL, "import"):
            document = description.closure.documents[path]
            where = "on the network" if ":" in location else "not there"
            yield description.flaw(document, element, f"{location} is {where}")


@_rule("BP R2803", "The namespace of a wsdl:import is not relative.", "Use the absolute namespace of the WSDL")
def wsdl_import_namespace_is_absolute(description: Description) -> Iterator[Flaw]:
    return description.at("wsdl:import[@namespace][not(contains(@namespace, ':'))]", "the namespace is relative")


@_rule("BP R2022", "wsdl:import comes first.", "Move it before every other WSDL element but documentation")
def imports_come_first(description: Description) -> Iterator[Flaw]:
    others = "preceding-sibling::wsdl:*[not(self::wsdl:import or self::wsdl:documentation)]"
    return description.at(f"wsdl:import[{others}]", "wsdl:import comes too late")


@_rule("BP R2023", "wsdl:types comes next.", "Move it before every other WSDL element but documentation and import")
def types_come_next(description: Description) -> Iterator[Flaw]:
    others = "preceding-sibling::wsdl:*[not(self::wsdl:import or self::wsdl:documentation)]"
    return description.at(f"wsdl:types[{others}]", "wsdl:types comes too late")


@_rule("BP R2101", "A reference to a WSDL component names one that is declared or imported.", "Correct the name")
def wsdl_references_lead_somewhere(description: Description) -> Iterator[Flaw]:
    for path, attribute, kind in _REFERENCES:
        for document, element in description.everywhere(f"{path}[@{attribute}]"):
            if qualified(element, attribute) not in getattr(description, kind):
                yield description.flaw(document, element, f"{attribute} {element.get(attribute)} is not declared")


@_rule(
    "BP R2102", "A reference to a schema component is of a namespace that wsdl:types declares or imports.", "Import it"
)
def schema_references_are_imported(description: Description) -> Iterator[Flaw]:
    for document, root in description.wsdls:
        known = {schema.get("targetNamespace") for schema in select(root, "wsdl:types/xs:schema")}
        known |= {element.get("namespace") for element in select(root, "wsdl:types/xs:schema/xs:import")} | {XSD}
        for part in select(root, "wsdl:message/wsdl:part[@element or @type]"):
            attribute = "element" if part.get("element") else "type"
            if qualified(part, attribute)[1:].partition("}")[0] not in known:
                yield description.flaw(document, part, f"{part.get(attribute)} is of a namespace that is not imported")


@_rule("BP R2105", "A schema in wsdl:types has a target namespace, unless it only imports.", "Add targetNamespace")
def schemas_have_target_namespace(description: Description) -> Iterator[Flaw]:
    declares = "*[not(self::xs:import or self::xs:annotation)]"
    path = f"wsdl:types/xs:schema[not(normalize-space(@targetNamespace))][{declares}]"
    return description.at(path, "the schema has no targetNamespace")


@_rule("BP R2801", "Types are declared in XML Schema 1.0.", "Declare them in XML Schema")
def types_are_xml_schema(description: Description) -> Iterator[Flaw]:
    return description.at(
        "wsdl:types/*[not(self::xs:schema or self::wsdl:documentation)]", "wsdl:types holds no XML Schema"
    )


# -- bytes -------------------------------------------------------------------------------------------------------------
@_rule("BP R4003", "A WSDL is encoded in UTF-8 or UTF-16.", "Write it in UTF-8")
def wsdl_is_utf(description: Description) -> Iterator[Flaw]:
    return _encodings(description, description.wsdls)


@_rule("BP R4004", "A WSDL is XML 1.0.", "Declare version 1.0")
def wsdl_is_xml_1_0(description: Description) -> Iterator[Flaw]:
    return _versions(description, description.wsdls)


@_rule("BP R2010", "An imported schema is encoded in UTF-8 or UTF-16.", "Write it in UTF-8")
def schema_is_utf(description: Description) -> Iterator[Flaw]:
    return _encodings(description, _files(description))


@_rule("BP R2011", "An imported schema is XML 1.0.", "Declare version 1.0")
def schema_is_xml_1_0(description: Description) -> Iterator[Flaw]:
    return _versions(description, _files(description))


def _files(description: Description) -> Documents:
    return [(document, schema) for document, schema in description.schemas if schema is document.root]


def _encodings(description: Description, documents: Documents) -> Iterator[Flaw]:
    for document, _ in documents:
        if document.encoding not in _ENCODINGS:
            yield Flaw(1, f"it is encoded in {document.encoding}", description.name(document))


def _versions(description: Description, documents: Documents) -> Iterator[Flaw]:
    for document, _ in documents:
        if document.version != "1.0":
            yield Flaw(1, f"it is XML {document.version}", description.name(document))
