"""The outbox as operators and tests see it: entries, attempts, interventions. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Integer, bindparam, case, exists, literal, literal_column, or_, select

from ccms_ws.domain.messages import (
    AuditEntry,
    DeliveryAttempt,
    Intervention,
    OperatorAction,
    OutboxEntry,
    OutboxState,
)
from ccms_ws.errors import NotStored
from ccms_ws.store.outbox_ordering import HELD_UP
from ccms_ws.store.outbox_tables import delivery_attempt, outbox_hold, outbox_intervention, outbox_message

_m, _a, _i = outbox_message.c, delivery_attempt.c, outbox_intervention.c
_successor = outbox_message.alias("successor")

# As the partial indexes say it: then both databases read nothing else.
READY = (_m.blocked_subjects == literal_column("0"), _m.due_at.is_not(None))
"""What may be sent, now or later: nothing stands before it."""
NOT_DELIVERED = _m.state != literal_column("'delivered'")
ENDED = select(_i.kind).where(_i.outbox_id == _m.outbox_id, _i.kind != Intervention.RESENT).limit(1).scalar_subquery()
"""How an operator ended a dead message; null if nobody did."""
DEAD = (NOT_DELIVERED, _m.state == literal_column("'dead'"), ENDED.is_(None))
"""What was given up and waits for an operator."""

_h = outbox_hold.c
HELD = exists().where(_h.outbox_id == _m.outbox_id, _h.let_go_at.is_(None))
"""An operator holds it back."""
_ENTRIES = select(
    *(_m.message_id, _m.exchange, _m.partner_id, _m.state, _m.attempts, _m.created_at),
    *(case((_m.state == OutboxState.PENDING, _m.due_at)), _m.last_error),
    case((or_(_m.state == OutboxState.DEAD, HELD), HELD_UP), else_=literal(0)),
    case((_m.state == OutboxState.DEAD, ENDED)),
    HELD,
)
_NEWEST = _ENTRIES.order_by(_m.outbox_id.desc()).limit(bindparam("limit", type_=Integer))
_HELD = _NEWEST.where(_m.outbox_id.in_(select(_h.outbox_id).where(_h.let_go_at.is_(None))))
_DEAD = _NEWEST.where(*DEAD)
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
_NOTES = (
    select(_i.kind, _i.operator, _i.reason, _i.at, _successor.c.message_id)
    .join_from(outbox_intervention, outbox_message, _m.outbox_id == _i.outbox_id)
    .join(_successor, _successor.c.outbox_id == _i.replaced_by, isouter=True)
    .where(_m.message_id == bindparam("id"))
    .order_by(_i.after_attempt)
)
_UNDELIVERED = select(exists().where(_m.due_at.is_not(None)))


class OutboxView:
    """What is known of outgoing messages."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get(self, message_id: UUID) -> OutboxEntry:
        row = self.connection.execute(_ENTRY, {"id": message_id}).first()
        if row is None:
            raise NotStored(f"there is no outgoing message {message_id}")
        return OutboxEntry(*row)

    def list_entries(self, *, limit: int = 100, dead: bool = False, held: bool = False) -> Sequence[OutboxEntry]:
        """The newest entries, newest first; `dead`: only those that were given up and wait for an operator; `held`:
        only those that an operator holds back.
        """
        statement = _DEAD if dead else _HELD if held else _NEWEST
        return [OutboxEntry(*row) for row in self.connection.execute(statement, {"limit": limit})]

    def attempts(self, message_id: UUID) -> Sequence[DeliveryAttempt]:
        """The attempts that have ended, oldest first."""
        return [DeliveryAttempt(*row) for row in self.connection.execute(_ATTEMPTS, {"id": message_id})]

    def notes(self, message_id: UUID) -> Sequence[AuditEntry]:
        """What operators did with the message, oldest first."""
        rows = self.connection.execute(_NOTES, {"id": message_id})
        return [
            AuditEntry(kind, OperatorAction(operator, reason, at), successor)
            for kind, operator, reason, at, successor in rows
        ]

    def idle(self) -> bool:
        """True if no message waits or is being sent."""
        return not self.connection.execute(_UNDELIVERED).scalar_one()
