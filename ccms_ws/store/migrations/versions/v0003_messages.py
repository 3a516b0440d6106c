"""The outbox with its attempts, the inbox, refusals and quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Instant, RowId, code

revision = "0003"
down_revision = "0002"

_LEGAL = (
    "('pending', 'sending'), ('sending', 'pending'), ('sending', 'delivered'), ('sending', 'dead'), ('dead', 'pending')"
)
_GUARDS = {
    "sqlite": (
        f"""
        CREATE TRIGGER outbox_message_transition BEFORE UPDATE OF state ON outbox_message
        WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES {_LEGAL})
        BEGIN SELECT RAISE(ABORT, 'illegal transition of outbox_message.state'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION refuse_outbox_message_transition() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE check_violation USING CONSTRAINT = 'outbox_message_transition', TABLE = 'outbox_message'; END$$
        """,
        f"""
        CREATE TRIGGER outbox_message_transition BEFORE UPDATE OF state ON outbox_message FOR EACH ROW
        WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({_LEGAL}))
        EXECUTE FUNCTION refuse_outbox_message_transition()
        """,
    ),
}
"""The transitions of an outgoing message that are legal; the database refuses all others."""


def upgrade() -> None:
    op.create_table(
        "outbox_message",
        sa.Column("outbox_id", RowId, sa.Identity(), nullable=False, comment="The order of adding"),
        sa.Column("message_id", sa.Uuid(), nullable=False, comment="wsa:MessageID, the same for every attempt"),
        sa.Column("exchange", sa.Text(), nullable=False, comment="Code of the exchange"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="To whom"),
        sa.Column("root", sa.Text(), nullable=False, comment="Qualified name of the payload element"),
        sa.Column("created_at", Instant(), nullable=False, comment="When the message was made"),
        sa.Column(
            "state",
            code("ck_outbox_message_outboxstate", "pending", "sending", "delivered", "dead"),
            nullable=False,
            comment="pending, sending (a lease), delivered (final), dead (waits for an operator)",
        ),
        sa.Column(
            "blocked_subjects",
            sa.Integer(),
            nullable=False,
            comment="How many of its subjects have an earlier message to this partner that is not delivered",
        ),
        sa.Column(
            "due_at", Instant(), comment="pending: not to be sent before; sending: when the lease ends; otherwise null"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="How often it was claimed"),
        sa.Column("worker", sa.Text(), nullable=False, comment="Who sends it now; empty if nobody"),
        sa.Column("claimed_at", Instant(), comment="When that worker took it"),
        sa.Column("delivered_at", Instant(), comment="When the partner took it"),
        sa.Column(
            "last_error",
            sa.Text(),
            nullable=False,
            comment="Code and detail of the last failed attempt; empty if there is none",
        ),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox_message"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_message_id"),
        sa.CheckConstraint("partner_id <> ''", name="ck_outbox_message_partner_id"),
        sa.CheckConstraint("(state IN ('pending', 'sending')) = (due_at IS NOT NULL)", name="ck_outbox_message_due_at"),
        sa.CheckConstraint(
            "(state = 'sending') = (claimed_at IS NOT NULL) AND (state = 'sending') = (worker <> '')",
            name="ck_outbox_message_claim",
        ),
        sa.CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="ck_outbox_message_delivered_at"),
        sa.CheckConstraint(
            "blocked_subjects = 0 OR (blocked_subjects > 0 AND state = 'pending')",
            name="ck_outbox_message_blocked_subjects",
        ),
        sa.CheckConstraint("attempts > 0 OR (attempts = 0 AND state = 'pending')", name="ck_outbox_message_attempts"),
        comment="A message on its way to a partner",
    )
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["blocked_subjects", "due_at", "outbox_id"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "outbox_body",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="The payload in exclusive canonical form"),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox_body"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_body_outbox_id"),
        comment="What a message on its way says",
    )
    op.create_table(
        "outbox_subject",
        sa.Column("partner_id", sa.Text(), nullable=False, comment="To whom"),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="What the message is about; one queue for each partner and subject",
        ),
        sa.Column("outbox_id", RowId, nullable=False, comment="The message that stands in the queue"),
        sa.Column("position", sa.Integer(), nullable=False, comment="Place among the subjects of its message, from 0"),
        sa.PrimaryKeyConstraint("partner_id", "subject", "outbox_id", name="pk_outbox_subject"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_subject_outbox_id"),
        sqlite_with_rowid=False,
        comment="The queues by which messages about one subject keep their order; a delivered message leaves them",
    )
    op.create_index("ix_outbox_subject_outbox_id", "outbox_subject", ["outbox_id"])
    op.create_table(
        "delivery_attempt",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("number", sa.Integer(), nullable=False, comment="Number of the attempt, from 1"),
        sa.Column("worker", sa.Text(), nullable=False, comment="Who tried"),
        sa.Column("started_at", Instant(), nullable=False, comment="When it began"),
        sa.Column(
            "ended_at", Instant(), nullable=False, comment="When it ended; for a lost worker, when its lease did"
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="delivered, failed, given up, or lost with its worker"),
        sa.Column("http_status", sa.Integer(), comment="Status of the HTTP answer; null if none came"),
        sa.Column("error_code", sa.Text(), nullable=False, comment="Cause of the failure; empty if there is none"),
        sa.Column("detail", sa.Text(), nullable=False, comment="The failure in words for the operator"),
        sa.PrimaryKeyConstraint("outbox_id", "number", name="pk_delivery_attempt"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_delivery_attempt_outbox_id"),
        sa.CheckConstraint("number > 0", name="ck_delivery_attempt_number"),
        comment="One try to send a message; rows are only added",
    )
    op.create_table(
        "inbox_message",
        sa.Column("inbox_id", RowId, sa.Identity(), nullable=False, comment="The order of coming in"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="Who sent and signed it"),
        sa.Column("message_id", sa.Uuid(), nullable=False, comment="wsa:MessageID"),
        sa.Column("exchange", sa.Text(), nullable=False, comment="Code of the exchange"),
        sa.Column("root", sa.Text(), nullable=False, comment="Qualified name of the payload element"),
        sa.Column("relates_to", sa.Text(), nullable=False, comment="wsa:RelatesTo; empty if there is none"),
        sa.Column(
            "content_digest",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the payload in exclusive canonical form",
        ),
        sa.Column("received_at", Instant(), nullable=False, comment="When it came"),
        sa.Column(
            "answer_kind",
            code("ck_inbox_message_answerkind", "reply", "fault", "accepted"),
            comment="How it was answered; null if not at all",
        ),
        sa.Column("answer_id", sa.Uuid(), comment="wsa:MessageID of the answer"),
        sa.Column("answer_action", sa.Text(), comment="wsa:Action of the answer; empty for a one-way message"),
        sa.Column("answer_error_code", sa.Text(), comment="Code of an error answer; empty if it is none"),
        sa.Column("answer_error_reason", sa.Text(), comment="Reason of an error answer"),
        sa.Column("answer_body", sa.LargeBinary(), comment="The answer's payload: a duplicate gets it again"),
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="The message as it came over the wire"),
        sa.Column("answer_raw", sa.LargeBinary(), comment="The sealed answer as it was first sent"),
        sa.PrimaryKeyConstraint("inbox_id", name="pk_inbox_message"),
        sa.UniqueConstraint("partner_id", "message_id", name="uq_inbox_message_partner_id_message_id"),
        sa.CheckConstraint("length(content_digest) = 32", name="ck_inbox_message_content_digest"),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_id IS NULL)", name="ck_inbox_message_answer_id"),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_action IS NULL)", name="ck_inbox_message_answer_action"),
        sa.CheckConstraint(
            "(answer_kind IS NULL) = (answer_error_code IS NULL)", name="ck_inbox_message_answer_error_code"
        ),
        sa.CheckConstraint(
            "(answer_kind IS NULL) = (answer_error_reason IS NULL)", name="ck_inbox_message_answer_error_reason"
        ),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_body IS NULL)", name="ck_inbox_message_answer_body"),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_raw IS NULL)", name="ck_inbox_message_answer_raw"),
        comment="A message that was accepted, with its answer, kept for good",
    )
    op.create_table(
        "refusal",
        sa.Column("refusal_id", RowId, sa.Identity(), nullable=False, comment="The order of the refusals"),
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="What the refused party was told to quote"),
        sa.Column("refused_at", Instant(), nullable=False, comment="When"),
        sa.Column("address", sa.Text(), nullable=False, comment="Network address that it came from"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The partner, as far as it was known; else empty"),
        sa.Column("code", sa.Text(), nullable=False, comment="Code of the error"),
        sa.Column("rule", sa.Text(), nullable=False, comment="The clause that was broken; empty if none"),
        sa.Column("detail", sa.Text(), nullable=False, comment="What exactly, for the operator"),
        sa.Column("size", sa.Integer(), nullable=False, comment="Bytes of the message"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the bytes"),
        sa.PrimaryKeyConstraint("refusal_id", name="pk_refusal"),
        sa.UniqueConstraint("incident_id", name="uq_refusal_incident_id"),
        comment="A message that was not let in, without its content; only the newest are kept",
    )
    op.create_table(
        "quarantined_answer",
        sa.Column("quarantine_id", RowId, sa.Identity(), nullable=False, comment="The order of arrival"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="Who sent it"),
        sa.Column(
            "message_id", sa.Uuid(), nullable=False, comment="The answer's own id; its bytes are in inbox_message"
        ),
        sa.Column("exchange", sa.Text(), nullable=False, comment="Code of the exchange"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it fits no open message"),
        sa.Column("received_at", Instant(), nullable=False, comment="When it came"),
        sa.PrimaryKeyConstraint("quarantine_id", name="pk_quarantined_answer"),
        comment="A verified answer that was not applied: it fits no open message",
    )
    for statement in _GUARDS[op.get_context().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "quarantined_answer",
        "refusal",
        "inbox_message",
        "delivery_attempt",
        "outbox_subject",
        "outbox_body",
        "outbox_message",
    ):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_outbox_message_transition()")
