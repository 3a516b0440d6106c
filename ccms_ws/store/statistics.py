"""What an operator measures a court by, in numbers for a program that asks every minute. Only reads.

All of it is read from the tables, so it is true for every process and machine, and after each of them has begun anew.
It costs as much as what is open and what came in the last hour, however long the history; only the first reading of a
`Meter` counts the history once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine, and_, case, distinct, func, select

from ccms_ws.domain.circuit_breaker import CircuitBreaker
from ccms_ws.domain.messages import AnswerKind, OutboxState
from ccms_ws.store.abstracts import SqlAbstracts
from ccms_ws.store.chain_tables import message_chain
from ccms_ws.store.circuit_breakers import SqlCircuitBreakers
from ccms_ws.store.message_history import QUARANTINED, UNANSWERED
from ccms_ws.store.message_tables import inbox_message, quarantined_answer, refusal, refusal_count
from ccms_ws.store.outbox_tables import outbox_message
from ccms_ws.store.outbox_view import ENDED, HELD, NOT_DELIVERED, READY
from ccms_ws.store.tally import Tally

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How it stands at one moment.

    `received`: messages that were let in, ever, by exchange, partner and outcome (`ccms_ws.store.message_history`);
    `logged`: entries of the message log's chains, of both directions. `refused`: ever; `not_kept`: how many of
    these were only counted, by partner (empty if not authenticated) and code; `refused_for`: in the last hour, by code,
    of those that are kept. `delivered`: ever, by exchange and partner. `open`: what is not delivered, by
    exchange, partner and state: pending, sending, held or dead. `oldest`: when the oldest message that is pending or
    being sent was made, `due`: since when the first that could be sent waits for a worker, by partner. `lines`: of
    partners that failed once. `overdue`: abstracts without a response in time.
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
    overdue: int


class Meter:
    """Reads the measures of one database, again and again. Thread-safe: one reads while others wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
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
                overdue=SqlAbstracts(connection).count_overdue(now),
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
