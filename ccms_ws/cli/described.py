"""The files that `ccms-ws import cases` reads, in words: the page `ccms_ws/docs/import.md`."""

from __future__ import annotations

from ccms_ws.domain.records import COLUMNS

_HEAD = """# Loading the court's books

Made by `tools/make-docs` from `ccms_ws/domain/records.py`; a test keeps it current. Samples: `samples/court.csv` and
`samples/court.jsonl`, which say the same.

`ccms-ws import cases FILE...` reads CSV (UTF-8, a header line) and JSON lines (`.jsonl`, one object a line). The column
`record` says what a row is; a file may hold all kinds, and columns that a row does not need stay empty. What a row
refers to (its case, its participant, the entry that it reverses) must stand before it or be on file.

Rows are recognized by their keys, so a file may be loaded again: what is there stays, a case or a participant that says
something else is brought up to date. A ledger entry that says something else is refused: post a reversal. A row that
does not load is named with its line, its field and the reason, and keeps no other from loading.

Case numbers are written in the court's own spelling (`case_number_form`); with a `case_number_pattern`, a number that
does not match it is refused.
"""


def import_page() -> str:
    """The whole page, as Markdown."""
    lines = [_HEAD]
    for kind, columns in COLUMNS.items():
        lines += [f"## record = {kind}\n", "| column | required | meaning |", "|---|---|---|"]
        lines += [f"| {column.name} | {'yes' if column.required else ''} | {column.meaning} |" for column in columns]
        lines.append("")
    return "\n".join(lines)
