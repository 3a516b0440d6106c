"""From the order to the answer, over sockets and a database: what leaves the house, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

import pytest

from ccms_ws.domain.abstracts import AbstractState, ReleaseReason, SectionRole, SectionViolated
from ccms_ws.domain.collections import BatchState
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.simulator import Mischief, Pace, Simulation, read_script
from ccms_ws.simulator.acts import Temper
from tests.support.justice import make_keys, make_settings
from tests.support.line import Line

QUICK = Pace(
    answer_after=timedelta(milliseconds=10),
    late_after=timedelta(milliseconds=300),
    slow=timedelta(milliseconds=50),
    retry_after=timedelta(0),
)
SUBJECTS = {
    "TR-2025-011250": "P-1004",
    "TR-2025-013904": "P-1011",
    "TR-2025-004417": "P-1001",
    "TR-2024-019302": "P-1003",
    "TR-2024-001876": "P-1014",
}


class Start(Protocol):
    def __call__(self, partner: str, script: str | Temper = "", *, synchronous: bool, soap: str = "1.2") -> Line: ...


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def start(keys: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a line with one partner that has a script, and the worker."""
    with ExitStack() as stack:

        def begin(partner: str, script: str | Temper = "", *, synchronous: bool, soap: str = "1.2") -> Line:
            settings = make_settings(tmp_path, keys, synchronous=[partner] if synchronous else [], soap=soap)
            simulation = Simulation(temper=read_script(script) if isinstance(script, str) else script, pace=QUICK)
            line = stack.enter_context(Line(settings, {partner: simulation}))
            line.work()
            return line

        yield begin


def hold(line: Line, case_number: str = "TR-2025-011250", participant_id: str = "P-1004") -> UUID:
    order = HoldOrder(
        case_number=case_number,
        participant_id=participant_id,
        sections=(
            SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
            SectionViolated("VC", "14601.1(a)", SectionRole.UNDERLYING),
        ),
        violation_date=date(2025, 5, 2),
        order_date=date(2025, 10, 6),
        noncompliance_date=date(2026, 4, 6),
        certified_by="Deputy Clerk 12",
    )
    (abstract_id,) = line.court.push(DMV907, "DMV", lambda context, uow: [order_hold(order, context, uow)])
    return abstract_id


def release(line: Line, hold_id: UUID) -> UUID:
    (abstract_id,) = line.court.push(
        DMV907,
        "DMV",
        lambda context, uow: [order_release(hold_id, ReleaseReason.COMPLIED, context.today, context, uow)],
    )
    return abstract_id


def push_batch(line: Line, partner_id: str) -> UUID:
    batches = line.court.push(COL903, partner_id, lambda context, uow: build_batches(context, uow, size=1000))
    return batches[0]


def quarantined(line: Line) -> list[str]:
    with line.court.units() as uow:
        return [answer.reason for answer in uow.inbox.quarantined()]


def outcomes(line: Line, message_id: UUID) -> list[str]:
    with line.court.units() as uow:
        return [attempt.outcome for attempt in uow.outbox.attempts(message_id)]


BOTH_WAYS = pytest.mark.parametrize("synchronous", [True, False], ids=["in the response", "as a message"])


@BOTH_WAYS
@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_a_hold_and_its_release_are_answered_with_message_codes(start: Start, synchronous: bool, soap: str) -> None:
    line = start("DMV", synchronous=synchronous, soap=soap)
    first = hold(line)
    second = release(line, first)
    for abstract_id in (first, second):
        abstract = line.wait(lambda one=abstract_id: line.abstract(one), lambda one: one.state.is_answered)  # type: ignore[misc]
        assert (abstract.state, abstract.answer_code) == (AbstractState.ACCEPTED, "ACCEPTED")
    assert [row[0] for row in line.partners["DMV"].memory.tally()] == [f"urn:uuid:{one}" for one in (first, second)]


@BOTH_WAYS
def test_an_error_message_about_a_hold_puts_it_in_error(start: Start, synchronous: bool) -> None:
    line = start("DMV", "error", synchronous=synchronous)
    abstract_id = hold(line)
    abstract = line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    assert (abstract.state, abstract.answer_code) == (AbstractState.IN_ERROR, "RecordUnavailable")


