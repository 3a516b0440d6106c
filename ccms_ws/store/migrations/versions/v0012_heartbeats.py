"""Heartbeats of the programs, and refusals that are counted in place of being kept one by one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("program", sa.Text(), nullable=False, comment="endpoint or worker"),
        sa.Column("host", sa.Text(), nullable=False, comment="The machine that it runs on"),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Number of its process there"),
        sa.Column("started_at", Instant(), nullable=False, comment="When it started"),
        sa.Column("at", Instant(), nullable=False, comment="When it last wrote this row, every few seconds"),
        sa.Column("dropped_lines", sa.BigInteger(), nullable=False, comment="Log lines that it could not write"),
        sa.PrimaryKeyConstraint("program", "host", "pid", name="pk_heartbeat"),
        sa.CheckConstraint("program <> ''", name="ck_heartbeat_program"),
        comment="The programs that run; a row goes when its program ends, or an hour after its last heartbeat",
    )
    op.create_table(
        "refusal_count",
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="What the refused parties were told to quote"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The partner; empty if not authenticated"),
        sa.Column("code", sa.Text(), nullable=False, comment="Code of the error"),
        sa.Column("began_at", Instant(), nullable=False, comment="When the first of them was refused"),
        sa.Column("last_at", Instant(), nullable=False, comment="When the last of them was refused"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="How many there were"),
        sa.PrimaryKeyConstraint("incident_id", name="pk_refusal_count"),
        sa.CheckConstraint("number > 0", name="ck_refusal_count_number"),
        comment="Refusals that were counted and not kept one by one; after a week only their sum is kept",
    )
    op.create_index("ix_refusal_partner_id_refusal_id", "refusal", ["partner_id", "refusal_id"])


def downgrade() -> None:
    op.drop_index("ix_refusal_partner_id_refusal_id", "refusal")
    op.drop_table("refusal_count")
    op.drop_table("heartbeat")
