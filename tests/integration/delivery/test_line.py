"""From the order to the answer, over sockets and a database: what leaves the house, and what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol
from uuid import UUID

import pytest

from ccms_ws.clock import court_day
from ccms_ws.domain.abstracts import AbstractState, ReleaseReason
from ccms_ws.domain.circuit_breaker import BreakerState
from ccms_ws.domain.collections import BatchState, ItemState
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches, correct_batch
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import order_release
from ccms_ws.exchanges.dmv907.rules import NoticeRefused
from ccms_ws.simulator import Pace, RandomFaults, Simulation, read_script
from ccms_ws.simulator.behaviors import BehaviorSource
from tests.support.local_stack import Line
from tests.support.partner_settings import make_keys, make_settings
from tests.support.pushes import hold, push_batch

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
    "TR-2024-020118": "P-1019",
    "TR-2024-001876": "P-1014",
}


class Start(Protocol):
    def __call__(
        self, partner: str, script: str | BehaviorSource = "", *, synchronous: bool, soap: str = "1.2"
    ) -> Line: ...


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def start(keys: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a line with one partner that has a script, and the worker."""
    with ExitStack() as stack:

        def begin(partner: str, script: str | BehaviorSource = "", *, synchronous: bool, soap: str = "1.2") -> Line:
            settings = make_settings(tmp_path, keys, synchronous=[partner] if synchronous else [], soap=soap)
            simulation = Simulation(temper=read_script(script) if isinstance(script, str) else script, pace=QUICK)
            line = stack.enter_context(Line(settings, {partner: simulation}))
            line.work()
            return line

        yield begin


def release(line: Line, hold_id: UUID) -> UUID:
    (abstract_id,) = line.court.push(
        DMV907,
        "DMV",
        lambda context, uow: [order_release(hold_id, ReleaseReason.COMPLIED, context.today, context, uow)],
    )
    return abstract_id


def pay(line: Line, case_number: str, participant_id: str, amount: str, entry_id: str) -> None:
    entry = LedgerEntry(
        *(entry_id, line.court.court.ori, case_number, participant_id),
        *(EntryKind.PAYMENT, "BaseFine", Decimal(amount), court_day(line.court.clock.now())),
    )
    with line.court.units() as uow:
        uow.books.add(entry)
        uow.commit()


def quarantined(line: Line) -> list[str]:
    with line.court.units() as uow:
        return [answer.reason for answer in uow.inbox.quarantined()]


def refusals(line: Line) -> list[str]:
    with line.court.units() as uow:
        return list(uow.connection.exec_driver_sql("SELECT code FROM refusal").scalars())


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


@pytest.mark.parametrize(
    ("act", "synchronous", "cause", "times"),
    [
        *(("fault", each, "fault.server", 1) for each in (True, False)),
        *(("503", each, "http.5xx", 1) for each in (True, False)),
        *(("drop", each, "answer.cut", 1) for each in (True, False)),
        *(("cut", each, "answer.cut", 2) for each in (True, False)),
        *((act, True, "answer.untrusted", 2) for act in ("wrong-signer", "expired", "unsigned")),
        ("stray", True, "answer.unrelated", 2),
    ],
)
def test_trouble_is_named_and_the_message_processed_once(
    start: Start, act: str, synchronous: bool, cause: str, times: int
) -> None:
    """`times`: how often the partner took the message, which it can only do before the trouble begins."""
    line = start("DMV", act, synchronous=synchronous)
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    line.wait(line.idle, bool)
    with line.court.units() as uow:
        failed, delivered = uow.outbox.attempts(abstract_id)
    assert (failed.error_code, delivered.outcome) == (cause, "delivered")
    assert [row[3] for row in line.partners["DMV"].memory.tally()] == [times]


@pytest.mark.parametrize(
    ("act", "code"), [("wrong-signer", "security.signer-not-trusted"), ("expired", "security.timestamp-out-of-range")]
)
def test_an_answer_that_cannot_be_believed_is_refused_until_it_can(start: Start, act: str, code: str) -> None:
    line = start("DMV", act, synchronous=False)
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    line.wait(line.idle, bool)
    assert refusals(line) == [code]


def test_a_slow_partner_is_waited_for(start: Start) -> None:
    line = start("DMV", "slow", synchronous=True)
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    with line.court.units() as uow:
        (attempt,) = uow.outbox.attempts(abstract_id)
    assert attempt.ended_at - attempt.started_at >= QUICK.slow


def test_a_late_answer_finds_its_message(start: Start) -> None:
    line = start("DMV", "late", synchronous=False)
    began = time.monotonic()
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    assert time.monotonic() - began >= QUICK.late_after.total_seconds()


def test_an_answer_delivered_twice_has_one_effect(start: Start) -> None:
    line = start("DMV", "twice", synchronous=False)
    abstract_id = hold(line)
    line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
    line.wait(line.idle, bool)
    assert line.partners["DMV"].memory.errands() == ["taken", "taken"]
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
    line = start("DMV", RandomFaults(seed, rate=0.5), synchronous=synchronous)
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


