"""What is about one exchange is in its folder: no other code or data of the package names an exchange."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import ccms_ws
from ccms_ws.registry import EXCHANGES

PACKAGE = Path(ccms_ws.__file__).parent
NAMES = re.compile("|".join(sorted({exchange.code for exchange in EXCHANGES})), re.IGNORECASE)
MAY = ("exchanges/", "registry.py", "docs/", "store/migrations/", "replay/cases/", "replay/keys/")
"""The exchanges themselves, the list of them, documents, the history of the database, recorded messages."""


def code_of(source: str) -> str:
    """The source without comments and docstrings, which may give an exchange as an example."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [each for each in body if not _is_text(each)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ('"""COL903 is an example."""\nx = 1  # DMV907 too\n"""FCC807."""', False),
        ("from ccms_ws.exchanges.col903 import wire", True),
        ("import ccms_ws.exchanges.dmv907.handler", True),
        ('q("urn:ccms-ws:exchange:FCC807:1.0", "A")', True),
        ('f"{x} COL903"', True),
        ("def dmv907_only(): pass", True),
        ("class A:\n    def b(self):\n        '''COL903'''", False),
    ],
)
def test_names_are_looked_for_in_code_and_not_in_examples(source: str, named: bool) -> None:
    assert bool(NAMES.search(code_of(source))) is named


def test_no_exchange_is_named_outside_of_its_folder() -> None:
    naming = set()
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(MAY) or not path.is_file() or path.suffix == ".pyc":
            continue
        text = path.read_text("utf-8")
        if NAMES.search(name) or NAMES.search(code_of(text) if path.suffix == ".py" else text):
            naming.add(name)
    assert naming == set()
