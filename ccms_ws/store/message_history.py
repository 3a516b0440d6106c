"""What went in and out, as an operator looks at it: one list of received, refused and outgoing messages. Only reads.

Kept apart from the repositories of a unit of work: business rules never ask for any of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, exists, literal, select, text

from ccms_ws.domain.messages import AnswerKind, DeliveryAttempt, OutboxState, SentEnvelope
from ccms_ws.errors import NotStored
from ccms_ws.store.message_tables import inbox_message, quarantined_answer, refusal, refusal_count
from ccms_ws.store.outbox import SqlOutbox
from ccms_ws.store.outbox_tables import delivery_attempt, outbox_body, outbox_message

_i, _o, _r, _n, _q = inbox_message.c, outbox_message.c, refusal.c, refusal_count.c, quarantined_answer.c
_a = delivery_attempt.c

REFUSED = "refused"
QUARANTINED = "quarantined"
UNANSWERED = "taken"


class Way(StrEnum):
    """Which way a message went."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One message. `message_id` of a refused one is its incident id, since its own cannot be believed.

    `outcome`: the outbox state of an outgoing message; of an incoming one `reply`, `fault`, `accepted`, `taken`
    (an answer in an HTTP response, which gets none itself), `quarantined` or `refused`. `code`: the error, if any.
    """

    way: Way
    at: datetime
    message_id: UUID
    exchange: str
    partner_id: str
    root: str
    outcome: str
    code: str = ""
    relates_to: str = ""
    answer_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages to list; an empty value means all. `outcome` may also be a code or its beginning."""

    way: Way | None = None
    exchange: str = ""
    partner_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes that are kept. Of an outgoing message the payload alone: each attempt has an envelope of its own."""

    message: bytes
    answer: bytes | None = None


class TrafficLog:
    """The message log, the refusals and the outbox, read in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, wanted: Wanted, *, limit: int) -> Sequence[Traffic]:
        """The newest first, at most `limit`."""
        found: list[Traffic] = []
        if wanted.way is not Way.IN:
            found += self._take(_outgoing(wanted), wanted, limit)
        if wanted.way is not Way.OUT:
            found += self._take(_incoming(wanted), wanted, limit)
            found += self._take(_refused(wanted), wanted, limit)
        return sorted(found, key=lambda each: each.at, reverse=True)[:limit]

    def find(self, message_id: UUID) -> Sequence[Traffic]:
        """All that has this id: as a message, as an answer of the court, as an incident. Raises NotStored if nothing.

        Two partners may have used the same id; then there are two.
        """
        rows = [
            *self._read(_OUTGOING.where(_o.message_id == message_id)),
            *self._read(_INCOMING.where(_i.message_id == message_id)),
            *self._read(_REFUSED.where(_r.incident_id == message_id)),
            *self._read(_COUNTED.where(_n.incident_id == message_id)),
        ]
        # No index has the ids of answers: one more page to write for each message, and seldom is one looked for.
        rows = rows or list(self._read(_INCOMING.where(_i.answer_id == message_id)))
        if not rows:
            raise NotStored(f"there is no message {message_id}", hint="ccms-ws messages list shows what there is")
        return rows

    def answers_to(self, message: Traffic) -> Sequence[Traffic]:
        """What the partner answered to an outgoing message, oldest first."""
        numbers = (f"urn:uuid:{message.message_id}", str(message.message_id))
        # Word for word as the index has it; with the partner beside it, SQLite would read all that came from there.
        related = _INCOMING.where(text("relates_to <> ''"), _i.relates_to.in_(numbers)).order_by(_i.inbox_id)
        found = self._read(related)
        return [each for each in found if each.partner_id == message.partner_id and each.at >= message.at]

    def quarantine_reason(self, message: Traffic) -> str:
        """Why an answer was set aside; empty if it was not."""
        reason = select(_q.reason).where(_q.partner_id == message.partner_id, _q.message_id == message.message_id)
        return self._connection.execute(reason).scalar() or ""

    def attempts(self, message: Traffic) -> Sequence[DeliveryAttempt]:
        """The attempts to send an outgoing message that have ended, oldest first."""
        return SqlOutbox(self._connection).attempts(message.message_id)

    def contents(self, message: Traffic) -> Contents:
        """The bytes of a message and of its answer. Raises NotStored for a refused one, of which none are kept."""
        if message.outcome == REFUSED:
            raise NotStored("the bytes of a refused message are not kept", hint="its SHA-256 is in ccms-ws explain")
        if message.way is Way.OUT:
            parts = select(outbox_body.c.content).join_from(outbox_body, outbox_message).order_by(outbox_body.c.part)
            found = self._connection.execute(parts.where(_o.message_id == message.message_id)).scalars()
            return Contents(b"".join(found))
        raw = select(_i.raw, _i.answer_raw).where(
            _i.partner_id == message.partner_id, _i.message_id == message.message_id
        )
        return Contents(*self._connection.execute(raw).one())

    def envelope(self, message: Traffic, attempt: int | None = None) -> bytes:
        """The envelope of an attempt to send an outgoing message as it was on the wire; by default, of the last kept.

        Raises NotStored if none is kept: none was sent, or it cannot have arrived.
        """
        kept = select(_a.envelope_head, _a.envelope_tail).join_from(delivery_attempt, outbox_message)
        kept = kept.where(_o.message_id == message.message_id, _a.envelope_head.is_not(None))
        kept = kept if attempt is None else kept.where(_a.number == attempt)
        row = self._connection.execute(kept.order_by(_a.number.desc()).limit(1)).first()
        if row is None:
            raise NotStored(
                f"no envelope of {message.message_id} is kept",
                hint="those are kept that may have arrived, and were sent by this version or a later one",
            )
        return SentEnvelope(row[0] or b"", row[1]).whole(self.contents(message).message)

    def _take(self, query: Select[*tuple[Any, ...]], wanted: Wanted, limit: int) -> Iterable[Traffic]:
        taken = 0
        for each in self._read(query if wanted.outcome else query.limit(limit)):
            if taken == limit:
                return
            if not wanted.outcome or each.outcome == wanted.outcome or each.code.startswith(wanted.outcome):
                taken += 1
                yield each

    def _read(self, query: Select[*tuple[Any, ...]]) -> Iterator[Traffic]:
        for row in self._connection.execute(query).mappings():
            facts = dict(row)
            code, aside = facts["code"] or "", facts.pop("set_aside", False)
            if aside:
                facts["outcome"] = QUARANTINED
            elif isinstance(facts["outcome"], AnswerKind | OutboxState):
                facts["outcome"] = facts["outcome"].value
            yield Traffic(**facts | {"way": Way(facts["way"]), "outcome": facts["outcome"] or UNANSWERED, "code": code})


