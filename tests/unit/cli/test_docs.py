"""`ccms-ws docs`: the documents as they are, without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ccms_ws.cli import main
from ccms_ws.cli.docs import all_documents
from ccms_ws.cli.exit_codes import ExitCode


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["docs", *map(str, arguments)])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = {row["document"] for row in json.loads(run(capsys, "--json")[1])}
    assert listed == set(all_documents())
    assert "decisions/001-contract-first" in listed


@pytest.mark.parametrize("name", ["operations", "OPER", "001", "decisions/001-contract-first"])
def test_the_beginning_of_a_name_is_enough(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out = run(capsys, name)
    assert code == 0
    assert out.startswith("# ")


def test_a_pipe_gets_the_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "CHANGELOG")[1].rstrip() == all_documents()["CHANGELOG"].read_text("utf-8").rstrip()


def test_a_name_that_means_none_or_several_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(capsys, "nothing")[0] == ExitCode.NOT_FOUND
    code, out = run(capsys, "decisions", "--json")
    assert code == ExitCode.NOT_FOUND
    assert "decisions/004-one-commit" in json.loads(out)["error"]["hint"]


def test_html_needs_nothing_else_and_runs_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    assert run(capsys, "threat-model", "--browser", "-o", file)[0] == 0
    page = file.read_text("utf-8")
    assert "<table>" in page
    assert "<script" not in page
    assert 'src="' not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_html_that_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "threat-model", "--browser", "-o", tmp_path / "no" / "x")[0] == ExitCode.CONFIGURATION


def test_no_colour_leaves_the_program_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in run(capsys)[1]
    assert "\x1b" not in run(capsys, "architecture")[1]
