"""Leases: how they are renewed, end, and what their ends say of a message. On both databases, and on the outbox in
memory that the tests of delivery use (`tests/unit/delivery/test_outbox_in_memory.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ccms_ws.domain.messages import LONGEST_LEASE, DeliveryAttempt, LeasedMessage, OutgoingMessage
from tests.support.databases import Units
from tests.support.outbox import LATER, LEASE, add, claim, fail
from tests.support.records import NOW, outgoing

SECOND = timedelta(seconds=1)


def claim_alone(units: Units, now: timedelta, worker: str = "w1") -> list[LeasedMessage]:
    with units() as uow:
        leased = uow.outbox.claim(worker=worker, now=NOW + now, lease=LEASE, limit=9, alone=True)
        uow.commit()
        return list(leased)


def begin(units: Units, *leases: LeasedMessage, at: timedelta = timedelta(0)) -> int:
    with units() as uow:
        begun = uow.outbox.begin(leases, NOW + at)
        uow.commit()
        return len(begun)


def history(units: Units, message: OutgoingMessage) -> Sequence[DeliveryAttempt]:
    with units() as uow:
        return uow.outbox.attempts(message.message_id)


def suspect_is_due(units: Units, now: timedelta) -> bool:
    with units() as uow:
        return uow.outbox.is_suspect_due(NOW + now, NOW + now)


# -- renewal ----------------------------------------------------------------------------------------------------------
def test_a_renewed_lease_keeps_other_workers_away(units: Units) -> None:
    add(units, outgoing())
    (leased,) = claim(units)
    with units() as uow:
        assert uow.outbox.renew_leases([leased], NOW + 2 * LEASE) == {leased.message.message_id}
        uow.commit()
    assert claim(units, worker="w2", now=LEASE + SECOND) == []
    assert claim(units, worker="w2", now=2 * LEASE + SECOND)


def test_a_renewal_shortens_no_lease(units: Units) -> None:
    add(units, outgoing())
    (leased,) = claim(units)
    with units() as uow:
        assert uow.outbox.renew_leases([leased], NOW + SECOND)
        uow.commit()
    assert claim(units, worker="w2", now=LEASE - SECOND) == []


def test_a_lost_lease_is_not_renewed(units: Units) -> None:
    add(units, outgoing())
    (leased,) = claim(units)
    (taken,) = claim(units, worker="w2", now=LEASE + SECOND)
    with units() as uow:
        assert set(uow.outbox.renew_leases([leased], NOW + 3 * LEASE)) == set()
        uow.commit()
    fail(units, taken)


def test_a_lease_that_the_same_worker_lost_and_has_again_is_another(units: Units) -> None:
    add(units, outgoing())
    (leased,) = claim(units)
    claim(units, now=LEASE + SECOND)
    with units() as uow:
        assert set(uow.outbox.renew_leases([leased], NOW + 3 * LEASE)) == set()
        assert set(uow.outbox.begin([leased], NOW)) == set()


def test_without_leases_nothing_is_asked(units: Units) -> None:
    with units() as uow:
        assert uow.outbox.renew_leases([], NOW) == ()


# -- ends -------------------------------------------------------------------------------------------------------------
def test_leases_end_by_the_clock_that_made_them_and_messages_are_due_by_that_of_the_programs(units: Units) -> None:
    """The database's clock is an hour behind that of the programs."""
    waiting, leased = outgoing("a", created_at=NOW), outgoing("b", created_at=NOW)
    behind = NOW - timedelta(hours=1)
    add(units, leased)
    with units() as uow:
        (first,) = uow.outbox.claim(worker="w1", now=NOW, lease=LEASE, lease_now=behind)
        uow.commit()
    assert first.lease_until == behind + LEASE
    add(units, waiting)

    def claimed(lease_now: timedelta) -> list[OutgoingMessage]:
        with units() as uow:
            found = uow.outbox.claim(worker="w2", now=NOW, lease=LEASE, lease_now=behind + lease_now, limit=9)
            uow.commit()
        return [one.message for one in found]

    assert claimed(LEASE - SECOND) == [waiting]
    assert claimed(LEASE) == [leased]


