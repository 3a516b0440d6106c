"""An index for the answers to an outgoing message; what answers nothing, which is nearly everything, is not in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NAME = "ix_inbox_message_relates_to"


def upgrade() -> None:
    where = sa.text("relates_to <> ''")
    op.create_index(_NAME, "inbox_message", ["relates_to"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index(_NAME, "inbox_message")
