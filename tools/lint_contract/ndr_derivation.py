"""NIEM Naming and Design Rules 1.3 for extension schemas: namespaces, imports, what types are made from, appinfo."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.etree import _Element

from ccms_ws.contract.lint.documents import Q_SCHEMA
from ccms_ws.contract.lint.findings import Flaw, RuleBook, flaw, named, select
from ccms_ws.contract.namespaces import APPINFO, STRUCTURES, XSD, q
from ccms_ws.contract.qnames import qualified, readable
from tools.lint_contract.schema_file import SchemaFile

NDR_DERIVATION: RuleBook[SchemaFile] = RuleBook()
_rule = NDR_DERIVATION.rule
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
_ATTRIBUTES = q(STRUCTURES, "SimpleObjectAttributeGroup")
_IMPORTS = "NDR 6-39..6-45"
_APPINFO = "NDR 7-15, 7-17..7-20"


@_rule("NDR 6-35", "A schema has a target namespace.", "Add targetNamespace")
def has_target_namespace(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("/xs:schema[not(@targetNamespace)]", "there is no targetNamespace")


@_rule("NDR 6-36", "The target namespace is an absolute URI.", "Use an absolute URI that you own")
def target_namespace_is_absolute(schema: SchemaFile) -> Iterator[Flaw]:
    if "targetNamespace" in schema.root.attrib and not _ABSOLUTE.fullmatch(schema.target):
        yield flaw(schema.root, f"targetNamespace {schema.target!r} is not absolute")


@_rule("NDR 6-37", "A schema says its version.", "Add version")
def has_version(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("/xs:schema[not(@version)]", "there is no version")


@_rule("NDR 6-38", "The version is not empty.", "Say the version")
def version_is_not_empty(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("/xs:schema[@version][normalize-space(@version) = '']", "the version is empty")


@_rule(_IMPORTS, "An import names its namespace.", "Add namespace")
def import_has_namespace(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:import[not(normalize-space(@namespace))]", "the import names no namespace")


@_rule(_IMPORTS, "An import says where the schema lies.", "Add schemaLocation")
def import_has_location(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:import[not(normalize-space(@schemaLocation))]", "the import names no schemaLocation")


@_rule(_IMPORTS, "An import leads to a schema of its namespace.", "Correct schemaLocation or namespace")
def import_leads_to_schema(schema: SchemaFile) -> Iterator[Flaw]:
    document = schema.closure.documents[schema.path.resolve()]
    for element in select(schema.root, "/xs:schema/xs:import[normalize-space(@schemaLocation)]"):
        found = schema.closure.target(document, element)
        root = None if found is None else found.root
        if root is None or root.tag != Q_SCHEMA:
            yield flaw(element, f"there is no schema at {element.get('schemaLocation')}")
        elif root.get("targetNamespace") != element.get("namespace"):
            yield flaw(element, f"{element.get('schemaLocation')} is of namespace {root.get('targetNamespace')}")


@_rule(_IMPORTS, "Every namespace in use is imported.", "Import it")
def used_namespaces_are_imported(schema: SchemaFile) -> Iterator[Flaw]:
    known = {element.get("namespace") for element in select(schema.root, "/xs:schema/xs:import")}
    known |= {schema.target, XSD, "", None}
    for element in select(schema.root, "//xs:*[@ref or @type or @base or @substitutionGroup]"):
        for attribute in ("ref", "type", "base", "substitutionGroup"):
            namespace = qualified(element, attribute)[1:].partition("}")[0] if element.get(attribute) else None
            if namespace not in known:
                yield flaw(element, f"{element.get(attribute)} is of a namespace that is not imported")


# -- what types are made from ------------------------------------------------------------------------------------------
@_rule("NDR 6-52", "A complex type has simple or complex content.", "Extend s:ComplexObjectType or a NIEM type")
def type_has_content(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at("//xs:complexType[not(xs:simpleContent or xs:complexContent)]", "the type extends nothing")


@_rule("NDR 6-54", "Simple content on a simple type adds NIEM's attributes.", "Add s:SimpleObjectAttributeGroup")
def simple_content_has_attributes(schema: SchemaFile) -> Iterator[Flaw]:
    for element in select(schema.root, "//xs:simpleContent/xs:extension[@base]"):
        groups = {qualified(group, "ref") for group in select(element, "xs:attributeGroup[@ref]")}
        if schema.is_simple(qualified(element, "base")) and _ATTRIBUTES not in groups:
            yield flaw(element, f"the extension of {element.get('base')} lacks s:SimpleObjectAttributeGroup")


@_rule("NDR 6-58, 6-59", "No other attribute group is used or declared.", "Refer to the attributes one by one")
def no_other_attribute_groups(schema: SchemaFile) -> Iterator[Flaw]:
    for element in select(schema.root, "//xs:attributeGroup"):
        if not element.get("ref") or qualified(element, "ref") != _ATTRIBUTES:
            yield flaw(element, f"the attribute group {element.get('ref') or element.get('name')} is used")


@_rule("NDR 6-56, 6-57", "Complex content is made from an object of NIEM.", "Extend s:ComplexObjectType or a NIEM type")
def complex_content_has_niem_base(schema: SchemaFile) -> Iterator[Flaw]:
    for element in select(schema.root, "//xs:complexContent/*[@base]"):
        base = qualified(element, "base")
        namespace = base[1:].partition("}")[0]
        if namespace != STRUCTURES and namespace not in _conformant(schema):
            yield flaw(element, f"the base {element.get('base')} is no NIEM type")


def _conformant(schema: SchemaFile) -> set[str]:
    says = "xs:annotation/xs:appinfo/i:ConformantIndicator[normalize-space() = 'true']"
    return {root.get("targetNamespace", "") for root in schema.schemas if select(root, says)} | {schema.target}


@_rule("NDR 7-38", "An element is introduced once in a chain of types.", "Remove it from the derived type")
def element_introduced_once(schema: SchemaFile) -> Iterator[Flaw]:
    for kind in select(schema.root, "/xs:schema/xs:complexType[xs:complexContent/xs:extension]"):
        _, *above = schema.ancestry(q(schema.target, kind.get("name", "")))
        known = {qualified(element, "ref") for other in above for element in select(other, ".//xs:element[@ref]")}
        own = set[str]()
        for element in select(kind, ".//xs:element[@ref]"):
            name = qualified(element, "ref")
            if name in known or name in own:
                yield flaw(element, f"{readable(name)} is in {kind.get('name')} twice")
            own.add(name)


# -- appinfo -----------------------------------------------------------------------------------------------------------
@_rule(_APPINFO, "The schema imports NIEM's appinfo.", f"Import {APPINFO}")
def appinfo_is_imported(schema: SchemaFile) -> Iterator[Flaw]:
    return schema.at(f"/xs:schema[not(xs:import[@namespace = '{APPINFO}'])]", "appinfo is not imported")


@_rule(_APPINFO, "The schema says that it conforms.", "Add i:ConformantIndicator with the value true")
def says_that_it_conforms(schema: SchemaFile) -> Iterator[Flaw]:
    says = "xs:annotation/xs:appinfo/i:ConformantIndicator[normalize-space() = 'true']"
    return schema.at(f"/xs:schema[not({says})]", "it does not say that it conforms")


@_rule(_APPINFO, "A complex type says what it is based on.", "Add i:Base with the name of its base")
def says_its_base(schema: SchemaFile) -> Iterator[Flaw]:
    for kind in select(schema.root, "/xs:schema/xs:complexType[*/*/@base]"):
        said = select(kind, "xs:annotation/xs:appinfo/i:Base")
        expected = _base(schema, select(kind, "xs:simpleContent/* | xs:complexContent/*")[0])
        if not said:
            yield flaw(kind, f"{named(kind)} does not say its base")
        elif q(said[0].get(q(APPINFO, "namespace")) or schema.target, said[0].get(q(APPINFO, "name"), "")) != expected:
            yield flaw(said[0], f"{named(kind)} is based on {readable(expected)}")


def _base(schema: SchemaFile, derivation: _Element) -> str:
    """The component that a type is based on: what NIEM's structures and bare simple types make is an s:Object."""
    base = qualified(derivation, "base")
    return q(STRUCTURES, "Object") if base.startswith(f"{{{STRUCTURES}}}") or schema.is_simple(base) else base
