"""What a test has found out, for people to read at the end of the run, in whatever process it ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

Tell = Callable[[str], None]
Show = Callable[[str, str], None]
_TOLD, _SHOWN = "told", "interop"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Say a sentence that is printed with the results."""
    return lambda sentence: record_property(_TOLD, sentence)


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Show:
    """Record for the table of the interoperability matrix what a stack (first) does (second)."""
    return lambda stack, what: record_property(_SHOWN, f"{stack}|{what}")


def print_told(reporter: Any) -> None:
    """Print what passed tests have told, and the interoperability matrix."""
    if told := list(_properties(reporter, _TOLD)):
        reporter.section("told by the tests")
        for sentence in told:
            reporter.line(sentence)
    if shown := [entry.partition("|") for entry in _properties(reporter, _SHOWN)]:
        reporter.section("foreign stacks")
        for line in matrix((stack, what) for stack, _, what in shown):
            reporter.line(line)


def _properties(reporter: Any, wanted: str) -> Iterator[str]:
    for report in reporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == wanted and report.when == "call":
                yield value


def matrix(shown: Iterable[tuple[str, str]]) -> list[str]:
    """A row for each stack, a column for each thing that any of them does: shown, or not run."""
    pairs = set(shown)
    stacks, columns = (sorted(set(each)) for each in zip(*pairs, strict=True))
    widths = [max(len(stack) for stack in stacks), *(max(len(column), len("not run")) for column in columns)]
    rows = [
        ["", *columns],
        *([each, *("yes" if (each, what) in pairs else "not run" for what in columns)] for each in stacks),
    ]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
