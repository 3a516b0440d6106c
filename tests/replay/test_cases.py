"""Every case that ships with the package: the recorded bytes get the recorded verdict and the recorded answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccms_ws.clock import FixedClock
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.registry import EXCHANGES
from ccms_ws.replay import pki
from ccms_ws.replay.case import Case, Delivery, ExpectedOutcome, Post
from ccms_ws.replay.casefile import find_cases, read_case, shipped_cases
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.mutations import DEFECTS
from ccms_ws.replay.player import play
from ccms_ws.replay.reports import in_lines
from ccms_ws.replay.results import Verdict
from ccms_ws.replay.running import MADE_AT
from ccms_ws.replay.unverified_reader import find_tree, message_id_of
from ccms_ws.replay.variants import LAYOUTS
from ccms_ws.replay.verdicts import Answer, Reader, exchange_at, see

FOLDERS = find_cases([shipped_cases()])
CASES = [read_case(folder) for folder in FOLDERS]


@pytest.fixture(scope="module")
def house() -> Iterator[Courthouse]:
    with Courthouse.demo(MADE_AT) as house:
        yield house


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_plays_as_it_was_recorded(case: Case, house: Courthouse) -> None:
    result = play(case, house)
    assert result.verdict is Verdict.SAME, "\n".join(in_lines(result))


def test_all_exchanges_are_there_good_and_bad() -> None:
    assert len(CASES) >= 60
    for exchange in EXCHANGES:
        posts = [step for case in CASES if case.exchanges == (exchange.code,) for step in _posts(case)]
        outcomes = {step.expected.outcome for step in posts}
        assert outcomes & {ExpectedOutcome.REPLY, ExpectedOutcome.ACCEPTED}, exchange.code
        assert ExpectedOutcome.FAULT in outcomes, exchange.code
    assert any(len(case.exchanges) == len(EXCHANGES) for case in CASES)


def test_every_defect_and_every_layout_has_its_case() -> None:
    posts = [step for case in CASES for step in _posts(case)]
    assert {step.defect for step in posts} - {""} == {defect.name for defect in DEFECTS}
    assert {step.layout for step in posts} - {""} == {layout.name for layout in LAYOUTS}


def test_both_soap_versions_are_there_for_every_kind_of_outcome() -> None:
    seen = {(step.expected.outcome, step.request.content_type.partition(";")[0]) for c in CASES for step in _posts(c)}
    for outcome in (ExpectedOutcome.REPLY, ExpectedOutcome.ERROR, ExpectedOutcome.FAULT, ExpectedOutcome.ACCEPTED):
        assert {media for kind, media in seen if kind is outcome} >= {"text/xml", "application/soap+xml"}, outcome


def test_every_recorded_answer_was_signed_by_the_published_court() -> None:
    """The recordings are evidence by themselves: their signatures verify, at the moment of the recording."""
    trust, checked = TrustStore([PinnedCertificate("COURT", pki.identity("court").certificate)]), 0
    for case in CASES:
        if any(not isinstance(step, Post) for step in case.steps):
            continue  # the clock moves
        for step in _posts(case):
            exchange = exchange_at(step.path)
            if not (step.expected.signed and step.expected.answer) or exchange is None:
                continue
            answer = _answer(step)
            reader = Reader(exchange, message_id_of(step.request.body), trust, FixedClock(case.at))
            assert reader.refusal(answer) == "", case.name
            assert see(answer).code == step.expected.code
            checked += 1
    assert checked > 50


def test_every_file_of_a_case_belongs_to_it() -> None:
    for folder in FOLDERS:
        text = (folder / "case.toml").read_text("utf-8")
        for file in folder.iterdir():
            assert file.name == "case.toml" or f'"{file.name}"' in text, file


def test_no_recorded_message_bears_another_certificate_than_a_published_one() -> None:
    known = {pki.identity(name).certificate_text for name in pki.NAMES}
    for case in CASES:
        for raw in _messages(case):
            root = find_tree(raw)
            for element in () if root is None else root.iter("{*}BinarySecurityToken"):
                assert element.text in known, case.name


def _posts(case: Case) -> list[Post]:
    return [step for step in case.steps if isinstance(step, Post)]


def _messages(case: Case) -> Iterator[bytes]:
    for step in case.steps:
        if isinstance(step, Post):
            yield from (step.request.body, step.expected.answer)
        elif isinstance(step, Delivery):
            yield from (step.message, step.answer)


def _answer(step: Post) -> Answer:
    media = (
        "text/xml" if b"http://schemas.xmlsoap.org/soap/envelope/" in step.expected.answer else "application/soap+xml"
    )
    return Answer(step.expected.status, {"content-type": f"{media}; charset=utf-8"}, step.expected.answer)
