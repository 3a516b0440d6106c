"""Tables in files: CSV (RFC 4180, comma, UTF-8) and JSON lines, read strictly, and CSV written so that it reads back.

A value that a row does not state is not among its cells: an absent column, a short row, an absent key. A malformed row
is a `BadRow` with its line, field and reason; if it is uncertain where the next row begins, or what the columns are,
the file is refused (`FileRefused`). Nothing is merged, dropped or overwritten.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, NamedTuple

from ccms_ws.errors import CcmsWsError
from ccms_ws.plain_values import UNREADABLE, why_unreadable

LONGEST_CELL: Final = 32_767
"""Characters of one cell: the limit of spreadsheets."""
LONGEST_LINE: Final = 1024 * 1024
"""Bytes of one line."""

_CHUNK: Final = 256 * 1024
_JSON: Final = (".jsonl", ".ndjson", ".json")
_SAVE_AS: Final = "save it as CSV in UTF-8, with commas"
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_FOREIGN: Final = {
    b"\xff\xfe": "is UTF-16, not UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8",
    b"PK\x03\x04": "is a spreadsheet or an archive, not text",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet, not text",
}
# What spreadsheets read as a formula, after any number of apostrophes and blanks. An apostrophe is added before it, and
# removed when it is read.
_ACTIVE: Final = re.compile(r"[' ]*[=+\-@＝＋－＠\t\r\n]")
_MARKED: Final = re.compile(r"'[' ]*[=+\-@＝＋－＠\t\r\n]")


class FileRefused(CcmsWsError):
    """A data file cannot be read further."""

    code = "file.refused"

    def __init__(self, file: str = "", detail: str = "", *, line: int = 0, hint: str = "") -> None:
        """`file`: its name; `line`: where reading stopped, 0 for the file as a whole."""
        place = f"{file} line {line}" if line else file
        super().__init__(f"{place}: {detail}" if place else "", hint=hint)
        self.line = line


class Row(NamedTuple):
    """The cells that a row states, by column; `line` is where it begins."""

    line: int
    cells: Mapping[str, str]


class BadRow(NamedTuple):
    """A malformed row; `field` is empty if no single field is at fault."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file. `flags` may be true or false in JSON; without the `required` ones a file is refused."""

    names: Collection[str]
    required: Collection[str] = ()
    flags: Collection[str] = ()


def read_rows(path: Path, columns: Columns) -> Iterator[Row | BadRow]:
    """The rows of a file, one at a time, without rows of separators alone. Raises FileRefused where it cannot continue.

    A name that ends in .jsonl, .ndjson or .json has JSON lines, any other one CSV with a header.
    """
    try:
        with path.open("rb") as file:
            read = _json_rows if path.suffix.lower() in _JSON else _csv_rows
            yield from read(path, file, columns)
    except OSError as error:
        raise FileRefused(path.name, f"cannot be read: {error.strerror}", hint="name another file") from error


# -- CSV --------------------------------------------------------------------------------------------------------------
def _csv_rows(path: Path, file: BinaryIO, columns: Columns) -> Iterator[Row | BadRow]:
    lines = _Lines(path, file)
    header = _header(lines, columns)
    names = [name or f"column {number}" for number, name in enumerate(header, start=1)]
    lines.fields = names
    unnamed = {name for name, said in zip(names, header, strict=True) if not said}
    for number, text in lines:
        if '"' in text:
            try:
                cells = _quoted_cells(text, lines, names)
            except _Misplaced as error:
                yield BadRow(number, error.field, error.reason)
                continue
        else:
            cells = [cell.strip() for cell in text.split(",")]
        if not any(cells):
            continue
        if "'" in text:
            cells = [cell[1:] if _MARKED.match(cell) else cell for cell in cells]
        if len(cells) > len(names) and any(cells[len(names) :]):
            yield BadRow(number, "", f"has more cells ({len(cells)}) than the header ({len(names)})")
            continue
        stated = dict(zip(names, cells, strict=False))
        if unnamed and (full := next((name for name in names if name in unnamed and stated.get(name)), "")):
            yield BadRow(number, full, "has no name in the header")
            continue
        if not text.isprintable() or lines.number > number or len(text) > LONGEST_CELL:
            bad = _bad_cell(stated)
            if bad is not None:
                yield BadRow(number, *bad)
                continue
        for name in unnamed:
            stated.pop(name, None)
        yield Row(number, stated)


