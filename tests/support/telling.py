"""What a test has found out, for people to read at the end of the run, in whatever process it ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Tell = Callable[[str], None]
_TOLD = "told"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Say a sentence that is printed with the results."""
    return lambda sentence: record_property(_TOLD, sentence)


def print_told(reporter: Any) -> None:
    """Print what passed tests have told."""
    told = [
        sentence
        for report in reporter.getreports("passed")
        for name, sentence in getattr(report, "user_properties", ())
        if name == _TOLD and report.when == "call"
    ]
    if told:
        reporter.section("told by the tests")
        for sentence in told:
            reporter.line(sentence)
