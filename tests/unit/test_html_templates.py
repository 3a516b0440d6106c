"""Pages from templates: what others sent cannot become markup, and a template without its values is found."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import ccms_ws
from ccms_ws.html_templates import render


def templates() -> Iterator[tuple[str, str]]:
    """Every template of a whole page; the console's are rendered by Flask."""
    home = Path(str(resources.files(ccms_ws)))
    for path in sorted(home.glob("*/templates/*.html")):
        if path.parts[-3] != "console" and path.name not in ("parts.html", "report.html"):
            yield f"ccms_ws.{path.parts[-3]}", path.name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onclick='x'", "&#34; onclick=&#39;x&#39;"),
        ("\x00\x1b[31m\u202e", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"),
        ("Muñoz\nO'Brien & Söhne", "Muñoz\nO&#39;Brien &amp; Söhne"),
    ],
)
def test_a_value_is_text_and_never_markup(given: str, shown: str) -> None:
    page = render("ccms_ws.cli", "document.html", title=given, body="")
    assert f"<title>{shown}</title>" in page


@pytest.mark.parametrize(
    ("package", "name"), [each for each in templates() if each[1] not in ("parts.html", "report.html")]
)
def test_a_value_that_is_missing_is_an_error(package: str, name: str) -> None:
    with pytest.raises(UndefinedError):
        render(package, name)
