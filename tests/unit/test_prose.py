"""Documents, docstrings, comments and messages use the field's terms, not the private words that once stood for them.

The packages that are listed are those that keep to it; others join the list when their last such word has gone.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RETIRED = re.compile(r"\b(house|anew|strangers?|nobody|somebody|whoever|gate|told|put off)\b", re.IGNORECASE)
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for path in (ROOT / "ccms_ws" / "docs").rglob("*.md") if path.name not in ("import.md", "tables.md")),
    *(ROOT / folder / "README.md" for folder in ("tests", "xsd", "wsdl")),
]
"""Without the two that are generated from packages that are not listed yet."""
PACKAGES = (
    *("audit", "clients", "config", "console", "contract", "delivery", "demo", "envelope", "health"),
    *("message_parts", "metrics", "reports"),
)
MODULES = (
    *("bootstrap", "clock", "credentials", "dispatch", "errors", "exchange", "failpoints", "log", "plain_values"),
    *("registry", "scripts", "tabular_files", "tracking"),
    *(f"services/{name}" for name in ("admission", "connections", "gateway", "http", "rates", "refusals", "replies")),
    *("services/server", "services/soap"),
)
SOURCES = [
    *(path for name in PACKAGES for path in (ROOT / "ccms_ws" / name).glob("*.py")),
    *(ROOT / "ccms_ws" / f"{name}.py" for name in MODULES),
]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a document without code; the comments and strings of a module without names in backticks."""
    if path.suffix == ".md":
        text = re.sub(r"`[^`\n]*`", "", path.read_text("utf-8"))
        yield from enumerate(text.splitlines(), 1)
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield token.start[0], re.sub(r"`[^`]*`", "", token.string)


@pytest.mark.parametrize("path", [*DOCUMENTS, *SOURCES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_retired_words_do_not_come_back(path: Path) -> None:
    found = [f"{line}: {word.group()}" for line, text in prose(path) for word in RETIRED.finditer(text)]
    assert found == []
