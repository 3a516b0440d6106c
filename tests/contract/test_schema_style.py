"""Every schema, the NIEM subset included, explains itself. `tools/lint-contract` checks all else in our own."""

from __future__ import annotations

import pytest

from ccms_ws.contract import catalog
from tools.lint_contract.ndr_names import documentation

XS = "{http://www.w3.org/2001/XMLSchema}"
ALL = [path.relative_to(catalog.folder("xsd")).as_posix() for path in sorted(catalog.folder("xsd").rglob("*.xsd"))]


@pytest.mark.parametrize("name", ALL)
def test_every_component_and_code_is_documented(name: str) -> None:
    root = catalog.parse(catalog.xsd_path(name))
    kinds = [f"{XS}{kind}" for kind in ("element", "attribute", "complexType", "simpleType", "attributeGroup")]
    for component in (root, *root.iterchildren(*kinds), *root.iter(f"{XS}enumeration")):
        assert documentation(component), component.get("name") or component.get("value")
