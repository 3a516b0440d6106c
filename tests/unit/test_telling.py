"""The interoperability matrix is printed as a table."""

from __future__ import annotations

from tests.support.terminal_summary import matrix


def test_a_stack_has_a_row_and_what_it_does_a_column() -> None:
    lines = matrix([("ruby", "queries"), ("java", "queries"), ("java", "receives"), ("java", "queries")])
    assert lines == [
        "      queries  receives",
        "java  yes      yes",
        "ruby  yes      not run",
    ]
