"""The outbox: leases, attempts, states; who goes before whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.lines import Line, LineState
from ccms_ws.domain.messages import DeliveryAttempt, LeasedMessage, OutboxEntry, OutboxState, OutgoingMessage
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from ccms_ws.store import outbox, queues
from tests.support.databases import Units
from tests.support.records import NOW, attempted, outgoing

LEASE = timedelta(minutes=2)
LATER = NOW + timedelta(hours=1)


def add(units: Units, *messages: OutgoingMessage) -> None:
    with units() as uow:
        for message in messages:
            uow.outbox.add(message)
        uow.commit()


def claim(units: Units, *, worker: str = "w1", now: timedelta = timedelta(0), limit: int = 100) -> list[LeasedMessage]:
    with units() as uow:
        leased = uow.outbox.claim(worker=worker, now=NOW + now, lease=LEASE, limit=limit)
        uow.commit()
        return list(leased)


def deliver(units: Units, leased: LeasedMessage) -> None:
    with units() as uow:
        uow.outbox.settle_delivered(leased, attempted(leased))
        uow.commit()


def fail(units: Units, leased: LeasedMessage, *, retry: bool = True) -> None:
    with units() as uow:
        failed = attempted(leased, "failed", error="connect")
        uow.outbox.settle_failed(leased, failed, LATER if retry else None)
        uow.commit()


def claimed(units: Units, *, now: timedelta = timedelta(0)) -> list[OutgoingMessage]:
    return [leased.message for leased in claim(units, now=now)]


def entry(units: Units, message: OutgoingMessage) -> OutboxEntry:
    with units() as uow:
        return uow.outbox.get(message.message_id)


# -- leases -----------------------------------------------------------------------------------------------------------
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
        assert [attempt.outcome for attempt in uow.outbox.attempts(found.message.message_id)] == ["lost", "delivered"]


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


# -- states and attempts ----------------------------------------------------------------------------------------------
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
        add(units, replace(message, subjects=("b",)))


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


# -- order ------------------------------------------------------------------------------------------------------------
def test_messages_of_one_subject_leave_one_after_the_other(units: Units) -> None:
    messages = [outgoing("a", created_at=NOW - timedelta(hours=n)) for n in range(3)]
    add(units, *messages)
    for message in messages:
        (leased,) = claim(units)
        assert leased.message == message
        assert claim(units) == []
        deliver(units, leased)


def test_failed_message_holds_its_subject_and_no_other(units: Units) -> None:
    first, second, other = outgoing("a"), outgoing("a"), outgoing("b")
    add(units, first, second, other)
    leased = claim(units)
    assert [each.message for each in leased] == [first, other]
    fail(units, leased[0])
    deliver(units, leased[1])
    assert claim(units) == []
    assert claimed(units, now=timedelta(hours=1)) == [first]


def test_dead_message_holds_its_subject(units: Units) -> None:
    add(units, outgoing("a"), outgoing("a"), outgoing("a", "b"), outgoing("b"))
    (leased,) = claim(units)
    fail(units, leased, retry=False)
    assert claim(units, now=timedelta(days=300)) == []


def test_same_subject_of_another_partner_waits_for_nobody(units: Units) -> None:
    messages = [outgoing("a", partner_id="DMV"), outgoing("a", partner_id="FTB")]
    add(units, *messages)
    assert claimed(units) == messages


def test_message_waits_for_all_of_its_subjects(units: Units) -> None:
    first, second, both, third = outgoing("a"), outgoing("b"), outgoing("a", "b", "c"), outgoing("c")
    add(units, first, second, both, third)
    one, two = claim(units)
    assert (one.message, two.message) == (first, second)
    deliver(units, two)
    assert claim(units) == []
    deliver(units, one)
    (leased,) = claim(units)
    assert leased.message == both
    deliver(units, leased)
    assert claimed(units) == [third]


def test_subject_that_is_named_twice_counts_once(units: Units) -> None:
    add(units, outgoing("a"), outgoing("a", "a", "b"), outgoing("b", "a"))
    for subjects in (("a",), ("a", "b"), ("b", "a")):
        (leased,) = claim(units)
        assert leased.message.subjects == subjects
        deliver(units, leased)


def test_message_added_after_a_delivery_goes_at_once(units: Units) -> None:
    add(units, outgoing("a"))
    (leased,) = claim(units)
    deliver(units, leased)
    message = outgoing("a")
    add(units, message)
    assert claimed(units) == [message]


# -- size -------------------------------------------------------------------------------------------------------------
def test_batch_of_a_thousand_subjects_keeps_its_order(units: Units) -> None:
    subjects = [f"court/case/{n}" for n in range(1000)]
    first, second = outgoing(*subjects), outgoing(*reversed(subjects))
    single = outgoing(subjects[500])
    add(units, first, second, single)
    for message in (first, second, single):
        (leased,) = claim(units)
        assert leased.message == message
        deliver(units, leased)


def test_claim_reads_one_index_from_its_end(units: Units, engine: Engine) -> None:
    """However much waits behind others or for a later time: a claim looks only at what is free."""
    add(units, *(outgoing("a") for _ in range(500)), *(outgoing(str(n), created_at=LATER) for n in range(500)))
    rendered = outbox._DUE.params(partner="DMV", now=NOW, limit=10).compile(
        engine, compile_kwargs={"literal_binds": True}
    )
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))
            plan = "\n".join(connection.execute(text(f"EXPLAIN {rendered}")).scalars())
            assert "Index Scan using ix_outbox_message_due" in plan
            assert "Seq Scan on outbox_message" not in plan
        else:
            plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {rendered}")).all())
            assert "USING INDEX ix_outbox_message_due (partner_id=? AND due_at>? AND due_at<?)" in plan
        assert "sort" not in plan.lower()
        assert "TEMP B-TREE" not in plan


def test_queues_are_read_at_their_ends_even_without_statistics(units: Units, engine: Engine) -> None:
    """PostgreSQL plans a statement once, when a young table is small: then the plan must not read all of it."""
    if engine.dialect.name == "sqlite":
        return
    add(units, *(outgoing("a", str(n)) for n in range(300)))
    for statement in (queues._BLOCKED, queues._FOLLOWERS):
        rendered = statement.params(id=1).compile(engine, compile_kwargs={"literal_binds": True})
        with engine.connect() as connection:
            plan = "\n".join(connection.execute(text(f"EXPLAIN {rendered}")).scalars())
        assert "using pk_outbox_subject on outbox_subject other" in plan
        assert "Seq Scan on outbox_subject other" not in plan
        assert "Join" not in plan


def test_partners_with_something_due_are_found_by_steps_through_the_index(units: Units, engine: Engine) -> None:
    add(units, *(outgoing(str(n)) for n in range(500)))
    rendered = outbox._PARTNERS.params(now=NOW).compile(engine, compile_kwargs={"literal_binds": True})
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))
            plan = "\n".join(connection.execute(text(f"EXPLAIN {rendered}")).scalars())
            assert "Seq Scan on outbox_message" not in plan
        else:
            plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {rendered}")).all())
            assert "SCAN outbox_message'" not in plan
            assert plan.count("ix_outbox_message_due") >= 3


# -- partners ---------------------------------------------------------------------------------------------------------
def test_partner_that_waited_for_longest_comes_first_and_gets_no_more_than_there_is_room_for(units: Units) -> None:
    first, second, other = outgoing("a"), outgoing("b"), outgoing("a", partner_id="FTB", created_at=NOW - LEASE)
    add(units, first, second, other)
    with units() as uow:
        leased = uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=10, room={"DMV": 1, "FTB": 3}.__getitem__)
    assert [one.message for one in leased] == [other, first]


def test_line_that_rests_gets_nothing_and_then_one_probe(units: Units) -> None:
    add(units, outgoing("a"), outgoing("b"))
    down = Line("DMV", LineState.DOWN, 5, NOW, LATER, "connect")
    with units() as uow:
        uow.lines.put(down)
        uow.commit()
    assert claimed(units) == []
    assert len(claimed(units, now=LATER - NOW)) == 1
    with units() as uow:
        assert uow.lines.find("DMV") == Line("DMV", LineState.PROBING, 5, LATER, LATER + LEASE, "connect")
    assert claimed(units, now=LATER - NOW) == []


# -- what was claimed and not touched, and clocks that were ahead -----------------------------------------------------
def test_given_back_message_is_as_if_it_had_not_been_claimed(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    (leased,) = claim(units)
    with units() as uow:
        uow.outbox.give_back(leased)
        uow.outbox.give_back(leased)
        uow.commit()
    (again,) = claim(units)
    assert (again.attempt, again.message) == (1, message)
    with units() as uow:
        assert uow.outbox.attempts(message.message_id) == []


def test_what_a_clock_that_was_ahead_put_off_is_due_at_once(units: Units) -> None:
    ahead, patient = outgoing("a", created_at=NOW + timedelta(days=400)), outgoing("b", created_at=LATER)
    add(units, ahead, patient)
    with units() as uow:
        assert uow.outbox.hasten(NOW, timedelta(days=2)) == 1
        uow.commit()
    assert claimed(units) == [ahead]


def test_messages_behind_others_are_hastened_as_well(units: Units) -> None:
    first, ahead = outgoing("a"), outgoing("a", created_at=NOW + timedelta(days=400))
    add(units, first, ahead)
    with units() as uow:
        assert uow.outbox.hasten(NOW, timedelta(days=2)) == 1
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
        assert uow.outbox.hasten(NOW, timedelta(0), untried=True) == 1
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
