"""Which attempts were begun, and which messages are suspected of ending the workers that send them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

from ccms_ws.store.migrations.types import Instant

revision = "0014"
down_revision = "0013"

_INDEX = "ix_outbox_message_unfinished"
_WAS = "delivered, failed, given up, or lost with its worker"
_IS = "delivered, failed, given up, lost with its worker, or lapsed (its lease ended; nothing shows that it had begun)"


def upgrade() -> None:
    with _table() as table:
        table.add_column(
            sa.Column("begun_at", Instant(), comment="When that worker began to send it, as far as it was recorded")
        )
        table.add_column(
            sa.Column(
                "unfinished",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="How many leases in a row ended without a result: from 2 on it is sent alone",
            )
        )
    rows = sa.text("unfinished > 0 AND due_at IS NOT NULL")
    op.create_index(_INDEX, "outbox_message", ["due_at"], sqlite_where=rows, postgresql_where=rows)
    _comment(_IS)


def downgrade() -> None:
    op.drop_index(_INDEX, "outbox_message")
    with _table() as table:
        table.drop_column("unfinished")
        table.drop_column("begun_at")
    _comment(_WAS)


@contextmanager
def _table() -> Iterator[BatchOperations]:
    """The outbox, to be altered. SQLite copies the table, and forgets its triggers: they are made again."""
    connection = op.get_bind()
    triggers: list[str] = []
    copied = connection.dialect.name == "sqlite"
    if copied:
        found = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'outbox_message'")
        triggers += connection.execute(found).scalars()
    with op.batch_alter_table("outbox_message", recreate="always" if copied else "never") as table:
        yield table
    for trigger in triggers:
        connection.exec_driver_sql(trigger)


def _comment(words: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("delivery_attempt", "outcome", comment=words)
