"""Messages: what waits to go out and every attempt to send it; what came in, with its answer; what was refused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
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
    UniqueConstraint,
    Uuid,
)

from ccms_ws.domain.messages import AnswerKind, OutboxState
from ccms_ws.store.columns import Instant, RowId, check, code, metadata, partial_index


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
        Integer, comment="How many of its subjects have an earlier message to this partner that is not delivered"
    )
    due_at: Named[datetime | None] = Column(
        Instant, comment="pending: not to be sent before; sending: when the lease ends; otherwise null"
    )
    attempts: Named[int] = Column(Integer, comment="How often it was claimed")
    worker: Named[str] = Column(Text, comment="Who sends it now; empty if nobody")
    claimed_at: Named[datetime | None] = Column(Instant, comment="When that worker took it")
    delivered_at: Named[datetime | None] = Column(Instant, comment="When the partner took it")
    last_error: Named[str] = Column(Text, comment="Code and detail of the last failed attempt; empty if there is none")


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
    # A claim reads this index from its left end, however many messages wait behind others or for a later time.
    partial_index("ix_outbox_message_due", "blocked_subjects", "due_at", "outbox_id", where="due_at IS NOT NULL"),
    comment="A message on its way to a partner",
)


class BodyColumns(TypedColumns):
    outbox_id: Named[int] = Column(
        RowId, ForeignKey("outbox_message.outbox_id"), primary_key=True, comment="The message"
    )
    body: Named[bytes] = Column(LargeBinary, comment="The payload in exclusive canonical form")


# Apart from the message, whose row is written again with every change of state.
outbox_body = Table("outbox_body", metadata, BodyColumns, comment="What a message on its way says")


class SubjectColumns(TypedColumns):
    partner_id: Named[str] = Column(Text, comment="To whom")
    subject: Named[str] = Column(Text, comment="What the message is about; one queue for each partner and subject")
    outbox_id: Named[int] = Column(
        RowId, ForeignKey("outbox_message.outbox_id"), index=True, comment="The message that stands in the queue"
    )
    position: Named[int] = Column(Integer, comment="Place among the subjects of its message, from 0")


outbox_subject = Table(
    "outbox_subject",
    metadata,
    SubjectColumns,
    PrimaryKeyConstraint("partner_id", "subject", "outbox_id"),
    sqlite_with_rowid=False,
    comment="The queues by which messages about one subject keep their order; a delivered message leaves them",
)


class AttemptColumns(TypedColumns):
    outbox_id: Named[int] = Column(RowId, ForeignKey("outbox_message.outbox_id"), comment="The message")
    number: Named[int] = Column(Integer, comment="Number of the attempt, from 1")
    worker: Named[str] = Column(Text, comment="Who tried")
    started_at: Named[datetime] = Column(Instant, comment="When it began")
    ended_at: Named[datetime] = Column(Instant, comment="When it ended; for a lost worker, when its lease did")
    outcome: Named[str] = Column(Text, comment="delivered, failed, given up, or lost with its worker")
    http_status: Named[int | None] = Column(Integer, comment="Status of the HTTP answer; null if none came")
    error_code: Named[str] = Column(Text, comment="Cause of the failure; empty if there is none")
    detail: Named[str] = Column(Text, comment="The failure in words for the operator")


delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    AttemptColumns,
    PrimaryKeyConstraint("outbox_id", "number"),
    check("number", "number > 0"),
    comment="One try to send a message; rows are only added",
)


class ChainColumns(TypedColumns):
    chain: Named[int] = Column(Integer, primary_key=True, autoincrement=False, comment="Number of the chain")
    length: Named[int] = Column(BigInteger, comment="How many entries it has")
    head: Named[bytes] = Column(LargeBinary, comment="The hash of its last entry; zeros while it has none")


message_chain = Table(
    "message_chain",
    metadata,
    ChainColumns,
    check("length", "length >= 0"),
    check("head", "length(head) = 32"),
    comment="The hash chains of the message log: each entry goes to the end of one that nobody else is writing to",
)


class InboxColumns(TypedColumns):
    inbox_id: Named[int] = Column(RowId, Identity(), primary_key=True, comment="The order of coming in")
    partner_id: Named[str] = Column(Text, comment="Who sent and signed it")
    message_id: Named[UUID] = Column(Uuid, comment="wsa:MessageID")
    exchange: Named[str] = Column(Text, comment="Code of the exchange")
    root: Named[str] = Column(Text, comment="Qualified name of the payload element")
    relates_to: Named[str] = Column(Text, comment="wsa:RelatesTo; empty if there is none")
    content_digest: Named[bytes] = Column(LargeBinary, comment="SHA-256 of the payload in exclusive canonical form")
    received_at: Named[datetime] = Column(Instant, comment="When it came")
    answer_kind: Named[AnswerKind | None] = Column(code(AnswerKind), comment="How it was answered; null if not at all")
    answer_id: Named[UUID | None] = Column(Uuid, comment="wsa:MessageID of the answer")
    answer_action: Named[str | None] = Column(Text, comment="wsa:Action of the answer; empty for a one-way message")
    answer_error_code: Named[str | None] = Column(Text, comment="Code of an error answer; empty if it is none")
    answer_error_reason: Named[str | None] = Column(Text, comment="Reason of an error answer")
    # The large columns stand behind what a list of messages shows, so that it does not read over them.
    raw: Named[bytes] = Column(LargeBinary, comment="The message as it came over the wire")
    answer_raw: Named[bytes | None] = Column(LargeBinary, comment="The sealed answer as it was first sent")
    chain: Named[int] = Column(Integer, ForeignKey("message_chain.chain"), comment="The chain that the entry is in")
    number: Named[int] = Column(BigInteger, comment="Its place in the chain, from 1 without gaps")
    entry_hash: Named[bytes] = Column(
        LargeBinary, comment="SHA-256 of the entry before it and of all that this one says (ccms_ws.store.chains)"
    )


inbox_message = Table(
    "inbox_message",
    metadata,
    InboxColumns,
    UniqueConstraint("partner_id", "message_id"),
    UniqueConstraint("chain", "number"),
    check("number", "number > 0"),
    check("entry_hash", "length(entry_hash) = 32"),
    check("content_digest", "length(content_digest) = 32"),
    *(
        check(name, f"(answer_kind IS NULL) = ({name} IS NULL)")
        for name in ("answer_id", "answer_action", "answer_error_code", "answer_error_reason", "answer_raw")
    ),
    comment="The message log: a message that was accepted, with its answer, written once and kept for good",
)


class RefusalColumns(TypedColumns):
    refusal_id: Named[int] = Column(RowId, Identity(), primary_key=True, comment="The order of the refusals")
    incident_id: Named[UUID] = Column(Uuid, unique=True, comment="What the refused party was told to quote")
    refused_at: Named[datetime] = Column(Instant, comment="When")
    address: Named[str] = Column(Text, comment="Network address that it came from")
    partner_id: Named[str] = Column(Text, comment="The partner, as far as it was known; else empty")
    code: Named[str] = Column(Text, comment="Code of the error")
    rule: Named[str] = Column(Text, comment="The clause that was broken; empty if none")
    detail: Named[str] = Column(Text, comment="What exactly, for the operator")
    size: Named[int] = Column(Integer, comment="Bytes of the message")
    digest: Named[bytes] = Column(LargeBinary, comment="SHA-256 of the bytes")


refusal = Table(
    "refusal",
    metadata,
    RefusalColumns,
    comment="A message that was not let in, without its content; only the newest are kept",
)


class QuarantineColumns(TypedColumns):
    quarantine_id: Named[int] = Column(RowId, Identity(), primary_key=True, comment="The order of arrival")
    partner_id: Named[str] = Column(Text, comment="Who sent it")
    message_id: Named[UUID] = Column(Uuid, comment="The answer's own id; its bytes are in inbox_message")
    exchange: Named[str] = Column(Text, comment="Code of the exchange")
    reason: Named[str] = Column(Text, comment="Why it fits no open message")
    received_at: Named[datetime] = Column(Instant, comment="When it came")


quarantined_answer = Table(
    "quarantined_answer",
    metadata,
    QuarantineColumns,
    comment="A verified answer that was not applied: it fits no open message",
)
