"""The outbox: what `ccms_ws.domain.ports.Outbox` asks. Who may go before whom is decided in `queues`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Integer,
    Row,
    Select,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from ccms_ws.domain.circuit_breaker import BreakerState, CircuitBreaker, probing
from ccms_ws.domain.messages import LONGEST_LEASE, DeliveryAttempt, LeasedMessage, OutboxState, OutgoingMessage
from ccms_ws.errors import ConcurrentChange
from ccms_ws.store import outbox_ordering
from ccms_ws.store.chain_tables import EntryKind
from ccms_ws.store.circuit_breakers import SqlCircuitBreakers
from ccms_ws.store.column_types import Instant
from ccms_ws.store.hash_chain import note
from ccms_ws.store.outbox_payloads import StoredParts, add_body
from ccms_ws.store.outbox_tables import (
    delivery_attempt,
    outbox_body,
    outbox_intervention,
    outbox_message,
    partner_line,
)
from ccms_ws.store.outbox_view import READY, OutboxView

LOST = "lost"
"""Outcome of an attempt that was begun, and whose worker did not come back before the lease ended."""
LAPSED = "lapsed"
"""Outcome of a claim whose lease ended, and of which nothing shows that an attempt had begun."""
_SUSPECT_AFTER = 2
"""So many leases in a row without a result make a message suspected of ending its workers."""

_m, _a, _i = outbox_message.c, delivery_attempt.c, outbox_intervention.c
_ADD = insert(outbox_message).returning(_m.outbox_id)
_ADD_ATTEMPT = insert(delivery_attempt)

# Steps from partner to partner through the index, however many messages each of them has.
_step = select(func.min(_m.partner_id).label("partner_id")).where(*READY).cte("ready", recursive=True)
_step = _step.union_all(
    select(select(func.min(_m.partner_id)).where(*READY, _m.partner_id > _step.c.partner_id).scalar_subquery()).where(
        _step.c.partner_id.is_not(None)
    )
)
_oldest = select(func.min(_m.due_at)).where(*READY, _m.partner_id == _step.c.partner_id).scalar_subquery()
_PARTNERS = (
    select(_step.c.partner_id, *(column for column in partner_line.c if column.key != "partner_id"))
    .join_from(_step, partner_line, partner_line.c.partner_id == _step.c.partner_id, isouter=True)
    .where(_oldest <= bindparam("latest"))
    .order_by(_oldest, _step.c.partner_id)
)
_is_leased = _m.state == OutboxState.SENDING
# `now` by the clock of the programs says what is due, `lease_now` by that of the database which leases have ended.
_is_due = (
    _m.due_at <= bindparam("latest"),
    or_(~_is_leased & (_m.due_at <= bindparam("now")), _is_leased & (_m.due_at <= bindparam("lease_now"))),
)
_leases_without_result = _m.unfinished + case((_is_leased, 1), else_=0)
_first = outbox_body.alias("first_part")
_more = outbox_body.alias("next_part")
_DUE = (
    select(
        outbox_message,
        _first.c.content.label("body"),
        exists().where(_more.c.outbox_id == _m.outbox_id, _more.c.part == 1).label("has_more"),
    )
    .join_from(outbox_message, _first, (_first.c.outbox_id == _m.outbox_id) & (_first.c.part == 0))
    .where(*READY, _m.partner_id == bindparam("partner"), *_is_due)
    .order_by(_m.due_at, _m.outbox_id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True, key_share=True, of=outbox_message)
)
_DUE_TOGETHER = _DUE.where(_leases_without_result < _SUSPECT_AFTER)
# As its partial index says it.
_is_suspect = (_m.unfinished > literal_column("0"), _leases_without_result >= _SUSPECT_AFTER)
_DUE_ALONE = _DUE.where(*_is_suspect)
_IS_SUSPECT_DUE = select(exists().where(*READY, *_is_due, *_is_suspect))
_SERVER_TIME = select(func.clock_timestamp(type_=Instant))
_CLAIM = (
    update(outbox_message)
    .where(_m.outbox_id.in_(bindparam("ids", expanding=True)))
    .values(
        state=OutboxState.SENDING,
        worker=bindparam("who"),
        claimed_at=bindparam("now"),
        begun_at=None,
        due_at=bindparam("until"),
        attempts=_m.attempts + 1,
        unfinished=_leases_without_result,
    )
)
_last_resent = (
    select(func.coalesce(func.max(_i.after_attempt), 0)).where(_i.outbox_id == _a.outbox_id).scalar_subquery()
)
_TRIES = (
    select(_a.outbox_id, func.count(), func.min(_a.started_at), func.count(case((_a.outcome == LOST, 1))))
    .where(_a.outbox_id.in_(bindparam("ids", expanding=True)), _a.number > _last_resent, _a.outcome != LAPSED)
    .group_by(_a.outbox_id)
)
_MINE = (_m.state == OutboxState.SENDING, _m.worker == bindparam("who"), _m.attempts == bindparam("number"))
_SETTLE = (
    update(outbox_message)
    .where(_m.message_id == bindparam("id"), *_MINE)
    .values(
        state=bindparam("outcome"),
        worker="",
        claimed_at=None,
        begun_at=None,
        unfinished=0,
        due_at=bindparam("retry_at"),
        delivered_at=bindparam("arrived_at"),
        last_error=bindparam("error"),
    )
    .returning(_m.outbox_id)
)
_RENEW = (
    update(outbox_message)
    .where(_m.message_id.in_(bindparam("ids", expanding=True)))
    .where(_m.state == OutboxState.SENDING, _m.worker == bindparam("who"))
    .values(due_at=case((_m.due_at > bindparam("until"), _m.due_at), else_=bindparam("until")))
    .returning(_m.message_id, _m.attempts)
)
_BEGIN = (
    update(outbox_message)
    .where(_m.message_id == bindparam("id"), *_MINE)
    .values(begun_at=func.coalesce(_m.begun_at, bindparam("at", type_=Instant)))
    .returning(_m.outbox_id)
)
_RELEASE = (
    update(outbox_message)
    .where(_m.message_id == bindparam("id"), *_MINE)
    .values(
        state=OutboxState.PENDING,
        worker="",
        claimed_at=None,
        begun_at=None,
        due_at=_m.claimed_at,
        attempts=_m.attempts - 1,
    )
)
# Also of what stands behind others: it gets its turn later.
_RESCHEDULE = (
    update(outbox_message)
    .where(_m.due_at > bindparam("horizon"), _m.state == OutboxState.PENDING)
    .values(due_at=bindparam("now"))
)
_RESCHEDULE_UNTRIED = _RESCHEDULE.where(*READY, _m.attempts == 0)
_SHORTEN_LEASES = (
    update(outbox_message).where(_m.due_at > bindparam("horizon"), _is_leased).values(due_at=bindparam("until"))
)


class SqlOutbox(OutboxView):
    """Outgoing messages in the tables of `outbox_tables`."""

    def add(self, message: OutgoingMessage) -> None:
        """Put a message at the end of the queues of its ordering_keys. Raises ConcurrentChange if its id is taken."""
        outbox_ordering.lock_stripes(self.connection, message.partner_id, message.ordering_keys)
        outbox_id = self.insert(message)
        outbox_ordering.enqueue(self.connection, outbox_id, message.partner_id, message.ordering_keys)

    def lease_time(self, now: datetime) -> datetime:
        """The time by the clock that all leases are measured with: the database server's; SQLite has none but `now`."""
        if self.connection.dialect.name == "sqlite":
            return now
        at: datetime = self.connection.execute(_SERVER_TIME).scalar_one()
        return at

    def claim(
        self,
        *,
        worker: str,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        room: Callable[[str], int] | None = None,
        lease_now: datetime | None = None,
        alone: bool = False,
    ) -> Sequence[LeasedMessage]:
        """Lease up to `limit` messages that are due and that no earlier unfinished message of a same subject precedes.

        The partner whose message has waited for longest comes first; `room` says how many more each of them may be sent
        at once. A partner whose circuit breaker is open gets none; one whose cooldown has ended gets one, the probe. A
        lease that has ended by `lease_now` (`lease_time`; default `now`) counts as due; the claim that it was given for
        is recorded as lost or lapsed. Messages that another worker is claiming at this moment are passed over.

        `alone`: a single message that is suspected of ending its workers, which other claims leave out. Its lease
        doubles with each attempt that was lost.
        """
        lease_now = now if lease_now is None else lease_now
        times = {"now": now, "lease_now": lease_now, "latest": max(now, lease_now)}
        limit = min(limit, 1) if alone else limit
        rows: list[Row[*tuple[Any, ...]]] = []
        for partner_id, *known in self.connection.execute(_PARTNERS, times).all():
            breaker = CircuitBreaker(partner_id) if known[0] is None else CircuitBreaker(partner_id, *known)
            share = min(limit - len(rows), limit if room is None else room(partner_id))
            if share > 0 and breaker.may_send(now):
                rows += self._due(_DUE_ALONE if alone else _DUE_TOGETHER, breaker, times, lease, share)
        if not rows:
            return []
        ended = [_ended_lease(row) for row in rows if row.state is OutboxState.SENDING]
        if ended:
            self._add_attempts(ended)
        ids = [row.outbox_id for row in rows]
        ordering_keys, tries = outbox_ordering.ordering_keys_of(self.connection, ids), self._tries(rows)
        if alone:
            lease *= min(2 ** min(tries.get(ids[0], (0, now, 0))[2], 10), LONGEST_LEASE)
        until = lease_now + lease
        claimed = self.connection.execute(_CLAIM, {"ids": ids, "who": worker, "now": now, "until": until})
        if claimed.rowcount != len(ids):
            raise ConcurrentChange
        leased = []
        for row in rows:
            before, since, lost = tries.get(row.outbox_id, (0, now, 0))
            message = self._message(row, ordering_keys.get(row.outbox_id, ()))
            leased.append(LeasedMessage(message, row.attempts + 1, until, worker, before + 1, since, lost, alone))
        return leased

    def is_suspect_due(self, now: datetime, lease_now: datetime) -> bool:
        """True if a message is due that only a claim with `alone` takes."""
        times = {"now": now, "lease_now": lease_now, "latest": max(now, lease_now)}
        return bool(self.connection.execute(_IS_SUSPECT_DUE, times).scalar_one())

    def begin(self, leases: Sequence[LeasedMessage], at: datetime) -> Collection[UUID]:
        """Record that attempts have begun, or are about to; returns the ids of those whose lease is still held."""
        held = [one for one in leases if self.connection.execute(_BEGIN, _key(one) | {"at": at}).first() is not None]
        return {leased.message.message_id for leased in held}

    def settle_delivered(self, leased: LeasedMessage, attempt: DeliveryAttempt) -> None:
        """End a message as delivered. Raises ConcurrentChange if the lease is no longer this worker's."""
        outbox_id = self._settle(leased, attempt, OutboxState.DELIVERED, arrived_at=attempt.ended_at)
        outbox_ordering.lock_stripes(self.connection, leased.message.partner_id, leased.message.ordering_keys)
        outbox_ordering.dequeue(self.connection, outbox_id)

    def settle_failed(self, leased: LeasedMessage, attempt: DeliveryAttempt, retry_at: datetime | None) -> None:
        """Record a failed attempt; due again at `retry_at`, dead if that is None. Raises ConcurrentChange as above.

        Either way the message keeps its place in its queues.
        """
        state = OutboxState.DEAD if retry_at is None else OutboxState.PENDING
        error = ": ".join(filter(None, (attempt.error_code, attempt.detail)))
        self._settle(leased, attempt, state, retry_at=retry_at, error=error)

    def renew_leases(self, leases: Sequence[LeasedMessage], until: datetime) -> Collection[UUID]:
        """Extend leases that this worker still holds, and shorten none; returns the ids of their messages."""
        if not leases:
            return ()
        attempts = {leased.message.message_id: leased.attempt for leased in leases}
        renewed = self.connection.execute(
            _RENEW, {"ids": list(attempts), "who": leases[0].worker, "until": until}
        )  # fmt: skip
        return {message_id for message_id, attempt in renewed if attempts[message_id] == attempt}

    def release_lease(self, leased: LeasedMessage) -> None:
        """Undo a claim of a message that was not touched; nothing happens if the lease is no longer this worker's."""
        self.connection.execute(_RELEASE, _key(leased))

    def reschedule(self, now: datetime, horizon: timedelta, *, untried: bool = False) -> int:
        """Make due what is not due for longer than any wait can be: the clock was ahead when that was written.

        `untried`: only what could go at once and was never tried, which no rule has rescheduled. Leases stay.
        """
        statement = _RESCHEDULE_UNTRIED if untried else _RESCHEDULE
        return self.connection.execute(statement, {"now": now, "horizon": now + horizon}).rowcount

    def shorten_leases(self, lease_now: datetime, horizon: timedelta, lease: timedelta) -> int:
        """Let leases that last longer than any can (`horizon`) end after `lease`: who holds one renews it before."""
        times = {"horizon": lease_now + horizon, "until": lease_now + lease}
        return self.connection.execute(_SHORTEN_LEASES, times).rowcount

    def insert(self, message: OutgoingMessage) -> int:
        """Store a message outside of any queue; returns its number. For `dead_letters`, and `add` above."""
        row = _message_row(message)
        outbox_id: int = self.connection.execute(_ADD, row).scalar_one()
        digest = add_body(self.connection, outbox_id, message.body, message.further)
        note(self.connection, EntryKind.OUTGOING, outbox_id, 0, row | {"body_digest": digest})
        return outbox_id

    def _add_attempts(self, rows: Sequence[dict[str, Any]]) -> None:
        self.connection.execute(_ADD_ATTEMPT, rows)
        for row in rows:
            note(self.connection, EntryKind.ATTEMPT, row["outbox_id"], row["number"], row)

    def _due(
        self, statement: Select[*tuple[Any, ...]], breaker: CircuitBreaker, times: dict[str, datetime],
        lease: timedelta, share: int,
    ) -> Sequence[Row[*tuple[Any, ...]]]:  # fmt: skip
        """What is due for a partner. If its circuit breaker is not closed, one message: the probe."""
        closed = breaker.state is BreakerState.CLOSED
        which = {"partner": breaker.partner_id, "limit": share if closed else 1}
        rows = self.connection.execute(statement, times | which).all()
        if rows and not closed:
            probe = probing(breaker, times["now"], times["now"] + lease)
            return rows if SqlCircuitBreakers(self.connection).try_probe(breaker, probe) else []
        return rows

    def _tries(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> Mapping[int, tuple[int, datetime, int]]:
        """Of those that were tried before: how often since an operator's last resending, since when, how often lost."""
        ids = [row.outbox_id for row in rows if row.attempts]
        if not ids:
            return {}
        found = self.connection.execute(_TRIES, {"ids": ids})
        return {outbox_id: (tries, since, lost) for outbox_id, tries, since, lost in found}

    def _message(self, row: Row[*tuple[Any, ...]], ordering_keys: Sequence[str]) -> OutgoingMessage:
        return OutgoingMessage(
            message_id=row.message_id,
            exchange=row.exchange,
            partner_id=row.partner_id,
            root=row.root,
            body=bytes(row.body),
            ordering_keys=tuple(ordering_keys),
            created_at=row.created_at,
            further=StoredParts(self.connection.engine, row.outbox_id) if row.has_more else (),
        )

    def _settle(
        self,
        leased: LeasedMessage,
        attempt: DeliveryAttempt,
        state: OutboxState,
        *,
        retry_at: datetime | None = None,
        arrived_at: datetime | None = None,
        error: str = "",
    ) -> int:
        """End the lease, record the attempt; returns the message's number."""
        outcome = {"outcome": state, "retry_at": retry_at, "arrived_at": arrived_at, "error": error}
        outbox_id = self.connection.execute(_SETTLE, _key(leased) | outcome).scalar_one_or_none()
        if outbox_id is None:
            raise ConcurrentChange(f"message {leased.message.message_id} is no longer leased to {leased.worker}")
        row = {
            "outbox_id": outbox_id,
            "number": leased.attempt,
            "worker": leased.worker,
            "started_at": attempt.started_at,
            "ended_at": attempt.ended_at,
            "outcome": attempt.outcome,
            "http_status": attempt.http_status,
            "error_code": attempt.error_code,
            "detail": attempt.detail,
            "envelope_head": None if attempt.envelope is None else attempt.envelope.head,
            "envelope_tail": None if attempt.envelope is None else attempt.envelope.tail,
        }
        self._add_attempts([row])
        return outbox_id


def _key(leased: LeasedMessage) -> dict[str, Any]:
    return {"id": leased.message.message_id, "who": leased.worker, "number": leased.attempt}


def _message_row(message: OutgoingMessage) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "exchange": message.exchange,
        "partner_id": message.partner_id,
        "root": message.root,
        "created_at": message.created_at,
        "state": OutboxState.PENDING,
        "blocked_subjects": 0,
        "due_at": message.created_at,
        "attempts": 0,
        "unfinished": 0,
        "worker": "",
        "last_error": "",
    }


def _ended_lease(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    began = row.begun_at is not None
    return {
        "outbox_id": row.outbox_id,
        "number": row.attempts,
        "worker": row.worker,
        "started_at": row.begun_at if began else row.claimed_at,
        "ended_at": row.due_at,
        "outcome": LOST if began else LAPSED,
        "http_status": None,
        "error_code": "",
        "detail": "the worker did not come back before its lease ended"
        + ("" if began else ", and nothing shows that it had begun to send"),
        "envelope_head": None,
        "envelope_tail": None,
    }
