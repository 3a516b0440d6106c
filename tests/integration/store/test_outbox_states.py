"""The outbox: the states of a message and its attempts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.messages import DeliveryAttempt, OutboxEntry, OutboxState
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from tests.support.databases import Units
from tests.support.outbox import LATER, add, claim, deliver, entry, fail
from tests.support.records import NOW, attempted, outgoing


def test_entry_shows_where_a_message_stands(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    waiting = OutboxEntry(message.message_id, "DMV907", "DMV", OutboxState.PENDING, 0, NOW, NOW)
    assert entry(units, message) == waiting
    (leased,) = claim(units)
    assert entry(units, message) == replace(waiting, state=OutboxState.SENDING, attempts=1, next_attempt_at=None)
    fail(units, leased)
    assert entry(units, message) == replace(waiting, attempts=1, next_attempt_at=LATER, last_error="connect: why")
    (leased,) = claim(units, now=timedelta(hours=1))
    deliver(units, leased)
    assert entry(units, message) == replace(waiting, state=OutboxState.DELIVERED, attempts=2, next_attempt_at=None)


def test_attempts_are_kept_in_order(units: Units) -> None:
    made: list[DeliveryAttempt] = []
    message = outgoing("a")
    add(units, message)
    for hour in range(3):
        (leased,) = claim(units, now=timedelta(hours=hour))
        made.append(attempted(leased, "failed", at=NOW + timedelta(hours=hour), error="timeout"))
        with units() as uow:
            uow.outbox.settle_failed(leased, made[-1], NOW + timedelta(hours=hour + 1))
            uow.commit()
    with units() as uow:
        assert list(uow.outbox.attempts(message.message_id)) == made


def test_dead_message_is_not_sent_again(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    (leased,) = claim(units)
    fail(units, leased, retry=False)
    assert entry(units, message).state is OutboxState.DEAD
    assert claim(units, now=timedelta(days=300)) == []


def test_entries_are_listed_newest_first(units: Units) -> None:
    messages = [outgoing("a") for _ in range(5)]
    add(units, *messages)
    with units() as uow:
        listed = [listed.message_id for listed in uow.outbox.list_entries(limit=3)]
    assert listed == [message.message_id for message in reversed(messages[2:])]


def test_outbox_is_idle_when_nothing_waits_or_is_sent(units: Units) -> None:
    def idle() -> bool:
        with units() as uow:
            return uow.outbox.idle()

    assert idle()
    add(units, outgoing("a"), outgoing("b"))
    assert not idle()
    first, second = claim(units)
    assert not idle()
    deliver(units, first)
    assert not idle()
    fail(units, second, retry=False)
    assert idle()


def test_unknown_message_is_not_stored(units: Units) -> None:
    with units() as uow:
        with pytest.raises(NotStored):
            uow.outbox.get(uuid4())
        assert list(uow.outbox.attempts(uuid4())) == []


def test_message_id_is_used_once(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    with pytest.raises(ConcurrentChange):
        add(units, replace(message, ordering_keys=("b",)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "delivered"),
        ("pending", "dead"),
        ("delivered", "pending"),
        ("delivered", "sending"),
        ("delivered", "dead"),
        ("dead", "sending"),
        ("dead", "delivered"),
    ],
)
def test_illegal_transition_is_refused_by_the_database(units: Units, engine: Engine, before: str, after: str) -> None:
    add(units, outgoing("a"))
    if before != "pending":
        (leased,) = claim(units)
        deliver(units, leased) if before == "delivered" else fail(units, leased, retry=False)
    values = {
        "pending": "due_at = created_at, worker = '', claimed_at = NULL, delivered_at = NULL",
        "sending": "due_at = created_at, worker = 'w', claimed_at = created_at, delivered_at = NULL",
        "delivered": "due_at = NULL, worker = '', claimed_at = NULL, delivered_at = created_at",
        "dead": "due_at = NULL, worker = '', claimed_at = NULL, delivered_at = NULL",
    }
    with engine.connect() as connection, pytest.raises(StoreError, match="transition"):
        connection.execute(text(f"UPDATE outbox_message SET state = '{after}', attempts = 1, {values[after]}"))


@pytest.mark.parametrize(
    "nonsense",
    [
        "due_at = NULL",
        "worker = 'w'",
        "claimed_at = created_at",
        "delivered_at = created_at",
        "blocked_subjects = -1",
        "attempts = -1",
        "state = 'sending'",
        "state = 'lost'",
    ],
)
def test_state_and_its_facts_agree(units: Units, engine: Engine, nonsense: str) -> None:
    add(units, outgoing("a"))
    with engine.connect() as connection, pytest.raises(StoreError):
        connection.execute(text(f"UPDATE outbox_message SET {nonsense}"))
