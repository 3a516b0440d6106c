"""Files with data are read right or refused with line, field and reason; what is written as CSV reads back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.plain_values import amount, day, unreadable_character
from ccms_ws.tabular_files import LONGEST_CELL, LONGEST_LINE, BadRow, Columns, CsvWriter, FileRefused, Row, read_rows

COLUMNS = Columns(("id", "name", "birth_date", "sealed"), required=("id",), flags=("sealed",))
Read = Callable[..., list[Row | BadRow]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(content: bytes | str, *, name: str = "people.csv", columns: Columns = COLUMNS) -> list[Row | BadRow]:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_rows(file, columns))

    return read


# -- what is read right -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("id,name\n1,Ann", [{"id": "1", "name": "Ann"}]),
        ("\ufeffid,name\r\n1,Ann\r\n", [{"id": "1", "name": "Ann"}]),
        ("id,name\r1,Ann\r2,Bo\r", [{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bo"}]),
        ("id,name\r\n1,Ann\n2,Bo\r3,Cy", [{"id": str(n), "name": w} for n, w in ((1, "Ann"), (2, "Bo"), (3, "Cy"))]),
        ('"id","name"\n"1","O""Neill, Ann"\n', [{"id": "1", "name": 'O"Neill, Ann'}]),
        ("id,name\n 1 , Ann \n", [{"id": "1", "name": "Ann"}]),
        ('id,name\n1,""\n2\n', [{"id": "1", "name": ""}, {"id": "2"}]),
        ("id,name\n,,,\n\n , \n1,Ann,,\n", [{"id": "1", "name": "Ann"}]),
        ("id,name,,\n1,Ann,,\n", [{"id": "1", "name": "Ann"}]),
        ("id,name\n1,María\u00a0José\n", [{"id": "1", "name": "María\u00a0José"}]),
        ("id,name\n1,'=2+2\n2,O'Brien\n", [{"id": "1", "name": "=2+2"}, {"id": "2", "name": "O'Brien"}]),
    ],
)
def test_csv_says_what_it_states(read: Read, content: str, cells: list[dict[str, str]]) -> None:
    assert [row.cells for row in read(content) if isinstance(row, Row)] == cells


def test_lines_are_those_of_the_file(read: Read) -> None:
    rows = read('id,name\r\n\r\n1,Ann\r2,"B""o"\n,\n3\n')
    assert [row.line for row in rows] == [3, 4, 6]


def test_line_ends_may_fall_anywhere(read: Read) -> None:
    body = "".join(f"{number},{'x' * (number % 97)}\r\n" for number in range(30_000))
    rows = read(f"id,name\r\n{body}")
    assert len(rows) == 30_000
    assert rows[-1].line == 30_001


def test_json_lines_say_what_they_state(read: Read) -> None:
    lines = [
        '{"id": 1, "name": "Ann", "sealed": true}',
        "",
        '{"id": 12345678901234567890.10}',
        '{"id": "3", "name": null, "sealed": false}',
    ]
    assert read("\ufeff" + "\r\n".join(lines), name="people.jsonl") == [
        Row(1, {"id": "1", "name": "Ann", "sealed": "true"}),
        Row(3, {"id": "12345678901234567890.10"}),
        Row(4, {"id": "3", "name": "", "sealed": "false"}),
    ]


# -- rows that are refused --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("1,Ann,1990-01-01,,500.00", "", "has more cells (5) than the header (4)"),
        ('1,"Ann" Lee', "name", "text after its closing quote"),
        ('1,5 ft 10" tall', "name", "does not begin with one"),
        ('1, "Ann, Lee"', "name", "does not begin with one"),
        ("1,A\x07nn", "name", "(U+0007)"),
        ("1,A\x00nn", "name", "(U+0000)"),
        ("1,A\tnn", "name", "(U+0009)"),
        ("1,Ann\u2028Lee", "name", "(U+2028)"),
        ("1,Ann\ufeff", "name", "(U+FEFF)"),
        ("1,Ann\uffff", "name", "(U+FFFF)"),
        ('1,"Ann\nLee"', "name", "line break"),
        (f"1,{'A' * (LONGEST_CELL + 1)}", "name", "longer than 32767"),
    ],
)
def test_a_row_that_cannot_be_read_right_is_named_and_holds_up_no_other(
    read: Read, row: str, field: str, reason: str
) -> None:
    bad, good = read(f"id,name,birth_date,sealed\n{row}\n2,Bo\n")
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.field) == (2, field)
    assert reason in bad.reason
    assert isinstance(good, Row)
    assert good.cells == {"id": "2", "name": "Bo"}


def test_a_cell_below_no_header_is_not_dropped(read: Read) -> None:
    (bad,) = read("id,,name\n1,lost,Ann\n")
    assert bad == BadRow(2, "column 2", "has no name in the header")


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ('{"id": 1, "name": "a", "name": "b"}', "name", "stands there twice"),
        ('{"id": 1, "dob": "1990-01-01"}', "dob", "is not a column here"),
        ('{"id": 1, "nmae": "a"}', "nmae", "did you mean name?"),
        ('{"id": 1, "name": {"given": "Ann"}}', "name", "an object or a list"),
        ('{"id": 1, "name": ["Ann"]}', "name", "an object or a list"),
        ('{"id": 1, "name": true}', "name", "true or false"),
        ('{"id": 1, "name": "Lone\\ud800"}', "name", "(U+D800)"),
        ('{"id": 1, "name": "Bell\\u0007"}', "name", "(U+0007)"),
        ('{"id": 1, "name": "Nul\\u0000"}', "name", "(U+0000)"),
        ('{"id": NaN}', "", "is no JSON"),
        ('{"id": 1', "", "is no JSON"),
        ("[" * 100_000, "", "is no JSON"),
        ("[1]", "", "is no JSON object"),
        ("7", "", "is no JSON object"),
    ],
)
def test_a_json_line_that_cannot_be_read_right_is_named(read: Read, line: str, field: str, reason: str) -> None:
    bad, good = read(f'{line}\n{{"id": 2}}\n', name="people.jsonl")
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.field) == (1, field)
    assert reason in bad.reason
    assert good == Row(2, {"id": "2"})


# -- files that are refused -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "people.csv: is empty"),
        ("\ufeff\r\n,,\n", "is empty"),
        ("id,name,id\n", "line 1: the column id stands there twice"),
        ("id,dob\n", "line 1: unknown column dob"),
        ("name\n", "line 1: has no column id"),
        ("id;name\n1;Ann\n", "separated by semicolons, not by commas, so these are missing: id, name"),
        ("id\tname\n1\tAnn\n", "separated by tabs"),
        ("id|name\n1|Ann\n", "separated by vertical bars"),
        ('id,name\n1,"Ann\n2,Bo\n', "line 2: name: the quote that opens is never closed"),
        ('id,name\n1,"Ann\n2,Bo"x\n', "line 2: name: the quote that opens is closed in the middle of text"),
        ('id,name\n1,"' + "x\n" * LONGEST_CELL + '"\n', "line 2: name: the quote that opens is never closed"),
        (b"id,name\n1,Ann\n2,Mar\xeda\n", "line 3: name: byte 6 (0xed) is not UTF-8"),
        ("id,name\n1,Ann\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        ("id,name\n1,Ann\n".encode("utf-16-le"), "is UTF-16, not UTF-8"),
        ("id,name\n1,Ann\n".encode("utf-16-be"), "is UTF-16, not UTF-8"),
        (b"PK\x03\x04rest of a workbook", "is a spreadsheet or an archive"),
        ("id,name\n1," + "x" * (LONGEST_LINE * 2), "line 2: is longer than"),
    ],
)
def test_a_file_that_cannot_be_read_on_is_refused_with_the_line(read: Read, content: bytes | str, said: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read(content)
    assert said in str(refused.value)


def test_the_nearest_column_is_named(read: Read) -> None:
    with pytest.raises(FileRefused) as refused:
        read("id,brith_date\n")
    assert refused.value.hint == "did you mean birth_date?"


def test_rows_before_a_fatal_error_are_read(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"id,name\n" + b"1,Ann\n" * 1500 + b"2,Mar\xeda\n")
    read: list[int] = []
    with pytest.raises(FileRefused, match="line 1502"):
        read.extend(row.line for row in read_rows(file, COLUMNS))
    assert read == list(range(2, 1502))


def test_what_a_message_repeats_of_a_file_is_short_and_harmless(read: Read) -> None:
    with pytest.raises(FileRefused) as refused:
        read(f"id,\x1b[31m{'x' * 500}\n")
    assert len(str(refused.value)) < 200
    assert "\x1b" not in str(refused.value)


# -- values -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["0", "0.5", "490.10", "999999999999.99", "007"])
def test_amounts_are_plain_decimals(text: str) -> None:
    assert amount(text) == Decimal(text)
    assert str(amount(text))[-3] == "."


@pytest.mark.parametrize(
    "text",
    [
        *("", " 1", "1.", ".5", "-1", "+1", "1.001", "1e2", "1_000", "1,000", "$1", "NaN", "Infinity", "0x1"),
        *("\u0661\u0662", "\uff11", "1\u00a0000", "1000000000000", "1.0.0"),
    ],
)
def test_other_spellings_of_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount like"):
        amount(text)


@pytest.mark.parametrize(
    "text",
    ["", "2026-1-5", "20260105", "01/05/2026", "2026-02-30", "2026-W01-1", "2026-01-05T00:00", "\u0662026-01-05"],
)
def test_days_are_iso_dates(text: str) -> None:
    with pytest.raises(ValueError, match="is not a day like 2026-03-01"):
        day(text)


@pytest.mark.parametrize("text", ["0001-01-01", "1849-12-31", "2200-01-01", "9999-12-31"])
def test_days_are_in_the_years_of_a_courts_files(text: str) -> None:
    with pytest.raises(ValueError, match="is not between"):
        day(text)


def test_a_day() -> None:
    assert day("2026-03-01") == date(2026, 3, 1)


# -- written ----------------------------------------------------------------------------------------------------------
texts = st.text(st.characters(codec="utf-8").filter(lambda char: not unreadable_character(char)), max_size=12)
hostile = st.builds(
    "".join, st.lists(st.sampled_from(["=", "+", "-", "@", "'", '"', ",", " ", "1", "x", "＝"]), max_size=6)
)


@given(st.lists(st.tuples(texts | hostile, texts | hostile), min_size=1, max_size=4))
def test_what_is_written_reads_back_and_cannot_act(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("csv") / "out.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = CsvWriter(out)
        writer.row(("id", "name"))
        for row in rows:
            writer.row(row)
    with file.open(encoding="utf-8", newline="") as written:
        cells = [cell for row in list(csv.reader(written))[1:] for cell in row]
    for cell in cells:
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    read = [row.cells for row in read_rows(file, COLUMNS) if isinstance(row, Row)]
    assert read == [{"id": one, "name": other} for one, other in rows if one or other]


def test_negative_amounts_stay_numbers_and_controls_are_written_out() -> None:
    file = io.StringIO()
    CsvWriter(file).row((Decimal("-5.00"), "-5.00", "-5+2", "a\nb", "\x07", None))
    assert file.getvalue() == '"-5.00","\'-5.00","\'-5+2","a\\nb","\\x07","None"\r\n'


def test_json_that_a_program_writes_reads_back(read: Read) -> None:
    said = {"id": "1", "name": "Núñez \u2019 \U0001f600"}
    assert read(json.dumps(said), name="x.ndjson") == [Row(1, said)]
