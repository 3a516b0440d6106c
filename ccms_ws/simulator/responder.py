"""What every desk of a simulated partner has in common: it looks at a message and says what the partner answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.message_parts.metadata import MessageKind, Metadata
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.state import PartnerState


@dataclass(frozen=True, slots=True)
class Decision:
    """`outcome`: one word for the journal; `payload`: the message that goes back, None for silence."""

    outcome: str
    payload: _Element | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One message on a desk. `answer_id` will be the transaction id of the answer, if there is one."""

    payload: _Element
    metadata: Metadata
    act: Behavior
    now: datetime
    answer_id: UUID

    def answer_metadata(self, kind: MessageKind) -> Metadata:
        """The metadata block of the partner's answer."""
        asked = self.metadata
        return replace(
            asked,
            transaction_id=self.answer_id,
            correlation_id=asked.transaction_id,
            at=self.now,
            kind=kind,
            sender_id=asked.receiver_id,
            sender_name=asked.receiver_name,
            receiver_id=asked.sender_id,
            receiver_name=asked.sender_name,
        )


class Responder(Protocol):
    """The part of a partner that processes one exchange."""

    def process(self, task: Task, memory: PartnerState) -> Decision:
        """Decide, inside one change of the memory."""
        ...
