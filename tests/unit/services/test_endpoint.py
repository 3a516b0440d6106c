"""What the endpoint hands to the WSGI application."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ccms_ws.services.endpoint import _environ


class Headers:
    """Header lines in order, as granian has them."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self._lines = lines

    def items(self) -> tuple[tuple[str, str], ...]:
        return self._lines


def scope(*headers: tuple[str, str]) -> Any:
    return SimpleNamespace(
        method="POST", path="/FCC807/1.0", query_string="", http_version="1.1", scheme="http",
        client="127.0.0.1:5000", headers=Headers(*headers),
    )  # fmt: skip


def test_a_header_spelt_with_an_underscore_does_not_pass_for_the_one_with_a_hyphen() -> None:
    environ = _environ(scope(("content-type", "text/xml"), ("Content_Type", "x/y"), ("soap_action", "evil")))
    assert environ["CONTENT_TYPE"] == "text/xml"
    assert "HTTP_SOAP_ACTION" not in environ


def test_a_header_that_comes_twice_is_one_list() -> None:
    environ = _environ(scope(("content-length", "5"), ("content-length", "6"), ("soapaction", '"a"')))
    assert environ["CONTENT_LENGTH"] == "5,6"  # no number: the application refuses it
    assert environ["HTTP_SOAPACTION"] == '"a"'
