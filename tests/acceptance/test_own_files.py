"""A court sends balances of a file of its own, and learns later which of its rows the partner refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process_cluster import House, Program

TOOLS = Path(__file__).parents[2] / "tools"
ROWS = """\
case_number,participant_id,given,surname,account_number,referred_amount,previous_balance,current_balance,paid,reason,effective_on
TR-1,P-1,Ana,Example,A-1,900.00,500.00,400.00,100.00,,2026-01-05
TR-2,P-2,Bo,Example,A-2,900.00,500.00,0.00,500.00,,2026-01-05
"""


def quarantined(house: House) -> int:
    with house.court.reading() as uow:
        return len(uow.inbox.quarantined())


@pytest.mark.parametrize(("script", "rows"), [("items", ["TR-1 P-1"]), ("error", ["TR-1 P-1", "TR-2 P-2"])])
def test_an_error_that_comes_later_names_the_rows_of_the_file(tmp_path: Path, script: str, rows: list[str]) -> None:
    house = House(tmp_path, people=1)
    partner = house.programs["ftb"]
    house.programs = {
        "endpoint": house.programs["endpoint"],
        "ftb": Program("ftb", (*partner.arguments, "--script", script), partner.port),
    }
    file, out = tmp_path / "updates.csv", tmp_path / "answers.json"
    file.write_text(ROWS, "utf-8")

    def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(TOOLS / name), "--config", str(house.settings), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with house:
        assert tool("push_col903.py", "--partner", "FTB", file, "--dry-run").returncode == 0
        assert not (tmp_path / "updates.csv.sent.jsonl").exists()
        pushed = tool("push_col903.py", "--partner", "FTB", file)
        assert pushed.returncode == 0, pushed.stderr
        house.wait(lambda: quarantined(house), bool, "the error message")
    received = tool("receive_answers.py", "--partner", "FTB", "--sent", f"{file}.sent.jsonl", "--out", out)
    assert received.returncode == 0, received.stderr
    (answer,) = json.loads(out.read_text("utf-8"))
    assert (answer["rows"], answer["applied"]) == (rows, False)
    assert f"about {'; '.join(rows)}" in received.stdout
