"""The schema of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Instant, Money, RowId, code, flag

revision = "r1"
down_revision = None

_CHAINS = 8
_TABLES = (
    "court",
    "heartbeat",
    "inbox_message",
    "message_chain",
    "outbox_message",
    "partner_line",
    "quarantined_answer",
    "refusal",
    "refusal_count",
    "collection_batch",
    "court_case",
    "delivery_attempt",
    "message_chain_entry",
    "outbox_body",
    "outbox_hold",
    "outbox_intervention",
    "outbox_subject",
    "participant",
    "case_participant",
    "participant_identification",
    "participant_key",
    "participant_name",
    "abstract",
    "conviction",
    "joint_debtor",
    "referral",
    "abstract_section",
    "balance_update",
    "ledger_entry",
    "open_hold",
    "pending_correction",
    "reported_entry",
)
_TRANSITIONS = {
    "abstract": {
        "queued": ("awaiting response", "undeliverable", "accepted", "not accepted", "in error"),
        "undeliverable": ("queued", "accepted", "not accepted", "in error"),
        "awaiting response": ("overdue", "accepted", "not accepted", "in error"),
        "overdue": ("accepted", "not accepted", "in error"),
    },
    "collection_batch": {
        "queued": ("delivered", "undeliverable", "rejected", "partly rejected"),
        "undeliverable": ("queued", "rejected", "partly rejected"),
        "delivered": ("assumed accepted", "rejected", "partly rejected"),
        "assumed accepted": ("rejected", "partly rejected"),
    },
    "outbox_message": {
        "pending": ("sending",),
        "sending": ("pending", "delivered", "dead"),
        "dead": ("pending",),
    },
}
"""The legal changes of a state; the database refuses all others."""
# A reversal undoes, whole, an entry of its own account that is no reversal itself; its foreign key says which account.
_UNDONE = """
    SELECT 1 FROM ledger_entry AS e
    WHERE e.court_ori = NEW.court_ori AND e.entry_id = NEW.reverses AND e.kind <> 'reversal' AND e.amount = NEW.amount
    AND e.fee_kind = NEW.fee_kind AND coalesce(e.obligation, '') = coalesce(NEW.obligation, '')
    AND e.posted_on <= NEW.posted_on