def test_only_an_attempt_that_was_begun_counts_as_lost_and_as_a_try(units: Units) -> None:
    message = outgoing()
    add(units, message)
    claim(units)
    (second,) = claim(units, now=LEASE)
    assert (second.attempt, second.tries, second.lost, second.trying_since) == (2, 1, 0, NOW + LEASE)
    fail(units, second)
    now = LATER - NOW
    (third,) = claim(units, now=now)
    assert begin(units, third, at=now + SECOND) == 1
    (fourth,) = claim(units, now=now + LEASE)
    assert (fourth.attempt, fourth.tries, fourth.lost) == (4, 3, 1)
    ended = [(one.outcome, one.started_at) for one in history(units, message)]
    assert [outcome for outcome, _ in ended] == ["lapsed", "failed", "lost"]
    assert ended[2][1] == NOW + now + SECOND


def test_an_attempt_begins_once(units: Units) -> None:
    message = outgoing()
    add(units, message)
    (leased,) = claim(units)
    begin(units, leased, at=SECOND)
    begin(units, leased, at=2 * SECOND)
    claim(units, now=LEASE)
    assert [one.started_at for one in history(units, message)] == [NOW + SECOND]


def test_a_claim_that_is_undone_was_never_begun(units: Units) -> None:
    message = outgoing()
    add(units, message)
    (leased,) = claim(units)
    begin(units, leased)
    with units() as uow:
        uow.outbox.release_lease(leased)
        uow.commit()
    (again,) = claim(units)
    assert again.attempt == 1
    claim(units, now=LEASE)
    assert [one.outcome for one in history(units, message)] == ["lapsed"]


# -- suspects ---------------------------------------------------------------------------------------------------------
def test_a_message_whose_workers_did_not_come_back_twice_is_claimed_alone(units: Units) -> None:
    messages = [outgoing(str(number)) for number in range(3)]
    add(units, *messages)
    claim(units)
    assert not suspect_is_due(units, LEASE)
    first, *others = claim(units, now=LEASE)
    for other in others:
        fail(units, other)
    now = 2 * LEASE
    assert suspect_is_due(units, now)
    add(units, outgoing("other", created_at=NOW))
    assert first.message not in [one.message for one in claim(units, now=now)]
    (alone,) = claim_alone(units, now)
    assert (alone.message, alone.suspect, alone.tries, alone.lost) == (first.message, True, 1, 0)
    assert claim_alone(units, now) == []
    fail(units, alone)
    assert not suspect_is_due(units, LATER - NOW)
    assert first.message in [one.message for one in claim(units, now=LATER - NOW)]


def test_suspects_are_claimed_one_at_a_time(units: Units) -> None:
    add(units, outgoing("a"), outgoing("b"))
    claim(units)
    claim(units, now=LEASE)
    assert len(claim_alone(units, 2 * LEASE)) == 1


def test_the_lease_of_a_suspect_doubles_with_each_loss_up_to_a_bound(units: Units) -> None:
    add(units, outgoing())
    claim(units)
    claim(units, now=LEASE)
    now, lengths = 2 * LEASE, []
    for _ in range(7):
        (leased,) = claim_alone(units, now)
        begin(units, leased, at=now)
        lengths.append((leased.lease_until - NOW - now) / LEASE)
        now = leased.lease_until - NOW
    assert lengths == [1, 2, 4, 8, 16, 16, 16]
    assert max(lengths) == LONGEST_LEASE


# -- clocks -----------------------------------------------------------------------------------------------------------
def test_a_clock_that_was_set_back_ends_no_living_lease(units: Units) -> None:
    waiting, sending = outgoing("a"), outgoing("b")
    ahead = timedelta(days=30)
    add(units, sending)
    with units() as uow:
        (leased,) = uow.outbox.claim(worker="w1", now=NOW, lease=LEASE, lease_now=NOW + ahead)
        uow.commit()
    add(units, outgoing("c", created_at=NOW + ahead), waiting)
    with units() as uow:
        assert uow.outbox.reschedule(NOW, timedelta(hours=1)) == 1
        assert uow.outbox.shorten_leases(NOW, timedelta(hours=1), LEASE) == 1
        assert uow.outbox.shorten_leases(NOW, timedelta(hours=1), LEASE) == 0
        uow.commit()
    assert sending not in [one.message for one in claim(units, worker="w2", now=LEASE - SECOND)]
    with units() as uow:
        assert uow.outbox.renew_leases([leased], NOW + 2 * LEASE)
        uow.commit()
    assert claim(units, worker="w2", now=LEASE + SECOND) == []
