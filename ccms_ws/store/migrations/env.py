"""Run by alembic, which hands in the versions to apply; the connection comes from `ccms_ws.store.migrate`."""

from __future__ import annotations

from alembic import context

# What DDL an engine cannot alter in place (SQLite), alembic does by copying the table. DDL is transactional in both.
context.configure(connection=context.config.attributes["connection"], render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
