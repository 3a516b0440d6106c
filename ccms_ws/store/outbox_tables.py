"""What waits to go out, every attempt to send it, what operators did about it, and the lines to the partners."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Named,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypedColumns,
    Uuid,
)

from ccms_ws.domain.circuit_breaker import BreakerState
from ccms_ws.domain.messages import Intervention, OutboxState
from ccms_ws.store.column_types import Instant, RowId, check, code, metadata, partial_index


class OutboxColumns(TypedColumns):
    outbox_id: Named[int] = Column(RowId, Identity(), primary_key=True, comment="The order of adding")
    message_id: Named[UUID] = Column(Uuid, unique=True, comment="wsa:MessageID, the same for every attempt")
    exchange: Named[str] = Column(Text, comment="Code of the exchange")
    partner_id: Named[str] = Column(Text, comment="To whom")
    root: Named[str] = Column(Text, comment="Qualified name of the payload element")
    created_at: Named[datetime] = Column(Instant, comment="When the message was made")
    state: Named[OutboxState] = Column(
        code(OutboxState), comment="pending, sending (a lease), delivered (final), dead (waits for an operator)"
    )
    blocked_subjects: Named[int] = Column(
        Integer,
        comment="How many of its subjects have an earlier message to this partner that is not delivered; one more if an"
        " operator holds it back",
    )
    due_at: Named[datetime | None] = Column(
        Instant, comment="pending: not to be sent before; sending: when the lease ends; otherwise null"
    )
    attempts: Named[int] = Column(Integer, comment="How often it was claimed")
    worker: Named[str] = Column(Text, comment="The worker that is sending it; empty if none")
    claimed_at: Named[datetime | None] = Column(Instant, comment="When that worker took it")
    delivered_at: Named[datetime | None] = Column(Instant, comment="When the partner took it")
    last_error: Named[str] = Column(Text, comment="Code and detail of the last failed attempt; empty if there is none")
    begun_at: Named[datetime | None] = Column(
        Instant, comment="When that worker began to send it, as far as it was recorded"
    )
    unfinished: Named[int] = Column(
        Integer,
        server_default="0",
        comment="How many leases in a row ended without a result: from 2 on it is sent alone",
    )


outbox_message = Table(
    "outbox_message",
    metadata,
    OutboxColumns,
    check("partner_id", "partner_id <> ''"),
    check("due_at", "(state IN ('pending', 'sending')) = (due_at IS NOT NULL)"),
    check("claim", "(state = 'sending') = (claimed_at IS NOT NULL) AND (state = 'sending') = (worker <> '')"),
    check("delivered_at", "(state = 'delivered') = (delivered_at IS NOT NULL)"),
    check("blocked_subjects", "blocked_subjects = 0 OR (blocked_subjects > 0 AND state = 'pending')"),
    check("attempts", "attempts > 0 OR (attempts = 0 AND state = 'pending')"),
    # A claim reads this index from a partner's left end, however many messages wait behind others or for a later time.
    partial_index(
        "ix_outbox_message_due",
        *("partner_id", "due_at", "outbox_id"),
        where="blocked_subjects = 0 AND due_at IS NOT NULL",
    ),
    # What is open is counted and listed in this one, however many messages were delivered before.
    partial_index("ix_outbox_message_open", "state", "partner_id", "attempts", where="state <> 'delivered'"),
    # Few messages are in this one: those whose workers did not come back.
    partial_index("ix_outbox_message_unfinished", "due_at", where="unfinished > 0 AND due_at IS NOT NULL"),
    comment="A message on its way to a partner",
)


class BodyColumns(TypedColumns):
    outbox_id: Named[int] = Column(RowId, ForeignKey("outbox_message.outbox_id"), comment="The message")
    part: Named[int] = Column(Integer, comment="Number of the part, from 0; most messages have one")
    content: Named[bytes] = Column(LargeBinary, comment="That part of the payload in exclusive canonical form")


# Apart from the message, whose row is written again with every change of state; in parts, because a large batch is
# never held in memory as a whole.
outbox_body = Table(
    "outbox_body",
    metadata,
    BodyColumns,
    PrimaryKeyConstraint("outbox_id", "part"),
    comment="What a message on its way says",
)


class SubjectColumns(TypedColumns):
    partner_id: Named[str] = Column(Text, comment="To whom")
    subject: Named[str] = Column(Text, comment="What the message is about; one queue for each partner and subject")
    place: Named[int] = Column(
        RowId, comment="The order in the queue: the number of the message, or of the one that it replaces"
    )
    outbox_id: Named[int] = Column(
        RowId, ForeignKey("outbox_message.outbox_id"), index=True, comment="The message that stands in the queue"
    )
    position: Named[int] = Column(Integer, comment="Place among the subjects of its message, from 0")


outbox_subject = Table(
    "outbox_subject",
    metadata,
    SubjectColumns,
    PrimaryKeyConstraint("partner_id", "subject", "place"),
    sqlite_with_rowid=False,
    comment="The queues by which messages about one subject keep their order; a delivered message leaves them",
)


class AttemptColumns(TypedColumns):
    outbox_id: Named[int] = Column(RowId, ForeignKey("outbox_message.outbox_id"), comment="The message")
    number: Named[int] = Column(Integer, comment="Number of the attempt, from 1")
    worker: Named[str] = Column(Text, comment="Who tried")
    started_at: Named[datetime] = Column(Instant, comment="When it began")
    ended_at: Named[datetime] = Column(Instant, comment="When it ended; for a lost worker, when its lease did")
    outcome: Named[str] = Column(
        Text,
        comment="delivered, failed, given up, lost with its worker, or lapsed (its lease ended; nothing shows that it"
        " had begun)",
    )
    http_status: Named[int | None] = Column(Integer, comment="Status of the HTTP answer; null if none came")
    error_code: Named[str] = Column(Text, comment="Cause of the failure; empty if there is none")
    detail: Named[str] = Column(Text, comment="The failure in words for the operator")
    envelope_head: Named[bytes | None] = Column(
        LargeBinary,
        comment="What stood before the payload in the envelope that was sent, compressed (zlib); null if it cannot have"
        " arrived",
    )
    envelope_tail: Named[bytes | None] = Column(
        LargeBinary, comment="What stood after the payload; null if the head is the whole envelope"
    )


delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    AttemptColumns,
    PrimaryKeyConstraint("outbox_id", "number"),
    check("number", "number > 0"),
    check("envelope", "envelope_head IS NOT NULL OR envelope_tail IS NULL"),
    comment="One try to send a message; rows are only added",
)


class InterventionColumns(TypedColumns):
    outbox_id: Named[int] = Column(RowId, ForeignKey("outbox_message.outbox_id"), comment="The dead message")
    after_attempt: Named[int] = Column(Integer, comment="How many attempts there had been")
    kind: Named[Intervention] = Column(code(Intervention), comment="resent, or ended: withdrawn, replaced")
    at: Named[datetime] = Column(Instant, comment="When")
    operator: Named[str] = Column(Text, comment="Who")
    reason: Named[str] = Column(Text, comment="Why, in the operator's words")
    replaced_by: Named[int | None] = Column(
        RowId, ForeignKey("outbox_message.outbox_id"), unique=True, comment="The message that took its place"
    )


outbox_intervention = Table(
    "outbox_intervention",
    metadata,
    InterventionColumns,
    # A message dies once after each attempt at most, so one intervention follows each.
    PrimaryKeyConstraint("outbox_id", "after_attempt"),
    check("operator", "operator <> ''"),
    check("replaced_by", "(kind = 'replaced') = (replaced_by IS NOT NULL)"),
    comment="What an operator did with a dead message; rows are only added",
)


class HoldColumns(TypedColumns):
    outbox_id: Named[int] = Column(RowId, ForeignKey("outbox_message.outbox_id"), comment="The message")
    number: Named[int] = Column(Integer, comment="Number of the hold, from 1")
    held_at: Named[datetime] = Column(Instant, comment="When it was held back")
    held_by: Named[str] = Column(Text, comment="By whom")
    held_reason: Named[str] = Column(Text, comment="Why, in the operator's words")
    let_go_at: Named[datetime | None] = Column(Instant, comment="When it was let go; null while it is held")
    let_go_by: Named[str] = Column(Text, comment="By whom; empty while it is held")
    let_go_reason: Named[str] = Column(Text, comment="Why, in the operator's words; empty while it is held")


outbox_hold = Table(
    "outbox_hold",
    metadata,
    HoldColumns,
    PrimaryKeyConstraint("outbox_id", "number"),
    check("number", "number > 0"),
    check("held_by", "held_by <> ''"),
    check("let_go", "(let_go_at IS NULL) = (let_go_by = '')"),
    partial_index("uq_outbox_hold_open", "outbox_id", where="let_go_at IS NULL", unique=True),
    comment="A message that an operator held back before it was sent; what stands behind it waits, too",
)


class LineColumns(TypedColumns):
    partner_id: Named[str] = Column(Text, primary_key=True, comment="The partner")
    state: Named[BreakerState] = Column(
        code(BreakerState, "linestate"), comment="up, down (rests), probing (one message tries it)"
    )
    failures: Named[int] = Column(Integer, comment="Failures in a row")
    changed_at: Named[datetime | None] = Column(Instant, comment="Since when it is in this state")
    retry_at: Named[datetime | None] = Column(Instant, comment="down: rests until then; probing: when the probe ends")
    last_error: Named[str] = Column(Text, comment="Cause of the last failure; empty if there is none")


partner_line = Table(
    "partner_line",
    metadata,
    LineColumns,
    check("partner_id", "partner_id <> ''"),
    check("failures", "failures >= 0"),
    check("retry_at", "(state = 'up') = (retry_at IS NULL)"),
    comment="The circuit breaker of each partner that has failed once: whether sending to it is worth trying",
)
