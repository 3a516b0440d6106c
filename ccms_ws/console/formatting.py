"""How values are written into pages and CSV files: as text without effect there."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup

from ccms_ws.log import printable
from ccms_ws.tabular_files import CsvWriter

MOST_SHOWN: Final = 200_000
"""Bytes of a message that a page shows at most."""


def shown(value: object) -> object:
    """Applied to every expression of a template before it is escaped: removes control characters."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def lines(raw: bytes) -> list[str]:
    """The beginning of a message as text, a line for each element; line breaks stay, control characters do not."""
    text = raw[:MOST_SHOWN].decode("utf-8", "backslashreplace")
    return text.replace("><", ">\n<").splitlines()


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file, as `ccms_ws.tabular_files` writes it: a spreadsheet runs no cell as a formula."""
    file = io.StringIO()
    writer = CsvWriter(file)
    writer.row(heads)
    for row in rows:
        writer.row([shown(value) for value in row])
    return file.getvalue()
