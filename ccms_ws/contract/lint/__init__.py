"""The contract's checker: NIEM NDR 1.3 for extension and exchange schemas, WS-I Basic Profile 1.1 for WSDLs.

`lint_contract` checks the project's own files (with a few demands of its own), `lint_file` any schema or WSDL: a
partner's WSDL is held to the Basic Profile alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ccms_ws.contract import catalog
from ccms_ws.contract.lint.bp_bindings import BP_BINDINGS
from ccms_ws.contract.lint.bp_documents import BP_DOCUMENTS
from ccms_ws.contract.lint.bp_messages import BP_MESSAGES
from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.documents import Document, SchemaFile
from ccms_ws.contract.lint.exemptions import EXEMPTIONS
from ccms_ws.contract.lint.findings import Finding, Rule, RuleBook
from ccms_ws.contract.lint.ndr_derivation import NDR_DERIVATION
from ccms_ws.contract.lint.ndr_names import NDR_NAMES
from ccms_ws.contract.lint.ndr_structure import NDR_STRUCTURE
from ccms_ws.contract.lint.project_rules import PROJECT_PUBLISHED, PROJECT_RULES, PROJECT_SCHEMAS
from ccms_ws.contract.wsdl import closure_of
from ccms_ws.errors import ContractError, ContractMissing

__all__ = ["RULES", "EXEMPTIONS", "Finding", "Rule", "lint_contract", "lint_description", "lint_file"]

_NDR = (NDR_STRUCTURE, NDR_DERIVATION, NDR_NAMES)
_BP = (BP_DOCUMENTS, BP_MESSAGES, BP_BINDINGS)

RULES: tuple[Rule[Any], ...] = tuple(
    rule for book in (*_NDR, *_BP, PROJECT_SCHEMAS, PROJECT_RULES, PROJECT_PUBLISHED) for rule in book.rules
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
        books = (*_BP, PROJECT_RULES) if name.startswith("partner/") else (*_BP, PROJECT_RULES, PROJECT_PUBLISHED)
        findings.update(_apply(books, Description(wsdl / name, f"wsdl/{name}", shown)))
    return sorted(findings)


def lint_file(path: Path) -> list[Finding]:
    """Every finding in one schema, or in one WSDL with all that it imports.

    Raises ContractMissing if there is no such file, ContractError if it is neither.
    """
    if not path.is_file():
        raise ContractMissing(f"there is no file {path}")
    root = Document.read(path).root
    kind = "" if root is None else root.tag.rpartition("}")[2]
    if kind == "schema":
        return sorted(set(_apply(_NDR, SchemaFile(path, str(path)))))
    if kind == "definitions":
        return sorted(set(_apply(_BP, Description(path, str(path)))))
    raise ContractError(f"{path} is neither an XML Schema nor a WSDL 1.1")


def lint_description(description: Description) -> list[Finding]:
    """Every finding of the Basic Profile in a WSDL that was read before."""
    return sorted(set(_apply(_BP, description)))


def _entries() -> list[str]:
    """The WSDLs that no other one imports."""
    names = catalog.wsdl_names()
    imported = {path for name in names for path in closure_of(catalog.wsdl_path(name))[1:]}
    return [name for name in names if catalog.wsdl_path(name) not in imported]


def _apply(books: Iterable[RuleBook[Any]], subject: Any) -> Iterator[Finding]:
    for book in books:
        yield from book.findings(subject)
