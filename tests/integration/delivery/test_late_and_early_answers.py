"""Answers that overtake the end of the sending, come late, come twice, or come from somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.dispatch import take_answer
from ccms_ws.domain.abstracts import AbstractState
from ccms_ws.domain.collections import BatchState, ItemState
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.domain.messages import IncomingMessage, LeasedMessage
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.exchange import AnswerMessage, Context, Exchange
from ccms_ws.exchanges import col903, dmv907
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches, correct_batch
from ccms_ws.exchanges.col903.messages import BatchError, ItemProblem
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.messages import AbstractError, AbstractResponse
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import MessageKind, Metadata, first_metadata
from ccms_ws.tracking import Tracking
from tests.support.local_stack import Line
from tests.support.partner_settings import make_keys, make_settings
from tests.support.pushes import hold
from tests.support.records import attempted

WINDOW = timedelta(days=10)
PROBLEM = ErrorBlock(code="SystemUnavailable", reason="The batch could not be processed.")
Handle = Callable[[Context, UnitOfWork], None]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def line(tmp_path: Path, keys: Path) -> Iterator[Line]:
    """A court without partners: what they say is put into its hands."""
    with Line(make_settings(tmp_path, keys), {}) as made:
        yield made


def metadata(context: Context, exchange: str, kind: MessageKind, about: UUID) -> Metadata:
    return replace(first_metadata(exchange, context, kind), correlation_id=about)


def take(line: Line, partner_id: str, handle: Handle) -> None:
    """Let the court handle an answer of that partner, as its service does."""
    context = line.court.context(partner_id)
    message = IncomingMessage(context.message_id, partner_id, "", "{urn:x}a", bytes(32), b"<a/>", context.now)
    with line.court.units() as uow:
        uow.inbox.keep(message)
        handle(context, uow)
        uow.commit()


def answer_message(exchange: Exchange, root: str) -> AnswerMessage[Any]:
    found = exchange.incoming_by_root(root)
    assert isinstance(found, AnswerMessage)
    return found


def tracking_of(exchange: Exchange) -> Tracking:
    assert exchange.notification is not None
    return exchange.notification.tracking


def respond(line: Line, hold_id: UUID, code: str = "ACCEPTED", partner_id: str = "DMV", license: str = "") -> None:
    abstract = line.abstract(hold_id)
    named = DriverLicense(license) if license else abstract.driver_license or DriverLicense("")

    def handle(context: Context, uow: UnitOfWork) -> None:
        block = metadata(context, "DMV907", MessageKind.RESPONSE, hold_id)
        response = AbstractResponse(metadata=block, abstract_id=str(hold_id), driver_license=named, message_code=code)
        take_answer(DMV907, answer_message(DMV907, dmv907.wire.Q_RESPONSE), response, context, uow)

    take(line, partner_id, handle)


def refuse(line: Line, batch_id: UUID, *items: int, partner_id: str = "FTB") -> None:
    """An error message about these items of a batch, or about all of it."""

    def handle(context: Context, uow: UnitOfWork) -> None:
        block = metadata(context, "COL903", MessageKind.ERROR, batch_id)
        problems = tuple(ItemProblem(sequence=number, problem=PROBLEM) for number in items)
        error = BatchError(metadata=block, batch_id=str(batch_id), refused=not items, problem=PROBLEM, items=problems)
        take_answer(COL903, answer_message(COL903, col903.wire.Q_ERROR), error, context, uow)

    take(line, partner_id, handle)


def push_batch(court: CourtApplication) -> UUID:
    (batch_id,) = court.push(COL903, "FTB", lambda context, uow: build_batches(context, uow, size=1000))
    return batch_id


def claim(line: Line) -> LeasedMessage:
    with line.court.units() as uow:
        now = datetime.now(UTC) + timedelta(minutes=1)
        (leased,) = uow.outbox.claim(worker="w", now=now, lease=timedelta(minutes=2))
        uow.commit()
    return leased


def end(line: Line, leased: LeasedMessage, *, arrived: bool) -> None:
    """The sending has come to its end, as the worker writes it down."""
    tracking = tracking_of(COL903 if leased.message.exchange == "COL903" else DMV907)
    message_id, now = leased.message.message_id, datetime.now(UTC)
    with line.court.units() as uow:
        if arrived:
            uow.outbox.settle_delivered(leased, attempted(leased))
            tracking.delivered(message_id, now, now + WINDOW, uow)
        else:
            uow.outbox.settle_failed(leased, attempted(leased, "given up"), None)
            tracking.gave_up(message_id, "fault.client", uow)
        uow.commit()


def fall_silent(line: Line) -> None:
    """The partners' windows are over."""
    with line.court.units() as uow:
        for exchange in (COL903, DMV907):
            tracking_of(exchange).timed_out(datetime.now(UTC) + 2 * WINDOW, uow)
        uow.commit()


