"""Messages that an operator holds back: what `ccms_ws.domain.ports.HeldMessages` asks.

A hold counts as one that stands before the message (`blocked_subjects`): no claim sees it, the database refuses to let
it be sent, and what stands behind it in its queues waits as it does behind any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, select, update

from ccms_ws.domain.messages import Hold, OperatorAction, OutboxState
from ccms_ws.errors import MessageNotWaiting, NotStored
from ccms_ws.store.chain_tables import EntryKind
from ccms_ws.store.hash_chain import COVERED, note
from ccms_ws.store.outbox_tables import outbox_hold, outbox_message, outbox_subject

_m, _h, _s = outbox_message.c, outbox_hold.c, outbox_subject.c
_LOCKED = select(_m.outbox_id, _m.state).where(_m.message_id == bindparam("id")).with_for_update(key_share=True)
_CHANGE = (
    update(outbox_message)
    .where(_m.outbox_id == bindparam("number"))
    .values(blocked_subjects=_m.blocked_subjects + bindparam("by"))
)
_IS_HELD = select(_h.number).where(_h.outbox_id == bindparam("id"), _h.let_go_at.is_(None))
_HOLDS = select(func.count()).select_from(outbox_hold).where(_h.outbox_id == bindparam("id"))
_HOLD = insert(outbox_hold)
_LET_GO = (
    update(outbox_hold)
    .where(_h.outbox_id == bindparam("id"), _h.let_go_at.is_(None))
    .values({name: bindparam(f"new_{name}") for name in COVERED[EntryKind.HOLD_END]})
    .returning(_h.number)
)
_FIRST = (
    select(_m.message_id)
    .join_from(outbox_subject, outbox_message, _m.outbox_id == _s.outbox_id)
    .where(_s.partner_id == bindparam("partner"), _s.subject == bindparam("subject"))
    .where(_m.state == OutboxState.PENDING)
    .order_by(_s.place)
    .limit(1)
)
_HISTORY = (
    select(_h.held_by, _h.held_reason, _h.held_at, _h.let_go_by, _h.let_go_reason, _h.let_go_at)
    .join_from(outbox_hold, outbox_message)
    .where(_m.message_id == bindparam("id"))
    .order_by(_h.number)
)


class SqlHeldMessages:
    """Holds in the table `outbox_hold`. Raises NotStored for what is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hold(self, message_id: UUID, order: OperatorAction) -> None:
        """Hold back a message that waits. Raises MessageNotWaiting if it does not, or is held already."""
        outbox_id = self._change(message_id, by=1, held=False)
        number = self._connection.execute(_HOLDS, {"id": outbox_id}).scalar_one() + 1
        held = {"held_at": order.at, "held_by": order.operator, "held_reason": order.reason}
        let_go = {"let_go_at": None, "let_go_by": "", "let_go_reason": ""}
        self._connection.execute(_HOLD, {"outbox_id": outbox_id, "number": number, **held, **let_go})
        note(self._connection, EntryKind.HOLD, outbox_id, number, held)

    def let_go(self, message_id: UUID, order: OperatorAction) -> None:
        """Resume a held message at its position. Raises MessageNotWaiting if it is not held."""
        outbox_id = self._change(message_id, by=-1, held=True)
        let_go = {"let_go_at": order.at, "let_go_by": order.operator, "let_go_reason": order.reason}
        values = {f"new_{name}": value for name, value in let_go.items()}
        number = self._connection.execute(_LET_GO, {"id": outbox_id, **values}).scalar_one()
        note(self._connection, EntryKind.HOLD_END, outbox_id, number, let_go)

    def first_waiting(self, partner_id: str, subject: str) -> UUID:
        """The first message about a subject that is not under way yet. Raises NotStored if there is none."""
        found: UUID | None = self._connection.execute(_FIRST, {"partner": partner_id, "subject": subject}).scalar()
        if found is None:
            raise NotStored(f"no message about {subject} waits for {partner_id}")
        return found

    def history(self, message_id: UUID) -> Sequence[Hold]:
        """Every hold of the message, oldest first."""
        return [
            Hold(OperatorAction(by, why, at), None if let_go_at is None else OperatorAction(let_by, let_why, let_go_at))
            for by, why, at, let_by, let_why, let_go_at in self._connection.execute(_HISTORY, {"id": message_id})
        ]

    def _change(self, message_id: UUID, *, by: int, held: bool) -> int:
        """Put something before the message, or take it away; returns the number of the message."""
        found = self._connection.execute(_LOCKED, {"id": message_id}).first()
        if found is None:
            raise NotStored(f"there is no outgoing message {message_id}")
        if found.state is not OutboxState.PENDING:
            raise MessageNotWaiting(f"the message {message_id} is {found.state}")
        is_held = self._connection.execute(_IS_HELD, {"id": found.outbox_id}).first() is not None
        if is_held is not held:
            raise MessageNotWaiting(f"the message {message_id} is {'' if is_held else 'not '}held")
        self._connection.execute(_CHANGE, {"number": found.outbox_id, "by": by})
        outbox_id: int = found.outbox_id
        return outbox_id
