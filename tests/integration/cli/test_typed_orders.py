"""What a clerk types is judged by field, in words, with the exit code of a refusal; nothing typed is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.store.engine import open_engine
from tests.support.commands import Commands, Ended
from tests.support.court import Court

HOLD = {
    "--case": "TR-2025-011250",
    "--participant": "P-1004",
    "--violated": "VC 14601.1(a)",
    "--violation-date": "2025-05-02",
    "--noncompliance-date": "2026-01-15",
    "--order-date": "2025-06-17",
    "--order-kind": "Program",
    "--convicted": "2025-06-17",
}
CONVICTED = {"--case": "TR-2025-011250", "--participant": "P-1004", "--on": "2025-06-17", "--reported": "2025-06-20"}
NONSENSE = ("SELECT", "INSERT", "FOREIGN", "constraint", "defect", "/nc:", "hello", "\x07", "Traceback", "9999999")


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Of a court that writes its case numbers in one form."""
    settings = court_folder / "ccms-ws.toml"
    form = """
case_number_pattern = '(?P<kind>[A-Z]{2})-(?P<year>[0-9]{4})-(?P<serial>[0-9]{1,6})'
case_number_form = "{kind}-{year}-{serial:0>6}"
"""
    settings.write_text(settings.read_text("utf-8").replace("\nname = ", f"{form}name = ", 1), "utf-8")
    return Commands(court_folder / "ccms-ws.toml", capsys)


def run(ccms_ws: Commands, verb: str, options: dict[str, str]) -> Ended:
    return ccms_ws("dmv907", verb, *(word for pair in options.items() for word in pair))


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"--violated": 'VC  hello<&>"'}, 5, "--violated is not a section like VC 14601.1(a)"),
        ({"--violated": "14601.1(a)"}, 5, "--violated is not a section"),
        ({"--violated": "VC"}, 5, "--violated is not a section"),
        ({"--violated": "VC 14601\x07"}, 5, "--violated is not a section"),
        ({"--violated": "VC " + "9" * 80}, 5, "--violated is not a section"),
        ({"--compliance": "hello"}, 5, "--compliance is not a section"),
        ({"--violation-date": "0001-01-01"}, 5, "violation_date is not between 1850-01-01 and 2199-12-31"),
        ({"--noncompliance-date": "9999-12-31"}, 5, "noncompliance_date is not between"),
        ({"--order-date": "0001-01-01"}, 5, "order_date is not between"),
        ({"--convicted": "9999-12-31"}, 5, "convicted is not between"),
        ({"--citation": "S\x07D1"}, 5, "citation has a character that no value has (U+0007)"),
        ({"--citation": "9" * 65}, 5, "citation is longer than 64 characters"),
        ({"--certified-by": "hello\nclerk"}, 5, "certified_by has a line break"),
        ({"--case": "9" * 65}, 5, "case is longer than 64 characters"),
        ({"--case": "hello"}, 5, "case is not a case number of this court"),
        ({"--case": "TR-2025\x07"}, 5, "case has a character that no value has (U+0007)"),
        ({"--participant": "P\x07"}, 5, "participant has a character"),
        ({"--case": "TR-2025-999999"}, 4, "there is no case TR-2025-999999"),
        ({"--participant": "P-1002"}, 4, "participant P-1002 is not on case TR-2025-011250"),
        ({"--participant": "P-NONE"}, 4, "participant P-NONE is not on case TR-2025-011250"),
    ],
)
def test_a_hold_is_refused_by_field(ccms_ws: Commands, changed: dict[str, str], code: int, said: str) -> None:
    ended = run(ccms_ws, "hold", HOLD | changed)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert not [word for word in NONSENSE if word in ended.err]


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"--on": "0001-01-01"}, 5, "on is not between"),
        ({"--reported": "9999-12-31"}, 5, "reported is not between"),
        ({"--reported": "2025-06-01"}, 5, "reported (2025-06-01) is not between the conviction"),
        ({"--on": "2190-01-01"}, 5, "is after today"),
        ({"--case": "hello case"}, 5, "case is not a case number of this court"),
        ({"--case": "TR-2025-999999"}, 4, "there is no case"),
        ({"--participant": "P-NONE"}, 4, "is not on case"),
        ({"--participant": "9" * 65}, 5, "participant is longer than 64 characters"),
    ],
)
def test_a_conviction_is_refused_by_field(ccms_ws: Commands, changed: dict[str, str], code: int, said: str) -> None:
    ended = run(ccms_ws, "convicted", CONVICTED | changed)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert not [word for word in NONSENSE if word in ended.err]


def test_a_number_may_be_typed_in_another_spelling_than_the_courts(ccms_ws: Commands) -> None:
    spelled = {"--case": "tr-2025-11250"}
    convicted = ccms_ws("dmv907", "convicted", *(w for p in (CONVICTED | spelled).items() for w in p), "--json")
    assert (convicted.code, convicted.json["case"]) == (0, "TR-2025-011250")
    hold = ccms_ws("dmv907", "hold", *(w for p in (HOLD | spelled).items() for w in p), "--json")
    assert (hold.code, hold.json["case"]) == (0, "TR-2025-011250")


def test_the_same_order_twice_is_told_as_that(ccms_ws: Commands) -> None:
    first = run(ccms_ws, "hold", HOLD)
    again = run(ccms_ws, "hold", HOLD)
    assert (first.code, again.code) == (0, ExitCode.REFUSED)
    assert "the same was ordered before" in again.err
    other = run(ccms_ws, "hold", HOLD | {"--violated": "VC 14601.2(a)"})
    assert "an open hold exists" in other.err


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("given", "'Je' || char(7) || 'rome'", "given has a character that no value has (U+0007)"),
        ("birth_date", "NULL", "birth_date is not on file for the participant"),
    ],
)
def test_a_person_whom_no_abstract_can_carry_is_named_by_field(
    ccms_ws: Commands, court: Court, column: str, value: str, said: str
) -> None:
    engine = open_engine(court.application.settings.database.url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE participant SET {column} = {value} WHERE participant_id = 'P-1004'"))
    engine.dispose()
    ended = run(ccms_ws, "hold", HOLD)
    assert (ended.code, said in ended.err) == (ExitCode.REFUSED, True), ended.err
    assert not [word for word in NONSENSE if word in ended.err]


def test_a_batch_id_that_is_none_is_a_wrong_command_line(ccms_ws: Commands) -> None:
    assert ccms_ws("col903", "items", "hello<&>").code == ExitCode.USAGE
    assert ccms_ws("col903", "build", "--partner", "NO\x07BODY").code == ExitCode.CONFIGURATION
