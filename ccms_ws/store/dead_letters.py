"""What an operator can do with a dead message: what `ccms_ws.domain.ports.DeadLetters` asks."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Row, bindparam, insert, select, update

from ccms_ws.domain.messages import Intervention, OperatorAction, OutboxState, OutgoingMessage
from ccms_ws.errors import ConcurrentChange, MessageNotDead, NotStored, OrderingKeysDiffer
from ccms_ws.store import outbox_ordering
from ccms_ws.store.chain_tables import EntryKind
from ccms_ws.store.hash_chain import note
from ccms_ws.store.outbox import SqlOutbox
from ccms_ws.store.outbox_tables import outbox_intervention, outbox_message
from ccms_ws.store.outbox_view import ENDED

_m = outbox_message.c
_LOCKED = (
    select(_m.outbox_id, _m.partner_id, _m.attempts, _m.state, ENDED.label("ended"))
    .where(_m.message_id == bindparam("id"))
    .with_for_update(key_share=True, of=outbox_message)
)
_NOTE = insert(outbox_intervention)
_RESEND = (
    update(outbox_message)
    .where(_m.outbox_id == bindparam("number"), _m.state == OutboxState.DEAD)
    .values(state=OutboxState.PENDING, due_at=bindparam("now"))
)

_Dead = Row[int, str, int, OutboxState, Intervention | None]


class SqlDeadLetters:
    """Dead messages and the interventions. Each raises NotStored, and MessageNotDead for what needs no operator."""

    def __init__(self, outbox: SqlOutbox) -> None:
        self._outbox = outbox
        self._connection = outbox.connection

    def resend(self, message_id: UUID, order: OperatorAction) -> None:
        """Let a dead message be tried again, as often and as long as a new one, from its place in its queues."""
        dead = self._dead(message_id)
        self._record(dead, order, Intervention.RESENT)
        if self._connection.execute(_RESEND, {"number": dead.outbox_id, "now": order.at}).rowcount != 1:
            raise ConcurrentChange(f"message {message_id} was changed by another transaction")

    def withdraw(self, message_id: UUID, order: OperatorAction) -> None:
        """Never send a dead message; those behind it move up."""
        dead = self._dead(message_id)
        outbox_ordering.lock_stripes(self._connection, dead.partner_id, self._subjects(dead.outbox_id))
        self._record(dead, order, Intervention.WITHDRAWN)
        outbox_ordering.dequeue(self._connection, dead.outbox_id)

    def replace(self, message_id: UUID, order: OperatorAction, message: OutgoingMessage) -> None:
        """Never send a dead message; `message` takes its place before all others. Raises SubjectsDiffer."""
        dead = self._dead(message_id)
        if message.partner_id != dead.partner_id or set(message.ordering_keys) != set(self._subjects(dead.outbox_id)):
            raise OrderingKeysDiffer
        outbox_ordering.lock_stripes(self._connection, dead.partner_id, message.ordering_keys)
        successor = self._outbox.insert(message)
        self._record(dead, order, Intervention.REPLACED, successor)
        outbox_ordering.replace(self._connection, dead.outbox_id, successor)

    def _dead(self, message_id: UUID) -> _Dead:
        row = self._connection.execute(_LOCKED, {"id": message_id}).first()
        if row is None:
            raise NotStored(f"there is no outgoing message {message_id}")
        if row.state is not OutboxState.DEAD:
            raise MessageNotDead(f"the message {message_id} is {row.state}")
        if row.ended:
            raise MessageNotDead(f"the message {message_id} was withdrawn or replaced already")
        return row

    def _subjects(self, outbox_id: int) -> tuple[str, ...]:
        return tuple(outbox_ordering.ordering_keys_of(self._connection, [outbox_id]).get(outbox_id, ()))

    def _record(self, dead: _Dead, order: OperatorAction, kind: Intervention, successor: int | None = None) -> None:
        row = {
            "outbox_id": dead.outbox_id,
            "after_attempt": dead.attempts,
            "kind": kind,
            "at": order.at,
            "operator": order.operator,
            "reason": order.reason,
            "replaced_by": successor,
        }
        self._connection.execute(_NOTE, row)
        note(self._connection, EntryKind.INTERVENTION, dead.outbox_id, dead.attempts, row)
