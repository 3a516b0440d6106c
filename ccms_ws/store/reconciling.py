"""After a restore: what partners have that the database does not know, as far as anything here tells. Only reads."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, Uuid, bindparam, select, text

from ccms_ws.domain.messages import OutboxState
from ccms_ws.errors import ConfigError, StoreError
from ccms_ws.store import migrate
from ccms_ws.store.backup import copy_of
from ccms_ws.store.engine import open_engine
from ccms_ws.store.message_tables import inbox_message, quarantined_answer
from ccms_ws.store.outbox_tables import (
    outbox_hold,
    outbox_intervention,
    outbox_message,
)

_AT_ONCE = 500
_i, _o, _q = inbox_message.c, outbox_message.c, quarantined_answer.c
_n, _h = outbox_intervention.c, outbox_hold.c


class Finding(StrEnum):
    """What is not known here."""

    UNKNOWN_HERE = "unknown here"
    """The partner has a message of the court that the outbox does not know."""
    DELIVERED_BEFORE = "delivered before"
    """The partner took it; here it waits, and goes or went out again under the same id."""
    ANSWER_LOST = "answer lost"
    """The partner sent it, and the court answered or took it in; here it is not known."""
    ACT_LOST = "act lost"
    """An operator decided something about a message; here it was never said."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One of them. `known_from`: what tells: the partner's answer, its list, or the database that was replaced."""

    finding: Finding
    partner_id: str
    exchange: str
    message_id: UUID
    at: datetime | None
    known_from: str
    what: str = ""


def answers_to_unknown(connection: Connection) -> Iterator[Difference]:
    """Answers in quarantine that relate to a message of the court which the outbox does not know."""
    related = (
        select(_i.partner_id, _i.exchange, _i.relates_to, _i.received_at)
        .join_from(
            quarantined_answer, inbox_message, (_q.partner_id == _i.partner_id) & (_q.message_id == _i.message_id)
        )
        .where(text("inbox_message.relates_to <> ''"))
        .order_by(_i.inbox_id)
    )
    rows = [(row, named) for row in connection.execute(related) if (named := _uuid(row.relates_to)) is not None]
    known = known_ids(connection, {named for _, named in rows})
    seen = set[UUID]()
    for row, named in rows:
        if named not in known and named not in seen:
            seen.add(named)
            yield Difference(
                Finding.UNKNOWN_HERE, row.partner_id, row.exchange, named, row.received_at, "the partner's answer"
            )


def listed_but_unknown(connection: Connection, listed: Iterable[UUID]) -> Iterator[Difference]:
    """Of the messages that a partner says it has, those that the outbox does not know, or has not delivered."""
    ids = list(dict.fromkeys(listed))
    states = known_ids(connection, ids)
    for message_id in ids:
        if message_id not in states:
            yield Difference(Finding.UNKNOWN_HERE, "", "", message_id, None, "the partner's list")
        elif states[message_id] is not OutboxState.DELIVERED:
            state = states[message_id].value
            yield Difference(Finding.DELIVERED_BEFORE, "", "", message_id, None, "the partner's list", state)


def known_ids(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, OutboxState]:
    """The state of those messages that the outbox knows."""
    query = select(_o.message_id, _o.state).where(_o.message_id.in_(bindparam("ids", type_=Uuid(), expanding=True)))
    known: dict[UUID, OutboxState] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        known.update((row[0], row[1]) for row in connection.execute(query, {"ids": wanted[start : start + _AT_ONCE]}))
    return known


def differences(now: Connection, replaced: Connection) -> Iterator[Difference]:
    """What the database that was replaced knows and this one does not, oldest first in each kind."""
    source = "the replaced database"
    for row, state in _compared(now, replaced):
        facts = (row.partner_id, row.exchange, row.message_id)
        if state is None:
            may = "delivered" if row.state is OutboxState.DELIVERED else f"{row.state.value}, {row.attempts} attempts"
            yield Difference(Finding.UNKNOWN_HERE, *facts, row.delivered_at or row.created_at, source, may)
        elif row.state is OutboxState.DELIVERED and state is not OutboxState.DELIVERED:
            yield Difference(Finding.DELIVERED_BEFORE, *facts, row.delivered_at, source, f"here {state.value}")
    yield from _missing(now, replaced, _INCOMING, Finding.ANSWER_LOST, source)
    yield from _missing(now, replaced, _INTERVENED, Finding.ACT_LOST, source)
    yield from _missing(now, replaced, _HELD, Finding.ACT_LOST, source)


_OUTGOING = select(
    *(_o.message_id, _o.partner_id, _o.exchange, _o.state, _o.attempts, _o.created_at, _o.delivered_at)
).order_by(_o.outbox_id)
# Each row begins with what names it, then: partner, exchange, message, when, what.
_INCOMING = select(
    *(_i.partner_id, _i.message_id, _i.content_digest),
    *(_i.partner_id, _i.exchange, _i.message_id, _i.received_at, _i.relates_to),
).order_by(_i.inbox_id)
_INTERVENED = (
    select(
        *(_o.message_id, _n.after_attempt, _n.kind),
        *(_o.partner_id, _o.exchange, _o.message_id, _n.at, _n.kind),
    )
    .join_from(outbox_intervention, outbox_message, _n.outbox_id == _o.outbox_id)
    .order_by(_n.at)
)
_HELD = (
    select(
        *(_o.message_id, _h.number, _h.let_go_at),
        *(_o.partner_id, _o.exchange, _o.message_id, _h.held_at, _h.held_by),
    )
    .join_from(outbox_hold, outbox_message)
    .order_by(_h.held_at)
)
_NAMES = 3


def _compared(now: Connection, replaced: Connection) -> Iterator[tuple[Any, OutboxState | None]]:
    for chunk in replaced.execute(_OUTGOING.execution_options(yield_per=_AT_ONCE)).partitions():
        known = known_ids(now, [row.message_id for row in chunk])
        yield from ((row, known.get(row.message_id)) for row in chunk)


def _missing(
    now: Connection, replaced: Connection, query: Select[*tuple[Any, ...]], finding: Finding, source: str
) -> Iterator[Difference]:
    here = {tuple(row[:_NAMES]) for row in now.execute(query)}
    for row in replaced.execute(query):
        if tuple(row[:_NAMES]) not in here:
            partner_id, exchange, message_id, at, what = row[_NAMES:]
            yield Difference(finding, partner_id, exchange, message_id, at, source, str(what or ""))


def _uuid(relates_to: str) -> UUID | None:
    try:
        return UUID(relates_to)
    except ValueError:
        return None


def without_doubles(found: Iterable[Difference]) -> Sequence[Difference]:
    """Each message once for each finding, the best witness first given."""
    once: dict[tuple[Finding, UUID, str], Difference] = {}
    for each in found:
        once.setdefault((each.finding, each.message_id, each.what if each.finding is Finding.ACT_LOST else ""), each)
    return list(once.values())


@contextmanager
def earlier(file: Path) -> Iterator[Connection]:
    """A database that was replaced, as a copy in this version's schema: the file stays as it is. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="ccms-ws-") as folder:
        copy = Path(folder) / "replaced.db"
        try:
            copy_of(file, copy)
        except StoreError as error:
            hint = "without it: ccms-ws outbox reconcile alone, and a list from each partner"
            raise ConfigError(f"{file} cannot be read: {error.detail}", hint=hint) from error
        engine = open_engine(f"sqlite:///{copy}")
        migrate.upgrade(engine)
        with engine.connect().execution_options(read_only=True) as connection:
            yield connection
        engine.dispose()
