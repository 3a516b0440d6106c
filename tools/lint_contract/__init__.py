"""What the project asks of its own contract: NIEM NDR 1.3, WS-I Basic Profile 1.1, and a few demands of its own.

`tools/lint-contract` is the command; the tests of the contract use the functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ccms_ws.contract import catalog
from ccms_ws.contract.lint import BASIC_PROFILE, lint_wsdl
from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.documents import Q_SCHEMA, Document
from ccms_ws.contract.lint.findings import Finding, Rule, RuleBook
from ccms_ws.contract.wsdl import closure_of
from ccms_ws.errors import ContractMissing
from tools.lint_contract.exemptions import EXEMPTIONS
from tools.lint_contract.ndr_derivation import NDR_DERIVATION
from tools.lint_contract.ndr_names import NDR_NAMES
from tools.lint_contract.ndr_structure import NDR_STRUCTURE
from tools.lint_contract.project_rules import PROJECT_PUBLISHED, PROJECT_RULES, PROJECT_SCHEMAS
from tools.lint_contract.schema_file import SchemaFile

__all__ = ["EXEMPTIONS", "RULES", "Finding", "Rule", "lint_contract", "lint_file"]

_NDR = (NDR_STRUCTURE, NDR_DERIVATION, NDR_NAMES)

RULES: tuple[Rule[Any], ...] = tuple(
    rule for book in (*_NDR, *BASIC_PROFILE, PROJECT_SCHEMAS, PROJECT_RULES, PROJECT_PUBLISHED) for rule in book.rules
)


def lint_contract() -> list[Finding]:
    """Every finding in `xsd/extension.xsd`, `xsd/exchange/` and all WSDLs, in the order of files and lines."""
    findings: set[Finding] = set()
    xsd, wsdl = catalog.folder("xsd"), catalog.folder("wsdl")
    shown = {path: f"{folder.name}/{path.relative_to(folder).as_posix()}" for folder in (xsd, wsdl)
             for path in folder.rglob("*") if path.is_file()}  # fmt: skip
    for path in (xsd / "extension.xsd", *sorted((xsd / "exchange").glob("*.xsd"))):
        findings.update(_apply((*_NDR, PROJECT_SCHEMAS), SchemaFile(path, shown[path])))
    for name in _entries():
        ours = (PROJECT_RULES,) if name.startswith("partner/") else (PROJECT_RULES, PROJECT_PUBLISHED)
        findings.update(_apply((*BASIC_PROFILE, *ours), Description(wsdl / name, f"wsdl/{name}", shown)))
    return sorted(findings)


def lint_file(path: Path) -> list[Finding]:
    """Every finding of the two standards in one schema, or in one WSDL with all that it imports.

    Raises ContractMissing if there is no such file, ContractError if it is neither.
    """
    if not path.is_file():
        raise ContractMissing(f"there is no file {path}")
    root = Document.read(path).root
    if root is not None and root.tag == Q_SCHEMA:
        return sorted(set(_apply(_NDR, SchemaFile(path, str(path)))))
    return lint_wsdl(path)


def _entries() -> list[str]:
    """The WSDLs that no other one imports."""
    names = catalog.wsdl_names()
    imported = {path for name in names for path in closure_of(catalog.wsdl_path(name))[1:]}
    return [name for name in names if catalog.wsdl_path(name) not in imported]


def _apply(books: Iterable[RuleBook[Any]], subject: Any) -> Iterator[Finding]:
    for book in books:
        yield from book.findings(subject)
