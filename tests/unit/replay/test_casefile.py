"""A case in its folder: what was written is read, and what is wrong with it is said in plain words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ccms_ws.errors import ConfigError
from ccms_ws.replay.case import Case, Tolerance
from ccms_ws.replay.casefile import find_cases, read_case, shipped_cases
from ccms_ws.replay.casewriter import write_case

CASES = find_cases([shipped_cases()])


@pytest.fixture
def case() -> Case:
    return read_case(shipped_cases() / "session-all-three")


def test_every_shipped_case_is_written_as_it_was_read(tmp_path: Path) -> None:
    for folder in CASES:
        case = read_case(folder)
        write_case(case, tmp_path / folder.name)
        assert replace(read_case(tmp_path / folder.name), folder=folder) == case


def test_tolerances_and_tables_survive(case: Case, tmp_path: Path) -> None:
    changed = replace(case, may_differ=(Tolerance("*/x", 'because "so"'),), clauses=("BP R1",))
    write_case(changed, tmp_path / "case")
    assert read_case(tmp_path / "case").may_differ == changed.may_differ
    assert read_case(tmp_path / "case").clauses == ("BP R1",)


def test_a_case_is_never_written_over_another(case: Case, tmp_path: Path) -> None:
    write_case(case, tmp_path / "case")
    with pytest.raises(ConfigError, match="holds a case already"):
        write_case(case, tmp_path / "case")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "', 'titel = "', "title should be given"),
        ('outcome = "reply"', 'outcom = "reply"', "outcome should be given"),
        ("status = 200", "status = 200\nsttus = 201", "unknown: sttus"),
        ("status = 200", 'status = "200"', "status is '200'"),
        ('request = "request.xml"', 'request = "gone.xml"', "cannot be read"),
        ('request = "request.xml"', 'request = "../request.xml"', "not in the folder of the case"),
        ("title", "= =", "cannot be read"),
    ],
)
def test_a_wrong_key_is_refused_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    write_case(read_case(shipped_cases() / "fcc807-balance-by-case"), tmp_path / "case")
    file = tmp_path / "case" / "case.toml"
    assert old in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=said) as refused:
        read_case(tmp_path / "case")
    assert str(file) in str(refused.value)


def test_a_folder_without_cases_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no case"):
        find_cases([tmp_path])