@contextmanager
def open_traffic(engine: Engine) -> Iterator[TrafficLog]:
    """The log for as long as the block lasts; waits for no writer."""
    with engine.connect() as connection:
        yield TrafficLog(connection.execution_options(read_only=True))


_OUTGOING = select(
    literal(Way.OUT.value).label("way"),
    _o.created_at.label("at"),
    *(_o.message_id, _o.exchange, _o.partner_id, _o.root, _o.state.label("outcome"), _o.last_error.label("code")),
)
_INCOMING = select(
    literal(Way.IN.value).label("way"),
    _i.received_at.label("at"),
    *(_i.message_id, _i.exchange, _i.partner_id, _i.root, _i.answer_kind.label("outcome")),
    *(_i.answer_error_code.label("code"), _i.relates_to, _i.answer_id),
    exists().where(_q.partner_id == _i.partner_id, _q.message_id == _i.message_id).label("set_aside"),
)
_REFUSED = select(
    literal(Way.IN.value).label("way"),
    _r.refused_at.label("at"),
    *(_r.incident_id.label("message_id"), _r.address.label("exchange"), _r.partner_id),
    *(literal("").label("root"), literal(REFUSED).label("outcome"), _r.code),
)

_COUNTED = select(
    literal(Way.IN.value).label("way"),
    _n.began_at.label("at"),
    *(_n.incident_id.label("message_id"), literal("").label("exchange"), _n.partner_id),
    *(literal("").label("root"), literal(REFUSED).label("outcome"), _n.code),
)


def _between(query: Select[*tuple[Any, ...]], at: ColumnElement[datetime], wanted: Wanted) -> Select[*tuple[Any, ...]]:
    """From the one moment to the other, both included."""
    query = query.where(at >= wanted.since) if wanted.since else query
    return query.where(at <= wanted.until) if wanted.until else query


def _outgoing(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    query = _OUTGOING.order_by(_o.outbox_id.desc())
    if wanted.exchange:
        query = query.where(_o.exchange == wanted.exchange)
    if wanted.partner_id:
        query = query.where(_o.partner_id == wanted.partner_id)
    return _between(query, _o.created_at, wanted)


def _incoming(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    query = _INCOMING.order_by(_i.inbox_id.desc())
    if wanted.exchange:
        query = query.where(_i.exchange == wanted.exchange)
    if wanted.partner_id:
        query = query.where(_i.partner_id == wanted.partner_id)
    return _between(query, _i.received_at, wanted)


def _refused(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    """Of a refused message no more is certain than the address that it was sent to."""
    query = _REFUSED.order_by(_r.refusal_id.desc())
    if wanted.exchange:
        query = query.where(_r.address.startswith(f"/{wanted.exchange}/", autoescape=True))
    if wanted.partner_id:
        query = query.where(_r.partner_id == wanted.partner_id)
    return _between(query, _r.refused_at, wanted)
