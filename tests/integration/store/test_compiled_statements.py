"""Statements on the driver's own cursor, as SQLAlchemy would have run them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat

import pytest
from sqlalchemy import Engine, bindparam, cast, insert, select, update

from ccms_ws.domain.circuit_breaker import BreakerState
from ccms_ws.errors import ConcurrentChange, StoreError
from ccms_ws.store.column_types import Money
from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.outbox_tables import partner_line

_l = partner_line.c
ADD = Prepared(insert(partner_line), [column.key for column in _l])
STATES = Prepared(select(_l.partner_id, _l.state, _l.changed_at).order_by(_l.partner_id))
FAIL = Prepared(update(partner_line).where(_l.partner_id == bindparam("who")).values(failures=bindparam("times")))
AMOUNT = Prepared(select(cast(bindparam("amount", type_=Money()), Money())))
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def add(engine: Engine, *partners: str) -> int:
    with engine.connect() as connection:
        added = ADD.many(
            connection,
            partner_id=partners,
            state=repeat(BreakerState.CLOSED),
            failures=repeat(0),
            changed_at=repeat(NOW),
            retry_at=repeat(None),
            last_error=repeat(""),
        )
        connection.commit()
    return added


def test_many_rows_are_written_from_columns(engine: Engine) -> None:
    assert add(engine, "A", "B", "C") == 3
    assert add(engine) == 0
    with engine.connect() as connection:
        assert STATES.all(connection) == [(one, BreakerState.CLOSED, NOW) for one in "ABC"]
        assert FAIL.many(connection, who=["A", "nobody", "C"], times=[1, 2, 3]) == 2


def test_what_the_database_refuses_of_many_rows_is_said_in_our_words(engine: Engine) -> None:
    with pytest.raises(ConcurrentChange):
        add(engine, "A", "A")
    with engine.connect() as connection, pytest.raises(StoreError):
        FAIL.many(connection, who=["A"], times=[object()])


def test_an_amount_has_two_places_however_often_an_equal_one_came_before(engine: Engine) -> None:
    with engine.connect() as connection:
        for written in ("0", "0.00", "5", "5.0", "5.00", "0.0"):
            row = AMOUNT.first(connection, amount=Decimal(written))
            assert row is not None
            assert str(row[0]) == f"{Decimal(written):.2f}"
        for no_amount in (5, True, "5.00", 5.0):
            with pytest.raises(StoreError):
                AMOUNT.first(connection, amount=no_amount)
