"""The outbox: leases, what is given back, what a clock that was ahead put off, large bodies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from ccms_ws.clock import SystemClock
from ccms_ws.domain.messages import LeasedMessage, OutboxState
from ccms_ws.errors import ConcurrentChange
from tests.support.databases import Units
from tests.support.outbox import LATER, LEASE, add, claim, claimed, deliver, entry, fail
from tests.support.records import NOW, attempted, outgoing


def test_message_is_leased_as_it_was_added(units: Units) -> None:
    message = outgoing("b", "a", "c")
    add(units, message)
    (leased,) = claim(units)
    assert leased == LeasedMessage(message, 1, NOW + LEASE, "w1", 1, NOW)


def test_message_without_a_subject_waits_for_nobody(units: Units) -> None:
    messages = [outgoing(), outgoing()]
    add(units, *messages)
    assert claimed(units) == messages


def test_leased_message_is_not_given_to_another(units: Units) -> None:
    add(units, outgoing("a"))
    assert len(claim(units)) == 1
    assert claim(units, worker="w2", now=LEASE - timedelta(seconds=1)) == []


def test_message_is_not_due_before_it_was_made(units: Units) -> None:
    add(units, outgoing("a"))
    assert claim(units, now=timedelta(seconds=-1)) == []


def test_claim_takes_no_more_than_asked(units: Units) -> None:
    add(units, *(outgoing(str(n)) for n in range(5)))
    assert [len(claim(units, limit=2)) for _ in range(4)] == [2, 2, 1, 0]


def test_claim_that_is_not_committed_claims_nothing(units: Units) -> None:
    add(units, outgoing("a"))
    with units() as uow:
        assert len(uow.outbox.claim(worker="w1", now=NOW, lease=LEASE)) == 1
    assert [leased.attempt for leased in claim(units)] == [1]


def test_oldest_due_message_goes_first(units: Units) -> None:
    young, old = outgoing("a", created_at=NOW), outgoing("b", created_at=NOW - LEASE)
    add(units, young, old)
    assert claimed(units) == [old, young]


def test_lease_that_ran_out_is_taken_up_and_the_lost_attempt_recorded(units: Units) -> None:
    message = outgoing("a", "b")
    add(units, message)
    (lost,) = claim(units, worker="w1")
    with units() as uow:
        assert uow.outbox.begin([lost], NOW) == {message.message_id}
        uow.commit()
    (found,) = claim(units, worker="w2", now=LEASE)
    assert (found.message, found.attempt, found.worker) == (message, 2, "w2")
    with units() as uow:
        (attempt,) = uow.outbox.attempts(message.message_id)
    assert (attempt.number, attempt.worker, attempt.outcome, attempt.started_at, attempt.ended_at) == (
        *(1, "w1", "lost"),
        *(NOW, lost.lease_until),
    )


@pytest.mark.parametrize("settle", [deliver, fail])
def test_lost_lease_cannot_be_settled(units: Units, settle: object) -> None:
    add(units, outgoing("a"))
    (lost,) = claim(units, worker="w1")
    (found,) = claim(units, worker="w1", now=LEASE)
    with pytest.raises(ConcurrentChange):
        settle(units, lost)  # type: ignore[operator]
    deliver(units, found)
    with units() as uow:
        assert [attempt.outcome for attempt in uow.outbox.attempts(found.message.message_id)] == ["lapsed", "delivered"]


def test_worker_that_comes_late_may_settle_if_nobody_took_over(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    (leased,) = claim(units)
    with units() as uow:
        uow.outbox.settle_delivered(leased, attempted(leased, at=NOW + 5 * LEASE))
        uow.commit()
    assert entry(units, message).state is OutboxState.DELIVERED


@pytest.mark.parametrize(
    "change", [{"worker": "w2"}, {"attempt": 2}, {"message": outgoing("a", message_id=UUID(int=1))}], ids=str
)
def test_only_the_lease_itself_settles(units: Units, change: dict[str, object]) -> None:
    add(units, outgoing("a"))
    (leased,) = claim(units)
    with pytest.raises(ConcurrentChange):
        deliver(units, replace(leased, **change))  # type: ignore[arg-type]


def test_message_is_settled_once(units: Units) -> None:
    add(units, outgoing("a"))
    (leased,) = claim(units)
    deliver(units, leased)
    with pytest.raises(ConcurrentChange):
        deliver(units, leased)
    with pytest.raises(ConcurrentChange):
        fail(units, leased)


# -- what was claimed and not touched, and clocks that were ahead -----------------------------------------------------
def test_given_back_message_is_as_if_it_had_not_been_claimed(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    (leased,) = claim(units)
    with units() as uow:
        uow.outbox.release_lease(leased)
        uow.outbox.release_lease(leased)
        uow.commit()
    (again,) = claim(units)
    assert (again.attempt, again.message) == (1, message)
    with units() as uow:
        assert uow.outbox.attempts(message.message_id) == []


def test_what_a_clock_that_was_ahead_put_off_is_due_at_once(units: Units) -> None:
    ahead, patient = outgoing("a", created_at=NOW + timedelta(days=400)), outgoing("b", created_at=LATER)
    add(units, ahead, patient)
    with units() as uow:
        assert uow.outbox.reschedule(NOW, timedelta(days=2)) == 1
        uow.commit()
    assert claimed(units) == [ahead]


def test_messages_behind_others_are_hastened_as_well(units: Units) -> None:
    first, ahead = outgoing("a"), outgoing("a", created_at=NOW + timedelta(days=400))
    add(units, first, ahead)
    with units() as uow:
        assert uow.outbox.reschedule(NOW, timedelta(days=2)) == 1
        uow.commit()
    (leased,) = claim(units)
    deliver(units, leased)
    assert claimed(units) == [ahead]


def test_only_what_was_never_tried_is_hastened_in_passing(units: Units) -> None:
    untried, tried = outgoing("a", created_at=NOW + timedelta(hours=2)), outgoing("b")
    add(units, tried)
    (leased,) = claim(units)
    fail(units, leased)
    add(units, untried)
    with units() as uow:
        assert uow.outbox.reschedule(NOW, timedelta(0), untried=True) == 1
        uow.commit()
    assert claimed(units) == [untried]


# -- large bodies -----------------------------------------------------------------------------------------------------
def test_large_body_is_kept_in_parts_and_read_again_and_again(units: Units, engine: Engine) -> None:
    pieces = [bytes([65 + number % 26]) * 100_000 for number in range(30)]
    message = replace(outgoing("a"), body=b"<m>", further=pieces)
    add(units, message)
    (leased,) = claim(units)
    assert leased.message.body == b"<m>"
    for _ in range(2):
        assert b"".join(leased.message.further) == b"".join(pieces)
    assert len(list(leased.message.further)) > 5


def test_leases_are_measured_by_the_clock_of_the_database_server(units: Units, engine: Engine) -> None:
    """SQLite has none of its own: the programs on its machine share one."""
    elsewhere = NOW - timedelta(days=3650)
    with units() as uow:
        seen = uow.outbox.lease_time(elsewhere)
    if engine.dialect.name == "sqlite":
        assert seen == elsewhere
    else:
        assert abs(seen - SystemClock().now()) < timedelta(minutes=1)
