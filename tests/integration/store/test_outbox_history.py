"""Whatever happens to messages on their way: each subject keeps its order, nothing is lost, nothing is done twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from ccms_ws.domain.messages import LeasedMessage, OperatorAction, OutboxState, OutgoingMessage
from ccms_ws.errors import ConcurrentChange
from tests.support.databases import Units
from tests.support.records import NOW, attempted, outgoing

LEASE = timedelta(minutes=2)
TABLES = ("delivery_attempt", "outbox_hold", "outbox_intervention", "outbox_subject", "outbox_body", "outbox_message")

ordering_keys = st.lists(st.sampled_from("abcd"), max_size=3)
steps = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(["DMV", "FTB"]), ordering_keys, st.integers(-2, 2)),
    st.tuples(st.just("claim"), st.integers(1, 4)),
    st.tuples(st.just("claim alone")),
    st.tuples(st.just("deliver"), st.integers(0, 5)),
    st.tuples(st.just("retry"), st.integers(0, 5), st.integers(0, 4)),
    st.tuples(st.just("give up"), st.integers(0, 5)),
    st.tuples(st.just("resend"), st.integers(0, 5)),
    st.tuples(st.just("withdraw"), st.integers(0, 5)),
    st.tuples(st.just("replace"), st.integers(0, 5)),
    st.tuples(st.just("hold"), st.integers(0, 5)),
    st.tuples(st.just("let go"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


@dataclass
class Expected:
    """One message as it should stand."""

    message: OutgoingMessage
    due_at: datetime
    state: OutboxState = OutboxState.PENDING
    attempts: int = 0
    tries: int = 0
    unfinished: int = 0
    ended: bool = False
    held: bool = False


@dataclass
class History:
    """Does each step in the database and in the simplest model that can be thought of, and compares them."""

    units: Units
    engine: Engine
    now: datetime = NOW
    queue: list[Expected] = field(default_factory=list)
    leases: list[LeasedMessage] = field(default_factory=list)
    arrived: list[OutgoingMessage] = field(default_factory=list)

    def add(self, partner_id: str, about: list[str], minutes: int) -> None:
        created_at = self.now + timedelta(minutes=minutes)
        message = outgoing(*dict.fromkeys(about), partner_id=partner_id, created_at=created_at)
        with self.units() as uow:
            uow.outbox.add(message)
            uow.commit()
        self.queue.append(Expected(message, created_at))

    def claim(self, limit: int) -> None:
        with self.units() as uow:
            leases = uow.outbox.claim(worker="w", now=self.now, lease=LEASE, limit=limit)
            uow.commit()
        free = self.free(suspect=False)[:limit]
        assert [leased.message for leased in leases] == [each.message for each in free]
        self.expect_leased(free, leases)

    def claim_alone(self) -> None:
        free = self.free(suspect=True)
        with self.units() as uow:
            assert uow.outbox.is_suspect_due(self.now, self.now) == bool(free)
            leases = uow.outbox.claim(worker="w", now=self.now, lease=LEASE, limit=9, alone=True)
            uow.commit()
        assert len(leases) == min(1, len(free))
        self.expect_leased([each for each in free if each.message in [leased.message for leased in leases]], leases)

    def free(self, *, suspect: bool) -> list[Expected]:
        """The partner who has waited for longest first, each in the order of what became due."""
        free = [each for number, each in enumerate(self.queue) if self.is_due(each) and not self.is_blocked(number)]
        oldest = {p: min(each.due_at for each in free if each.message.partner_id == p) for p in partners_of(free)}
        free.sort(key=lambda each: (oldest[each.message.partner_id], each.message.partner_id, each.due_at))
        return [each for each in free if (each.unfinished + (each.state is OutboxState.SENDING) >= 2) == suspect]

    def expect_leased(self, free: list[Expected], leases: Sequence[LeasedMessage]) -> None:
        for each, leased in zip(free, leases, strict=True):
            lapsed = each.state is OutboxState.SENDING  # nothing showed that it had begun: that was no try
            each.state, each.due_at = OutboxState.SENDING, leased.lease_until
            each.attempts, each.tries = each.attempts + 1, each.tries + (not lapsed)
            each.unfinished += lapsed
            assert (leased.attempt, leased.tries) == (each.attempts, each.tries)
            assert leased.lease_until == self.now + LEASE
        self.leases += leases

    def is_due(self, each: Expected) -> bool:
        return each.state in (OutboxState.PENDING, OutboxState.SENDING) and each.due_at <= self.now and not each.held

    def is_blocked(self, number: int) -> bool:
        mine = self.queue[number].message
        return any(
            earlier.state is not OutboxState.DELIVERED
            and not earlier.ended
            and earlier.message.partner_id == mine.partner_id
            and set(earlier.message.ordering_keys) & set(mine.ordering_keys)
            for earlier in self.queue[:number]
        )

    def deliver(self, which: int) -> None:
        self.settle(which, OutboxState.DELIVERED)

    def retry(self, which: int, minutes: int) -> None:
        self.settle(which, OutboxState.PENDING, self.now + timedelta(minutes=minutes))

    def give_up(self, which: int) -> None:
        self.settle(which, OutboxState.DEAD)

    def settle(self, which: int, state: OutboxState, retry_at: datetime | None = None) -> None:
        if not self.leases:
            return
        leased = self.leases.pop(which % len(self.leases))
        each = next(each for each in self.queue if each.message == leased.message)
        with self.units() as uow:
            if (each.state, each.attempts) != (OutboxState.SENDING, leased.attempt):
                with pytest.raises(ConcurrentChange):
                    uow.outbox.settle_failed(leased, attempted(leased, "failed"), retry_at)
                return
            if state is OutboxState.DELIVERED:
                uow.outbox.settle_delivered(leased, attempted(leased))
                self.arrived.append(leased.message)
            else:
                uow.outbox.settle_failed(leased, attempted(leased, "failed"), retry_at)
            uow.commit()
        each.state, each.due_at, each.unfinished = state, retry_at or each.due_at, 0

    def dead(self, which: int) -> Expected | None:
        dead = [each for each in self.queue if each.state is OutboxState.DEAD and not each.ended]
        return dead[which % len(dead)] if dead else None

    def resend(self, which: int) -> None:
        each = self.dead(which)
        if each is not None:
            with self.units() as uow:
                uow.dead_letters.resend(each.message.message_id, self.order())
                uow.commit()
            each.state, each.due_at, each.tries = OutboxState.PENDING, self.now, 0

    def withdraw(self, which: int) -> None:
        each = self.dead(which)
        if each is not None:
            with self.units() as uow:
                uow.dead_letters.withdraw(each.message.message_id, self.order())
                uow.commit()
            each.ended = True

    def replace(self, which: int) -> None:
        each = self.dead(which)
        if each is not None:
            other = replace(each.message, message_id=uuid4(), created_at=self.now)
            with self.units() as uow:
                uow.dead_letters.replace(each.message.message_id, self.order(), other)
                uow.commit()
            each.ended = True
            self.queue.insert(self.queue.index(each), Expected(other, self.now))

    def hold(self, which: int) -> None:
        waiting = [each for each in self.queue if each.state is OutboxState.PENDING and not each.held]
        if waiting:
            each = waiting[which % len(waiting)]
            with self.units() as uow:
                uow.held_messages.hold(each.message.message_id, self.order())
                uow.commit()
            each.held = True

    def let_go(self, which: int) -> None:
        held = [each for each in self.queue if each.held]
        if held:
            each = held[which % len(held)]
            with self.units() as uow:
                uow.held_messages.let_go(each.message.message_id, self.order())
                uow.commit()
            each.held = False

    def order(self) -> OperatorAction:
        return OperatorAction("clerk", "because", self.now)

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def finish(self) -> None:
        """Let everything arrive, however it stands."""
        while self.dead(0):
            self.resend(0)
        while any(each.held for each in self.queue):
            self.let_go(0)
        for _ in self.queue:
            self.wait(10)
            self.claim(100)
            self.claim_alone()
            while self.leases:
                self.deliver(0)
        with self.units() as uow:
            assert uow.outbox.idle()
        made = [each.message for each in self.queue if not each.ended]
        assert sorted(message.message_id for message in self.arrived) == sorted(message.message_id for message in made)
        for partner_id in ("DMV", "FTB"):
            for subject in "abcd":
                assert about(partner_id, subject, self.arrived) == about(partner_id, subject, made)
        with self.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM outbox_subject")).scalar() == 0


def partners_of(queue: list[Expected]) -> set[str]:
    return {each.message.partner_id for each in queue}


def about(partner_id: str, subject: str, messages: list[OutgoingMessage]) -> list[OutgoingMessage]:
    return [each for each in messages if each.partner_id == partner_id and subject in each.ordering_keys]


@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=5, max_size=30))
def test_outbox_does_what_the_simplest_model_does(units: Units, engine: Engine, script: list[tuple[Any, ...]]) -> None:
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM {table}"))
    history = History(units, engine)
    for name, *values in script:
        getattr(history, name.replace(" ", "_"))(*values)
    history.finish()
