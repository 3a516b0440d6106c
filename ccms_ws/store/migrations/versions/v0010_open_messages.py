"""An index for what is not delivered yet, so that counting it does not read over all that was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_NAME = "ix_outbox_message_open"


def upgrade() -> None:
    where = sa.text("state <> 'delivered'")
    columns = ["state", "partner_id", "attempts"]
    op.create_index(_NAME, "outbox_message", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index(_NAME, "outbox_message")
