"""The kind of order and of vehicle of a hold; abstracts about people without a driver licence.

Downgrade: an abstract about a person without a licence gets the number NONE of the jurisdiction XX.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_ORDERS = ("Appear", "Pay", "TrafficSchool", "CommunityService", "Program", "ProofOfCorrection", "Other")
_VEHICLES = ("MotorVehicle", "Bicycle", "MotorizedScooter", "Pedestrian", "Vessel", "OffHighway")
_KINDS = {
    "order_kind": ("ck_abstract_orderkind", _ORDERS, "What the order demanded"),
    "vehicle_kind": ("ck_abstract_vehiclekind", _VEHICLES, "How the person travelled"),
}
_LICENSE = "ck_abstract_license"
_BEFORE = "license_number <> '' AND length(license_jurisdiction) = 2"
_NOW = "length(license_jurisdiction) = CASE WHEN license_number = '' THEN 0 ELSE 2 END"
_NUMBER, _STATE = "Driver licence number", "USPS code of the state that issued the licence"
_COMMENTS = {
    ("abstract", "license_number"): (_NUMBER, f"{_NUMBER}; empty if there is none"),
    ("abstract", "license_jurisdiction"): (_STATE, f"{_STATE}; empty if there is none"),
    ("open_hold", "license_number"): (_NUMBER, f"{_NUMBER}; without a licence the participant's id"),
    ("open_hold", "license_jurisdiction"): (_STATE, f"{_STATE}; empty for a person who has none"),
}


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        last = "\n\tanswer_text TEXT NOT NULL, "
        license_check = f"\n\tCONSTRAINT {_LICENSE}"
        checks = "".join(f"\n\tCONSTRAINT {check} CHECK ({rule}), " for check, _, rule in _rules())
        columns = "".join(f"\n\t{column} VARCHAR(32), " for column in _KINDS)
        _rewrite({last: last + columns, _BEFORE: _NOW, license_check: checks + license_check})
        return
    for column, (_, _, comment) in _KINDS.items():
        op.add_column("abstract", sa.Column(column, sa.String(32), comment=comment))
    for check, _, rule in _rules():
        op.create_check_constraint(check, "abstract", rule)
    _check_license(_NOW)
    for (table, column), (_, comment) in _COMMENTS.items():
        op.alter_column(table, column, comment=comment)


def downgrade() -> None:
    op.execute(
        "UPDATE open_hold SET license_number = 'NONE', license_jurisdiction = 'XX' WHERE license_jurisdiction = ''"
    )
    op.execute("UPDATE abstract SET license_number = 'NONE', license_jurisdiction = 'XX' WHERE license_number = ''")
    if op.get_context().dialect.name == "sqlite":
        _rewrite({_NOW: _BEFORE} | {f"\n\tCONSTRAINT {check} CHECK ({rule}), ": "" for check, _, rule in _rules()})
    else:
        for check, _, _ in _rules():
            op.drop_constraint(check, "abstract")
        _check_license(_BEFORE)
        for (table, column), (comment, _) in _COMMENTS.items():
            op.alter_column(table, column, comment=comment)
    for column in _KINDS:
        op.execute(f"ALTER TABLE abstract DROP COLUMN {column}")


def _rules() -> list[tuple[str, str, str]]:
    return [
        (check, column, f"{column} IN ({', '.join(repr(word) for word in words)})")
        for column, (check, words, _) in _KINDS.items()
    ]


def _check_license(rule: str) -> None:
    op.drop_constraint(_LICENSE, "abstract")
    op.create_check_constraint(_LICENSE, "abstract", rule)


def _rewrite(changes: dict[str, str]) -> None:
    """Change the definition of the table in place (SQLite): no row changes, and other tables refer to it."""
    connection = op.get_bind()
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'abstract'")
    sql = connection.execute(query).scalar_one()
    for old, new in changes.items():
        if old not in sql:
            raise RuntimeError(f"the table abstract is not defined with {old!r}")
        sql = sql.replace(old, new)
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = 'abstract'"), {"sql": sql}
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
