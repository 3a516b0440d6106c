"""`ccms-ws import cases`, `demo-data`: what they say, and how they end."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from tests.support.commands import Commands
from tests.support.court import Court

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "ccms_ws" / "docs" / "samples"


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


def test_samples_load_and_say_the_same(ccms_ws: Commands) -> None:
    first = ccms_ws("import", "cases", SAMPLES / "court.csv", "--json")
    again = ccms_ws("import", "cases", SAMPLES / "court.jsonl", "--json")
    assert (first.code, again.code) == (0, 0)
    assert (
        sum(row["added"] for row in first.json["tables"]) == sum(row["unchanged"] for row in again.json["tables"]) == 14
    )
    assert sum(row["added"] for row in again.json["tables"]) == 0


def test_a_bad_row_is_named_with_line_field_and_reason_while_the_good_ones_load(
    ccms_ws: Commands, tmp_path: Path
) -> None:
    lines = (SAMPLES / "court.jsonl").read_text("utf-8").splitlines()
    entry = json.loads(next(line for line in lines if '"E-1"' in line))
    bad = [
        json.dumps(entry | {"entry_id": "E-7", "amount": "12.345"}),
        json.dumps(entry | {"entry_id": "E-8", "posted_on": "03/01/2026"}),
        json.dumps(entry | {"entry_id": "E-9", "participant_id": "P-9"}),
        json.dumps(entry | {"entry_id": "E-10", "kind": "donation"}),
        json.dumps(entry | {"entry_id": "E-11", "fee_kind": "CivilAssessment", "imposed_on": ""}),
        json.dumps(entry | {"entry_id": "E-12", "colour": "red"}),
        "{not json",
        '{"record": "dragon"}',
    ]
    file, rejects = tmp_path / "court.jsonl", tmp_path / "rejects.csv"
    file.write_text("\n".join([*lines, *bad]), "utf-8")
    ended = ccms_ws("import", "cases", file, "--rejects", rejects, "--json")
    assert (ended.code, ended.json["refused"]) == (ExitCode.REFUSED, len(bad))
    assert sum(row["added"] for row in ended.json["tables"]) == len(lines)
    with rejects.open(encoding="utf-8", newline="") as written:
        told = {(int(row["line"]), row["field"]) for row in csv.DictReader(written)}
    start = len(lines) + 1
    fields = ("amount", "posted_on", "participant_id", "kind", "imposed_on", "colour", "", "record")
    assert told == {(start + index, field) for index, field in enumerate(fields)}


def test_a_dry_run_keeps_nothing(ccms_ws: Commands) -> None:
    assert ccms_ws("import", "cases", SAMPLES / "court.csv", "--dry-run").code == 0
    ended = ccms_ws("import", "cases", SAMPLES / "court.csv", "--json")
    assert sum(row["added"] for row in ended.json["tables"]) == 14


def test_the_same_seed_makes_the_same_court(ccms_ws: Commands) -> None:
    assert ccms_ws("demo-data", "--cases", 30, "--seed", 5).code == 0
    again = ccms_ws("demo-data", "--cases", 30, "--seed", 5, "--json")
    assert sum(row["added"] + row["changed"] for row in again.json["tables"]) == 0
    assert sum(row["added"] for row in ccms_ws("demo-data", "--cases", 5, "--json").json["tables"]) > 0


def test_demo_data_and_referring_need_no_other_command(ccms_ws: Commands, court_folder: Path) -> None:
    for file in court_folder.glob("court.db*"):
        file.unlink()
    assert ccms_ws("db", "upgrade").code == 0
    assert ccms_ws("col903", "refer", "--partner", "FTB").code == 0
    assert ccms_ws("col903", "build", "--partner", "FTB").code == 0
    assert ccms_ws("demo-data", "--cases", 5).code == 0


def test_what_is_loaded_is_answered(ccms_ws: Commands, court_folder: Path) -> None:
    ccms_ws("import", "cases", SAMPLES / "court.csv")
    court = Court(court_folder)
    answer = court.ask(court.query(case_number="TR-2026-000001", participant_id="P-2"))
    assert answer.text("BalanceDueAmount") == "600.00"


def test_due_dates_and_who_reported_a_payment_are_loaded_and_make_a_debt_ripe(
    ccms_ws: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "debt.csv"
    case = "record,number,case_type,case_number,participant_id,given,surname,birth_date,role\n"
    file.write_text(
        f"{case}case,TR-2020-000009,traffic,,,,,,\nparticipant,,,,P-77,Ada,Roe,1980-02-03,\n"
        "case-participant,,,TR-2020-000009,P-77,,,,Defendant\n",
        "utf-8",
    )
    columns = (
        "record,entry_id,case_number,participant_id,kind,fee_kind,amount,posted_on,imposed_on,due_on,reported_by\n"
    )
    fine = "entry,E-71,TR-2020-000009,P-77,assessment,BaseFine,300.00,2020-03-01,2020-03-01,{},\n"
    payment = "entry,E-72,TR-2020-000009,P-77,payment,BaseFine,50.00,2020-05-01,,,{}\n"
    entries = tmp_path / "entries.csv"
    entries.write_text(columns + fine.format("2020-06-01") + payment.format("FTB"), "utf-8")
    assert ccms_ws("import", "cases", file).code == 0
    assert ccms_ws("import", "cases", entries).code == 0

    (referral,) = ccms_ws("col903", "refer", "--partner", "FTB", "--dry-run", "--json").json
    assert (referral["case"], referral["participant"], referral["amount"]) == ("TR-2020-000009", "P-77", "250.00")

    # The same without the two columns changes nothing; another partner in the place of FTB is refused.
    short = tmp_path / "short.csv"
    short.write_text(
        columns.replace(",due_on,reported_by", "") + fine.replace(",{},", "") + payment.replace(",,{}", ","), "utf-8"
    )
    again = ccms_ws("import", "cases", short, "--json")
    assert (again.code, [row["unchanged"] for row in again.json["tables"] if row["unchanged"]]) == (0, [2])
    entries.write_text(columns + payment.format("DRR"), "utf-8")
    assert ccms_ws("import", "cases", entries).code == ExitCode.REFUSED


@pytest.mark.parametrize(
    ("kind", "field", "value", "why"),
    [
        ("payment", "due_on", "2026-06-01", "belongs to an assessment"),
        ("assessment", "reported_by", "FTB", "belongs to a payment"),
    ],
)
def test_a_due_date_is_of_an_assessment_and_a_reporter_of_a_payment(
    ccms_ws: Commands, tmp_path: Path, kind: str, field: str, value: str, why: str
) -> None:
    ccms_ws("import", "cases", SAMPLES / "court.jsonl")
    entry = {"record": "entry", "participant_id": "P-1", "case_number": "TR-2026-000001", "entry_id": "E-70"}
    entry |= {"kind": kind, "fee_kind": "BaseFine", "amount": "1.00", "posted_on": "2026-05-01", field: value}
    file, rejects = tmp_path / "entry.jsonl", tmp_path / "rejects.csv"
    file.write_text(json.dumps(entry), "utf-8")
    assert ccms_ws("import", "cases", file, "--rejects", rejects).code == ExitCode.REFUSED
    with rejects.open(encoding="utf-8", newline="") as written:
        (row,) = csv.DictReader(written)
    assert row["field"] == field
    assert why in row["reason"]


def test_pages_that_follow_from_the_code_are_current() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "tools" / "make-docs", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""
    assert checked.returncode == 0


# -- what was loaded --------------------------------------------------------------------------------------------------
def test_a_case_is_shown_with_joint_debt_once_for_the_case_and_for_each_who_owes_it(ccms_ws: Commands) -> None:
    ccms_ws("import", "cases", SAMPLES / "court.csv")
    shown = ccms_ws("cases", "show", "TR-2026-000001", "--as-of", "2030-01-01", "--json")
    assert shown.code == 0
    people = shown.json["participants"]
    joint = [Decimal(person["of_that_joint"]) for person in people if Decimal(person["of_that_joint"])]
    assert len(joint) > 1
    assert len(set(joint)) == 1
    alone = sum(Decimal(person["due"]) - Decimal(person["of_that_joint"]) for person in people)
    assert Decimal(shown.json["due"]) == alone + joint[0]
    assert sum(Decimal(fee["due"]) for fee in shown.json["fees"]) == Decimal(shown.json["due"])


def test_a_case_that_is_not_there_is_not_found(ccms_ws: Commands) -> None:
    assert ccms_ws("cases", "show", "TR-2026-999999").code == ExitCode.NOT_FOUND