def _header(lines: _Lines, columns: Columns) -> list[str]:
    """The columns of the file, empty where one has no name."""
    for number, text in lines:
        try:
            cells = [cell.strip() for cell in _quoted_cells(text, lines, ())]
        except _Misplaced as error:
            raise FileRefused(lines.name, f"the header {error.reason}", line=number, hint=_SAVE_AS) from None
        if any(cells):
            break
    else:
        raise FileRefused(lines.name, "is empty: it has no header", hint="ccms-ws docs import")
    if not set(columns.names).intersection(cells):
        _refuse_separator(lines.name, number, text, columns)
    named = [cell for cell in cells if cell]
    if twice := next((name for place, name in enumerate(named) if name in named[:place]), None):
        raise FileRefused(lines.name, f"the column {_short(twice)} stands there twice", line=number)
    if unknown := [name for name in named if name not in columns.names]:
        listed = ", ".join(_short(name) for name in unknown[:5])
        hint = f"columns are {', '.join(columns.names)}"
        if nearest := get_close_matches(unknown[0], columns.names, n=1):
            hint = f"did you mean {nearest[0]}?"
        raise FileRefused(
            lines.name, f"unknown column{'s' if len(unknown) > 1 else ''} {listed}", line=number, hint=hint
        )
    if missing := [name for name in columns.required if name not in named]:
        raise FileRefused(lines.name, f"has no column {', '.join(missing)}", line=number, hint="ccms-ws docs import")
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _refuse_separator(name: str, number: int, text: str, columns: Columns) -> None:
    """Raise FileRefused if the header has known columns between other separators than commas."""
    for separator, words in _SEPARATORS.items():
        parts = [part.strip(' "') for part in text.split(separator)]
        if found := [part for part in parts if part in columns.names]:
            listed = ", ".join(found)
            raise FileRefused(
                name,
                f"the columns are separated by {words}, not by commas, so these are missing: {listed}",
                line=number,
                hint=_SAVE_AS,
            )


class _Misplaced(Exception):
    """A quote in a place where none is allowed."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason


def _quoted_cells(text: str, lines: _Lines, names: Sequence[str]) -> list[str]:
    """The cells of the row that begins with this line; further lines are read while a quoted cell continues.

    Raises _Misplaced for a quote in the wrong place, FileRefused if that leaves open where the row ends.
    """
    cells: list[str] = []
    begun, start = lines.number, 0
    while True:
        field = names[len(cells)] if len(cells) < len(names) else f"column {len(cells) + 1}"
        if text[start : start + 1] == '"':
            opened, content, seen = lines.number, start + 1, start + 1
            while (end := _closing(text, seen)) < 0:
                seen = len(text)
                more = lines.more() if seen - start <= LONGEST_CELL else None
                if more is None:
                    raise FileRefused(lines.name, f"{field}: the quote that opens is never closed", line=opened)
                text += more
            cells.append(text[content:end].replace('""', '"'))
            start = end + 1
            if text[start : start + 1] not in ("", ","):
                if lines.number > begun:
                    words = "the quote that opens is closed in the middle of text, lines further on"
                    raise FileRefused(lines.name, f"{field}: {words}", line=opened)
                raise _Misplaced(field, "has text after its closing quote; a quote in a quoted cell is doubled")
        else:
            end = text.find(",", start)
            cell = text[start:] if end < 0 else text[start:end]
            if '"' in cell:
                if lines.number > begun:
                    raise FileRefused(lines.name, f"{field}: a quote stands in the middle of text", line=lines.number)
                raise _Misplaced(
                    field, "has a quote but does not begin with one; put the whole cell in quotes and double the quote"
                )
            cells.append(cell.strip())
            start = len(text) if end < 0 else end
        if start >= len(text):
            return cells
        start += 1


def _closing(text: str, start: int) -> int:
    """The index of the quote that closes a cell; negative if it is not in `text`."""
    end = text.find('"', start)
    while end >= 0 and text[end + 1 : end + 2] == '"':
        end = text.find('"', end + 2)
    return end


class _Lines:
    """The lines of a file with their numbers, without their ends: LF, CRLF, CR or a mixture."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.name = path.name
        self.number = 0
        self.fields: Sequence[str] = ()
        self._end = ""
        self._raw = self._split(file)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for text in self._raw:
            yield self.number, text

    def more(self) -> str | None:
        """The line end before the next line, and that line, for a cell that continues; None at the end of the file."""
        end = self._end
        text = next(self._raw, None)
        return None if text is None else end + text

    def _split(self, file: BinaryIO) -> Iterator[str]:
        rest = file.read(_CHUNK)
        for start, words in _FOREIGN.items():
            if rest.startswith(start):
                raise FileRefused(self.name, words, hint=_SAVE_AS)
        if b"\0" in rest[:2]:
            raise FileRefused(self.name, "is UTF-16, not UTF-8", hint=_SAVE_AS)
        rest = rest.removeprefix(b"\xef\xbb\xbf")
        while rest:
            lines = rest.splitlines(keepends=True)
            chunk = file.read(_CHUNK)
            # The last line may continue, and a CR may be half of a CRLF.
            rest = lines.pop() + chunk if chunk else b""
            for raw in lines:
                self.number += 1
                yield self._text(raw)
            if len(rest) - len(chunk) > LONGEST_LINE:
                raise FileRefused(self.name, f"is longer than {LONGEST_LINE} bytes", line=self.number + 1)

    def _text(self, raw: bytes) -> str:
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            place = raw[: error.start].count(b",")
            field = f"{self.fields[place]}: " if place < len(self.fields) and b'"' not in raw else ""
            byte = f"byte {error.start + 1} (0x{raw[error.start]:02x})"
            raise FileRefused(
                self.name, f"{field}{byte} is not UTF-8", line=self.number, hint="save the file in UTF-8"
            ) from error
        stripped = text.rstrip("\r\n")
        self._end = text[len(stripped) :]
        return stripped


