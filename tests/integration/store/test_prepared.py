"""Statements on the driver's own cursor, as SQLAlchemy would have run them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import repeat

import pytest
from sqlalchemy import Engine, bindparam, insert, select, update

from ccms_ws.domain.lines import LineState
from ccms_ws.errors import ConcurrentChange, StoreError
from ccms_ws.store.outbox_tables import partner_line
from ccms_ws.store.prepared import Prepared

_l = partner_line.c
ADD = Prepared(insert(partner_line), [column.key for column in _l])
STATES = Prepared(select(_l.partner_id, _l.state, _l.changed_at).order_by(_l.partner_id))
FAIL = Prepared(update(partner_line).where(_l.partner_id == bindparam("who")).values(failures=bindparam("times")))
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def add(engine: Engine, *partners: str) -> int:
    with engine.connect() as connection:
        added = ADD.many(
            connection,
            partner_id=partners,
            state=repeat(LineState.UP),
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
        assert STATES.all(connection) == [(one, LineState.UP, NOW) for one in "ABC"]
        assert FAIL.many(connection, who=["A", "nobody", "C"], times=[1, 2, 3]) == 2


def test_what_the_database_refuses_of_many_rows_is_said_in_our_words(engine: Engine) -> None:
    with pytest.raises(ConcurrentChange):
        add(engine, "A", "A")
    with engine.connect() as connection, pytest.raises(StoreError):
        FAIL.many(connection, who=["A"], times=[object()])
