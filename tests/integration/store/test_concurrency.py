"""Two at the same time, each with a connection of its own: one waits for the other, and both know what happened."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select

from ccms_ws.domain.abstracts import Abstract, AbstractAction, AbstractState
from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch
from ccms_ws.domain.messages import AnswerKind, IncomingMessage, LeasedMessage, OutgoingMessage, StoredAnswer
from ccms_ws.errors import ConcurrentChange, MessageIdReused
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.store.engine import open_engine
from ccms_ws.store.outbox_ordering import _LANES
from ccms_ws.store.outbox_tables import outbox_message
from ccms_ws.store.unit_of_work import unit_of_work
from tests.support.databases import Units
from tests.support.records import CASE, COURT, LICENSE, NOW, ORI, REFERRAL, attempted, fill, incoming, outgoing

T = TypeVar("T")
LEASE = timedelta(minutes=2)
ANSWER = StoredAnswer(AnswerKind.REPLY, uuid4(), b"<reply/>", "urn:reply")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as executor:
        yield executor


def waits(future: Future[T]) -> bool:
    """True if the other one has come to no end in a while."""
    try:
        future.exception(0.15)
    except TimeoutError:
        return True
    return False


def test_what_was_read_stays_true_until_it_is_acted_on(database_url: str, pool: ThreadPoolExecutor) -> None:
    """Two processes on one SQLite file: the second does not read what the first is about to change."""
    if database_url.startswith("postgresql"):
        return  # locks are taken where they are needed: see below
    engines = [open_engine(database_url) for _ in range(2)]
    one, other = map(unit_of_work, engines)

    def add_if_missing() -> bool:
        with other() as uow:
            missing = uow.books.find_court(ORI) is None
            if missing:
                uow.books.add(COURT)
                uow.commit()
            return missing

    with one() as uow:
        assert uow.books.find_court(ORI) is None
        second = pool.submit(add_if_missing)
        assert waits(second)
        uow.books.add(COURT)
        uow.commit()
    assert second.result(5) is False
    for engine in engines:
        engine.dispose()


# -- the same message twice -------------------------------------------------------------------------------------------
def take_in(units: Units, message: IncomingMessage, answer: StoredAnswer = ANSWER) -> StoredAnswer | None:
    with units() as uow:
        stored = uow.inbox.receive(message)
        if stored is None:
            uow.inbox.keep(message, answer)
            uow.commit()
        return stored


def test_second_of_a_pair_waits_and_gets_the_answer_of_the_first(units: Units, pool: ThreadPoolExecutor) -> None:
    message = incoming()
    with units() as first:
        assert first.inbox.receive(message) is None
        second = pool.submit(take_in, units, message, replace(ANSWER, sealed=b"<another/>"))
        assert waits(second)
        first.inbox.keep(message, ANSWER)
        first.commit()
    assert second.result(5) == ANSWER


def test_if_the_first_of_a_pair_gives_up_the_second_is_new(units: Units, pool: ThreadPoolExecutor) -> None:
    message = incoming()
    with units() as first:
        assert first.inbox.receive(message) is None
        second = pool.submit(take_in, units, message)
        assert waits(second)
    assert second.result(5) is None


def test_second_of_a_pair_with_other_content_is_refused(units: Units, pool: ThreadPoolExecutor) -> None:
    message = incoming()
    with units() as first:
        first.inbox.receive(message)
        second = pool.submit(take_in, units, replace(message, content_digest=b"e" * 32))
        assert waits(second)
        first.inbox.keep(message, ANSWER)
        first.commit()
    with pytest.raises(MessageIdReused):
        second.result(5)


def test_of_many_with_the_same_message_one_is_new(units: Units, pool: ThreadPoolExecutor) -> None:
    message = incoming()
    answers = [replace(ANSWER, message_id=uuid4()) for _ in range(12)]
    stored = list(pool.map(lambda answer: take_in(units, message, answer), answers))
    assert stored.count(None) == 1
    assert {answer for answer in stored if answer} == {answers[stored.index(None)]}


# -- the queues of the outbox -----------------------------------------------------------------------------------------
def add(units: Units, message: OutgoingMessage) -> OutgoingMessage:
    with units() as uow:
        uow.outbox.add(message)
        uow.commit()
    return message


def deliver_next(units: Units) -> OutgoingMessage | None:
    """Claim one message and deliver it, as one worker would."""
    with units() as uow:
        leased = uow.outbox.claim(worker="w", now=NOW, lease=LEASE)
        uow.commit()
    if not leased:
        return None
    with units() as uow:
        uow.outbox.settle_delivered(leased[0], attempted(leased[0]))
        uow.commit()
    return leased[0].message


def test_two_messages_of_one_subject_added_at_once_keep_an_order(units: Units, pool: ThreadPoolExecutor) -> None:
    first, second = outgoing("a", "b"), outgoing("c", "b")
    with units() as adding:
        adding.outbox.add(first)
        other = pool.submit(add, units, second)
        assert waits(other)
        adding.commit()
    other.result(5)
    assert [deliver_next(units), deliver_next(units)] == [first, second]


def test_message_that_was_not_added_after_all_holds_up_nobody(units: Units, pool: ThreadPoolExecutor) -> None:
    second = outgoing("a")
    with units() as adding:
        adding.outbox.add(outgoing("a"))
        other = pool.submit(add, units, second)
        assert waits(other)
    other.result(5)
    assert deliver_next(units) == second


def test_message_added_while_its_predecessor_is_settled_is_not_forgotten(
    units: Units, pool: ThreadPoolExecutor
) -> None:
    first, second = outgoing("a"), outgoing("a")
    add(units, first)
    with units() as uow:
        (leased,) = uow.outbox.claim(worker="w", now=NOW, lease=LEASE)
        uow.commit()
        uow.outbox.settle_delivered(leased, attempted(leased))
        adding = pool.submit(add, units, second)
        assert waits(adding)
        uow.commit()
    adding.result(5)
    assert deliver_next(units) == second


def test_message_settled_while_its_successor_is_added_lets_it_go(units: Units, pool: ThreadPoolExecutor) -> None:
    first, second = outgoing("a"), outgoing("a")
    add(units, first)
    with units() as adding:
        adding.outbox.add(second)
        settling = pool.submit(deliver_next, units)
        assert waits(settling)
        adding.commit()
    assert settling.result(5) == first
    assert deliver_next(units) == second


def test_messages_of_other_subjects_do_not_wait(units: Units, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # one transaction at a time
    assert _LANES > 1
    with units() as one, units() as other:
        one.outbox.add(outgoing("a"))
        other.outbox.add(outgoing("b"))
        other.outbox.add(outgoing("a", partner_id="FTB"))
        other.commit()


def test_workers_pass_over_what_another_is_claiming(units: Units, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # one transaction at a time
    first, second = add(units, outgoing("a")), add(units, outgoing("b"))
    with units() as one, units() as other:
        claimed = [uow.outbox.claim(worker="w", now=NOW, lease=LEASE)[0].message for uow in (one, other)]
    assert claimed == [first, second]


def test_many_writers_and_workers_lose_and_reorder_nothing(
    units: Units, engine: Engine, pool: ThreadPoolExecutor
) -> None:
    made: list[OutgoingMessage] = []
    arrived: list[UUID] = []  # at a partner that knows a message when it comes again
    all_made = threading.Event()

    def write(seed: int) -> None:
        pick = random.Random(seed)
        for _ in range(20):
            made.append(add(units, outgoing(*pick.sample("abcdef", pick.randint(1, 3)))))

    def work(name: str) -> None:
        chance, last_round = random.Random(name), False
        while not last_round:
            last_round = all_made.is_set()
            with units() as uow:
                claimed = uow.outbox.claim(worker=name, now=NOW, lease=LEASE, limit=3)
                uow.commit()
            for leased in claimed:
                send(leased, fails=chance.random() < 0.2)
            last_round = last_round and not claimed

    def send(leased: LeasedMessage, *, fails: bool) -> None:
        with units() as uow:
            if fails:
                uow.outbox.settle_failed(leased, attempted(leased, "failed"), NOW)
            else:
                arrived.append(leased.message.message_id)
                uow.outbox.settle_delivered(leased, attempted(leased))
            uow.commit()

    writers = [pool.submit(write, seed) for seed in range(3)]
    workers = [pool.submit(work, f"w{number}") for number in range(3)]
    for writer in writers:
        writer.result(30)
    all_made.set()
    for worker in workers:
        worker.result(30)
    while rest := deliver_next(units):
        arrived.append(rest.message_id)
    with engine.connect() as connection:
        ids = select(outbox_message.c.message_id).order_by(outbox_message.c.outbox_id)
        in_order = list(connection.execute(ids).scalars())
    assert len(made) == 60
    assert sorted(arrived) == sorted(in_order) == sorted(message.message_id for message in made)
    for subject in "abcdef":
        about = {message.message_id for message in made if subject in message.ordering_keys}
        assert [each for each in arrived if each in about] == [each for each in in_order if each in about]


# -- one decision at a time -------------------------------------------------------------------------------------------
def hold() -> Abstract:
    return Abstract(
        abstract_id=uuid4(),
        action=AbstractAction.HOLD,
        state=AbstractState.QUEUED,
        court_ori=ORI,
        case_number=CASE.number,
        participant_id="P-1",
        driver_license=LICENSE,
        sections=(),
        violation_date=date(2026, 1, 5),
        created_at=NOW,
    )


def test_two_clerks_place_one_hold(units: Units, pool: ThreadPoolExecutor) -> None:
    def order() -> bool:
        with units() as uow:
            placed = uow.of(Abstracts).open_hold(ORI, CASE.number, LICENSE) is None
            if placed:
                uow.of(Abstracts).add(hold())
                uow.commit()
            return placed

    with units() as uow:
        fill(uow)
        uow.commit()
        assert uow.of(Abstracts).open_hold(ORI, CASE.number, LICENSE) is None
        other = pool.submit(order)
        assert waits(other)
        uow.of(Abstracts).add(hold())
        uow.commit()
    assert other.result(5) is False


def test_two_answers_to_one_abstract_are_seen_one_after_the_other(units: Units, pool: ThreadPoolExecutor) -> None:
    placed = hold()

    def answer() -> AbstractState | None:
        with units() as uow:
            found = uow.of(Abstracts).lock(placed.abstract_id)
            return None if found is None else found.state

    with units() as uow:
        fill(uow)
        uow.of(Abstracts).add(placed)
        uow.commit()
        assert uow.of(Abstracts).lock(placed.abstract_id) == placed
        other = pool.submit(answer)
        assert waits(other)
        uow.of(Abstracts).move(placed.abstract_id, AbstractState.ACCEPTED)
        uow.commit()
    assert other.result(5) is AbstractState.ACCEPTED


def test_two_builders_tell_a_balance_once(units: Units, pool: ThreadPoolExecutor) -> None:
    def tell() -> None:
        batch = CollectionBatch(uuid4(), "FTB", ORI, BatchState.QUEUED, NOW, 1, Decimal("1.00"))
        update = BalanceUpdate(1, "R-1", REFERRAL.referred_amount, Decimal("1.00"), date(2026, 11, 20))
        with units() as uow:
            uow.of(Batches).add_batch(batch, [update])
            uow.commit()

    with units() as uow:
        fill(uow)
        uow.referrals.add(REFERRAL)
        uow.commit()
    outcomes = [future.exception(10) for future in [pool.submit(tell) for _ in range(4)]]
    assert [type(outcome) for outcome in outcomes if outcome] == [ConcurrentChange] * 3