@BOTH_WAYS
def test_an_error_message_about_a_batch_rejects_it(start: Start, synchronous: bool) -> None:
    line = start("AGENCY", "error", synchronous=synchronous)
    batch_id = push_batch(line, "AGENCY")
    batch = line.wait(lambda: line.batch(batch_id), lambda one: one.state.is_final)
    assert (batch.state, batch.error_code) == (BatchState.REJECTED, "SystemUnavailable")


@BOTH_WAYS
def test_an_error_message_about_an_item_rejects_that_part(start: Start, synchronous: bool) -> None:
    line = start("AGENCY", "items", synchronous=synchronous)
    batch_id = push_batch(line, "AGENCY")
    batch = line.wait(lambda: line.batch(batch_id), lambda one: one.state.is_final)
    assert batch.state is BatchState.PARTLY_REJECTED


@BOTH_WAYS
def test_silence_about_a_batch_is_delivery(start: Start, synchronous: bool) -> None:
    line = start("AGENCY", "accept", synchronous=synchronous)
    batch_id = push_batch(line, "AGENCY")
    batch = line.wait(lambda: line.batch(batch_id), lambda one: one.state is not BatchState.QUEUED)
    assert batch.state is BatchState.DELIVERED
    assert batch.answer_due_at is not None
    assert outcomes(line, batch_id) == ["delivered"]


@BOTH_WAYS
@pytest.mark.parametrize("act", ["fault", "503", "drop", "cut", "wrong-signer", "expired", "unsigned", "late"])
def test_trouble_on_the_way_ends_in_one_answer(start: Start, act: str, synchronous: bool) -> None:
    line = start("DMV", act, synchronous=synchronous)
    abstract_id = hold(line)
    abstract = line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    assert (abstract.state, abstract.answer_code) == (AbstractState.ACCEPTED, "ACCEPTED")
    line.wait(line.idle, bool)
    assert len(line.partners["DMV"].memory.tally()) == 1
    assert quarantined(line) == []


def test_an_answer_delivered_twice_has_one_effect(start: Start) -> None:
    line = start("DMV", "twice", synchronous=False)
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    line.wait(line.idle, bool)
    assert quarantined(line) == []


def test_an_answer_to_nothing_is_quarantined(start: Start) -> None:
    line = start("DMV", "stray", synchronous=False)
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    line.wait(line.idle, bool)
    assert len(quarantined(line)) == 1


def test_a_fault_that_blames_the_court_makes_a_dead_letter(start: Start) -> None:
    line = start("DMV", "client-fault", synchronous=True)
    abstract_id = hold(line)
    abstract = line.wait(lambda: line.abstract(abstract_id), lambda one: one.state is AbstractState.UNDELIVERABLE)
    assert outcomes(line, abstract_id) == ["given up"]
    assert abstract.answer_text == "fault.client"


@BOTH_WAYS
@pytest.mark.parametrize("seed", [1, 2])
def test_mischief_neither_loses_doubles_nor_reorders(start: Start, seed: int, synchronous: bool) -> None:
    line = start("DMV", Mischief(seed, rate=0.5), synchronous=synchronous)
    made: dict[str, list[UUID]] = {}
    for case_number, participant_id in SUBJECTS.items():
        made[case_number] = []
        for _ in range(2):
            made[case_number].append(hold(line, case_number, participant_id))
            made[case_number].append(release(line, made[case_number][-1]))
    everything = [one for abstracts in made.values() for one in abstracts]
    line.wait(line.idle, bool)
    # A hold that overtook a release, or came twice, would have been answered ALREADY-ON-FILE.
    assert {line.abstract(one).answer_code for one in everything} == {"ACCEPTED"}
    tally = [UUID(row[0]) for row in line.partners["DMV"].memory.tally()]
    assert sorted(tally) == sorted(everything)
    for abstracts in made.values():
        assert [one for one in tally if one in abstracts] == abstracts
    assert set(quarantined(line)) <= {"it answers no abstract of this court"}
    assert sum(len(outcomes(line, one)) for one in everything) > len(everything)
