"""How the database itself is doing: its own check, its clock, what waits in it. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text

from ccms_ws.domain.circuit_breaker import BreakerState
from ccms_ws.domain.messages import OutboxState
from ccms_ws.store.circuit_breakers import SqlCircuitBreakers
from ccms_ws.store.message_tables import quarantined_answer
from ccms_ws.store.outbox_tables import outbox_message
from ccms_ws.store.outbox_view import DEAD, NOT_DELIVERED, READY

OFTEN_ENOUGH = timedelta(minutes=5)
"""How long a message may be due before an operator should find out why no worker sends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`problems`: what the database says against itself. `clock`: the server's, None if the database is a file here.

    `outbox`: how many messages are in each state; `overdue_since`: since when the oldest of those that could be sent
    waits, None if none does. `dead`: how many wait for an operator. `resting`: partners whose line is down.
    `quarantined`: answers that fit no open message.
    """

    problems: tuple[str, ...]
    clock: datetime | None
    outbox: Mapping[OutboxState, int]
    overdue_since: datetime | None
    dead: int
    resting: tuple[str, ...]
    quarantined: int


def look_after(engine: Engine, now: datetime, *, thorough: bool = True) -> Health:
    """Ask the database. Raises StoreError.

    `thorough`: SQLite checks all of its file, which takes a second for each GB or so, and messages that were delivered
    are counted, too. Without, it costs as much as what is open, however long the history.
    """
    state, due = outbox_message.c.state, outbox_message.c.due_at
    state_counts = select(state, func.count()).group_by(state)
    dead = select(func.count()).select_from(outbox_message).where(*DEAD)
    with engine.connect().execution_options(read_only=True) as connection:
        is_file = engine.dialect.name == "sqlite"
        said = connection.execute(text("PRAGMA quick_check(5)")).scalars().all() if is_file and thorough else []
        counted = state_counts if thorough else state_counts.where(NOT_DELIVERED)
        return Health(
            problems=tuple(str(each) for each in said if each != "ok"),
            clock=None
            if is_file
            else connection.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC),
            outbox={row[0]: row[1] for row in connection.execute(counted)},
            dead=connection.execute(dead).scalar_one(),
            resting=tuple(
                line.partner_id
                for line in SqlCircuitBreakers(connection).list_breakers()
                if line.state is not BreakerState.CLOSED
            ),
            overdue_since=connection.execute(select(func.min(due)).where(*READY, due < now)).scalar(),
            quarantined=connection.execute(select(func.count()).select_from(quarantined_answer)).scalar_one(),
        )


def file_of(engine: Engine) -> Path | None:
    """The file of an SQLite database; None for a server."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
