"""Referrals, batches and their items, for tests of collections."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch
from tests.support.databases import Units
from tests.support.records import ANA, NOW, ON_CASE, ORI, REFERRAL

TODAY = date(2026, 11, 20)


def batch(items: int = 1, total: str = "100.00", *, batch_id: UUID | None = None, **changes: Any) -> CollectionBatch:
    made = CollectionBatch(batch_id or uuid4(), "FTB", ORI, BatchState.QUEUED, NOW, items, Decimal(total))
    return replace(made, **changes)


def item(sequence: int = 1, referral: str = "R-1", told: str = "490.10", now: str = "100.00") -> BalanceUpdate:
    return BalanceUpdate(sequence, referral, Decimal(told), Decimal(now), TODAY)


def refer(units: Units, number: int) -> None:
    """Refer the debts of `number` more people, R-0001 and so on."""
    with units() as uow:
        people = [replace(ANA, participant_id=f"Q-{n:04}") for n in range(1, number + 1)]
        uow.books.add(*people, *(replace(ON_CASE[0], participant=person) for person in people))
        for n in range(1, number + 1):
            uow.referrals.add(replace(REFERRAL, referral_id=f"R-{n:04}", participant_id=f"Q-{n:04}"))
        uow.commit()
