"""The life of a message that the court has sent: one state machine for all outbound exchanges.

    queued --> delivered --> answered
      |            |
      |            +--> silent --> answered    (a late answer still counts)
      +--> dead --> queued                     (an operator resends it)
             +----> discarded                  (an operator gives it up)

The partner's first answer always counts: it may arrive before the delivery is recorded, and after a message was given
up or discarded. Transport is not business: "answered" says that the partner has spoken, the verdict says what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ExchangeError


class State(StrEnum):
    """Where a sent message stands. Each exchange stores it in words of its own."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    SILENT = "silent"
    """The partner's answer window has passed without an answer."""
    DEAD = "dead"
    DISCARDED = "discarded"


class Event(StrEnum):
    """What happens to a sent message."""

    DELIVERED = "delivered"
    ANSWERED = "answered"
    TIMED_OUT = "timed out"
    GAVE_UP = "gave up"
    RESENT = "resent"
    DISCARDED = "discarded"


_TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.QUEUED, Event.DELIVERED): State.DELIVERED,
    (State.QUEUED, Event.GAVE_UP): State.DEAD,
    (State.DELIVERED, Event.TIMED_OUT): State.SILENT,
    (State.DEAD, Event.RESENT): State.QUEUED,
    (State.DEAD, Event.DISCARDED): State.DISCARDED,
} | {(state, Event.ANSWERED): State.ANSWERED for state in State if state is not State.ANSWERED}


def next_state(state: State, event: Event) -> State | None:
    """The state after an event; None if the event changes nothing in that state."""
    return _TRANSITIONS.get((state, event))


class Acceptance(StrEnum):
    """What an answer says about the message."""

    ACCEPTED = "accepted"
    PARTLY_REJECTED = "partly rejected"
    REJECTED = "rejected"
    IN_ERROR = "in error"
    """The partner could not process the message; it says nothing about its content."""


@dataclass(frozen=True, slots=True)
class PartnerVerdict:
    """What a partner says about a message, with its code and text."""

    acceptance: Acceptance
    code: str = ""
    text: str = ""


class AnswerMismatch(ExchangeError):
    """The answer does not fit the message that was sent: it is quarantined."""

    code = "exchange.answer-mismatch"


class TrackedMessages(Protocol):
    """The sent messages of one exchange, in its own tables."""

    def lock_state(self, message_id: UUID) -> State | None:
        """Where the message stands, None if there is none. Its state is locked until this unit of work ends."""
        ...

    def past_due(self, now: datetime) -> Sequence[UUID]:
        """Delivered messages whose answer was due before `now`, locked; those locked by others are left out."""
        ...

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
        """Store the state, what is given, and what follows from it for the exchange's other records.

        `reason`: why the message is dead or discarded; `verdict`: with ANSWERED.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Moves the sent messages of one exchange through their states.

    `repository`: of the exchange's own tables, made over a database connection; `noun` and `answer_noun` are what
    operators call a message and its answer. `count_overdue(connection, now)`: how many answers an operator has reason
    to ask the partner for; None if silence is acceptance. An event that changes nothing in the message's state is
    ignored.
    """

    repository: Callable[[Any], TrackedMessages]
    noun: str
    answer_noun: str = "answer"
    count_overdue: Callable[[Any, datetime], int] | None = None

    def delivered(self, message_id: UUID, at: datetime, answer_due_at: datetime | None, uow: UnitOfWork) -> None:
        """The partner has received the message."""
        if state := self._next(message_id, Event.DELIVERED, uow):
            uow.of(self.repository).record(message_id, state, delivered_at=at, answer_due_at=answer_due_at)

    def gave_up(self, message_id: UUID, reason: str, uow: UnitOfWork) -> None:
        """The message is not tried any more."""
        if state := self._next(message_id, Event.GAVE_UP, uow):
            uow.of(self.repository).record(message_id, state, reason=reason)

    def resent(self, message_id: UUID, uow: UnitOfWork) -> None:
        """An operator lets a dead message be tried again."""
        if state := self._next(message_id, Event.RESENT, uow):
            uow.of(self.repository).record(message_id, state)

    def discarded(self, message_id: UUID, reason: str, uow: UnitOfWork) -> None:
        """An operator gives up a dead message for good."""
        if state := self._next(message_id, Event.DISCARDED, uow):
            uow.of(self.repository).record(message_id, state, reason=reason)

    def timed_out(self, now: datetime, uow: UnitOfWork) -> int:
        """Note that answers did not come in the partner's window; returns for how many messages."""
        records = uow.of(self.repository)
        late = records.past_due(now)
        for message_id in late:
            records.record(message_id, State.SILENT)
        return len(late)

    def match(self, message_id: UUID | None, repeated_id: str, partner_id: str, uow: UnitOfWork) -> UUID:
        """The id of the message that an answer of that partner is the first one to. Raises AnswerMismatch.

        `message_id`: which message the answer is about by its metadata, `repeated_id`: by its content.
        """
        state = None if message_id is None else uow.of(self.repository).lock_state(message_id)
        if message_id is None or state is None or repeated_id != str(message_id):
            raise AnswerMismatch(f"it answers no {self.noun} of this court")
        if uow.outbox.get(message_id).partner_id != partner_id:
            raise AnswerMismatch(f"the {self.noun} went to another partner")
        if next_state(state, Event.ANSWERED) is None:
            raise AnswerMismatch(f"the {self.noun} has its {self.answer_noun} already")
        return message_id

    def answered(self, message_id: UUID, verdict: PartnerVerdict, uow: UnitOfWork) -> None:
        """Record the answer to a message that `match` has found."""
        uow.of(self.repository).record(message_id, State.ANSWERED, verdict=verdict)

    def _next(self, message_id: UUID, event: Event, uow: UnitOfWork) -> State | None:
        state = uow.of(self.repository).lock_state(message_id)
        return None if state is None else next_state(state, event)