@BOTH_WAYS
def test_refused_items_wait_and_go_out_corrected_in_a_batch_that_names_the_old_one(
    start: Start, synchronous: bool
) -> None:
    line = start("AGENCY", "items, accept", synchronous=synchronous)
    refused = push_batch(line, "AGENCY")
    line.wait(lambda: line.batch(refused), lambda one: one.state is BatchState.PARTLY_REJECTED)

    def build() -> list[UUID]:
        return line.court.push(COL903, "AGENCY", lambda context, uow: build_batches(context, uow, size=1000))

    assert build() == []
    corrections = line.court.push(
        COL903, "AGENCY", lambda context, uow: correct_batch(refused, context, uow, size=1000)
    )
    (correction,) = corrections
    line.wait(lambda: line.batch(correction), lambda one: one.state is BatchState.DELIVERED)
    with line.court.units() as uow:
        (item,) = uow.of(Batches).items(refused, refused=True)
        assert (item.state, item.corrected_by) == (ItemState.CORRECTED, correction)
    assert build() == []


def test_a_batch_tells_what_was_paid_since_the_last_one(start: Start) -> None:
    line = start("AGENCY", synchronous=False)
    push_batch(line, "AGENCY")
    with line.court.units() as uow:
        account = next(uow.of(Batches).open_accounts("AGENCY"))
    debt = account.referral
    pay(line, debt.case_number, debt.participant_id, "7.50", "paid-1")
    second = push_batch(line, "AGENCY")
    line.wait(lambda: line.batch(second), lambda one: one.state is BatchState.DELIVERED)
    with line.court.units() as uow:
        ((item, told),) = uow.of(Batches).accounts_of(second)
    assert (item.tells, told.told) == (("paid-1",), {*account.told, "paid-1"})
    assert item.previous_balance - item.current_balance == Decimal("7.50")


def test_a_dead_hold_keeps_its_release_back_until_an_operator_resends_it(start: Start) -> None:
    line = start("DMV", "client-fault", synchronous=True)
    first = hold(line)
    line.wait(lambda: line.abstract(first), lambda one: one.state is AbstractState.UNDELIVERABLE)
    second = release(line, first)
    elsewhere = hold(line, "TR-2025-013904", "P-1011")
    line.wait(lambda: line.abstract(elsewhere), lambda one: one.state.is_answered)
    with line.court.units() as uow:
        (dead,) = uow.outbox.list_entries(dead=True)
    assert (dead.message_id, dead.holds_up) == (first, 1)
    line.court.operator("clerk").resend(first, "DMV has mended its service")
    for abstract_id in (first, second):
        abstract = line.wait(lambda one=abstract_id: line.abstract(one), lambda one: one.state.is_answered)  # type: ignore[misc]
        assert abstract.state is AbstractState.ACCEPTED
    assert outcomes(line, first) == ["given up", "delivered"]


def test_a_dead_hold_that_is_withdrawn_lets_a_new_one_be_ordered(start: Start) -> None:
    line = start("DMV", "client-fault", synchronous=True)
    first = hold(line)
    line.wait(lambda: line.abstract(first), lambda one: one.state is AbstractState.UNDELIVERABLE)
    with pytest.raises(NoticeRefused, match="open hold"):
        hold(line)
    line.court.operator("clerk").discard(first, "wrong case")
    second = hold(line)
    line.wait(lambda: line.abstract(second), lambda one: one.state is AbstractState.ACCEPTED)


def test_a_dead_hold_is_composed_anew_and_takes_the_same_place(start: Start) -> None:
    line = start("DMV", "client-fault", synchronous=True)
    first = hold(line)
    line.wait(lambda: line.abstract(first), lambda one: one.state is AbstractState.UNDELIVERABLE)
    successor = line.court.operator("clerk").replace(first, "the license number was mended")
    abstract = line.wait(lambda: line.abstract(successor), lambda one: one.state.is_answered)
    assert abstract.state is AbstractState.ACCEPTED
    assert [UUID(row[0]) for row in line.partners["DMV"].memory.tally()] == [successor]


def test_a_dead_batch_is_composed_anew_with_the_same_figures(start: Start) -> None:
    line = start("AGENCY", "client-fault", synchronous=False)
    first = push_batch(line, "AGENCY")
    dead = line.wait(lambda: line.batch(first), lambda one: one.state is BatchState.UNDELIVERABLE)
    successor = line.court.operator("clerk").replace(first, "account numbers were mended")
    batch = line.wait(lambda: line.batch(successor), lambda one: one.state is BatchState.DELIVERED)
    assert (batch.item_count, batch.total_balance) == (dead.item_count, dead.total_balance)


def test_a_partner_that_is_away_costs_no_message_its_attempts(start: Start) -> None:
    line = start("DMV", ", ".join(["drop"] * 9), synchronous=True)
    holds = [hold(line, case_number, participant_id) for case_number, participant_id in SUBJECTS.items()]
    for one in holds:
        line.wait(lambda one=one: line.abstract(one), lambda abstract: abstract.state.is_answered)  # type: ignore[misc]
    with line.court.units() as uow:
        assert uow.circuit_breakers.find("DMV").state is BreakerState.CLOSED
    assert sum(len(outcomes(line, one)) for one in holds) == len(holds) + 9
