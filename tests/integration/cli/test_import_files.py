"""`ccms-ws import cases` on files as courts have them: what they do not state stays, and nothing is lost in silence."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.config import load_settings
from ccms_ws.domain.courts import PersonName
from ccms_ws.store import migrate
from ccms_ws.store.engine import open_engine
from tests.support.commands import Commands, Ended, run_program
from tests.support.court import Court
from tests.support.databases import blank_database_url

__all__ = ["blank_database_url"]

NEW_CASE = "case,CM-1,criminal,,,,,,,,,,,,"
HEADER = (
    "record,number,case_type,participant_id,given,surname,birth_date,license_number,license_jurisdiction,case_number,"
    "role,entry_id,kind,fee_kind,amount,posted_on,statute"
)


class Files:
    """Files that are loaded into one court."""

    def __init__(self, commands: Commands, folder: Path) -> None:
        self._commands = commands
        self._folder = folder

    def __call__(self, content: str | bytes, *arguments: str, name: str = "cases.csv") -> Ended:
        file = self._folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self._commands("import", "cases", file, *arguments)

    def refused(self, content: str, *, name: str = "cases.csv") -> list[tuple[int, str, str]]:
        """The rows that do not load: line, field, reason."""
        ended = self(content, "--json", name=name)
        assert ended.code == ExitCode.REFUSED
        return [(row["line"], row["field"], row["reason"]) for row in ended.json["refusals"]]


@pytest.fixture
def load(court_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Files:
    return Files(Commands(court_folder / "ccms-ws.toml", capsys), tmp_path)


def counts(ended: Ended, word: str) -> int:
    return sum(row[word] for row in ended.json["tables"])


# -- what a file does not state ---------------------------------------------------------------------------------------
def test_a_file_without_a_sealed_column_unseals_nothing(load: Files, court: Court) -> None:
    ended = load("record,number,case_type,title\ncase,CR-2020-001999,criminal,People v. I. Tolliver\n", "--json")
    assert (ended.code, counts(ended, "changed")) == (0, 1)
    with court.application.reading() as uow:
        case = uow.books.find_case(court.application.court.ori, "CR-2020-001999")
    assert case is not None
    assert (case.sealed, case.title) == (True, "People v. I. Tolliver")
    assert court.ask(court.query(case_number="CR-2020-001999")).text("RejectionReasonCodeText") == "CaseNotFound"


@pytest.mark.parametrize(
    ("said", "sealed"), [("", True), (",", True), (",\n,,,", True), (",false", False), (",true", True)]
)
def test_a_case_is_unsealed_by_a_stated_value_alone(load: Files, court: Court, said: str, sealed: bool) -> None:
    load(f"record,number,case_type,sealed\ncase,CR-2020-001999,criminal{said}\n")
    with court.application.reading() as uow:
        case = uow.books.find_case(court.application.court.ori, "CR-2020-001999")
    assert case is not None
    assert case.sealed is sealed


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "record,participant_id,given,surname\nparticipant,P-1002,Desmond,Okafor\n"),
        ("a.csv", "record,participant_id,given,surname,middle,birth_date\nparticipant,P-1002,Desmond,Okafor\n"),
        ("a.jsonl", '{"record": "participant", "participant_id": "P-1002", "given": "Desmond", "surname": "Okafor"}'),
    ],
)
def test_an_absent_column_a_short_row_and_an_absent_key_leave_a_person_as_on_file(
    load: Files, court: Court, name: str, content: str
) -> None:
    ori = court.application.court.ori
    with court.application.reading() as uow:
        before = uow.books.find_participant(ori, "P-1002")
    assert load(content, name=name).code == 0
    with court.application.reading() as uow:
        after = uow.books.find_participant(ori, "P-1002")
    assert before is not None
    assert after is not None
    assert (after.birth_date, after.driver_license) == (before.birth_date, before.driver_license)
    assert after.birth_date is not None
    assert after.name == PersonName("Desmond", "Okafor", before.name.middle, before.name.suffix)


def test_a_stated_empty_value_takes_a_value_away(load: Files, court: Court) -> None:
    load("record,participant_id,given,surname,license_number\nparticipant,P-1002,Desmond,Okafor,\n")
    with court.application.reading() as uow:
        person = uow.books.find_participant(court.application.court.ori, "P-1002")
    assert person is not None
    assert person.driver_license is None


def test_a_license_number_takes_no_other_states_place(load: Files) -> None:
    header = "record,participant_id,surname,license_number"
    assert load(f"{header},license_jurisdiction\nparticipant,L-1,Lee,N1,NV\n").code == 0
    assert load(f"{header}\nparticipant,L-1,Lee,N1\n").code == 0
    assert load.refused(f"{header}\nparticipant,L-1,Lee,C2\n") == [
        (2, "license_jurisdiction", "is not stated, and the number on file is another state's")
    ]


def test_a_later_row_of_the_same_file_goes_on_from_an_earlier_one(load: Files, court: Court) -> None:
    content = "record,number,case_type,title,sealed\ncase,CM-7,criminal,First,true\ncase,CM-7,criminal,Second\n"
    ended = load(content, "--json")
    assert (ended.code, counts(ended, "added"), counts(ended, "changed")) == (0, 1, 1)
    with court.application.reading() as uow:
        case = uow.books.find_case(court.application.court.ori, "CM-7")
    assert case is not None
    assert (case.title, case.sealed) == ("Second", True)


# -- files ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("record,entry_id,amount,posted_on,amount\nentry,XD-1,100.00,2026-01-05,900.00\n", "amount stands there twice"),
        ("record;number;case_type\ncase;X-1;traffic\n", "separated by semicolons"),
        ("record,number,case_typ\ncase,X-1,traffic\n", "unknown column case_typ"),
        ("number,case_type\nX-1,traffic\n", "has no column record"),
        ('record,number,case_type,title\ncase,X-1,traffic,"ok\ncase,X-2,traffic,ok\n', "line 2: title"),
    ],
)
def test_a_file_that_is_not_understood_loads_nothing(load: Files, content: str, said: str) -> None:
    ended = load(content)
    assert ended.code == ExitCode.CONFIGURATION
    assert said in ended.err
    assert "nothing was loaded" in ended.err


def test_rows_of_separators_alone_are_none(load: Files) -> None:
    ended = load(
        "\ufeffrecord,number,case_type,status,title\r\ncase,XE-1,traffic,open,ok\r\n,,,,\r\n,,,,\r\n", "--json"
    )
    assert (ended.code, counts(ended, "added"), ended.json["refused"]) == (0, 1, 0)


def test_what_came_before_a_line_that_is_not_utf8_is_loaded_and_counted(load: Files) -> None:
    rows = [b"record,number,case_type,title", *(b"case,XW-%d,traffic,t%d" % (n, n) for n in range(1500))]
    ended = load(b"\n".join([*rows, b"case,XW-1500,traffic,Mar\xeda", b"case,XW-1501,traffic,t"]))
    assert ended.code == ExitCode.CONFIGURATION
    assert "cases.csv line 1502: title: byte 25 (0xed) is not UTF-8" in ended.err
    assert "1500 added" in ended.err
    again = load(b"\n".join(rows), "--json")
    assert counts(again, "unchanged") == 1500


def test_a_key_that_stands_twice_and_values_that_are_none_are_refused_by_line(load: Files) -> None:
    person = '{"record":"participant","participant_id":"XJ-%d","given":"%s","surname":"Ring"}'
    lines = [
        '{"record":"entry","entry_id":"XJ-1","amount":"100.00","amount":"900.00","posted_on":"2026-01-05"}',
        *(person % (number, given) for number, given in ((2, "Lone\\ud800"), (3, "Bell\\u0007"), (4, "Nul\\u0000"))),
    ]
    told = load.refused("\n".join(lines), name="people.jsonl")
    assert [(line, field) for line, field, _ in told] == [(1, "amount"), (2, "given"), (3, "given"), (4, "given")]


def test_amounts_in_json_are_exact(load: Files, court: Court) -> None:
    entry = (
        '{"record":"entry","entry_id":"EX-1","case_number":"CR-2023-002931","participant_id":"P-1002",'
        '"kind":"payment","fee_kind":"CriminalFine","amount":0.10,"posted_on":"2026-01-05"}'
    )
    assert load(entry, name="a.jsonl").code == 0
    with court.application.reading() as uow:
        entries = uow.books.ledger(court.application.court.ori, "CR-2023-002931", "P-1002")
    assert [entry.amount for entry in entries if entry.entry_id == "EX-1"] == [Decimal("0.10")]
    assert load.refused(entry.replace("0.10", "1e2").replace("EX-1", "EX-2"), name="a.jsonl")[0][1] == "amount"


def test_the_rejects_read_back(load: Files, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    load("record,number,case_type,title\ncase,X-1,=SUM(1),ok\n@x,X-2,traffic,ok\n", "--rejects", str(rejects))
    with rejects.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["record"], row["field"]) for row in rows] == [
        ("2", "case", "case_type"),
        ("3", "'@x", "record"),
    ]


# -- what no message can carry ----------------------------------------------------------------------------------------
LONG = "9" * 70


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (f"case,CM-2-{LONG},criminal", "number", "is longer than 64 characters"),
        (f"participant,,,X-{LONG},Ann,Long", "participant_id", "is longer than 64 characters"),
        ("participant,,,X-1,Ma\x0bry,Tabb", "given", "has a character that no value has (U+000B)"),
        ("participant,,,X-1,Ann,Sub\x1a", "surname", "has a character that no value has (U+001A)"),
        ("participant,,,X-1,Ann,LineTwo\uffff", "surname", "has a character that no value has (U+FFFF)"),
        ('participant,,,X-1,"Line\nbreak",Long', "given", "has a line break"),
        ("participant,,,X-1,Ann,Long,,D123,ZZ", "license_jurisdiction", "is not in the list of codes"),
        (f"participant,,,X-1,Ann,Long,,{LONG},CA", "license_number", "is longer than 64 characters"),
        ("participant,,,X-1,Ann,Long,0001-01-01", "birth_date", "is not between 1850-01-01 and 2199-12-31"),
        ("participant,,,X-1,Ann,Long,05/01/1980", "birth_date", "is not a day like 2026-03-01"),
        ("{entry},Criminal Fine,100.00,2026-01-05,", "fee_kind", "without spaces"),
        (f"{{entry}},{'F' * 65},100.00,2026-01-05,", "fee_kind", "is longer than 64 characters"),
        (f"{{entry}},BaseFine,100.00,2026-01-05,PC §1464(a) {LONG}", "statute", "is longer than 64 characters"),
        ("{entry},BaseFine,1e2,2026-01-05,", "amount", "is not an amount like 1490.10"),
        ("{entry},BaseFine,0,2026-01-05,", "amount", "is not above zero"),
    ],
)
def test_a_row_that_no_message_can_carry_is_refused(load: Files, row: str, field: str, reason: str) -> None:
    entry = "entry,,,P-1002,,,,,,CR-2023-002931,,XM-1,assessment"
    ((line, where, why),) = load.refused(f"{HEADER}\n{row.format(entry=entry)}\n")
    assert (line, where) == (2, field)
    assert reason in why


def test_sums_that_no_message_can_carry_are_refused(load: Files) -> None:
    account = (
        "case,CB-1,criminal\nparticipant,,,XB-1,Big,Sum\ncase-participant,,,XB-1,,,,,,CB-1,Defendant\n"
        "entry,,,XB-1,,,,,,CB-1,,XB-1,assessment,CriminalFine,999999999999.99,2026-01-05\n"
    )
    more = "entry,,,XB-1,,,,,,CB-1,,XB-{},{},BaseFine,0.02,2026-01-05\n"
    told = load.refused(f"{HEADER}\n{account}{more.format(2, 'assessment')}{more.format(3, 'payment')}")
    assert told == [(6, "amount", "would make the sums of the case longer than a message can carry")]
    assert load.refused(f"{HEADER}\n{more.format(4, 'assessment')}")[0][:2] == (2, "amount")


@pytest.fixture
def settings(blank_database_url: str, court_folder: Path) -> Path:
    """The court's settings, with a fresh database of each kind."""
    file = court_folder / "ccms-ws.toml"
    lines = file.read_text("utf-8").splitlines()
    url = blank_database_url.replace("postgresql:", "postgresql+psycopg:")
    lines = [f'url = "{url}"' if line.startswith('url = "sqlite') else line for line in lines]
    file.write_text("\n".join(lines), "utf-8")
    engine = open_engine(load_settings(file).database.url)
    assert engine.dialect.name in blank_database_url
    migrate.upgrade(engine)
    engine.dispose()
    return file


