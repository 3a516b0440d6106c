"""The outbox: who goes before whom, and that finding it does not read over what waits."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, text

from ccms_ws.domain.circuit_breaker import BreakerState, CircuitBreaker
from ccms_ws.store import outbox, outbox_ordering
from tests.support.databases import Units
from tests.support.outbox import LATER, LEASE, add, claim, claimed, deliver, fail
from tests.support.records import NOW, outgoing


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
        assert leased.message.ordering_keys == subjects
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
    asked = outbox._DUE_TOGETHER.params(partner="DMV", now=NOW, lease_now=NOW, latest=NOW, limit=10)
    rendered = asked.compile(engine, compile_kwargs={"literal_binds": True})
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
    for statement in (outbox_ordering._BLOCKED, outbox_ordering._FOLLOWERS):
        rendered = statement.params(id=1).compile(engine, compile_kwargs={"literal_binds": True})
        with engine.connect() as connection:
            plan = "\n".join(connection.execute(text(f"EXPLAIN {rendered}")).scalars())
        assert "using pk_outbox_subject on outbox_subject other" in plan
        assert "Seq Scan on outbox_subject other" not in plan
        assert "Join" not in plan


def test_partners_with_something_due_are_found_by_steps_through_the_index(units: Units, engine: Engine) -> None:
    add(units, *(outgoing(str(n)) for n in range(500)))
    rendered = outbox._PARTNERS.params(latest=NOW).compile(engine, compile_kwargs={"literal_binds": True})
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
    down = CircuitBreaker("DMV", BreakerState.OPEN, 5, NOW, LATER, "connect")
    with units() as uow:
        uow.circuit_breakers.put(down)
        uow.commit()
    assert claimed(units) == []
    assert len(claimed(units, now=LATER - NOW)) == 1
    with units() as uow:
        assert uow.circuit_breakers.find("DMV") == CircuitBreaker(
            "DMV", BreakerState.HALF_OPEN, 5, LATER, LATER + LEASE, "connect"
        )
    assert claimed(units, now=LATER - NOW) == []
