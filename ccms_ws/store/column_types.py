"""The column types and the naming rules that all tables share: exact money, UTC instants, codes as words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Enum,
    Index,
    Integer,
    MetaData,
    Numeric,
    TypeDecorator,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

E = TypeVar("E", bound=StrEnum)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of the store."""

RowId = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives, growing in the order of insertion."""

_MOST_CENTS = Decimal(10) ** 14
MOST_MONEY = (_MOST_CENTS - 1).scaleb(-2)
"""US dollars: the most that a column holds, and that a message can carry (14 digits, two of them cents)."""


class Money(TypeDecorator[Decimal]):
    """US dollars with two places: NUMERIC(14, 2), and whole cents where the database has no exact decimals (SQLite)."""

    impl = Numeric(14, 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(14, 2))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError(f"money is Decimal, not {type(value).__name__}")
        cents = value.scaleb(2) if value.is_finite() else _MOST_CENTS
        if not -_MOST_CENTS < cents < _MOST_CENTS or cents != (whole := int(cents)):
            raise ValueError("money has two places and stays below a million millions")
        return whole if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return Decimal(value).scaleb(-2) if value is not None and dialect.name == "sqlite" else value


class Instant(TypeDecorator[datetime]):
    """A moment: aware in UTC on the way in and out; TIMESTAMP WITH TIME ZONE, or UTC text that sorts (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def code(kind: type[E], name: str = "") -> Enum:
    """A column with a value of `kind`. `name` of the check constraint, if it is not the name of the class."""
    return Enum(
        kind,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=True,
        length=32,
        name=name or kind.__name__.lower(),
    )


def flag(name: str) -> Boolean:
    """A column of true or false, and nothing else where booleans are numbers (SQLite)."""
    return Boolean(create_constraint=True, name=name)


def check(name: str, rule: str) -> CheckConstraint:
    """A rule that every row keeps; it is named after its table and `name`."""
    return CheckConstraint(rule, name=name)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that satisfy `where` alone: small, however long the history grows."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(where))
