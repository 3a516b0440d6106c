"""A day of varied queries is recorded and played, as it was and anonymized: no difference, and nobody in it."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from ccms_ws.cli import main
from ccms_ws.exchanges.fcc807.messages import Query
from ccms_ws.replay import Which, find_cases, in_lines, read_case, replay
from ccms_ws.replay.case import Case, Post
from ccms_ws.replay.results import RunResult
from tests.support.court import Court
from tests.support.varied_day import ask_all

COUNT = 260
FEWEST = {
    "CaseNotFound": 5, "ParticipantNotFound": 10, "ParticipantNotOnCase": 5, "MultipleMatches": 3,
    "InsufficientCriteria": 5, "found": 60, "exchange.court-unknown": 1, "exchange.as-of-date-in-future": 3,
}  # fmt: skip
"""So many answers of each kind, at least: a day that holds less shows less."""


@pytest.fixture(scope="module")
def court(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Court:
    """One court for this module: recording changes nothing in it."""
    return Court(Path(shutil.copytree(installation, tmp_path_factory.mktemp("day") / "court")))


@pytest.fixture(scope="module")
def day(court: Court) -> list[Query]:
    return ask_all(court, 1, COUNT)


def record(
    court: Court, folder: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[list[Case], list[str]]:
    """The cases, and the ids of the messages that were left out."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["replay", "record", "--since", "2026-11-01", "-o", str(folder), "--no-check", "--json", *options,
              "--config", str(court.folder / "ccms-ws.toml")])  # fmt: skip
    said = json.loads(capsys.readouterr().out)
    assert not ended.value.code
    return [read_case(each) for each in find_cases([folder])], list(said["left_out"])


def answers(cases: list[Case]) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for case in cases:
        (post,) = case.steps
        assert isinstance(post, Post)
        reason = re.search(rb"RejectionReasonCodeText[^>]*>(\w+)<", post.expected.answer)
        kinds[post.expected.code or (reason[1].decode() if reason else "found")] += 1
    return kinds


def differing(result: RunResult) -> list[str]:
    return [f"{case.title}: {in_lines(case) or case.reason}" for case in result.cases if case.verdict.value != "same"]


def test_a_varied_day_plays_without_a_difference(
    day: list[Query], court: Court, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, left_out = record(court, tmp_path / "cases", capsys)
    assert (len(cases), left_out) == (COUNT, [])
    kinds = answers(cases)
    assert {kind: kinds[kind] for kind, fewest in FEWEST.items() if kinds[kind] < fewest} == {}
    empty = [case for case in cases if b"BalanceDueAmount" in case.steps[0].expected.answer  # type: ignore[union-attr]
             and b"FeeBalance" not in case.steps[0].expected.answer]  # type: ignore[union-attr]  # fmt: skip
    assert len(empty) > 5, "balances of a day before the first entry"
    assert differing(replay(find_cases([tmp_path / "cases"]), Which(court.folder / "ccms-ws.toml"), jobs=1)) == []


def test_anonymized_it_plays_anywhere_and_names_nobody(
    day: list[Query], court: Court, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, _ = record(court, tmp_path / "plain", capsys)
    cases, left_out = record(court, tmp_path / "cases", capsys, "--anonymize")
    # What does not keep the schema is left out and named, and nothing else is.
    invalid = [case for case in plain if case.steps[0].expected.code == "contract.schema-violated"]  # type: ignore[union-attr]
    assert len(left_out) == len(invalid) > 0
    assert len(cases) == COUNT - len(left_out)
    assert answers(cases) == answers([case for case in plain if case not in invalid])
    assert differing(replay(find_cases([tmp_path / "cases"]), jobs=1)) == []
    text = b"\n".join(file.read_bytes() for file in sorted((tmp_path / "cases").rglob("*")) if file.is_file())
    for query in day:
        assert not told(query, text), "a value of a query is in the recording"
    born = {query.birth_date for query in day if query.birth_date is not None}
    kept = [each for each in born if f">{each}<".encode() in text]
    assert len(kept) < len(born) / 4, "by chance, the day made up for one person may be that of another"


def told(query: Query, text: bytes) -> set[str]:
    """Values of a query, days apart, that stand in a text; those are left out that many people share."""
    name, license = query.name, query.driver_license
    parts = re.split(r"[\s.'\u2019-]+", f"{name.given} {name.surname} {name.middle}") if name else []
    values = {
        part for part in parts if len(part) > 3 and not part[0].islower() and part.lower() not in {"nobody", "king"}
    }
    values |= {query.case_number.strip(), query.participant_id, license.number if license else ""}
    values.add(str(query.metadata.transaction_id))
    return {value for value in values if value and re.search(rf">{re.escape(value)}(?!\w)".encode(), text)}
