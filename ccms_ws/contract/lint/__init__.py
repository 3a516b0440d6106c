"""A partner's WSDL under the WS-I Basic Profile 1.1, for its import.

What the project asks of its own schemas and WSDLs beyond that is checked by `tools/lint-contract`.
"""

from __future__ import annotations

from pathlib import Path

from ccms_ws.contract.lint.bp_bindings import BP_BINDINGS
from ccms_ws.contract.lint.bp_documents import BP_DOCUMENTS
from ccms_ws.contract.lint.bp_messages import BP_MESSAGES
from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.documents import Q_DEFINITIONS, Document
from ccms_ws.contract.lint.findings import Finding
from ccms_ws.errors import ContractError, ContractMissing

__all__ = ["BASIC_PROFILE", "Finding", "lint_description", "lint_wsdl"]

BASIC_PROFILE = (BP_DOCUMENTS, BP_MESSAGES, BP_BINDINGS)


def lint_wsdl(path: Path) -> list[Finding]:
    """Every finding in one WSDL with all that it imports.

    Raises ContractMissing if there is no such file, ContractError if it is no WSDL 1.1.
    """
    if not path.is_file():
        raise ContractMissing(f"there is no file {path}")
    root = Document.read(path).root
    if root is None or root.tag != Q_DEFINITIONS:
        raise ContractError(f"{path} is not a WSDL 1.1")
    return lint_description(Description(path, str(path)))


def lint_description(description: Description) -> list[Finding]:
    """Every finding in a WSDL that was read before."""
    return sorted({finding for book in BASIC_PROFILE for finding in book.findings(description)})
