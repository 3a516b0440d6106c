"""Messages as the court keeps them: what waits to go out, what came in, what was refused."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

LONGEST_LEASE = 16
"""In ordinary leases: a message that may be what ends its workers is leased for longer each time, up to this."""


class OutboxState(StrEnum):
    """The states of an outgoing message. `SENDING` is a lease: it ends by itself if the worker dies."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"

    @property
    def is_final(self) -> bool:
        return self is OutboxState.DELIVERED


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message composed, validated and ready to leave.

    `body` is the payload element in exclusive canonical form, or its beginning: then `further` is the rest, in pieces,
    and can be gone through again and again. `subjects` are the things whose messages to this partner must leave in the
    order they were made (design: court, case, participant).
    """

    message_id: UUID
    exchange: str
    partner_id: str
    root: str
    body: bytes
    ordering_keys: tuple[str, ...]
    created_at: datetime
    further: Iterable[bytes] = ()


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A message that one worker may send until `lease_until`. `attempt` counts from 1, for good.

    `lease_until` is by the clock that makes leases (`Outbox.lease_time`). `tries` counts from 1 again when an operator
    resends the message; the first of them began at `trying_since`, and `lost` of them were begun by a worker that did
    not come back. `suspect`: it may be what ended its workers, and is sent while nothing else is.
    """

    message: OutgoingMessage
    attempt: int
    lease_until: datetime
    worker: str
    tries: int
    trying_since: datetime
    lost: int = 0
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class SentEnvelope:
    """The envelope of one attempt without the payload, which is kept once for all of them.

    `head`: the bytes before the payload, compressed by zlib; `tail`: those after it. Without a `tail` the payload does
    not stand in the envelope in the bytes that are kept, and the head is all of it.
    """

    head: bytes
    tail: bytes | None

    @classmethod
    def around(cls, payload: bytes, sent: bytes) -> SentEnvelope:
        """Of an envelope that was sent as a whole."""
        start = sent.find(payload)
        if start < 0:
            return cls(zlib.compress(sent, 1), None)
        return cls(zlib.compress(sent[:start], 1), sent[start + len(payload) :])

    def whole(self, payload: bytes) -> bytes:
        """The envelope as it was sent, byte for byte."""
        head = zlib.decompress(self.head)
        return head if self.tail is None else head + payload + self.tail


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try to send a message, and how it ended. `http_status` is None if no answer came.

    `envelope`: what was sent; None if it cannot have arrived.
    """

    message_id: UUID
    number: int
    worker: str
    started_at: datetime
    ended_at: datetime
    outcome: str
    http_status: int | None = None
    error_code: str = ""
    detail: str = ""
    envelope: SentEnvelope | None = None


class Intervention(StrEnum):
    """What an operator did with a dead message. `WITHDRAWN` and `REPLACED` are final: it lets its subjects go."""

    RESENT = "resent"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """Who wants something done with a message, when, and why."""

    operator: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done with a dead message by whose order; `replaced_by`: the message that took its place."""

    kind: Intervention
    order: OperatorAction
    replaced_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator held a message back before it was sent; `let_go`: who let it go again, None while it is held."""

    order: OperatorAction
    let_go: OperatorAction | None = None


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An outgoing message as an operator sees it.

    `holds_up`: how many messages stand behind it in its queues; `ended`: how an operator ended a dead message for good;
    `held`: an operator holds it back.
    """

    message_id: UUID
    exchange: str
    partner_id: str
    state: OutboxState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    last_error: str = ""
    holds_up: int = 0
    ended: Intervention | None = None
    held: bool = False


class AnswerKind(StrEnum):
    """How an incoming message was answered."""

    REPLY = "reply"
    FAULT = "fault"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered to a message, enough to say it again with the same Body.

    `sealed`: the bytes as they were first sent, empty for a one-way message; `action`: the wsa:Action in them.
    """

    kind: AnswerKind
    message_id: UUID
    sealed: bytes = b""
    action: str = ""
    error_code: str = ""
    error_reason: str = ""


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A verified message from a partner. `content_digest` is the SHA-256 of the payload in exclusive canonical form."""

    message_id: UUID
    partner_id: str
    exchange: str
    root: str
    content_digest: bytes
    raw: bytes
    received_at: datetime
    relates_to: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not let in: enough to explain it to the operator, nothing of its content."""

    incident_id: UUID
    at: datetime
    address: str
    partner_id: str
    code: str
    rule: str
    detail: str
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """Refusals with one error code that were counted and not kept one by one, under an incident id that they share.

    `partner_id` is empty for unauthenticated senders.
    """

    incident_id: UUID
    partner_id: str
    code: str
    began_at: datetime
    last_at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class QuarantinedAnswer:
    """A verified answer that fits no open message: kept for the operator, never applied, never dropped.

    Its bytes are those of the incoming message of the same partner and id.
    """

    message_id: UUID
    partner_id: str
    exchange: str
    reason: str
    received_at: datetime
