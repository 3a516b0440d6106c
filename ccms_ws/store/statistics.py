"""What an operator measures a court by, in numbers for metrics and the console, which ask often. Only reads.

All of `Measures` is read from the tables, so it is true for every process and machine, also after a restart.
It costs as much as what is open and what came in the last hour, however long the history; only the first reading of a
`Meter` counts the history once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Engine, and_, case, distinct, func, select

from ccms_ws.domain.circuit_breaker import CircuitBreaker
from ccms_ws.domain.messages import AnswerKind, OutboxState
from ccms_ws.store.chain_tables import message_chain
from ccms_ws.store.circuit_breakers import SqlCircuitBreakers
from ccms_ws.store.message_history import QUARANTINED, UNANSWERED
from ccms_ws.store.message_tables import inbox_message, quarantined_answer, refusal, refusal_count
from ccms_ws.store.outbox_tables import outbox_message
from ccms_ws.store.outbox_view import ENDED, HELD, NOT_DELIVERED, READY

SETTLED: Final = timedelta(hours=1)
"""A row whose time is longer ago has no earlier one still to come: no transaction lasts nearly as long."""
LATELY: Final = timedelta(hours=1)
HELD_BACK: Final = "held"
_ENDED: Final = "ended"

_i, _m, _q = inbox_message.c, outbox_message.c, quarantined_answer.c
_r, _n = refusal.c, refusal_count.c
_kind = case(
    (and_(_m.state == OutboxState.PENDING, HELD), HELD_BACK),
    (and_(_m.state == OutboxState.DEAD, ENDED.is_not(None)), _ENDED),
    *((_m.state == state, state.value) for state in OutboxState if not state.is_final),
).label("kind")
_OPEN = (
    select(_m.exchange, _m.partner_id, _kind, func.count(), func.min(_m.created_at))
    .where(NOT_DELIVERED)
    .group_by(_m.exchange, _m.partner_id, "kind")
)
_DUE = select(_m.partner_id, func.min(_m.due_at)).where(*READY).group_by(_m.partner_id)
_SET_ASIDE = (
    select(_i.exchange, _i.partner_id, _i.answer_kind, func.count(distinct(_i.inbox_id)))
    .join_from(quarantined_answer, inbox_message, (_i.partner_id == _q.partner_id) & (_i.message_id == _q.message_id))
    .group_by(_i.exchange, _i.partner_id, _i.answer_kind)
)
# Numbers are given in order, and of the refusals only the oldest are forgotten.
_REFUSED = select(func.coalesce(func.max(_r.refusal_id), 0))
_COUNTED = select(_n.partner_id, _n.code, func.sum(_n.number)).group_by(_n.partner_id, _n.code)
_REFUSED_FOR = select(_r.code, func.count()).group_by(_r.code)
_LOGGED = select(func.coalesce(func.sum(message_chain.c.length), 0))


class Tally:
    """How many rows a table has had, for each combination of the values in some columns.

    What is counted must not change once it is written: neither that the row is there, nor what it is counted by.

    The first count reads the whole table; later ones the rows of the last `SETTLED`. For one thread.
    """

    def __init__(self, number: Column[int], at: Column[datetime], by: tuple[Column[Any], ...]) -> None:
        self._number, self._at, self._by = number, at, by
        self._counts: Counter[tuple[Any, ...]] = Counter()
        self._counted = 0

    def count(self, connection: Connection, now: datetime) -> Counter[tuple[Any, ...]]:
        """All rows up to now, as the transaction of this connection sees them."""
        newer = self._number > self._counted
        settled = connection.execute(
            select(self._number).where(newer, self._at < now - SETTLED).order_by(self._number.desc()).limit(1)
        ).scalar()
        if settled is not None:
            self._counts += self._count(connection, newer & (self._number <= settled))
            self._counted = settled
        return self._counts + self._count(connection, self._number > self._counted)

    def _count(self, connection: Connection, which: ColumnElement[bool]) -> Counter[tuple[Any, ...]]:
        rows = connection.execute(select(*self._by, func.count()).where(which).group_by(*self._by))
        return Counter({tuple(values): number for *values, number in rows})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How it stands at one moment.

    `received`: messages that were let in, ever, by exchange, partner and outcome (`ccms_ws.store.message_history`);
    `logged`: entries of the message log's chains, of both directions. `refused`: ever; `not_kept`: how many of
    these were only counted, by partner (empty if not authenticated) and code; `refused_for`: in the last hour, by code,
    of those that are kept. `delivered`: ever, by exchange and partner. `open`: what is not delivered, by
    exchange, partner and state: pending, sending, held or dead. `oldest`: when the oldest message that is pending or
    being sent was made, `due`: since when the first that could be sent waits for a worker, by partner. `lines`: of
    partners that failed once. `overdue`: messages without an answer in time, by exchange.
    """

    received: Mapping[tuple[str, str, str], int]
    logged: int
    refused: int
    refused_for: Mapping[str, int]
    not_kept: Mapping[tuple[str, str], int]
    delivered: Mapping[tuple[str, str], int]
    open: Mapping[tuple[str, str, str], int]
    oldest: Mapping[str, datetime]
    due: Mapping[str, datetime]
    lines: Sequence[CircuitBreaker]
    overdue: Mapping[str, int]


