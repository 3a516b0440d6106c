"""What a command prints: a table for people, JSON for programs. Colours and frames only on a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ccms_ws.log import printable

Row = Mapping[str, object]


class _Wish:
    """What this run was asked for, for an error that ends it."""

    json = False


def want_json(wanted: bool) -> bool:
    """Remember that --json was given."""
    _Wish.json = wanted
    return wanted


def json_is_wanted() -> bool:
    return _Wish.json


def console() -> Console:
    """Standard output. A pipe gets plain lines as wide as they are."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=500)


def show_rows(rows: Sequence[Row], *, as_json: bool, empty: str = "nothing to show") -> None:
    """A list: the keys of the first row are the columns. What is too wide for the terminal goes on in further lines, so
    that no id is broken. Amounts stand below each other.
    """
    if as_json:
        show_json(list(rows))
        return
    if not rows:
        say(empty)
        return
    out = console()
    heads = [Text(column.replace("_", " "), "bold") for column in rows[0]]
    records: list[list[Text]] = [heads, *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(cell.cell_len for cell in column) for column in zip(*records, strict=True)]
    for number, name in enumerate(rows[0]):
        if all(isinstance(row[name], Decimal) for row in rows):
            for cells in records:
                cells[number].pad_left(widths[number] - cells[number].cell_len)
    if not out.is_terminal:
        for record in records:
            out.print(_one_line(record, widths), soft_wrap=True)
        return
    prose = [any(" " in cell.plain for cell in column[1:]) for column in zip(*records, strict=True)]
    lines = _lines(widths, prose, out.width)
    for record in records:
        for number, columns in enumerate(lines):
            line = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
            for column in columns[:-1]:
                line.add_column(width=widths[column])
            line.add_column(overflow="fold")
            line.add_row(*(record[column] for column in columns))
            out.print(Padding(line, (0, 0, 0, _INDENT if number else 0), expand=False))


_GAP, _INDENT = 2, 4
_PROSE = 24
"""So narrow may a column of words become, if it is the last of its line."""


def _lines(widths: Sequence[int], prose: Sequence[bool], room: int) -> list[list[int]]:
    """Which columns go into each line of a record."""
    lines: list[list[int]] = [[]]
    used = 0
    for column, width in enumerate(widths):
        fits = used + width <= room
        if lines[-1] and not fits and not (prose[column] and used + _PROSE <= room):
            lines.append([])
            used = _INDENT
        lines[-1].append(column)
        used = room if prose[column] and not fits else used + width + _GAP
    return lines


def _one_line(record: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(record[:-1], widths[:-1], strict=True):
        line.append_text(cell).append(" " * (width - cell.cell_len + _GAP))
    return line.append_text(record[-1])


def show_facts(facts: Row, *, as_json: bool) -> None:
    """One thing: a line for each of its facts."""
    if as_json:
        show_json(facts)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), _cell(value))
    console().print(table)


def show_json(value: object) -> None:
    """One JSON document on standard output: money as a string, times in UTC with a Z."""
    print(json.dumps(value, default=_json, ensure_ascii=False, indent=2), flush=True)  # noqa: T201 - the program's answer


def say(sentence: str, *, as_json: bool = False) -> None:
    """A sentence for people; programs do not get it."""
    if not as_json:
        console().print(sentence, highlight=False, markup=False, soft_wrap=True)


def _cell(value: object) -> Text:
    """The value as it is: no markup, and no control character that a partner's words could bring to the terminal."""
    if isinstance(value, Text):
        return value
    if value is None or value == "":
        return Text("-")
    if isinstance(value, datetime):
        return Text(value.strftime("%Y-%m-%d %H:%M:%S"))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return plain(str(value))


def plain(text: str) -> Text:
    """Text from outside, without terminal control characters."""
    return Text(printable(text))


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
