"""An index for abstracts without their response, so that counting them does not read over all that have theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_NAME = "ix_abstract_overdue"


def upgrade() -> None:
    where = sa.text("state = 'overdue'")
    op.create_index(_NAME, "abstract", ["answer_due_at"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index(_NAME, "abstract")
