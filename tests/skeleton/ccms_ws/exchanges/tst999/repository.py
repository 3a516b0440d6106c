"""TST999 keeps no records of its own: where a notice stands is what the outbox says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from ccms_ws.domain.messages import OutboxState
from ccms_ws.store.outbox_tables import outbox_message
from ccms_ws.tracking import PartnerVerdict, State

_STATE = select(outbox_message.c.state).where(
    outbox_message.c.message_id == bindparam("id"), outbox_message.c.exchange == "TST999"
)
_STATES = {OutboxState.DELIVERED: State.DELIVERED, OutboxState.DEAD: State.DEAD}


class Notices:
    """What `ccms_ws.tracking` asks of an exchange. In a unit of work: `uow.of(Notices)`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_state(self, message_id: UUID) -> State | None:
        state = self._connection.execute(_STATE, {"id": message_id}).scalar_one_or_none()
        return None if state is None else _STATES.get(state, State.QUEUED)

    def past_due(self, _now: datetime) -> Sequence[UUID]:
        return ()

    def record(
        self,
        message_id: UUID,
        state: State,
        *,
        delivered_at: datetime | None = None,
        answer_due_at: datetime | None = None,
        reason: str = "",
        verdict: PartnerVerdict | None = None,
    ) -> None:
        """Nothing: neither silence nor the error message changes a record of the court."""