ORPHANS = [
    ("case-participant,,,NOBODY,,,,,,CM-1,Defendant", "participant_id", "is no participant on file"),
    ("case-participant,,,PM-1,,,,,,NO-CASE,Defendant", "case_number", "is no case on file"),
    ("entry,,,PM-2,,,,,,CM-1,,EM-2,payment,BaseFine,1.00,2026-01-05", "participant_id", "is not on this case"),
    ("entry,,,PM-1,,,,,,CM-1,,EM-1,payment,BaseFine,2.00,2026-01-05", "amount", "is another one than on file"),
]


def test_refused_rows_are_told_in_the_same_words_on_every_database(settings: Path, tmp_path: Path) -> None:
    good = [
        "case,CM-1,criminal",
        "participant,,,PM-1,Ann,Lee",
        "participant,,,PM-2,Bo,Lee",
        "case-participant,,,PM-1,,,,,,CM-1,Defendant",
        "entry,,,PM-1,,,,,,CM-1,,EM-1,payment,BaseFine,1.00,2026-01-05",
    ]
    file = tmp_path / "cases.csv"
    file.write_text("\n".join([HEADER, *good, *(row for row, _, _ in ORPHANS)]), "utf-8")
    ended = run_program("import", "cases", file, "--config", settings, "--json")
    assert (ended.code, ended.err) == (ExitCode.REFUSED, "")
    told = [(row["line"], row["field"]) for row in ended.json["refusals"]]
    assert told == [(line, field) for line, (_, field, _) in enumerate(ORPHANS, start=7)]
    for (_, _, reason), row in zip(ORPHANS, ended.json["refusals"], strict=True):
        assert row["reason"].startswith(reason)


