"""How values are written into pages and CSV files: as text that can do nothing there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup

from ccms_ws.log import printable

MOST_SHOWN: Final = 200_000
"""Bytes of a message on a page."""


def shown(value: object) -> object:
    """What every expression of a template goes through, before it is escaped: a partner's words lose what steers."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def lines(raw: bytes) -> list[str]:
    """The beginning of a message as text, a line for each element; its own line breaks stay, what steers does not."""
    text = raw[:MOST_SHOWN].decode("utf-8", "backslashreplace")
    return text.replace("><", ">\n<").splitlines()


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file. A spreadsheet takes no cell of it for a formula (OWASP: CSV injection)."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    raw = str(shown(value))
    return f"'{raw}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else raw