# -- JSON lines -------------------------------------------------------------------------------------------------------
class _Twice(Exception):
    """A key that is repeated in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for place, name in enumerate(names) if name in names[:place]))
    return row


def _no_number(text: str) -> None:
    raise ValueError(text)


# Numbers stay as they are written: amounts of money are never floats.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=_no_number)


def _json_rows(path: Path, file: BinaryIO, columns: Columns) -> Iterator[Row | BadRow]:
    for number, text in _Lines(path, file):
        if text.strip():
            yield _json_row(number, text, columns)


def _json_row(number: int, text: str, columns: Columns) -> Row | BadRow:
    try:
        row = _DECODER.decode(text)
    except _Twice as error:
        return BadRow(number, _short(str(error)), "stands there twice")
    except (ValueError, RecursionError):
        return BadRow(number, "", "is no JSON")
    if not isinstance(row, dict):
        return BadRow(number, "", "is no JSON object; each line has one")
    cells: dict[str, str] = {}
    for name, value in row.items():
        if name not in columns.names:
            nearest = get_close_matches(name, columns.names, n=1)
            more = f"; did you mean {nearest[0]}?" if nearest else ""
            return BadRow(number, _short(name), f"is not a column here{more}")
        if isinstance(value, str):
            cells[name] = value
        elif value is None:
            cells[name] = ""
        elif isinstance(value, bool) and name in columns.flags:
            cells[name] = "true" if value else "false"
        else:
            kind = "true or false" if isinstance(value, bool) else "an object or a list"
            return BadRow(number, name, f"is {kind}, not text or a number")
    bad = _bad_cell(cells)
    return Row(number, cells) if bad is None else BadRow(number, *bad)


def _bad_cell(cells: Mapping[str, str]) -> tuple[str, str] | None:
    """The first cell whose content is not allowed in any value, and why."""
    for name, cell in cells.items():
        if len(cell) > LONGEST_CELL:
            return name, f"is longer than {LONGEST_CELL} characters"
        if why := why_unreadable(cell):
            return name, why
    return None


def _short(name: str) -> str:
    """A name from a file, shortened for a message."""
    said = name if len(name) <= 40 else f"{name[:40]}..."
    return said if said.isprintable() else said.encode("unicode_escape").decode()


# -- written ----------------------------------------------------------------------------------------------------------
class CsvWriter:
    """Writes CSV that `read_rows` reads, and whose cells no spreadsheet runs as formulas (OWASP: CSV injection)."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file, quoting=csv.QUOTE_ALL)

    def row(self, values: Sequence[object]) -> None:
        self._writer.writerow([_cell(value) if isinstance(value, str) else str(value) for value in values])


def _cell(value: str) -> str:
    """A text, which may come from a partner, is protected; a number may be negative and stays a number."""
    if not value.isprintable():
        value = UNREADABLE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), value)
    return f"'{value}" if _ACTIVE.match(value) else value
