"""The outbox: what `ccms_ws.domain.ports.Outbox` asks. Who may go before whom is decided in `queues`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    bindparam,
    case,
    exists,
    insert,
    literal_column,
    select,
    update,
)

from ccms_ws.domain.messages import DeliveryAttempt, LeasedMessage, OutboxEntry, OutboxState, OutgoingMessage
from ccms_ws.errors import ConcurrentChange, NotStored
from ccms_ws.store import queues
from ccms_ws.store.message_tables import delivery_attempt, outbox_body, outbox_message

LOST = "lost"
"""Outcome of an attempt whose worker let its lease run out."""

_m, _a = outbox_message.c, delivery_attempt.c
_ADD = insert(outbox_message).returning(_m.outbox_id)
_ADD_BODY = insert(outbox_body)
_ADD_ATTEMPT = insert(delivery_attempt)
_DUE = (
    select(outbox_message, outbox_body.c.body)
    .join_from(outbox_message, outbox_body)
    .where(_m.blocked_subjects == literal_column("0"), _m.due_at <= bindparam("now"))
    .order_by(_m.due_at, _m.outbox_id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True, key_share=True, of=outbox_message)
)
_CLAIM = (
    update(outbox_message)
    .where(_m.outbox_id.in_(bindparam("ids", expanding=True)))
    .values(
        state=OutboxState.SENDING,
        worker=bindparam("who"),
        claimed_at=bindparam("now"),
        due_at=bindparam("until"),
        attempts=_m.attempts + 1,
    )
)
_SETTLE = (
    update(outbox_message)
    .where(_m.message_id == bindparam("id"), _m.state == OutboxState.SENDING)
    .where(_m.worker == bindparam("who"), _m.attempts == bindparam("number"))
    .values(
        state=bindparam("outcome"),
        worker="",
        claimed_at=None,
        due_at=bindparam("retry_at"),
        delivered_at=bindparam("arrived_at"),
        last_error=bindparam("error"),
    )
    .returning(_m.outbox_id)
)
_ENTRIES = select(
    *(_m.message_id, _m.exchange, _m.partner_id, _m.state, _m.attempts, _m.created_at),
    *(case((_m.state == OutboxState.PENDING, _m.due_at)), _m.last_error),
)
_NEWEST = _ENTRIES.order_by(_m.outbox_id.desc()).limit(bindparam("limit", type_=Integer))
_ENTRY = _ENTRIES.where(_m.message_id == bindparam("id"))
_ATTEMPTS = (
    select(
        *(_m.message_id, _a.number, _a.worker, _a.started_at, _a.ended_at),
        *(_a.outcome, _a.http_status, _a.error_code, _a.detail),
    )
    .join_from(delivery_attempt, outbox_message)
    .where(_m.message_id == bindparam("id"))
    .order_by(_a.number)
)
_UNDELIVERED = select(exists().where(_m.due_at.is_not(None)))


class SqlOutbox:
    """Outgoing messages in the tables of `message_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, message: OutgoingMessage) -> None:
        """Put a message at the end of the queues of its subjects. Raises ConcurrentChange if its id is taken."""
        queues.take_lanes(self._connection, message)
        outbox_id = self._connection.execute(_ADD, _message_row(message)).scalar_one()
        self._connection.execute(_ADD_BODY, {"outbox_id": outbox_id, "body": message.body})
        queues.join(self._connection, outbox_id, message)

    def claim(self, *, worker: str, now: datetime, lease: timedelta, limit: int = 1) -> Sequence[LeasedMessage]:
        """Lease up to `limit` messages that are due and that no earlier unfinished message of a same subject precedes.

        A lease that has run out counts as due; the attempt that it was given for is recorded as lost. Messages that
        another worker is claiming at this moment are passed over.
        """
        rows = self._connection.execute(_DUE, {"now": now, "limit": limit}).all()
        if not rows:
            return []
        lost = [_lost_attempt(row) for row in rows if row.state is OutboxState.SENDING]
        if lost:
            self._connection.execute(_ADD_ATTEMPT, lost)
        ids, until = [row.outbox_id for row in rows], now + lease
        claimed = self._connection.execute(_CLAIM, {"ids": ids, "who": worker, "now": now, "until": until})
        if claimed.rowcount != len(ids):
            raise ConcurrentChange
        subjects = queues.subjects_of(self._connection, ids)
        return [_leased(row, subjects.get(row.outbox_id, ()), until, worker) for row in rows]

    def settle_delivered(self, leased: LeasedMessage, attempt: DeliveryAttempt) -> None:
        """End a message as delivered. Raises ConcurrentChange if the lease is no longer this worker's."""
        outbox_id = self._settle(leased, attempt, OutboxState.DELIVERED, arrived_at=attempt.ended_at)
        queues.take_lanes(self._connection, leased.message)
        queues.leave(self._connection, outbox_id)

    def settle_failed(self, leased: LeasedMessage, attempt: DeliveryAttempt, retry_at: datetime | None) -> None:
        """Record a failed attempt; due again at `retry_at`, dead if that is None. Raises ConcurrentChange as above.

        Either way the message keeps its place in its queues.
        """
        state = OutboxState.DEAD if retry_at is None else OutboxState.PENDING
        error = ": ".join(filter(None, (attempt.error_code, attempt.detail)))
        self._settle(leased, attempt, state, retry_at=retry_at, error=error)

    def get(self, message_id: UUID) -> OutboxEntry:
        row = self._connection.execute(_ENTRY, {"id": message_id}).first()
        if row is None:
            raise NotStored(f"there is no outgoing message {message_id}")
        return OutboxEntry(*row)

    def list_entries(self, *, limit: int = 100) -> Sequence[OutboxEntry]:
        """The newest entries, newest first."""
        return [OutboxEntry(*row) for row in self._connection.execute(_NEWEST, {"limit": limit})]

    def attempts(self, message_id: UUID) -> Sequence[DeliveryAttempt]:
        """The attempts that have ended, oldest first."""
        return [DeliveryAttempt(*row) for row in self._connection.execute(_ATTEMPTS, {"id": message_id})]

    def idle(self) -> bool:
        """True if no message waits or is being sent."""
        return not self._connection.execute(_UNDELIVERED).scalar_one()

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
        values = {"id": leased.message.message_id, "who": leased.worker, "number": leased.attempt}
        outcome = {"outcome": state, "retry_at": retry_at, "arrived_at": arrived_at, "error": error}
        outbox_id = self._connection.execute(_SETTLE, values | outcome).scalar_one_or_none()
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
        }
        self._connection.execute(_ADD_ATTEMPT, row)
        return outbox_id


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
        "worker": "",
        "last_error": "",
    }


def _lost_attempt(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "outbox_id": row.outbox_id,
        "number": row.attempts,
        "worker": row.worker,
        "started_at": row.claimed_at,
        "ended_at": row.due_at,
        "outcome": LOST,
        "http_status": None,
        "error_code": "",
        "detail": "the worker did not come back before its lease ended",
    }


def _leased(row: Row[*tuple[Any, ...]], subjects: Sequence[str], until: datetime, worker: str) -> LeasedMessage:
    message = OutgoingMessage(
        message_id=row.message_id,
        exchange=row.exchange,
        partner_id=row.partner_id,
        root=row.root,
        body=row.body,
        subjects=tuple(subjects),
        created_at=row.created_at,
    )
    return LeasedMessage(message, row.attempts + 1, until, worker)