def quarantined(line: Line) -> list[str]:
    with line.court.units() as uow:
        return [answer.reason for answer in uow.inbox.quarantined()]


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "given up"])
def test_a_response_that_overtakes_the_end_of_the_sending_stands(line: Line, arrived: bool) -> None:
    hold_id = hold(line)
    leased = claim(line)
    respond(line, hold_id)
    end(line, leased, arrived=arrived)
    fall_silent(line)
    assert line.abstract(hold_id).state is AbstractState.ACCEPTED
    assert quarantined(line) == []


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "given up"])
def test_an_error_message_that_overtakes_the_end_of_the_sending_stands(line: Line, arrived: bool) -> None:
    batch_id = push_batch(line.court)
    leased = claim(line)
    refuse(line, batch_id, 1)
    end(line, leased, arrived=arrived)
    fall_silent(line)
    assert line.batch(batch_id).state is BatchState.PARTLY_REJECTED
    assert quarantined(line) == []


def test_silence_is_acceptance_until_an_error_message_comes_after_all(line: Line) -> None:
    batch_id = push_batch(line.court)
    end(line, claim(line), arrived=True)
    with line.court.units() as uow:
        assert tracking_of(COL903).timed_out(datetime.now(UTC) + WINDOW / 2, uow) == 0
    assert line.batch(batch_id).state is BatchState.DELIVERED
    fall_silent(line)
    assert line.batch(batch_id).state is BatchState.ASSUMED_ACCEPTED
    refuse(line, batch_id, 1)
    assert line.batch(batch_id).state is BatchState.PARTLY_REJECTED
    with line.court.units() as uow:
        (item,) = uow.of(Batches).items(batch_id, refused=True)
    assert (item.sequence, item.state) == (1, ItemState.TO_BE_CORRECTED)
    assert quarantined(line) == []


def test_an_overdue_hold_takes_the_late_response(line: Line) -> None:
    hold_id = hold(line)
    end(line, claim(line), arrived=True)
    fall_silent(line)
    assert line.abstract(hold_id).state is AbstractState.OVERDUE
    respond(line, hold_id, "NOT-FOUND")
    assert line.abstract(hold_id).state is AbstractState.NOT_ACCEPTED
    assert quarantined(line) == []


def test_only_the_partner_who_got_a_message_answers_it(line: Line) -> None:
    hold_id, batch_id = hold(line), push_batch(line.court)
    respond(line, hold_id, partner_id="AGENCY")
    refuse(line, batch_id, partner_id="AGENCY")
    assert quarantined(line) == ["the abstract went to another partner", "the batch went to another partner"]
    assert line.abstract(hold_id).state is AbstractState.QUEUED
    assert line.batch(batch_id).state is BatchState.QUEUED


def test_a_second_answer_is_kept_and_changes_nothing(line: Line) -> None:
    hold_id, batch_id = hold(line), push_batch(line.court)
    for code in ("ACCEPTED", "NOT-FOUND"):
        respond(line, hold_id, code)
    for items in ((1,), ()):
        refuse(line, batch_id, *items)
    assert quarantined(line) == ["the abstract has its answer already", "the batch has its error message already"]
    assert line.abstract(hold_id).answer_code == "ACCEPTED"
    assert line.batch(batch_id).state is BatchState.PARTLY_REJECTED

    def fail(context: Context, uow: UnitOfWork) -> None:
        block = metadata(context, "DMV907", MessageKind.ERROR, hold_id)
        error = AbstractError(metadata=block, abstract_id=str(hold_id), problem=PROBLEM)
        take_answer(DMV907, answer_message(DMV907, dmv907.wire.Q_ERROR), error, context, uow)

    take(line, "DMV", fail)
    assert line.abstract(hold_id).state is AbstractState.ACCEPTED


def test_an_answer_that_does_not_fit_its_message_is_kept_and_changes_nothing(line: Line) -> None:
    hold_id, batch_id = hold(line), push_batch(line.court)
    respond(line, hold_id, license="Z9999999")
    refuse(line, batch_id, 10_000)
    refuse(line, uuid4())
    reasons = quarantined(line)
    assert reasons[0] == "it names another driver license than the abstract"
    assert reasons[1].startswith("it names items that the batch has not")
    assert reasons[2] == "it answers no batch of this court"
    assert line.abstract(hold_id).state is AbstractState.QUEUED
    assert line.batch(batch_id).state is BatchState.QUEUED


def test_a_refused_batch_is_corrected_in_as_many_batches_as_the_size_asks_for(line: Line) -> None:
    batch_id = push_batch(line.court)
    refuse(line, batch_id)
    with line.court.units() as uow:
        items = len(uow.of(Batches).items(batch_id, refused=True))
    corrections = line.court.push(COL903, "FTB", lambda context, uow: correct_batch(batch_id, context, uow, size=1))
    assert len(corrections) == items > 1
    with line.court.units() as uow:
        batches = [uow.of(Batches).find_batch(one) for one in corrections]
        assert [batch.item_count for batch in batches if batch] == [1] * items
