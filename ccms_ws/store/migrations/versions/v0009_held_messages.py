"""Messages that an operator holds back before they are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Instant, RowId

revision = "0009"
down_revision = "0008"

_BLOCKED = "How many of its subjects have an earlier message to this partner that is not delivered"
_OR_HELD = f"{_BLOCKED}; one more if an operator holds it back"


def upgrade() -> None:
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
        sa.PrimaryKeyConstraint("outbox_id", "number", name="pk_outbox_hold"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.outbox_id"], name="fk_outbox_hold_outbox_id"),
        sa.CheckConstraint("number > 0", name="ck_outbox_hold_number"),
        sa.CheckConstraint("held_by <> ''", name="ck_outbox_hold_held_by"),
        sa.CheckConstraint("(let_go_at IS NULL) = (let_go_by = '')", name="ck_outbox_hold_let_go"),
        comment="A message that an operator held back before it was sent; what stands behind it waits, too",
    )
    held = sa.text("let_go_at IS NULL")
    op.create_index(
        "uq_outbox_hold_open", "outbox_hold", ["outbox_id"], unique=True, sqlite_where=held, postgresql_where=held
    )
    _comment(_OR_HELD)


def downgrade() -> None:
    op.execute(
        "UPDATE outbox_message SET blocked_subjects = blocked_subjects - 1"
        " WHERE outbox_id IN (SELECT outbox_id FROM outbox_hold WHERE let_go_at IS NULL)"
    )
    op.drop_table("outbox_hold")
    _comment(_BLOCKED)


def _comment(words: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("outbox_message", "blocked_subjects", comment=words)