class Meter:
    """Reads the measures of one database, again and again. Thread-safe: one reads while others wait."""

    def __init__(self, engine: Engine, overdue: Mapping[str, Callable[[Connection, datetime], int]]) -> None:
        """`overdue`: what counts the messages of an exchange without an answer in time, by its code."""
        self._engine = engine
        self._overdue = overdue
        self._reading = Lock()
        self._received = Tally(_i.inbox_id, _i.received_at, (_i.exchange, _i.partner_id, _i.answer_kind))
        self._made = Tally(_m.outbox_id, _m.created_at, (_m.exchange, _m.partner_id))

    def read(self, now: datetime) -> Measures:
        """As one transaction sees it, so that no number ever runs ahead of another. Raises StoreError."""
        with self._reading, self._snapshot() as connection:
            delivered = self._made.count(connection, now)
            open_: dict[tuple[str, str, str], int] = {}
            oldest: dict[str, datetime] = {}
            for exchange, partner_id, kind, number, since in connection.execute(_OPEN):
                delivered[exchange, partner_id] -= number
                if kind != _ENDED:
                    open_[exchange, partner_id, kind] = number
                if kind in (OutboxState.PENDING, OutboxState.SENDING):
                    oldest[partner_id] = min(since, oldest.get(partner_id, since))
            not_kept = {(partner_id, code): int(number) for partner_id, code, number in connection.execute(_COUNTED)}
            recent = _REFUSED_FOR.where(_r.refused_at >= now - LATELY)
            return Measures(
                received=_by_outcome(self._received.count(connection, now), connection),
                logged=int(connection.execute(_LOGGED).scalar_one()),
                refused=connection.execute(_REFUSED).scalar_one() + sum(not_kept.values()),
                not_kept=not_kept,
                refused_for=dict(connection.execute(recent).all()),
                delivered=delivered,
                open=open_,
                oldest=oldest,
                due={each: due for each, due in connection.execute(_DUE.where(_m.due_at < now)) if due},
                lines=SqlCircuitBreakers(connection).list_breakers(),
                overdue={exchange: count(connection, now) for exchange, count in self._overdue.items()},
            )

    def _snapshot(self) -> Connection:
        connection = self._engine.connect()
        if self._engine.dialect.name == "postgresql":  # SQLite has nothing less
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        return connection.execution_options(read_only=True)


def _by_outcome(
    received: Counter[tuple[str, str, AnswerKind | None]], connection: Connection
) -> Counter[tuple[str, str, str]]:
    """What was set aside in quarantine is counted as that, whatever it was answered."""
    found: Counter[tuple[str, str, str]] = Counter()
    for exchange, partner_id, kind, number in connection.execute(_SET_ASIDE):
        received[exchange, partner_id, kind] -= number
        found[exchange, partner_id, QUARANTINED] += number
    for (exchange, partner_id, answer), number in received.items():
        found[exchange, partner_id, answer.value if answer else UNANSWERED] += number
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One partner. `waiting`: never tried yet; `in_doubt`: being sent, or tried and not known to be taken; `dead`:
    waits for an operator.
    """

    line: CircuitBreaker
    waiting: int = 0
    in_doubt: int = 0
    dead: int = 0


_standing = case(
    (_m.state == OutboxState.DEAD, "dead"),
    (and_(_m.state == OutboxState.PENDING, _m.attempts == 0), "waiting"),
    else_="in_doubt",
).label("kind")
_OPEN_BY_PARTNER = (
    select(_m.partner_id, _standing, func.count())
    .where(NOT_DELIVERED, (_m.state != OutboxState.DEAD) | ENDED.is_(None))
    .group_by(_m.partner_id, "kind")  # by its name: PostgreSQL takes two spellings of it for two
)


def standings(engine: Engine) -> dict[str, Standing]:
    """Each partner that has an open message or a line that ever failed, by its id."""
    counts: dict[str, dict[str, int]] = {}
    with engine.connect().execution_options(read_only=True) as connection:
        lines = {line.partner_id: line for line in SqlCircuitBreakers(connection).list_breakers()}
        for partner_id, kind, number in connection.execute(_OPEN_BY_PARTNER):
            counts.setdefault(partner_id, {})[kind] = number
    return {
        each: Standing(line=lines.get(each, CircuitBreaker(each)), **counts.get(each, {})) for each in lines | counts
    }


def refused_since(engine: Engine, moment: datetime) -> int:
    """How many messages were refused since then, of those that are still kept."""
    query = select(func.count()).select_from(refusal).where(refusal.c.refused_at >= moment)
    with engine.connect().execution_options(read_only=True) as connection:
        return connection.execute(query).scalar_one()