"""
_ENDED = "SELECT 1 FROM outbox_intervention i WHERE i.outbox_id = OLD.outbox_id AND i.kind <> 'resent'"
_TRIGGERS = {
    "sqlite": (
        f"""
        CREATE TRIGGER ledger_entry_reversal BEFORE INSERT ON ledger_entry
        WHEN NEW.kind = 'reversal' AND NOT EXISTS ({_UNDONE})
        BEGIN SELECT RAISE(ABORT, 'ledger_entry: a reversal that does not undo an entry'); END
        """,
        """
        CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry
        BEGIN SELECT RAISE(ABORT, 'ledger_entry: an entry is reversed, never changed'); END
        """,
        f"""
        CREATE TRIGGER outbox_message_ended BEFORE UPDATE OF state ON outbox_message
        WHEN OLD.state = 'dead' AND NEW.state <> 'dead' AND EXISTS ({_ENDED})
        BEGIN SELECT RAISE(ABORT, 'the message was withdrawn or replaced'); END
        """,
    ),
    "postgresql": (
        f"""
        CREATE FUNCTION refuse_ledger_entry_reversal() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        IF NOT EXISTS ({_UNDONE}) THEN
          RAISE check_violation USING CONSTRAINT = 'ledger_entry_reversal', TABLE = 'ledger_entry';
        END IF; RETURN NEW; END$$
        """,
        """
        CREATE TRIGGER ledger_entry_reversal BEFORE INSERT ON ledger_entry FOR EACH ROW
        WHEN (NEW.kind = 'reversal') EXECUTE FUNCTION refuse_ledger_entry_reversal()
        """,
        """
        CREATE FUNCTION refuse_ledger_entry_change() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE check_violation USING CONSTRAINT = 'ledger_entry_unchanged', TABLE = 'ledger_entry'; END$$
        """,
        """
        CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry FOR EACH ROW
        EXECUTE FUNCTION refuse_ledger_entry_change()
        """,
        f"""
        CREATE FUNCTION refuse_ended_outbox_message() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        IF EXISTS ({_ENDED}) THEN
          RAISE check_violation USING CONSTRAINT = 'outbox_message_ended', TABLE = 'outbox_message';
        END IF; RETURN NEW; END$$
        """,
        """
        CREATE TRIGGER outbox_message_ended BEFORE UPDATE OF state ON outbox_message FOR EACH ROW
        WHEN (OLD.state = 'dead' AND NEW.state <> 'dead') EXECUTE FUNCTION refuse_ended_outbox_message()
        """,
    ),
}
_FUNCTIONS = (
    "refuse_ledger_entry_reversal",
    "refuse_ledger_entry_change",
    "refuse_ended_outbox_message",
    *(f"refuse_{table}_transition" for table in _TRANSITIONS),
)


def upgrade() -> None:
    _tables_without_references()
    _tables_with_references()
    chains = sa.table("message_chain", sa.column("chain"), sa.column("length"), sa.column("head", sa.LargeBinary()))
    op.bulk_insert(chains, [{"chain": n, "length": 0, "head": bytes(32)} for n in range(1, _CHAINS + 1)])
    for statement in _TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)
    for table, moves in _TRANSITIONS.items():
        _refuse_other_transitions(table, moves)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        for function in _FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")


def _tables_without_references() -> None:
    op.create_table(
        "court",
        sa.Column("ori", sa.Text(), nullable=False, comment="NCIC originating agency identification, nine characters"),
        sa.Column("name", sa.Text(), nullable=False, comment="Name as it is published"),
        sa.Column("county_code", sa.Text(), nullable=False, comment="The state's code of the county, 01 to 58"),
        sa.Column("dmv_court_code", sa.Text(), nullable=False, comment="DMV's five-digit code of the court"),
        sa.CheckConstraint(
            "length(county_code) = 2 AND county_code BETWEEN '01' AND '58'", name="ck_court_county_code"
        ),
        sa.CheckConstraint("length(dmv_court_code) = 5", name="ck_court_dmv_court_code"),
        sa.CheckConstraint("length(ori) = 9", name="ck_court_ori"),
        sa.PrimaryKeyConstraint("ori", name="pk_court"),
        comment="A trial court",
    )
    op.create_table(
        "heartbeat",
        sa.Column("program", sa.Text(), nullable=False, comment="endpoint or worker"),
        sa.Column("host", sa.Text(), nullable=False, comment="The machine that it runs on"),
        sa.Column("pid", sa.Integer(), autoincrement=False, nullable=False, comment="Number of its process there"),
        sa.Column("started_at", Instant(), nullable=False, comment="When it started"),
        sa.Column("at", Instant(), nullable=False, comment="When it last wrote this row, every few seconds"),
        sa.Column("dropped_lines", sa.BigInteger(), nullable=False, comment="Log lines that it could not write"),
        sa.CheckConstraint("program <> ''", name="ck_heartbeat_program"),
        sa.PrimaryKeyConstraint("program", "host", "pid", name="pk_heartbeat"),
        comment="The programs that run; a row goes when its program ends, or an hour after its last heartbeat",
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
        sa.Column("raw", sa.LargeBinary(), nullable=False, comment="The message as it came over the wire"),
        sa.Column("answer_raw", sa.LargeBinary(), comment="The sealed answer as it was first sent"),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_action IS NULL)", name="ck_inbox_message_answer_action"),
        sa.CheckConstraint(
            "(answer_kind IS NULL) = (answer_error_code IS NULL)", name="ck_inbox_message_answer_error_code"
        ),
        sa.CheckConstraint(
            "(answer_kind IS NULL) = (answer_error_reason IS NULL)", name="ck_inbox_message_answer_error_reason"
        ),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_id IS NULL)", name="ck_inbox_message_answer_id"),
        sa.CheckConstraint("(answer_kind IS NULL) = (answer_raw IS NULL)", name="ck_inbox_message_answer_raw"),
        sa.CheckConstraint("length(content_digest) = 32", name="ck_inbox_message_content_digest"),
        sa.PrimaryKeyConstraint("inbox_id", name="pk_inbox_message"),
        sa.UniqueConstraint("partner_id", "message_id", name="uq_inbox_message_partner_id_message_id"),
        comment="The message log: a message that was accepted, with its answer, written once and kept for good",
    )
    op.create_index(
        "ix_inbox_message_relates_to",
        "inbox_message",
        ["relates_to"],
        postgresql_where=sa.text("relates_to <> ''"),
        sqlite_where=sa.text("relates_to <> ''"),
    )
    op.create_table(
        "message_chain",
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the chain"),
        sa.Column("length", sa.BigInteger(), nullable=False, comment="How many entries it has"),
        sa.Column(
            "head", sa.LargeBinary(), nullable=False, comment="The hash of its last entry; zeros while it has none"
        ),
        sa.CheckConstraint("length >= 0", name="ck_message_chain_length"),
        sa.CheckConstraint("length(head) = 32", name="ck_message_chain_head"),
        sa.PrimaryKeyConstraint("chain", name="pk_message_chain"),
        comment="The hash chains of the message log: each commit goes to the end of one that no other is writing to",
    )
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
            comment="How many of its subjects have an earlier message to this partner that is not delivered;"
            " one more if an operator holds it back",
        ),
        sa.Column(
            "due_at", Instant(), comment="pending: not to be sent before; sending: when the lease ends; otherwise null"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="How often it was claimed"),
        sa.Column("worker", sa.Text(), nullable=False, comment="The worker that is sending it; empty if none"),
        sa.Column("claimed_at", Instant(), comment="When that worker took it"),
        sa.Column("delivered_at", Instant(), comment="When the partner took it"),
        sa.Column(
            "last_error",
            sa.Text(),
            nullable=False,
            comment="Code and detail of the last failed attempt; empty if there is none",
        ),
        sa.Column("begun_at", Instant(), comment="When that worker began to send it, as far as it was recorded"),
        sa.Column(
            "unfinished",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="How many leases in a row ended without a result: from 2 on it is sent alone",
        ),
        sa.CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="ck_outbox_message_delivered_at"),
        sa.CheckConstraint(
            "(state = 'sending') = (claimed_at IS NOT NULL) AND (state = 'sending') = (worker <> '')",
            name="ck_outbox_message_claim",
        ),
        sa.CheckConstraint("(state IN ('pending', 'sending')) = (due_at IS NOT NULL)", name="ck_outbox_message_due_at"),
        sa.CheckConstraint("attempts > 0 OR (attempts = 0 AND state = 'pending')", name="ck_outbox_message_attempts"),
        sa.CheckConstraint(
            "blocked_subjects = 0 OR (blocked_subjects > 0 AND state = 'pending')",
            name="ck_outbox_message_blocked_subjects",
        ),
        sa.CheckConstraint("partner_id <> ''", name="ck_outbox_message_partner_id"),
        sa.PrimaryKeyConstraint("outbox_id", name="pk_outbox_message"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_message_id"),
        comment="A message on its way to a partner",
    )
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["partner_id", "due_at", "outbox_id"],
        postgresql_where=sa.text("blocked_subjects = 0 AND due_at IS NOT NULL"),
        sqlite_where=sa.text("blocked_subjects = 0 AND due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_message_open",
        "outbox_message",
        ["state", "partner_id", "attempts"],
        postgresql_where=sa.text("state <> 'delivered'"),
        sqlite_where=sa.text("state <> 'delivered'"),
    )
    op.create_index(
        "ix_outbox_message_unfinished",
        "outbox_message",
        ["due_at"],
        postgresql_where=sa.text("unfinished > 0 AND due_at IS NOT NULL"),
        sqlite_where=sa.text("unfinished > 0 AND due_at IS NOT NULL"),
    )
    op.create_table(
        "partner_line",
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The partner"),
        sa.Column(
            "state",
            code("ck_partner_line_linestate", "up", "down", "probing"),
            nullable=False,
            comment="up, down (rests), probing (one message tries it)",
        ),
        sa.Column("failures", sa.Integer(), nullable=False, comment="Failures in a row"),
        sa.Column("changed_at", Instant(), comment="Since when it is in this state"),
        sa.Column("retry_at", Instant(), comment="down: rests until then; probing: when the probe ends"),
        sa.Column("last_error", sa.Text(), nullable=False, comment="Cause of the last failure; empty if there is none"),
        sa.CheckConstraint("(state = 'up') = (retry_at IS NULL)", name="ck_partner_line_retry_at"),
        sa.CheckConstraint("partner_id <> ''", name="ck_partner_line_partner_id"),
        sa.CheckConstraint("failures >= 0", name="ck_partner_line_failures"),
        sa.PrimaryKeyConstraint("partner_id", name="pk_partner_line"),
        comment="The circuit breaker of each partner that has failed once: whether sending to it is worth trying",
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
    op.create_index("ix_refusal_partner_id_refusal_id", "refusal", ["partner_id", "refusal_id"])
    op.create_table(
        "refusal_count",
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="What the refused parties were told to quote"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The partner; empty if not authenticated"),
        sa.Column("code", sa.Text(), nullable=False, comment="Code of the error"),
        sa.Column("began_at", Instant(), nullable=False, comment="When the first of them was refused"),
        sa.Column("last_at", Instant(), nullable=False, comment="When the last of them was refused"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="How many there were"),
        sa.CheckConstraint("number > 0", name="ck_refusal_count_number"),
        sa.PrimaryKeyConstraint("incident_id", name="pk_refusal_count"),
        comment="Refusals that were counted and not kept one by one; after a week only their sum is kept",
    )


def _tables_with_references() -> None:
    op.create_table(
        "collection_batch",
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="Also the transaction id of its message"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The collecting partner"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column(
            "state",
            code(
                "ck_collection_batch_batchstate",
                "queued",
                "delivered",
                "assumed accepted",
                "rejected",
                "partly rejected",
                "undeliverable",
            ),
            nullable=False,
            comment="Where the batch stands",
        ),
        sa.Column("created_at", Instant(), nullable=False, comment="When it was made"),
        sa.Column("item_count", sa.Integer(), nullable=False, comment="Number of items"),
        sa.Column("total_balance", Money(), nullable=False, comment="Sum of the items' current balances"),
        sa.Column("delivered_at", Instant(), comment="When the partner took it"),
        sa.Column("answer_due_at", Instant(), comment="Silence beyond this moment is acceptance"),
        sa.Column(
            "error_code",
            sa.Text(),
            nullable=False,
            comment="Code of the partner's error message; empty if there is none",
        ),
        sa.Column("error_reason", sa.Text(), nullable=False, comment="Reason in the partner's error message"),
        sa.CheckConstraint("partner_id <> ''", name="ck_collection_batch_partner_id"),
        sa.CheckConstraint("item_count > 0", name="ck_collection_batch_item_count"),
        sa.CheckConstraint("total_balance >= 0", name="ck_collection_batch_total_balance"),
        sa.ForeignKeyConstraint(["court_ori"], ["court.ori"], name="fk_collection_batch_court_ori"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_collection_batch"),
        comment="A COL903 batch of balance updates",
    )
    op.create_index(
        "ix_collection_batch_silent",
        "collection_batch",
        ["answer_due_at"],
        postgresql_where=sa.text("state = 'delivered'"),
        sqlite_where=sa.text("state = 'delivered'"),
    )
    op.create_table(
        "court_case",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court whose case it is"),
        sa.Column("number", sa.Text(), nullable=False, comment="Case number in the spelling of the court"),
        sa.Column(
            "case_type",
            code(
                "ck_court_case_casetype",
                "criminal",
                "traffic",
                "juvenile-delinquency",
                "juvenile-dependency",
                "civil",
                "other",
            ),
            nullable=False,
            comment="Kind of matter; it decides who may know of the case",
        ),
        sa.Column(
            "status",
            code("ck_court_case_casestatus", "open", "closed"),
            nullable=False,
            comment="Whether the case is open",
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="Short title; empty if there is none"),
        sa.Column("confidential", flag("ck_court_case_confidential"), nullable=False, comment="Confidential file"),
        sa.Column("sealed", flag("ck_court_case_sealed"), nullable=False, comment="Sealed by order of the court"),
        sa.CheckConstraint("number <> ''", name="ck_court_case_number"),
        sa.ForeignKeyConstraint(["court_ori"], ["court.ori"], name="fk_court_case_court_ori"),
        sa.PrimaryKeyConstraint("court_ori", "number", name="pk_court_case"),
        comment="A case of one court",
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("number", sa.Integer(), nullable=False, comment="Number of the attempt, from 1"),
        sa.Column("worker", sa.Text(), nullable=False, comment="Who tried"),
        sa.Column("started_at", Instant(), nullable=False, comment="When it began"),
        sa.Column(
            "ended_at", Instant(), nullable=False, comment="When it ended; for a lost worker, when its lease did"
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="delivered, failed, given up, lost with its worker, or lapsed (its lease ended; nothing"
            " shows that it had begun)",
        ),
        sa.Column("http_status", sa.Integer(), comment="Status of the HTTP answer; null if none came"),
        sa.Column("error_code", sa.Text(), nullable=False, comment="Cause of the failure; empty if there is none"),
        sa.Column("detail", sa.Text(), nullable=False, comment="The failure in words for the operator"),
        sa.Column(
            "envelope_head",
            sa.LargeBinary(),
            comment="What stood before the payload in the envelope that was sent, compressed (zlib); null if"
            " it cannot have arrived",
        ),
        sa.Column(
            "envelope_tail",
            sa.LargeBinary(),
            comment="What stood after the payload; null if the head is the whole envelope",
        ),
        sa.CheckConstraint("envelope_head IS NOT NULL OR envelope_tail IS NULL", name="ck_delivery_attempt_envelope"),
        sa.CheckConstraint("number > 0", name="ck_delivery_attempt_number"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_delivery_attempt_outbox_id"),
        sa.PrimaryKeyConstraint("outbox_id", "number", name="pk_delivery_attempt"),
        comment="One try to send a message; rows are only added",
    )
    op.create_table(
        "message_chain_entry",
        sa.Column("chain", sa.Integer(), nullable=False, comment="The chain that the entry is in"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="Its place in the chain, from 1 without gaps"),
        sa.Column(
            "kind",
            code(
                "ck_message_chain_entry_entrykind",
                "incoming",
                "quarantined",
                "outgoing",
                "attempt",
                "intervention",
                "hold",
                "hold end",
            ),
            nullable=False,
            comment="What it is about",
        ),
        sa.Column(
            "row_id", RowId, nullable=False, comment="Number of the message: inbox_id, outbox_id or quarantine_id"
        ),
        sa.Column(
            "part",
            sa.Integer(),
            nullable=False,
            comment="Number of the attempt or hold, or attempts before an act; otherwise 0",
        ),
        sa.Column(
            "entry_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the entry before it and of all that this one covers (ccms_ws.store.hash_chain)",
        ),
        sa.CheckConstraint("length(entry_hash) = 32", name="ck_message_chain_entry_entry_hash"),
        sa.CheckConstraint("number > 0", name="ck_message_chain_entry_number"),
        sa.ForeignKeyConstraint(["chain"], ["message_chain.chain"], name="fk_message_chain_entry_chain"),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_message_chain_entry"),
        comment="One record of the message log in its place in a chain; a record that is changed or"
        " deleted later is found",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox_body",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("part", sa.Integer(), nullable=False, comment="Number of the part, from 0; most messages have one"),
        sa.Column(
            "content", sa.LargeBinary(), nullable=False, comment="That part of the payload in exclusive canonical form"
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_body_outbox_id"),
        sa.PrimaryKeyConstraint("outbox_id", "part", name="pk_outbox_body"),
        comment="What a message on its way says",
    )
    op.create_table(
        "outbox_hold",
        sa.Column("outbox_id", RowId, nullable=False, comment="The message"),
        sa.Column("number", sa.Integer(), nullable=False, comment="Number of the hold, from 1"),
        sa.Column("held_at", Instant(), nullable=False, comment="When it was held back"),
        sa.Column("held_by", sa.Text(), nullable=False, comment="By whom"),
        sa.Column("held_reason", sa.Text(), nullable=False, comment="Why, in the operator's words"),
        sa.Column("let_go_at", Instant(), comment="When it was let go; null while it is held"),
        sa.Column("let_go_by", sa.Text(), nullable=False, comment="By whom; empty while it is held"),
        sa.Column(
            "let_go_reason", sa.Text(), nullable=False, comment="Why, in the operator's words; empty while it is held"
        ),
        sa.CheckConstraint("(let_go_at IS NULL) = (let_go_by = '')", name="ck_outbox_hold_let_go"),
        sa.CheckConstraint("held_by <> ''", name="ck_outbox_hold_held_by"),
        sa.CheckConstraint("number > 0", name="ck_outbox_hold_number"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_hold_outbox_id"),
        sa.PrimaryKeyConstraint("outbox_id", "number", name="pk_outbox_hold"),
        comment="A message that an operator held back before it was sent; what stands behind it waits, too",
    )
    op.create_index(
        "uq_outbox_hold_open",
        "outbox_hold",
        ["outbox_id"],
        unique=True,
        postgresql_where=sa.text("let_go_at IS NULL"),
        sqlite_where=sa.text("let_go_at IS NULL"),
    )
    op.create_table(
        "outbox_intervention",
        sa.Column("outbox_id", RowId, nullable=False, comment="The dead message"),
        sa.Column("after_attempt", sa.Integer(), nullable=False, comment="How many attempts there had been"),
        sa.Column(
            "kind",
            code("ck_outbox_intervention_intervention", "resent", "withdrawn", "replaced"),
            nullable=False,
            comment="resent, or ended: withdrawn, replaced",
        ),
        sa.Column("at", Instant(), nullable=False, comment="When"),
        sa.Column("operator", sa.Text(), nullable=False, comment="Who"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the operator's words"),
        sa.Column("replaced_by", RowId, comment="The message that took its place"),
        sa.CheckConstraint(
            "(kind = 'replaced') = (replaced_by IS NOT NULL)", name="ck_outbox_intervention_replaced_by"
        ),
        sa.CheckConstraint("operator <> ''", name="ck_outbox_intervention_operator"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_intervention_outbox_id"),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["outbox_message.outbox_id"], name="fk_outbox_intervention_replaced_by"
        ),
        sa.PrimaryKeyConstraint("outbox_id", "after_attempt", name="pk_outbox_intervention"),
        sa.UniqueConstraint("replaced_by", name="uq_outbox_intervention_replaced_by"),
        comment="What an operator did with a dead message; rows are only added",
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
        sa.Column(
            "place",
            RowId,
            nullable=False,
            comment="The order in the queue: the number of the message, or of the one that it replaces",
        ),
        sa.Column("outbox_id", RowId, nullable=False, comment="The message that stands in the queue"),
        sa.Column("position", sa.Integer(), nullable=False, comment="Place among the subjects of its message, from 0"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_subject_outbox_id"),
        sa.PrimaryKeyConstraint("partner_id", "subject", "place", name="pk_outbox_subject"),
        comment="The queues by which messages about one subject keep their order; a delivered message leaves them",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outbox_subject_outbox_id", "outbox_subject", ["outbox_id"])
    op.create_table(
        "participant",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court that knows the person"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The court's id of the person"),
        sa.Column("given", sa.Text(), nullable=False, comment="Given name"),
        sa.Column("surname", sa.Text(), nullable=False, comment="Surname"),
        sa.Column("middle", sa.Text(), nullable=False, comment="Middle name or initial; empty if none is on file"),
        sa.Column("suffix", sa.Text(), nullable=False, comment="Name suffix (Jr, III); empty if none is on file"),
        sa.Column("birth_date", sa.Date(), comment="Date of birth"),
        sa.Column("license_number", sa.Text(), comment="Driver licence number as printed"),
        sa.Column("license_jurisdiction", sa.Text(), comment="USPS code of the state that issued the licence"),
        sa.CheckConstraint(
            "license_number <> '' AND length(license_jurisdiction) = 2", name="ck_participant_license_form"
        ),
        sa.CheckConstraint("participant_id <> ''", name="ck_participant_participant_id"),
        sa.CheckConstraint("(license_number IS NULL) = (license_jurisdiction IS NULL)", name="ck_participant_license"),
        sa.ForeignKeyConstraint(["court_ori"], ["court.ori"], name="fk_participant_court_ori"),
        sa.PrimaryKeyConstraint("court_ori", "participant_id", name="pk_participant"),
        comment="A person known to one court",
    )
    op.create_index(
        "ix_participant_license_number",
        "participant",
        ["court_ori", "license_number", "license_jurisdiction"],
        postgresql_where=sa.text("license_number IS NOT NULL"),
        sqlite_where=sa.text("license_number IS NOT NULL"),
    )
    op.create_table(
        "case_participant",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "role",
            code("ck_case_participant_participantrole", "Defendant", "Minor", "ParentOrGuardian", "Other"),
            nullable=False,
            comment="What the person is in the case",
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number"],
            ["court_case.court_ori", "court_case.number"],
            name="fk_case_participant_court_ori_case_number",
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "participant_id"],
            ["participant.court_ori", "participant.participant_id"],
            name="fk_case_participant_court_ori_participant_id",
        ),
        sa.PrimaryKeyConstraint("court_ori", "case_number", "participant_id", name="pk_case_participant"),
        comment="A person in his or her role on a case",
    )
    op.create_index("ix_case_participant_court_ori_participant_id", "case_participant", ["court_ori", "participant_id"])
    op.create_table(
        "participant_identification",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="Whose number it is, in the court's words (CII, jail booking, probation)",
        ),
        sa.Column("value", sa.Text(), nullable=False, comment="The number"),
        sa.CheckConstraint("kind <> ''", name="ck_participant_identification_kind"),
        sa.CheckConstraint("value <> ''", name="ck_participant_identification_value"),
        sa.ForeignKeyConstraint(
            ["court_ori", "participant_id"],
            ["participant.court_ori", "participant.participant_id"],
            name="fk_participant_identification_court_ori_participant_id",
        ),
        sa.PrimaryKeyConstraint("court_ori", "participant_id", "kind", "value", name="pk_participant_identification"),
        comment="A number by which others know a person",
    )
    op.create_table(
        "participant_key",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("birth_date", sa.Date(), nullable=False, comment="Date of birth"),
        sa.Column(
            "surname_key",
            sa.Text(),
            nullable=False,
            comment="A surname as it is searched (ccms_ws.domain.name_matching.surname_keys)",
        ),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.ForeignKeyConstraint(
            ["court_ori", "participant_id"],
            ["participant.court_ori", "participant.participant_id"],
            name="fk_participant_key_court_ori_participant_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("court_ori", "birth_date", "surname_key", "participant_id", name="pk_participant_key"),
        comment="How persons are found by name and date of birth; follows from participant and participant_name",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_participant_key_court_ori_participant_id", "participant_key", ["court_ori", "participant_id"])
    op.create_table(
        "participant_name",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "kind",
            code("ck_participant_name_namekind", "former", "alias"),
            nullable=False,
            comment="A former name, or one the person goes by as well",
        ),
        sa.Column("given", sa.Text(), nullable=False, comment="Given name; may be empty"),
        sa.Column("surname", sa.Text(), nullable=False, comment="Surname"),
        sa.Column("middle", sa.Text(), nullable=False, comment="Middle name or initial; may be empty"),
        sa.Column("suffix", sa.Text(), nullable=False, comment="Name suffix; may be empty"),
        sa.CheckConstraint("surname <> ''", name="ck_participant_name_surname"),
        sa.ForeignKeyConstraint(
            ["court_ori", "participant_id"],
            ["participant.court_ori", "participant.participant_id"],
            name="fk_participant_name_court_ori_participant_id",
        ),
        sa.PrimaryKeyConstraint(
            "court_ori", "participant_id", "surname", "given", "middle", "suffix", name="pk_participant_name"
        ),
        comment="Another name of a person, by which he or she is found as well",
    )
    op.create_table(
        "abstract",
        sa.Column("abstract_id", sa.Uuid(), nullable=False, comment="Also the transaction id of its message"),
        sa.Column(
            "action",
            code("ck_abstract_abstractaction", "Hold", "Release"),
            nullable=False,
            comment="Whether it places or releases a hold",
        ),
        sa.Column(
            "state",
            code(
                "ck_abstract_abstractstate",
                "queued",
                "awaiting response",
                "overdue",
                "accepted",
                "not accepted",
                "in error",
                "undeliverable",
            ),
            nullable=False,
            comment="Where it stands between court and DMV",
        ),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Whose licence"),
        sa.Column("license_number", sa.Text(), nullable=False, comment="Driver licence number; empty if there is none"),
        sa.Column(
            "license_jurisdiction",
            sa.Text(),
            nullable=False,
            comment="USPS code of the state that issued the licence; empty if there is none",
        ),
        sa.Column("violation_date", sa.Date(), nullable=False, comment="When the Vehicle Code was violated"),
        sa.Column("order_date", sa.Date(), comment="When the court made its order"),
        sa.Column("noncompliance_date", sa.Date(), comment="Since when the order is not complied with"),
        sa.Column("citation_number", sa.Text(), nullable=False, comment="Citation; empty if none"),
        sa.Column("commercial_vehicle", flag("ck_abstract_commercial_vehicle"), nullable=False, comment="VC 1804"),
        sa.Column("hazardous_material", flag("ck_abstract_hazardous_material"), nullable=False, comment="VC 1804"),
        sa.Column("certified_by", sa.Text(), nullable=False, comment="The clerk who certifies; empty if not certified"),
        sa.Column("releases", sa.Uuid(), comment="The hold that a release takes back"),
        sa.Column(
            "release_reason",
            code("ck_abstract_releasereason", "Complied", "Adjudicated", "Dismissed", "Error", "Deceased"),
            comment="Why the hold is released",
        ),
        sa.Column("release_date", sa.Date(), comment="When the hold is released"),
        sa.Column("created_at", Instant(), nullable=False, comment="When the court ordered it"),
        sa.Column("answer_due_at", Instant(), comment="Without a response by then it is overdue"),
        sa.Column(
            "answer_code", sa.Text(), nullable=False, comment="DMV's message or error code; empty before the answer"
        ),
        sa.Column("answer_text", sa.Text(), nullable=False, comment="DMV's words, or why it could not be delivered"),
        sa.Column(
            "order_kind",
            code(
                "ck_abstract_orderkind",
                "Appear",
                "Pay",
                "TrafficSchool",
                "CommunityService",
                "Program",
                "ProofOfCorrection",
                "Other",
            ),
            comment="What the order demanded",
        ),
        sa.Column(
            "vehicle_kind",
            code(
                "ck_abstract_vehiclekind",
                "MotorVehicle",
                "Bicycle",
                "MotorizedScooter",
                "Pedestrian",
                "Vessel",
                "OffHighway",
            ),
            comment="How the person travelled",
        ),
        sa.CheckConstraint("(action = 'Release') = (release_date IS NOT NULL)", name="ck_abstract_release_date"),
        sa.CheckConstraint("(action = 'Release') = (release_reason IS NOT NULL)", name="ck_abstract_release_reason"),
        sa.CheckConstraint("(action = 'Release') = (releases IS NOT NULL)", name="ck_abstract_release"),
        sa.CheckConstraint(
            "length(license_jurisdiction) = CASE WHEN license_number = '' THEN 0 ELSE 2 END", name="ck_abstract_license"
        ),
        sa.CheckConstraint("violation_date <= noncompliance_date", name="ck_abstract_violation"),
        sa.CheckConstraint(
            "violation_date <= order_date AND order_date <= noncompliance_date", name="ck_abstract_dates"
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_abstract_court_ori_case_number_participant_id",
        ),
        sa.ForeignKeyConstraint(["releases"], ["abstract.abstract_id"], name="fk_abstract_releases"),
        sa.PrimaryKeyConstraint("abstract_id", name="pk_abstract"),
        comment="A failure-to-comply abstract (VC 40509.1): a hold on a driver licence, or its release",
    )
    op.create_index(
        "ix_abstract_awaiting",
        "abstract",
        ["answer_due_at"],
        postgresql_where=sa.text("state = 'awaiting response'"),
        sqlite_where=sa.text("state = 'awaiting response'"),
    )
    op.create_index(
        "ix_abstract_license", "abstract", ["court_ori", "case_number", "license_number", "license_jurisdiction"]
    )
    op.create_index(
        "ix_abstract_overdue",
        "abstract",
        ["answer_due_at"],
        postgresql_where=sa.text("state = 'overdue'"),
        sqlite_where=sa.text("state = 'overdue'"),
    )
    op.create_index("ix_abstract_releases", "abstract", ["releases"])
    op.create_table(
        "conviction",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Who was convicted"),
        sa.Column(
            "convicted_on",
            sa.Date(),
            nullable=False,
            comment="Day of the conviction or of the bail forfeiture (VC 1803(a))",
        ),
        sa.Column("reported_on", sa.Date(), comment="Day on which the abstract of conviction (DMV902) was sent"),
        sa.CheckConstraint("reported_on >= convicted_on", name="ck_conviction_reported_on"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_conviction_court_ori_case_number_participant_id",
        ),
        sa.PrimaryKeyConstraint("court_ori", "case_number", "participant_id", "convicted_on", name="pk_conviction"),
        comment="A conviction on a case, with or without the DMV902 that reported it: what a hold presupposes",
    )
    op.create_table(
        "joint_debtor",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("obligation", sa.Text(), nullable=False, comment="Name of the obligation within its case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="One of those who owe it"),
        sa.CheckConstraint("obligation <> ''", name="ck_joint_debtor_obligation"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_joint_debtor_court_ori_case_number_participant_id",
        ),
        sa.PrimaryKeyConstraint("court_ori", "case_number", "obligation", "participant_id", name="pk_joint_debtor"),
        comment="Who owes what jointly and severally: each of them all of it, until it is paid once",
    )
    op.create_table(
        "referral",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The court's id of the referral"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The collecting partner"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Who owes"),
        sa.Column("referred_on", sa.Date(), nullable=False, comment="When the debt was referred (COL901)"),
        sa.Column("referred_amount", Money(), nullable=False, comment="The debt at that time, US dollars"),
        sa.Column(
            "account_number",
            sa.Text(),
            nullable=False,
            comment="The partner's number of the account; empty if not known",
        ),
        sa.Column("closed_on", sa.Date(), comment="When it was recalled (COL904) or returned (COL805)"),
        sa.Column("reported_balance", Money(), comment="The balance that the partner was last told"),
        sa.CheckConstraint("partner_id <> ''", name="ck_referral_partner_id"),
        sa.CheckConstraint("referral_id <> ''", name="ck_referral_referral_id"),
        sa.CheckConstraint("closed_on >= referred_on", name="ck_referral_closed_on"),
        sa.CheckConstraint("referred_amount > 0", name="ck_referral_referred_amount"),
        sa.CheckConstraint("reported_balance >= 0", name="ck_referral_reported_balance"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_referral_court_ori_case_number_participant_id",
        ),
        sa.PrimaryKeyConstraint("referral_id", name="pk_referral"),
        comment="A participant's debt on a case in the hands of a collecting partner",
    )
    op.create_index(
        "ix_referral_open",
        "referral",
        ["partner_id", "referral_id"],
        postgresql_where=sa.text("closed_on IS NULL"),
        sqlite_where=sa.text("closed_on IS NULL"),
    )
    op.create_index(
        "uq_referral_open",
        "referral",
        ["court_ori", "case_number", "participant_id", "partner_id"],
        unique=True,
        postgresql_where=sa.text("closed_on IS NULL"),
        sqlite_where=sa.text("closed_on IS NULL"),
    )
    op.create_table(
        "abstract_section",
        sa.Column("abstract_id", sa.Uuid(), nullable=False, comment="The abstract"),
        sa.Column("position", sa.Integer(), nullable=False, comment="Place in the abstract, from 0"),
        sa.Column("code_book", sa.Text(), nullable=False, comment="Code book, VC for the Vehicle Code"),
        sa.Column("section", sa.Text(), nullable=False, comment="Section violated"),
        sa.Column(
            "role",
            code("ck_abstract_section_sectionrole", "Compliance", "Underlying"),
            nullable=False,
            comment="Why the section is named",
        ),
        sa.ForeignKeyConstraint(["abstract_id"], ["abstract.abstract_id"], name="fk_abstract_section_abstract_id"),
        sa.PrimaryKeyConstraint("abstract_id", "position", name="pk_abstract_section"),
        comment="A section violated that an abstract names",
    )
    op.create_table(
        "balance_update",
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="The batch"),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Number of the item in the batch, from 1"),
        sa.Column("referral_id", sa.Text(), nullable=False, comment="Which debt"),
        sa.Column("previous_balance", Money(), nullable=False, comment="What the partner was told before"),
        sa.Column("current_balance", Money(), nullable=False, comment="What is owed now; zero means paid in full"),
        sa.Column("effective_on", sa.Date(), nullable=False, comment="The day of the current balance"),
        sa.Column(
            "error_code", sa.Text(), nullable=False, comment="What the partner says against this item; empty if nothing"
        ),
        sa.Column("error_reason", sa.Text(), nullable=False, comment="The reason that the partner gives"),
        sa.Column("corrected_by", sa.Uuid(), comment="The batch in which a refused item went out again"),
        sa.CheckConstraint("previous_balance >= 0 AND current_balance >= 0", name="ck_balance_update_balances"),
        sa.CheckConstraint("sequence > 0", name="ck_balance_update_sequence"),
        sa.ForeignKeyConstraint(["batch_id"], ["collection_batch.batch_id"], name="fk_balance_update_batch_id"),
        sa.ForeignKeyConstraint(["corrected_by"], ["collection_batch.batch_id"], name="fk_balance_update_corrected_by"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_balance_update_referral_id"),
        sa.PrimaryKeyConstraint("batch_id", "sequence", name="pk_balance_update"),
        sa.UniqueConstraint("referral_id", "batch_id", name="uq_balance_update_referral_id_batch_id"),
        comment="One item of a COL903 batch",
    )
    op.create_table(
        "ledger_entry",
        sa.Column("entry_id", sa.Text(), nullable=False, comment="The court's id of the entry"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Whose account"),
        sa.Column(
            "kind",
            code("ck_ledger_entry_entrykind", "assessment", "payment", "waiver", "vacatur", "refund", "reversal"),
            nullable=False,
            comment="What the entry does to the balance",
        ),
        sa.Column("fee_kind", sa.Text(), nullable=False, comment="Kind of fine, fee or assessment"),
        sa.Column(
            "amount", Money(), nullable=False, comment="US dollars, always positive: the kind gives the direction"
        ),
        sa.Column("posted_on", sa.Date(), nullable=False, comment="The day from which the entry counts"),
        sa.Column(
            "statute", sa.Text(), nullable=False, comment="Statute under which the debt was imposed; empty if not known"
        ),
        sa.Column("imposed_on", sa.Date(), comment="When the court imposed the debt (assessments)"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the clerk's words"),
        sa.Column("reverses", sa.Text(), comment="The entry that a reversal undoes, whole"),
        sa.Column(
            "obligation",
            sa.Text(),
            comment="The joint and several obligation that the entry belongs to; null if it is this person's alone",
        ),
        sa.CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="ck_ledger_entry_reverses"),
        sa.CheckConstraint("entry_id <> ''", name="ck_ledger_entry_entry_id"),
        sa.CheckConstraint("fee_kind <> ''", name="ck_ledger_entry_fee_kind"),
        sa.CheckConstraint(
            "imposed_on IS NOT NULL OR kind <> 'assessment' OR fee_kind <> 'CivilAssessment'",
            name="ck_ledger_entry_civil_assessment",
        ),
        sa.CheckConstraint("imposed_on IS NULL OR kind = 'assessment'", name="ck_ledger_entry_imposed_on"),
        sa.CheckConstraint("amount > 0", name="ck_ledger_entry_amount"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "obligation", "participant_id"],
            [
                "joint_debtor.court_ori",
                "joint_debtor.case_number",
                "joint_debtor.obligation",
                "joint_debtor.participant_id",
            ],
            name="fk_ledger_entry_court_ori_case_number_obligation_participant_id",
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id", "reverses"],
            [
                "ledger_entry.court_ori",
                "ledger_entry.case_number",
                "ledger_entry.participant_id",
                "ledger_entry.entry_id",
            ],
            name="fk_ledger_entry_court_ori_case_number_participant_id_reverses",
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_ledger_entry_court_ori_case_number_participant_id",
        ),
        sa.PrimaryKeyConstraint("court_ori", "entry_id", name="pk_ledger_entry"),
        sa.UniqueConstraint(
            "court_ori",
            "case_number",
            "participant_id",
            "entry_id",
            name="uq_ledger_entry_court_ori_case_number_participant_id_entry_id",
        ),
        comment="One line of the ledger; nothing is deleted, a wrong entry is reversed by another",
    )
    op.create_index(
        "uq_ledger_entry_reverses",
        "ledger_entry",
        ["court_ori", "reverses"],
        unique=True,
        postgresql_where=sa.text("reverses IS NOT NULL"),
        sqlite_where=sa.text("reverses IS NOT NULL"),
    )
    op.create_table(
        "open_hold",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column(
            "license_jurisdiction",
            sa.Text(),
            nullable=False,
            comment="USPS code of the state that issued the licence; empty for a person who has none",
        ),
        sa.Column(
            "license_number",
            sa.Text(),
            nullable=False,
            comment="Driver licence number; without a licence the participant's id",
        ),
        sa.Column("abstract_id", sa.Uuid(), nullable=False, comment="The hold"),
        sa.ForeignKeyConstraint(["abstract_id"], ["abstract.abstract_id"], name="fk_open_hold_abstract_id"),
        sa.PrimaryKeyConstraint(
            "court_ori", "case_number", "license_jurisdiction", "license_number", name="pk_open_hold"
        ),
        sa.UniqueConstraint("abstract_id", name="uq_open_hold_abstract_id"),
        comment="A hold that stands: not refused, not withdrawn, and no release of it under way or done",
    )
    op.create_table(
        "pending_correction",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The debt, left out of ordinary batches"),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="The batch"),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="The item that the partner refused"),
        sa.ForeignKeyConstraint(["batch_id"], ["collection_batch.batch_id"], name="fk_pending_correction_batch_id"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_pending_correction_referral_id"),
        sa.PrimaryKeyConstraint("referral_id", name="pk_pending_correction"),
        comment="A refused item that nothing newer has overtaken: it waits for the court's correction",
    )
    op.create_index("ix_pending_correction_batch_id", "pending_correction", ["batch_id"])
    op.create_table(
        "reported_entry",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The debt"),
        sa.Column("entry_id", sa.Text(), nullable=False, comment="The entry of the court's ledger"),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="The batch that told of it"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_reported_entry_referral_id"),
        sa.PrimaryKeyConstraint("referral_id", "entry_id", name="pk_reported_entry"),
        comment="A ledger entry that the partner was told of, beyond those that the referral itself contained",
        sqlite_with_rowid=False,
    )


def _refuse_other_transitions(table: str, moves: dict[str, tuple[str, ...]]) -> None:
    legal = ", ".join(f"('{old}', '{new}')" for old, news in moves.items() for new in news)
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE FUNCTION refuse_{table}_transition() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE check_violation USING CONSTRAINT = '{table}_transition', TABLE = '{table}'; END$$
            """
        )
        op.execute(
            f"""
            CREATE TRIGGER {table}_transition BEFORE UPDATE OF state ON {table} FOR EACH ROW
            WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({legal}))
            EXECUTE FUNCTION refuse_{table}_transition()
            """
        )
        return
    op.execute(
        f"""
        CREATE TRIGGER {table}_transition BEFORE UPDATE OF state ON {table}
        WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES {legal})
        BEGIN SELECT RAISE(ABORT, 'illegal transition of {table}.state'); END
        """
    )
