"""Messages from partners: what came in, with its answer; what was refused; what fits no open message."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    Uuid,
)

from ccms_ws.domain.messages import AnswerKind
from ccms_ws.store.column_types import Instant, RowId, check, code, metadata, partial_index


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


inbox_message = Table(
    "inbox_message",
    metadata,
    InboxColumns,
    UniqueConstraint("partner_id", "message_id"),
    check("content_digest", "length(content_digest) = 32"),
    *(
        check(name, f"(answer_kind IS NULL) = ({name} IS NULL)")
        for name in ("answer_id", "answer_action", "answer_error_code", "answer_error_reason", "answer_raw")
    ),
    partial_index("ix_inbox_message_relates_to", "relates_to", where="relates_to <> ''"),
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
    Index(None, "partner_id", "refusal_id"),
    comment="A message that was not let in, without its content; only the newest are kept",
)


class RefusalCountColumns(TypedColumns):
    incident_id: Named[UUID] = Column(Uuid, primary_key=True, comment="What the refused parties were told to quote")
    partner_id: Named[str] = Column(Text, comment="The partner; empty if not authenticated")
    code: Named[str] = Column(Text, comment="Code of the error")
    began_at: Named[datetime] = Column(Instant, comment="When the first of them was refused")
    last_at: Named[datetime] = Column(Instant, comment="When the last of them was refused")
    number: Named[int] = Column(BigInteger, comment="How many there were")


refusal_count = Table(
    "refusal_count",
    metadata,
    RefusalCountColumns,
    check("number", "number > 0"),
    comment="Refusals that were counted and not kept one by one; after a week only their sum is kept",
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
