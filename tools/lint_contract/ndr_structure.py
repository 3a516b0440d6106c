"""NIEM Naming and Design Rules 1.3, chapter 6, for extension schemas: which parts of XML Schema may be used.

Where the rules of a group cannot be told apart from outside the standard, the clause names the group.
"""

from __future__ import annotations

from collections.abc import Iterator

from ccms_ws.contract.lint.findings import Flaw, RuleBook, flaw, named, select
from ccms_ws.contract.namespaces import XSD, q
from ccms_ws.contract.qnames import qualified
from tools.lint_contract.schema_file import SchemaFile

NDR_STRUCTURE: RuleBook[SchemaFile] = RuleBook()
_rule = NDR_STRUCTURE.rule
_TRUE = "(@mixed = 'true' or @mixed = '1')"


@_rule("NDR 6-1", "A complex type has no mixed content.", "Remove mixed; put text into an element of its own")
def no_mixed_type(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at(f"//xs:complexType[{_TRUE}]", "the type has mixed content")


@_rule("NDR 6-2", "Complex content is not mixed.", "Remove mixed; put text into an element of its own")
def no_mixed_content(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at(f"//xs:complexContent[{_TRUE}]", "the complex content is mixed")


@_rule("NDR 6-4", "xs:notation is not used.", "Remove it")
def no_notation(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:notation", "xs:notation is used")


@_rule("NDR 6-5", "xs:include is not used.", "Put the components into one schema, or import another namespace")
def no_include(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:include", "xs:include is used")


@_rule("NDR 6-6", "xs:redefine is not used.", "Derive a type of your own instead")
def no_redefine(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:redefine", "xs:redefine is used")


@_rule("NDR 6-7", "xs:anyType is not used.", "Name the type that is meant")
def no_any_type(schema: SchemaFile) -> Iterator[Flaw]:
    return _uses_of(schema, q(XSD, "anyType"))


@_rule("NDR 6-8", "xs:anySimpleType is not used.", "Name the type that is meant")
def no_any_simple_type(schema: SchemaFile) -> Iterator[Flaw]:
    return _uses_of(schema, q(XSD, "anySimpleType"))


def _uses_of(schema: SchemaFile, name: str) -> Iterator[Flaw]:
    for element in select(schema.root, "//*[@type or @base]"):
        for attribute in ("type", "base"):
            if element.get(attribute) and qualified(element, attribute) == name:
                yield flaw(element, f"{named(element)} is of {element.get(attribute)}")


@_rule("NDR 6-9", "An element without a type is abstract.", "Give it a type, or abstract='true'")
def untyped_element_is_abstract(schema: SchemaFile) -> Iterator[Flaw]:
    path = "//xs:element[@name][not(@type or xs:complexType or xs:simpleType)][not(@abstract = 'true')]"
    return schema.at(path, "the element has no type")


@_rule("NDR 6-10", "An attribute has a type.", "Give it one")
def attribute_has_type(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:attribute[@name][not(@type or xs:simpleType)]", "the attribute has no type")


@_rule("NDR 6-12", "xs:anyAttribute is not used.", "Declare the attributes that may occur")
def no_any_attribute(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:anyAttribute", "any attribute is allowed")


@_rule("NDR 6-13", "Every type is declared at the top of its schema.", "Give it a name, declare it at the top")
def types_at_top(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//*[self::xs:complexType or self::xs:simpleType][not(parent::xs:schema)]", "the type is local")


@_rule("NDR 6-14", "Every element is declared at the top of its schema.", "Declare it at the top, refer with ref")
def elements_at_top(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:element[@name][not(parent::xs:schema)]", "the element is declared locally")


@_rule("NDR 6-15", "Every attribute is declared at the top of its schema.", "Declare it at the top, refer with ref")
def attributes_at_top(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:attribute[@name][not(parent::xs:schema)]", "the attribute is declared locally")


@_rule("NDR 6-16", "xs:unique, xs:key and xs:keyref are not used.", "Check it as a rule of the exchange")
def no_identity_constraints(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:unique | //xs:key | //xs:keyref", "an identity constraint is used")


@_rule("NDR 6-17", "xs:all is not used.", "Use xs:sequence")
def no_all(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:all", "xs:all is used")


@_rule("NDR 6-20", "A sequence holds elements, choices and wildcards.", "Move the particle into a type of its own")
def sequence_children(schema: SchemaFile) -> Iterator[Flaw]:
    allowed = "self::xs:annotation or self::xs:element or self::xs:choice or self::xs:any"
    for element in select(schema.root, f"//xs:sequence/*[not({allowed})]"):
        yield flaw(element, f"{named(element)} stands in a sequence")


@_rule("NDR 6-21", "A choice holds elements.", "Let the alternatives be elements; give a group of them a type")
def choice_children(schema: SchemaFile) -> Iterator[Flaw]:
    for element in select(schema.root, "//xs:choice/*[not(self::xs:annotation or self::xs:element)]"):
        yield flaw(element, f"{named(element)} stands in a choice")


@_rule("NDR 6-23", "xs:group is not used.", "Give the group a type, or write its elements where they are used")
def no_group(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:group", "xs:group is used")


@_rule("NDR 6-24", "A sequence occurs at least once.", "Put minOccurs on its elements")
def sequence_min_occurs(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:sequence[@minOccurs][@minOccurs != '1']", "the sequence has another minOccurs than 1")


@_rule("NDR 6-25", "A sequence occurs at most once.", "Put maxOccurs on its elements")
def sequence_max_occurs(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:sequence[@maxOccurs][@maxOccurs != '1']", "the sequence has another maxOccurs than 1")


@_rule("NDR 6-26..6-28, 6-32", "Nothing is closed to derivation.", "Remove the attribute")
def no_block(schema: SchemaFile) -> Iterator[Flaw]:
    for element in select(schema.root, "//*[@block or @blockDefault]"):
        yield flaw(element, f"{named(element)} blocks derivation")


@_rule("NDR 6-26..6-28, 6-32", "Nothing is declared final.", "Remove the attribute")
def no_final(schema: SchemaFile) -> Iterator[Flaw]:
    for element in select(schema.root, "//*[@final or @finalDefault]"):
        yield flaw(element, f"{named(element)} is final")


@_rule("NDR 6-33", "No element has a default.", "Let the sender write the value")
def no_element_default(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:element[@default]", "the element has a default")


@_rule("NDR 6-34", "No attribute has a default.", "Let the sender write the value")
def no_attribute_default(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:attribute[@default]", "the attribute has a default")
