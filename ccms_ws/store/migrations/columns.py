"""Add a column in place, on SQLite and on PostgreSQL. No row is copied, and the triggers of the table stay."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateColumn


def add_column(table: str, column: sa.Column[Any], *checks: sa.CheckConstraint) -> None:
    """Add `column` with the rule of its type (`code`, `flag`) and `checks`, which may name other columns too.

    Rows that exist get the column's server default. Raises ValueError for what SQLite cannot add to a table: a column
    that is not null and has no server default, a key, a unique column or a reference.
    """
    if not column.nullable and column.server_default is None:
        raise ValueError(f"{table}.{column.name} is not null and has no server default for the rows that exist")
    if column.primary_key or column.unique or column.index or column.foreign_keys:
        raise ValueError(f"{table}.{column.name}: keys, unique columns, indexes and references are not added here")
    dialect = op.get_bind().dialect
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    holder = sa.Table(table, sa.MetaData(), column, *checks)
    rules = [
        compiler.process(constraint)
        for constraint in sorted(holder.constraints, key=lambda each: str(each.name))
        if isinstance(constraint, sa.CheckConstraint)
        and (constraint._create_rule is None or constraint._create_rule(compiler))
    ]
    definition = " ".join([str(CreateColumn(column).compile(dialect=dialect)), *rules])
    op.get_bind().exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {definition}")
    if dialect.supports_comments and column.comment:
        op.alter_column(table, column.name, comment=column.comment)
