"""The column types of the migrations. A migration says everything by name and does not follow the tables of today."""

from __future__ import annotations

import sqlalchemy as sa

from ccms_ws.store.column_types import Instant, Money, RowId

__all__ = ["Instant", "Money", "RowId", "code", "flag"]


def code(check_name: str, *words: str) -> sa.Enum:
    """One of `words`; the rule that says so is called `check_name`."""
    return sa.Enum(*words, name=check_name, native_enum=False, create_constraint=True, length=32)


def flag(check_name: str) -> sa.Boolean:
    """True or false; where booleans are numbers, a rule of that name says so."""
    return sa.Boolean(create_constraint=True, name=check_name)
