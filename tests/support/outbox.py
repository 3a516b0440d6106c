"""What is done with an outbox over and over: adding, claiming, settling."""

from __future__ import annotations

from datetime import timedelta

from ccms_ws.domain.messages import LeasedMessage, OutboxEntry, OutgoingMessage
from tests.support.databases import Units
from tests.support.records import NOW, attempted

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
