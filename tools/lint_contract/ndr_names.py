"""NIEM Naming and Design Rules 1.3, chapters 7 and 9, for extension schemas: documentation and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.lint.findings import Flaw, RuleBook, flaw, named, select
from ccms_ws.contract.namespaces import STRUCTURES, XSD, q
from ccms_ws.contract.qnames import qualified
from tools.lint_contract.schema_file import SchemaFile

NDR_NAMES: RuleBook[SchemaFile] = RuleBook()
_rule = NDR_NAMES.rule
_DOCUMENTED = "NDR 7-4..7-9"

# A representation term, and how the documentation of an element that ends in it begins.
TERMS: Final = {
    "Amount": "An amount ",
    "BinaryObject": "A binary encoding ",
    "Code": "An? ",
    "Date": "A date ",
    "DateTime": "A date and time ",
    "ID": "An identifier ",
    "Indicator": r"True if .+; false otherwise\.",
    "Measure": "A measure(ment)? ",
    "Name": "A name ",
    "Numeric": "A number ",
    "Percent": "A percent(age)? ",
    "Quantity": "A (count|quantity) ",
    "Rate": "A rate ",
    "Text": "An? ",
    "Time": "A time ",
    "URI": "A URI ",
    "Value": "A value ",
}


def documentation(component: _Element) -> str:
    """What an annotation says, on one line."""
    return " ".join((component.findtext(f"{q(XSD, 'annotation')}/{q(XSD, 'documentation')}") or "").split())


@_rule(_DOCUMENTED, "A schema says what it is for.", "Document it")
def schema_is_documented(schema: SchemaFile) -> Iterator[Flaw]:
    return _undocumented(schema, "/xs:schema")


@_rule(_DOCUMENTED, "Every type is documented.", "Document it")
def types_are_documented(schema: SchemaFile) -> Iterator[Flaw]:
    return _undocumented(schema, "/xs:schema/xs:complexType | /xs:schema/xs:simpleType")


@_rule(_DOCUMENTED, "Every element is documented.", "Document it")
def elements_are_documented(schema: SchemaFile) -> Iterator[Flaw]:
    return _undocumented(schema, "/xs:schema/xs:element")


@_rule(_DOCUMENTED, "Every attribute is documented.", "Document it")
def attributes_are_documented(schema: SchemaFile) -> Iterator[Flaw]:
    return _undocumented(schema, "/xs:schema/xs:attribute")


@_rule(_DOCUMENTED, "Every code is documented.", "Say what it means")
def codes_are_documented(schema: SchemaFile) -> Iterator[Flaw]:
    return _undocumented(schema, "//xs:enumeration")


def _undocumented(schema: SchemaFile, path: str) -> Iterator[Flaw]:
    for component in select(schema.root, path):
        if not documentation(component):
            yield flaw(component, f"{named(component)} has no documentation")


@_rule("NDR 7-14", "A type is documented as 'A data type for ...'.", "Begin with 'A data type for '")
def types_open_as_data_types(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:complexType | /xs:schema/xs:simpleType"):
        said = documentation(component)
        if said and not said.startswith("A data type for "):
            yield flaw(component, f"the documentation of {named(component)} begins '{said[:30]}'")


@_rule("NDR 7-14", "An element is documented in the phrase of its representation term.", "Begin with that phrase")
def elements_open_as_their_terms(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:element"):
        said, term = documentation(component), _term(component.get("name", ""))
        if said and not re.match(TERMS.get(term, "An? "), said):
            yield flaw(component, f"the documentation of {named(component)} begins '{said[:30]}'")


# -- names -------------------------------------------------------------------------------------------------------------
@_rule("NDR 9-3..9-7", "A name has letters, digits and hyphens; elements and types begin with a capital.", "Rename it")
def names_begin_with_capital(schema: SchemaFile) -> Iterator[Flaw]:
    kinds = "*[self::xs:element or self::xs:complexType or self::xs:simpleType]"
    for component in select(schema.root, f"/xs:schema/{kinds}"):
        if not re.fullmatch(r"[A-Z][A-Za-z0-9\-]*", component.get("name", "")):
            yield flaw(component, f"{named(component)} is not in upper camel case")


@_rule("NDR 9-3..9-7", "A name has letters, digits and hyphens; attributes begin with a small letter.", "Rename it")
def attribute_names_begin_small(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:attribute"):
        if not re.fullmatch(r"[a-z][A-Za-z0-9\-]*", component.get("name", "")):
            yield flaw(component, f"{named(component)} is not in lower camel case")


@_rule("NDR 9-23..9-26", "The name of a complex type ends in Type.", "Rename it")
def complex_types_end_in_type(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:complexType"):
        name = component.get("name", "")
        if not name.endswith("Type") or name.endswith("SimpleType"):
            yield flaw(component, f"{named(component)} does not end in Type")


@_rule("NDR 9-23..9-26", "The name of a simple type ends in SimpleType.", "Rename it")
def simple_types_end_in_simple_type(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:simpleType"):
        if not component.get("name", "").endswith("SimpleType"):
            yield flaw(component, f"{named(component)} does not end in SimpleType")


@_rule("NDR 9-23..9-26", "A list of codes ends in CodeSimpleType, its type in CodeType.", "Rename it")
def code_types_end_in_code_type(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:complexType | /xs:schema/xs:simpleType"):
        name = component.get("name", "")
        end = "CodeType" if component.tag == q(XSD, "complexType") else "CodeSimpleType"
        if _is_list(schema, q(schema.target, name)) is not name.endswith(end):
            yield flaw(component, f"{named(component)} {'does not end' if not name.endswith(end) else 'ends'} in {end}")


@_rule(
    "NDR 9-19..9-22", "An element with simple content ends in a representation term.", f"Use one of {', '.join(TERMS)}"
)
def simple_elements_end_in_term(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:element[@type]"):
        if schema.has_simple_content(qualified(component, "type")) and not _term(component.get("name", "")):
            yield flaw(component, f"{named(component)} ends in no representation term")


@_rule("NDR 9-19..9-22", "An element ends in Code if its values are a closed list.", "Name it ...Code, or ...CodeText")
def code_elements_have_lists(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:element[@type]"):
        listed = _is_list(schema, qualified(component, "type"))
        if listed is not component.get("name", "").endswith("Code"):
            yield flaw(component, f"{named(component)} has {'a' if listed else 'no'} list of codes")


@_rule("NDR practice", "An element's type is a complex type.", "Wrap the simple type: niem-xsd has one for each")
def elements_are_of_complex_types(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:element[@type]"):
        if schema.is_simple(qualified(component, "type")):
            yield flaw(component, f"{named(component)} is of the simple type {component.get('type')}")


@_rule("NDR 7-42, 7-57, 9-31", "References, and nothing else, end in Reference.", "Rename it, or use s:ReferenceType")
def references_end_in_reference(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:element[@type]"):
        refers = qualified(component, "type") == q(STRUCTURES, "ReferenceType")
        if refers is not component.get("name", "").endswith("Reference"):
            yield flaw(component, f"{named(component)} is {'a' if refers else 'no'} reference")


@_rule(
    "NDR 7-47, 7-48, 9-28, 9-33", "Augmentations, and nothing else, end in Augmentation.", "Substitute s:Augmentation"
)
def augmentations_end_in_augmentation(schema: SchemaFile) -> Iterator[Flaw]:
    for component in select(schema.root, "/xs:schema/xs:element"):
        group = qualified(component, "substitutionGroup") if component.get("substitutionGroup") else ""
        augments = group == q(STRUCTURES, "Augmentation")
        if augments is not component.get("name", "").endswith("Augmentation"):
            yield flaw(component, f"{named(component)} is {'an' if augments else 'no'} augmentation")


def _term(name: str) -> str:
    """The representation term that a name ends in; "" for none."""
    return max((term for term in TERMS if name.endswith(term)), key=len, default="")


def _is_list(schema: SchemaFile, name: str) -> bool:
    return any(select(declared, ".//xs:enumeration") for declared in schema.ancestry(name))