# -- and if it is in the books all the same ---------------------------------------------------------------------------
def poison(court: Court, statement: str) -> None:
    engine = open_engine(court.application.settings.database.url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


BAD_NAME = "UPDATE participant SET given = 'Je' || char(7) || 'rome' WHERE participant_id = 'P-1010'"
BAD_FEE = (
    "INSERT INTO ledger_entry (court_ori, entry_id, case_number, participant_id, kind, fee_kind, amount, posted_on,"
    " statute, reason) SELECT court_ori, 'PZ-9', case_number, participant_id, 'payment', 'Base Fine', 500,"
    " '2026-11-10', '', '' FROM case_participant WHERE participant_id = 'P-1010' AND case_number = 'TR-2021-007755'"
)
PAYMENTS = "record,participant_id,entry_id,case_number,kind,fee_kind,amount,posted_on\n" + "\n".join(
    f"entry,{person},PZ-{number},{case},payment,BaseFine,5.00,2026-11-10"
    for number, (person, case) in enumerate(
        [("P-1010", "TR-2021-007755"), ("P-1005", "CR-2022-008812"), ("P-1014", "TR-2024-001876")]
    )
)


@pytest.mark.parametrize(("statement", "why"), [(BAD_NAME, "given has a character"), (BAD_FEE, "fee_kind is not")])
def test_one_debt_that_cannot_be_sent_holds_up_no_other_and_is_named(
    load: Files, court: Court, court_folder: Path, capsys: pytest.CaptureFixture[str], statement: str, why: str
) -> None:
    assert load(PAYMENTS).code == 0
    poison(court, statement)
    ccms_ws = Commands(court_folder / "ccms-ws.toml", capsys)
    built = ccms_ws("col903", "build", "--partner", "FTB", "--json")
    assert built.code == ExitCode.REFUSED
    sent = {case for batch in built.json for case in _cases_of(ccms_ws, batch["batch"])}
    assert {"CR-2022-008812", "TR-2024-001876"} <= sent
    assert "TR-2021-007755" not in sent
    assert f"left out: case TR-2021-007755, participant P-1010: {why}" in built.err
    again = ccms_ws("col903", "build", "--partner", "FTB")
    assert again.code == ExitCode.REFUSED
    assert "left out: case TR-2021-007755" in again.out

    doctor = ccms_ws("doctor", "--no-partners", "--json")
    (books,) = [row for row in doctor.json if row["what"] == "books"]
    assert books["light"] == "amber"
    assert "P-1010" in books["found"]
    assert why in books["found"]


def _cases_of(ccms_ws: Commands, batch: str) -> list[str]:
    return [item["case"] for item in ccms_ws("col903", "items", batch, "--json").json]


def test_the_court_is_to_blame_for_an_answer_that_it_cannot_write(court: Court) -> None:
    assert court.ask(court.query(case_number="TR-2021-007755", participant_id="P-1010")).text("BalanceDueAmount")
    poison(court, BAD_NAME)
    answer = court.ask(court.query(case_number="TR-2021-007755", participant_id="P-1010"))
    assert answer.status == 500
    assert answer.text("Value").endswith(":Receiver")
    engine = open_engine(court.application.settings.database.url)
    with engine.begin() as connection:
        detail = connection.execute(text("SELECT detail FROM refusal")).scalar_one()
    engine.dispose()
    assert "the books hold what no answer can carry" in detail


def test_a_person_without_trouble_is_no_finding(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor = Commands(court_folder / "ccms-ws.toml", capsys)("doctor", "--no-partners", "--json")
    assert [row["light"] for row in doctor.json if row["what"] == "books"] == ["green"]


def test_settings_may_begin_with_a_byte_order_mark(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (court_folder / "ccms-ws.toml", court_folder / "partners" / "FTB.toml"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert Commands(court_folder / "ccms-ws.toml", capsys)("db", "current").code == 0


def test_a_day_in_json(load: Files, court: Court) -> None:
    row = {"record": "participant", "participant_id": "D-1", "surname": "Lee", "birth_date": "1980-02-29"}
    assert load(json.dumps(row), name="a.jsonl").code == 0
    with court.application.reading() as uow:
        person = uow.books.find_participant(court.application.court.ori, "D-1")
    assert person is not None
    assert person.birth_date == date(1980, 2, 29)
