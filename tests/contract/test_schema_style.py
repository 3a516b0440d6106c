"""The extension and exchange schemas keep the NIEM Naming and Design Rules 1.3 that a reader would miss first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml.etree import _Element

from ccms_ws.contract import catalog

XS = "{http://www.w3.org/2001/XMLSchema}"
OURS = ["extension.xsd", *(f"exchange/{path.name}" for path in sorted((catalog.folder("xsd") / "exchange").iterdir()))]
ALL = [path.relative_to(catalog.folder("xsd")).as_posix() for path in sorted(catalog.folder("xsd").rglob("*.xsd"))]
BANNED = ("notation", "include", "redefine", "group", "all", "unique", "key", "keyref", "anyAttribute", "any", "union")
TERMS = ("Amount", "Code", "Date", "DateTime", "ID", "Indicator", "Name", "Quantity", "Text")
OPENINGS = {
    "Amount": "An amount",
    "Code": "A",
    "Date": "A date",
    "DateTime": "A date and time",
    "ID": "An identifier",
    "Indicator": "True if ",
    "Name": "A name",
    "Quantity": "A count",
    "Text": "A",
}


def schema(name: str) -> _Element:
    return catalog.parse(catalog.xsd_path(name))


def documentation(component: _Element) -> str:
    return " ".join((component.findtext(f"{XS}annotation/{XS}documentation") or "").split())


@pytest.mark.parametrize("name", ALL)
def test_every_component_and_code_is_documented(name: str) -> None:
    root = schema(name)
    kinds = [f"{XS}{kind}" for kind in ("element", "attribute", "complexType", "simpleType", "attributeGroup")]
    for component in (root, *root.iterchildren(*kinds), *root.iter(f"{XS}enumeration")):
        assert documentation(component), component.get("name") or component.get("value")


@pytest.mark.parametrize("name", OURS)
def test_documentation_opens_as_the_rules_say(name: str) -> None:
    for component in schema(name).iterchildren(f"{XS}complexType", f"{XS}simpleType"):
        assert documentation(component).startswith("A data type for "), component.get("name")
    for component in schema(name).iterchildren(f"{XS}element"):
        term = max((term for term in TERMS if (component.get("name") or "").endswith(term)), key=len, default="")
        assert re.match(OPENINGS.get(term, "An? "), documentation(component)), component.get("name")
        if term == "Indicator":
            assert "; false otherwise." in documentation(component), component.get("name")


@pytest.mark.parametrize("name", OURS)
def test_components_are_declared_at_the_top_and_referred_to(name: str) -> None:
    root = schema(name)
    for component in root.iter(f"{XS}element", f"{XS}attribute"):
        assert (component.get("name") is not None) is (component.getparent() is root)
    for component in root.iter(f"{XS}complexType", f"{XS}simpleType"):
        assert component.getparent() is root
    assert not list(root.iter(*(XS + kind for kind in BANNED)))
    for component in root.iter():
        assert not {"mixed", "default", "block", "final"} & set(map(str, component.attrib)), component.tag


@pytest.mark.parametrize("name", OURS)
def test_names_and_types_fit(name: str) -> None:
    root = schema(name)
    for component in root.iterchildren(f"{XS}complexType", f"{XS}simpleType"):
        own = component.get("name") or ""
        codes = component.find(f".//{XS}enumeration") is not None
        if component.tag == f"{XS}simpleType":
            assert own.endswith("CodeSimpleType" if codes else "SimpleType")
        else:
            assert own.endswith("Type")
            assert component.find(f"{XS}simpleContent") is not None or component.find(f"{XS}complexContent") is not None
    for element in root.iterchildren(f"{XS}element"):
        own, kind = element.get("name") or "", element.get("type") or ""
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", own)
        assert not kind.startswith("xs:")
        assert kind.endswith("CodeType") is own.endswith("Code"), own


@pytest.mark.parametrize("name", OURS)
def test_a_schema_says_that_it_conforms_and_imports_what_it_uses(name: str) -> None:
    root = schema(name)
    assert root.get("version") == "1.0"
    indicator = root.find(f"{XS}annotation/{XS}appinfo/{{http://niem.gov/niem/appinfo/2.0}}ConformantIndicator")
    assert indicator is not None
    assert indicator.text == "true"
    imported = {
        element.get("namespace") or "": element.get("schemaLocation") or "" for element in root.iter(f"{XS}import")
    }
    folder = catalog.xsd_path(name).parent
    assert all(Path(folder / location).is_file() for location in imported.values())
    used = set()
    for element in root.iter():
        for attribute in ("ref", "type", "base"):
            prefix = (element.get(attribute) or "").partition(":")[0]
            used.add(element.nsmap.get(prefix) if prefix else None)
    known = {*imported, root.get("targetNamespace"), XS[1:-1], None}
    assert used <= known
