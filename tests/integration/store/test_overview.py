"""How it stands with each partner, in numbers, and how messages are listed between two moments."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, text

from ccms_ws.domain.circuit_breaker import BreakerState, CircuitBreaker
from ccms_ws.domain.messages import OperatorAction, Refusal
from ccms_ws.store.health import look_after
from ccms_ws.store.message_history import Wanted, open_traffic
from ccms_ws.store.statistics import Standing, refused_since, standings
from tests.support.databases import Units
from tests.support.records import NOW, attempted, incoming, outgoing

PLAN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
LEASE, MINUTE = timedelta(minutes=2), timedelta(minutes=1)


def test_each_open_message_is_counted_once_as_what_it_is(units: Units, engine: Engine) -> None:
    with units() as uow:
        for partner in ("DMV", "DMV", "DMV", "DMV", "DMV", "FTB"):
            uow.outbox.add(outgoing(partner_id=partner))
        uow.circuit_breakers.put(CircuitBreaker("FTB", BreakerState.OPEN, 7, NOW, NOW + MINUTE, "connect"))
        uow.commit()
        delivered, failed, dead, withdrawn, *_ = uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=5)
        uow.outbox.settle_delivered(delivered, attempted(delivered))
        uow.outbox.settle_failed(failed, attempted(failed, "failed", error="connect"), NOW + MINUTE)
        for each in (dead, withdrawn):
            uow.outbox.settle_failed(each, attempted(each, "given up", error="connect"), None)
        uow.dead_letters.withdraw(withdrawn.message.message_id, OperatorAction("m.lee", "told", NOW))
        uow.outbox.add(outgoing())
        uow.commit()
    found = standings(engine)
    assert found["DMV"] == Standing(line=CircuitBreaker("DMV"), waiting=1, in_doubt=2, dead=1)
    assert (found["FTB"].waiting, found["FTB"].line.state, found["FTB"].line.failures) == (1, BreakerState.OPEN, 7)
    assert look_after(engine, NOW, thorough=False).dead == 1


def test_a_resent_message_that_dies_again_waits_for_an_operator_again(units: Units, engine: Engine) -> None:
    with units() as uow:
        uow.outbox.add(outgoing())
        for _ in range(2):
            (leased,) = uow.outbox.claim(worker="w", now=NOW, lease=LEASE)
            uow.outbox.settle_failed(leased, attempted(leased, "given up", error="connect"), None)
            if leased.attempt == 1:
                uow.dead_letters.resend(leased.message.message_id, OperatorAction("m.lee", "repaired", NOW))
        uow.commit()
    assert standings(engine)["DMV"].dead == 1


@pytest.mark.parametrize("dead", [True, False], ids=["dead", "held"])
def test_what_is_open_is_found_without_reading_what_was_delivered(units: Units, engine: Engine, dead: bool) -> None:
    asked: list[tuple[str, Any]] = []
    with units() as uow:
        for _ in range(500):
            uow.outbox.add(outgoing())
        for leased in uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=495):
            uow.outbox.settle_delivered(leased, attempted(leased))
        uow.commit()
    event.listen(engine, "before_cursor_execute", lambda _c, _k, said, given, *_: asked.append((said, given)))
    standings(engine)
    look_after(engine, NOW, thorough=False)
    with units() as uow:
        uow.outbox.list_entries(dead=dead, held=not dead)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))  # as it goes in a table that is not small
        about = [each for each in asked if "FROM outbox_message" in each[0]]
        plans = [
            "\n".join(str(row) for row in connection.exec_driver_sql(f"{PLAN[engine.dialect.name]} {said}", given))
            for said, given in about
        ]
    assert len(plans) == 5
    for plan in plans:
        assert "SCAN outbox_message'" not in plan
        assert "Seq Scan on outbox_message" not in plan


def test_refusals_are_counted_from_a_moment_on(units: Units, engine: Engine) -> None:
    with units() as uow:
        for minutes in (0, 1, 2):
            at = NOW + minutes * MINUTE
            uow.inbox.refuse(Refusal(uuid4(), at, "/FCC807/1.0", "", "envelope.malformed", "", "", 3, b"\0" * 32))
        uow.commit()
    assert [refused_since(engine, NOW + minutes * MINUTE) for minutes in (0, 1, 3)] == [3, 2, 0]


def test_messages_are_listed_between_two_moments_both_included(units: Units, engine: Engine) -> None:
    with units() as uow:
        for minutes in (0, 1, 2, 3):
            uow.inbox.keep(replace(incoming(partner_id="DMV"), received_at=NOW + minutes * MINUTE))
            uow.outbox.add(outgoing(created_at=NOW + minutes * MINUTE))
        uow.commit()
    with open_traffic(engine) as log:
        found = log.list(Wanted(since=NOW + MINUTE, until=NOW + 2 * MINUTE), limit=10)
    assert [each.at for each in found] == [NOW + 2 * MINUTE] * 2 + [NOW + MINUTE] * 2
