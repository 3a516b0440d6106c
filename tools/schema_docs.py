"""The tables of the store in words, from what the tables say of themselves: the page `ccms_ws/docs/tables.md`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import CheckConstraint, Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from ccms_ws.store import (  # noqa: F401  (they fill `metadata`)
    court_tables,
    message_tables,
    outbox_tables,
    referrals,
)
from ccms_ws.store.column_types import metadata

_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

_HEAD = """# The tables

Made by `tools/make-docs` from `ccms_ws/store`; a test keeps it current. Types are PostgreSQL's; SQLite has the same
tables, with money in whole cents. The tables of the court's books (court, court_case, participant, participant_name,
participant_identification, case_participant, joint_debtor, ledger_entry) may be filled by the court's own system;
`ccms-ws db reindex` then makes `participant_key` anew. Ledger entries are never changed: a wrong one is reversed by
another, with the same amount, kind of fee and obligation, at most once. Two triggers see to that.
"""


def tables_page() -> str:
    """The whole page, as Markdown. The tables of exchanges are in it if the registry is imported."""
    return "\n".join([_HEAD, *(line for table in metadata.sorted_tables for line in _table(table))])


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n"
    yield f"{table.comment}.\n"
    yield "| column | type | null | key | meaning |\n|---|---|---|---|---|"
    for column in table.c:
        kind = column.type.compile(dialect=_POSTGRESQL)
        yield f"| {column.name} | {kind} | {'yes' if column.nullable else ''} | {_keys(column)} | {column.comment} |"
    rules = sorted(
        " ".join(str(rule.sqltext).split())
        for rule in table.constraints
        if isinstance(rule, CheckConstraint) and isinstance(rule.name, str) and " IN (" not in str(rule.sqltext)
    )
    yield ""
    if rules:
        yield "Rules: " + "; ".join(f"`{rule}`" for rule in rules) + ".\n"


def _keys(column: Column[object]) -> str:
    words = ["primary"] if column.primary_key else []
    words += sorted(f"{key.column.table.name}.{key.column.name}" for key in column.foreign_keys)
    return ", ".join(words)
