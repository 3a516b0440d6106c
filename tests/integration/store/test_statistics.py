"""The numbers that operators measure a court by: true, whole, and cheap however long the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, event, text

from ccms_ws.domain.abstracts import Abstract, AbstractAction, AbstractState, SectionRole, SectionViolated
from ccms_ws.domain.circuit_breaker import BreakerState, CircuitBreaker
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.domain.messages import (
    AnswerKind,
    IncomingMessage,
    OperatorAction,
    QuarantinedAnswer,
    Refusal,
    RefusalCount,
    StoredAnswer,
)
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.store.statistics import SETTLED, Meter
from tests.support.databases import Units
from tests.support.records import CASE, NOW, ORI, attempted, fill, incoming, outgoing

LEASE, MINUTE = timedelta(minutes=2), timedelta(minutes=1)
ORDER = OperatorAction("m.lee", "told", NOW)
PLAN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
OVERDUE = {"DMV907": lambda connection, now: Abstracts(connection).count_overdue(now)}


def answered(kind: AnswerKind) -> tuple[IncomingMessage, StoredAnswer]:
    return incoming(), StoredAnswer(kind, uuid4(), b"<a/>")


def abstract(number: int) -> Abstract:
    return Abstract(
        abstract_id=uuid4(),
        action=AbstractAction.HOLD,
        state=AbstractState.QUEUED,
        court_ori=ORI,
        case_number=CASE.number,
        participant_id="P-1",
        driver_license=DriverLicense(f"D000000{number}"),
        sections=(SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),),
        violation_date=date(2026, 1, 5),
        order_date=date(2026, 2, 5),
        noncompliance_date=date(2026, 3, 5),
        created_at=NOW,
    )


def test_messages_that_came_in_are_counted_by_their_outcome(units: Units, engine: Engine) -> None:
    strange = incoming(partner_id="DMV")
    with units() as uow:
        uow.inbox.keep_all([answered(AnswerKind.REPLY), answered(AnswerKind.REPLY), answered(AnswerKind.FAULT)])
        uow.inbox.keep(incoming(partner_id="DMV"))
        uow.inbox.keep(strange)
        aside = QuarantinedAnswer(strange.message_id, "DMV", "FCC807", "fits nothing", NOW)
        uow.inbox.quarantine(aside)
        uow.commit()
    read = Meter(engine, OVERDUE).read(NOW)
    assert {key: number for key, number in read.received.items() if number} == {
        ("FCC807", "PROBATION", "reply"): 2,
        ("FCC807", "PROBATION", "fault"): 1,
        ("FCC807", "DMV", "taken"): 1,
        ("FCC807", "DMV", "quarantined"): 1,
    }
    assert isinstance(read.logged, int)
    assert sum(read.received.values()) == 5
    assert read.logged == 6  # and the answer in quarantine


def test_each_outgoing_message_is_counted_once_as_what_it_is(units: Units, engine: Engine) -> None:
    with units() as uow:
        for minutes in range(5):
            uow.outbox.add(outgoing(created_at=NOW - minutes * MINUTE))
        uow.commit()
        delivered, dead, withdrawn, _sending = uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=4)
        uow.outbox.settle_delivered(delivered, attempted(delivered))
        for each in (dead, withdrawn):
            uow.outbox.settle_failed(each, attempted(each, "given up", error="connect"), None)
        uow.dead_letters.withdraw(withdrawn.message.message_id, ORDER)
        held = outgoing("S", created_at=NOW - 30 * MINUTE)
        uow.outbox.add(held)
        uow.held_messages.hold(held.message_id, ORDER)
        uow.outbox.add(outgoing("S"))
        uow.circuit_breakers.put(CircuitBreaker("FTB", BreakerState.OPEN, 7, NOW, NOW + MINUTE, "connect"))
        uow.commit()
    read = Meter(engine, OVERDUE).read(NOW + 3 * MINUTE)
    assert read.delivered == {("DMV907", "DMV"): 1}
    assert read.open == {
        ("DMV907", "DMV", "pending"): 2,
        ("DMV907", "DMV", "sending"): 1,
        ("DMV907", "DMV", "held"): 1,
        ("DMV907", "DMV", "dead"): 1,
    }
    assert read.oldest["DMV"] >= NOW - 5 * MINUTE, "one that is held waits for somebody, not for its partner"
    assert read.due == {"DMV": min(read.due["DMV"], NOW)}
    assert [(line.partner_id, line.failures) for line in read.lines] == [("FTB", 7)]


def test_a_message_is_late_once_it_is_due_and_not_before(units: Units, engine: Engine) -> None:
    with units() as uow:
        uow.outbox.add(outgoing("S", created_at=NOW))
        uow.outbox.add(outgoing("S", created_at=NOW - 9 * MINUTE))  # stands behind the other
        uow.commit()
    assert Meter(engine, OVERDUE).read(NOW - MINUTE).due == {}
    assert Meter(engine, OVERDUE).read(NOW + MINUTE).due == {"DMV": NOW}


def test_refusals_are_counted_for_good_and_by_code_for_an_hour(units: Units, engine: Engine) -> None:
    with units() as uow:
        for minutes, code in ((90, "old"), (3, "http.too-large"), (2, "envelope.stale"), (1, "envelope.stale")):
            at = NOW - minutes * MINUTE
            uow.inbox.refuse(Refusal(uuid4(), at, "192.0.2.7", "", code, "", "", 3, b"\0" * 32))
        uow.commit()
    before = Meter(engine, OVERDUE).read(NOW)
    assert before.refused_for == {"envelope.stale": 2, "http.too-large": 1}
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM refusal WHERE refused_at = (SELECT min(refused_at) FROM refusal)"))
    assert Meter(engine, OVERDUE).read(NOW).refused == before.refused >= 4


def test_refusals_that_were_only_counted_are_in_the_number(units: Units, engine: Engine) -> None:
    with units() as uow:
        uow.inbox.refuse(Refusal(uuid4(), NOW, "/FCC807/1.0", "", "envelope.stale", "", "", 3, b"\0" * 32))
        for partner_id, code, number in (("", "envelope.stale", 80), ("DMV", "http.rate-limited", 9)):
            uow.inbox.count_refusals([RefusalCount(uuid4(), partner_id, code, NOW, NOW, number)])
        uow.commit()
    read = Meter(engine, OVERDUE).read(NOW)
    assert read.refused >= 90
    assert read.not_kept == {("", "envelope.stale"): 80, ("DMV", "http.rate-limited"): 9}


def test_an_answer_is_overdue_whether_or_not_somebody_has_noted_it(units: Units, engine: Engine) -> None:
    with units() as uow:
        fill(uow)
        for number, (state, days) in enumerate(
            [
                (AbstractState.OVERDUE, -1),
                (AbstractState.AWAITING_RESPONSE, -1),
                (AbstractState.AWAITING_RESPONSE, 1),
                (AbstractState.ACCEPTED, -1),
            ]
        ):
            placed = abstract(number)
            uow.of(Abstracts).add(placed)
            uow.of(Abstracts).move(
                placed.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=NOW + timedelta(days=days)
            )
            uow.of(Abstracts).move(placed.abstract_id, state)
        uow.commit()
    assert Meter(engine, OVERDUE).read(NOW).overdue == {"DMV907": 2}


def test_later_readings_count_what_came_since_and_read_the_rest_no_more(units: Units, engine: Engine) -> None:
    meter = Meter(engine, OVERDUE)
    with units() as uow:
        for age in (3 * SETTLED, 2 * SETTLED, MINUTE):
            uow.inbox.keep(replace(incoming(), received_at=NOW - age))
            uow.outbox.add(outgoing(created_at=NOW - age))
        uow.commit()
    assert sum(meter.read(NOW).received.values()) == 3
    with engine.begin() as connection:  # gone from where it was counted; whoever read it again would notice
        connection.execute(
            text("DELETE FROM inbox_message WHERE received_at = (SELECT min(received_at) FROM inbox_message)")
        )
    with units() as uow:
        uow.inbox.keep(replace(incoming(), received_at=NOW))
        uow.outbox.add(outgoing())
        uow.commit()
    for now in (NOW, NOW + MINUTE, NOW + SETTLED + MINUTE, NOW + 9 * SETTLED):
        read = meter.read(now)
        assert sum(read.received.values()) == 4
        assert sum(read.open.values()) == 4
        assert read.delivered == {("DMV907", "DMV"): 0}


def test_a_message_that_is_committed_after_a_later_one_is_counted(units: Units, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # one writer at a time
    meter = Meter(engine, OVERDUE)
    with units() as slow, units() as quick:
        slow.outbox.add(outgoing("A"))
        quick.outbox.add(outgoing("B"))
        quick.commit()
        assert sum(meter.read(NOW + MINUTE).open.values()) == 1
        slow.commit()
    read = meter.read(NOW + 2 * MINUTE)
    assert sum(read.open.values()) == 2
    assert read.delivered == {("DMV907", "DMV"): 0}


def test_what_is_committed_during_a_reading_belongs_to_the_next(units: Units, engine: Engine) -> None:
    """Otherwise a counter would go back, which a reader takes for a court that began anew."""
    meter, late = Meter(engine, OVERDUE), [outgoing()]

    @event.listens_for(engine, "after_cursor_execute")
    def commit_one(_connection: Any, _cursor: Any, said: str, *_: Any) -> None:
        if "FROM outbox_message" in said and late:
            message = late.pop()
            with units() as uow:
                uow.outbox.add(message)
                uow.commit()

    first = meter.read(NOW)
    assert late == []
    assert (first.delivered, first.open) == ({}, {})
    assert meter.read(NOW).delivered == {("DMV907", "DMV"): 0}


def test_no_reading_but_the_first_reads_over_what_was_delivered_or_answered(units: Units, engine: Engine) -> None:
    with units() as uow:
        for _ in range(500):
            uow.outbox.add(outgoing(created_at=NOW - 2 * SETTLED))
            uow.inbox.keep(replace(incoming(), received_at=NOW - 2 * SETTLED))
        for leased in uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=495):
            uow.outbox.settle_delivered(leased, attempted(leased))
        uow.commit()
    meter, asked = Meter(engine, OVERDUE), list[tuple[str, Any]]()
    meter.read(NOW)
    event.listen(engine, "before_cursor_execute", lambda _c, _k, said, given, *_: asked.append((said, given)))
    meter.read(NOW)
    large = ("outbox_message", "inbox_message", "abstract")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))  # as it goes in a table that is not small
        plans = [
            "\n".join(str(row) for row in connection.exec_driver_sql(f"{PLAN[engine.dialect.name]} {said}", given))
            for said, given in asked
            if said.startswith(("SELECT", "WITH"))
        ]
    assert len(plans) >= 11
    for plan in plans:
        for table in large:
            assert f"SCAN {table}'" not in plan
            assert f"Seq Scan on {table}" not in plan
