"""What is not as it was recorded is found, whatever it is, and said with both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ccms_ws.replay.case import Case, CourtAct, Delivery, ExpectedOutcome, Post, Tolerance, Wait
from ccms_ws.replay.casefile import read_case, shipped_cases
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.player import play
from ccms_ws.replay.results import CaseResult, Verdict
from ccms_ws.replay.running import MADE_AT


@pytest.fixture(scope="module")
def house() -> Iterator[Courthouse]:
    with Courthouse.demo(MADE_AT) as house:
        yield house


def shipped(name: str) -> Case:
    return read_case(shipped_cases() / name)


def with_step(case: Case, number: int, **changes: Any) -> Case:
    steps = list(case.steps)
    steps[number] = replace(steps[number], **changes)
    return replace(case, steps=tuple(steps))


def expecting(case: Case, **changes: Any) -> Case:
    step = case.steps[0]
    assert isinstance(step, Post)
    return with_step(case, 0, expected=replace(step.expected, **changes))


def answering(case: Case, old: bytes, new: bytes) -> Case:
    """The case with another recorded answer: as if the court of today answered otherwise."""
    step = case.steps[0]
    assert isinstance(step, Post)
    assert old in step.expected.answer, old
    return expecting(case, answer=step.expected.answer.replace(old, new))


def paths(result: CaseResult) -> list[str]:
    assert result.verdict is Verdict.DIFFERENT, result
    return [each.path.rpartition("/")[2] for step in result.steps for each in step.differences]


BALANCE = shipped("fcc807-balance-by-case")


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b">245.00<", b">245.01<", "fcc807:BalanceDueAmount"),
        (b">TR-2025-004417<", b">TR-2025-004418<", "nc:CaseTrackingID"),
        (b"<fcc807:BalanceDueIndicator>true", b"<fcc807:BalanceDueIndicator>false", "fcc807:BalanceDueIndicator"),
        (b'currencyCode="USD"', b'currencyCode="EUR"', "@nc:currencyCode"),
        (b">2026-11-20T18:00:00Z</ext:MessageDateTime>", b">2026-11-20T18:00:01Z</ext:MessageDateTime>",
         "ext:MessageDateTime"),
        (b"2026-11-20T18:05:00.000Z</wsu:Expires>", b"2026-11-20T18:06:00.000Z</wsu:Expires>", "wsu:Expires"),
        (b"rsa-sha256", b"rsa-sha512", "@Algorithm"),
        (b"2005/08/addressing/anonymous", b"2005/08/addressing/none", "wsa:To"),
        (b"<ext:TestIndicator>false</ext:TestIndicator>", b"", "ext:TestIndicator"),
    ],
)  # fmt: skip
def test_another_answer_is_found_at_its_place(old: bytes, new: bytes, path: str, house: Courthouse) -> None:
    assert path in paths(play(answering(BALANCE, old, new), house))


def test_an_answer_to_another_message_is_found(house: Courthouse) -> None:
    asked = BALANCE.steps[0]
    assert isinstance(asked, Post)
    other = b"urn:uuid:11111111-2222-4333-8444-555555555555"
    start = asked.expected.answer.index(b"urn:uuid:", asked.expected.answer.index(b"<wsa:RelatesTo"))
    recorded = asked.expected.answer[start : start + len(other)]
    found = paths(play(answering(BALANCE, recorded, other), house))
    assert "wsa:RelatesTo" in found or "ext:CorrelationID" in found


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"outcome": ExpectedOutcome.ERROR}, "outcome"),
        ({"code": "security.header-invalid"}, "code"),
        ({"status": 500}, "HTTP status"),
        ({"signed": False}, "signed"),
        ({"books": {"quarantine": "something"}}, "on file: quarantine"),
    ],
)
def test_another_verdict_is_found(changes: dict[str, Any], path: str, house: Courthouse) -> None:
    assert path in paths(play(expecting(BALANCE, **changes), house))


def test_the_court_s_own_reason_counts_not_the_public_one(house: Courthouse) -> None:
    case = expecting(shipped("fcc807-bad-body-changed"), code="security.signature-invalid")
    assert paths(play(case, house)) == ["code"]


def test_a_reply_where_a_refusal_was_recorded_is_found(house: Courthouse) -> None:
    """The guard that refused it is gone, say."""
    good, bad = BALANCE.steps[0], shipped("fcc807-bad-stale")
    assert isinstance(good, Post)
    result = play(with_step(bad, 0, request=good.request), house)
    assert {"outcome", "code", "signed"} <= set(paths(result))


def test_a_clock_that_stands_elsewhere_is_found(house: Courthouse) -> None:
    result = play(replace(BALANCE, at=BALANCE.at + timedelta(minutes=10)), house)
    assert "code" in paths(result)


def test_what_the_case_allows_is_shown_and_does_not_count(house: Courthouse) -> None:
    case = answering(BALANCE, b">245.00<", b">1.00<")
    allowed = replace(case, may_differ=(Tolerance("*:BalanceDueAmount", "paid since"),))
    result = play(allowed, house)
    assert result.verdict is Verdict.SAME
    assert [each.tolerated for each in result.steps[0].differences] == ["paid since"]


# -- sessions ---------------------------------------------------------------------------------------------------------
BATCH = shipped("session-batch-error")


def test_another_message_of_the_court_is_found(house: Courthouse) -> None:
    (number,) = (n for n, step in enumerate(BATCH.steps) if isinstance(step, Delivery))
    delivery = BATCH.steps[number]
    assert isinstance(delivery, Delivery)
    start = delivery.message.index(b"<col903:BatchRecordQuantity>") + len(b"<col903:BatchRecordQuantity>")
    changed = delivery.message[:start] + b"9" + delivery.message[start:]
    assert paths(play(with_step(BATCH, number, message=changed), house)) == ["col903:BatchRecordQuantity"]


def test_a_message_that_is_not_sent_is_found(house: Courthouse) -> None:
    steps = tuple(step for step in BATCH.steps if not isinstance(step, CourtAct))
    assert "delivery" in paths(play(replace(BATCH, steps=steps[:1]), house))


def test_a_message_too_many_is_found(house: Courthouse) -> None:
    hold = next(step for step in shipped("session-hold-and-release").steps if isinstance(step, CourtAct))
    result = play(replace(BATCH, steps=(hold, *BATCH.steps)), house)
    assert result.verdict is Verdict.DIFFERENT


def test_another_state_on_file_is_found(house: Courthouse) -> None:
    silence = shipped("session-batch-silence")
    result = play(with_step(silence, -1, by=timedelta(days=1)), house)
    assert isinstance(silence.steps[-1], Wait)
    assert any(path.startswith("on file: batch") for path in paths(result))


def test_what_cannot_be_played_is_broken_and_says_why(house: Courthouse) -> None:
    result = play(replace(BALANCE, steps=(CourtAct(name="1", do="dance", facts={}),)), house)
    assert (result.verdict, "no act 'dance'" in result.reason) == (Verdict.BROKEN, True)
    result = play(with_step(shipped("session-hold-and-release"), 0, facts={"case": "nowhere"}), house)
    assert (result.verdict, "'participant'" in result.reason) == (Verdict.BROKEN, True)
