"""`tools/query_fcc807.py`, the script that a probation integrator starts from, against a running court."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from ccms_ws.exchanges.fcc807.client import BalanceQueryClient, Criteria
from ccms_ws.exchanges.fcc807.messages import BalanceFound
from tests.support.serving import Served, served_court

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "query_fcc807.py"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_court(tmp_path_factory.mktemp("script") / "court") as court:
        sample = (ROOT / "ccms_ws" / "docs" / "samples" / "probation.toml").read_text("utf-8")
        settings = sample.replace("https://court.example", f"http://127.0.0.1:{court.port}")
        (court.settings.parent / "pki" / "probation.toml").write_text(settings, "utf-8")
        yield court


def ask(served: Served, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, served.settings.parent / "pki" / "probation.toml", *arguments]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)


def test_one_query_shows_its_balance(served: Served) -> None:
    done = ask(served, "--given", "siobhan", "--surname", "O'Brien Nunez", "--born", "1988-03-17")
    assert done.returncode == 0, done.stderr
    assert "balance" in done.stdout


def test_a_program_of_a_few_lines_asks_for_a_balance(served: Served) -> None:
    """By the asker's own settings, and as a partner of a court's."""
    for path, partner in [("pki/probation.toml", ""), ("ccms-ws.toml", "ADULT-PROBATION")]:
        client = BalanceQueryClient.from_settings(f"{served.settings.parent}/{path}", partner)
        answer = client.ask(Criteria(case_number="TR-2025-004417"))
        client.close()
        assert isinstance(answer, BalanceFound)
        assert answer.balance.due == Decimal("245.00")


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_of_queries_becomes_a_file_of_answers(served: Served, tmp_path: Path, kind: str) -> None:
    queries, out = tmp_path / "people.csv", tmp_path / f"balances.{kind}"
    queries.write_text("case_number,birth_date\nTR-2025-004417,\nTR-0000-000000,\n,1990-01-01\n", "utf-8")
    done = ask(served, "--file", queries, "--out", out)
    assert done.returncode == 0, done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        rows = json.load(file) if kind == "json" else list(csv.DictReader(file))
    assert [row["answer"] for row in rows] == ["balance", "rejection", "rejection"]
    assert rows[0]["balance_due"] == "245.00"
    assert rows[1]["reason"].startswith("CaseNotFound: ")


def test_what_fails_is_said_and_told_by_the_exit_code(served: Served, tmp_path: Path) -> None:
    done = ask(served, "--case", "TR-2025-004417", "--as-of", "2199-01-01")
    assert (done.returncode, "as-of-date-in-future" in done.stdout) == (1, True)
    queries, out = tmp_path / "people.csv", tmp_path / "out.json"
    queries.write_text("case_number,birth_date\nTR-2025-004417,31.12.1990\n", "utf-8")
    assert ask(served, "--file", queries, "--out", out).returncode == 1
    assert json.loads(out.read_text())[0]["answer"] == "failed"
    missing = ask(served, "--file", tmp_path / "nothing.csv")
    assert (missing.returncode, missing.stderr.startswith("query_fcc807: nothing.csv: cannot be read")) == (2, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("case_number;participant_id\nCR-2023-002931;P-1002\n", "so these are missing: case_number, participant_id"),
        ("given,surname,dob,case_number\nJose,Nunez,1999-09-09,\n", "unknown column dob"),
        ("case_number,case_number\nCN-2026-000001,CN-2026-000002\n", "case_number stands there twice"),
        ("case_number\nTR-2025-004417\nTR-2025-004417,x\n", "line 3: has more cells (2) than the header (1)"),
    ],
)
def test_a_file_that_cannot_be_read_whole_asks_nothing(served: Served, tmp_path: Path, content: str, said: str) -> None:
    queries, out = tmp_path / "people.csv", tmp_path / "out.csv"
    queries.write_text(content, "utf-8")
    done = ask(served, "--file", queries, "--out", out)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not out.read_text("utf-8")


def test_rows_of_separators_are_no_queries_and_values_that_are_none_fail_alone(served: Served, tmp_path: Path) -> None:
    queries, out = tmp_path / "people.csv", tmp_path / "out.csv"
    rows = ["CR-2023-002931,P-1002,", ",,", f"{'9' * 65},,", "CR-2023-002931,P-1002,0001-01-01", ",,"]
    queries.write_bytes("\r\n".join(["\ufeffcase_number,participant_id,as_of", *rows]).encode())
    assert ask(served, "--file", queries, "--out", out).returncode == 1
    with out.open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    assert [answer["answer"] for answer in answers] == ["balance", "failed", "failed"]
    assert answers[1]["reason"] == "case_number is longer than 64 characters"
    assert answers[2]["reason"].startswith("as_of is not between")
