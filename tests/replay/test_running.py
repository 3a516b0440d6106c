"""Many cases at once, and what is written about them for people and for programs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.replay import Verdict, Which, find_cases, in_lines, replay, replay_page, shipped_cases, to_json, to_junit
from ccms_ws.replay.diff import Difference
from ccms_ws.replay.results import CaseResult, RunResult, StepResult

SOME = [shipped_cases() / name for name in (
    "fcc807-balance-by-case", "fcc807-bad-stale", "col903-error-batch", "session-same-bytes",
    "dmv907-response-accepted", "fcc807-rejected-sealed",
)]  # fmt: skip


def test_several_processes_give_what_one_gives() -> None:
    one, two = replay(SOME, jobs=1), replay(SOME, jobs=2)
    assert [case.name for case in one.cases] == [case.name for case in two.cases] == [folder.name for folder in SOME]
    assert [case.verdict for case in one.cases] == [case.verdict for case in two.cases] == [Verdict.SAME] * len(SOME)


def test_each_result_is_told_as_it_comes() -> None:
    told: list[CaseResult] = []
    replay(SOME[:3], jobs=1, tell=told.append)
    assert [case.name for case in told] == [folder.name for folder in SOME[:3]]


def test_the_same_case_twice_does_not_meet_itself(tmp_path: Path) -> None:
    """A second recording of one message must not get the stored answer of the first."""
    for name in ("first", "second"):
        shutil.copytree(SOME[0], tmp_path / name)
    assert replay(find_cases([tmp_path]), jobs=1).same


def test_a_folder_that_is_no_case_is_broken_and_the_others_are_played(tmp_path: Path) -> None:
    shutil.copytree(SOME[0], tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "case.toml").write_text("title = 1", "utf-8")
    result = replay(find_cases([tmp_path]), jobs=1)
    assert [case.verdict for case in result.cases] == [Verdict.BROKEN, Verdict.SAME]
    assert not result.same


def test_a_copy_of_an_installation_is_played_in_and_the_installation_stays_as_it_is(court_folder: Path) -> None:
    """Its partners have other keys than the published ones: what those signed is refused."""
    before = (court_folder / "court.db").read_bytes()
    result = replay([SOME[0]], Which(court_folder / "ccms-ws.toml"), jobs=1)
    assert result.cases[0].verdict is Verdict.DIFFERENT
    assert "security.signer-not-trusted" in " ".join(in_lines(result.cases[0]))
    assert (court_folder / "court.db").read_bytes() == before


def test_the_database_that_the_environment_names_is_left_alone(
    court_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCMS_WS_DATABASE__URL", f"sqlite:///{court_folder}/court.db")
    before = (court_folder / "court.db").read_bytes()
    assert replay(SOME[:1], jobs=1).same
    assert (court_folder / "court.db").read_bytes() == before


# -- reports ----------------------------------------------------------------------------------------------------------
NASTY = "<script>alert(1)</script> & \x00\x1b[31m"
STEP = StepResult(
    name="1 post",
    expected="reply (HTTP 200)",
    actual="fault (HTTP 500)",
    differences=[Difference("/a/b", NASTY, "-", "another value"), Difference("/c", "1", "2", "", "paid since")],
)
RESULT = RunResult(
    mode="offline",
    target="the demo court",
    seconds=1.5,
    cases=[
        CaseResult(name="good", title="Fine", exchanges=("FCC807",), steps=[replace(STEP, differences=())]),
        CaseResult(name="bad", title=NASTY, exchanges=("FCC807", "COL903"), steps=[STEP]),
        CaseResult(name="broken", title="", exchanges=(), reason=NASTY),
        CaseResult(name="skipped", title="", exchanges=("DMV907",), reason="no key", skipped=True),
    ],
)  # fmt: skip


def test_a_ci_server_can_read_the_junit_report() -> None:
    root = etree.fromstring(to_junit(RESULT))
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"FCC807", "FCC807+COL903", "unreadable", "DMV907"}
    assert [suites["FCC807+COL903"].get(key) for key in ("tests", "failures", "errors", "skipped")] == [
        "1",
        "1",
        "0",
        "0",
    ]
    assert [suites["unreadable"].get(key) for key in ("failures", "errors")] == ["0", "1"]
    assert suites["DMV907"].find("testcase/skipped") is not None
    assert "expected" in (suites["FCC807+COL903"].findtext("testcase/failure") or "")


def test_the_page_shows_both_sides_and_no_markup_of_anybody_else() -> None:
    page = replay_page(RESULT)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "allowed: paid since" in page
    assert "http" not in page.replace("HTTP", "").replace("http-equiv", "")
    assert not any(char in page for char in "\x00\x1b")


def test_the_json_report_has_everything() -> None:
    text = to_json(RESULT)
    for word in ("offline", "different", "broken", "skipped", "/a/b", "paid since", "no key"):
        assert word in text


def test_a_run_in_which_nothing_was_played_is_no_success() -> None:
    assert not RunResult(mode="live", cases=RESULT.cases[3:], seconds=0).same
