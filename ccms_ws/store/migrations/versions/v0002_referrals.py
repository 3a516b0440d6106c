"""Referrals: purpose, state and reason, the lines referred; who reported a payment, and when a debt was due.

Upgrade: a referral gets the lines that were posted for the participant up to its first day. If several partners have
the same debt, the oldest referral collects and the others monitor. Downgrade: these facts are lost.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r2"
down_revision = "r1"

_DEBT = ["court_ori", "case_number", "participant_id"]
_RULES = {
    "ck_referral_referralpurpose": "purpose IN ('Collect', 'Monitor')",
    "ck_referral_referralstate": "state IN ('open', 'recall proposed', 'ended')",
    "ck_referral_ended": "(state = 'ended') = (ended_on IS NOT NULL)",
}
_COLUMNS = {
    "purpose": ("VARCHAR(32) NOT NULL", "'Collect'", "Whether the partner collects or monitors"),
    "state": ("VARCHAR(32) NOT NULL", "'open'", "Where the referral stands"),
    "reason": ("TEXT NOT NULL", "''", "Why a recall is proposed, or why it has ended; empty if open"),
    "delinquent_on": ("DATE", "NULL", "The first day on which the debt was overdue"),
}
_LEDGER = {
    "reported_by": ("TEXT DEFAULT '' NOT NULL", "The partner that took the payment; empty if the court took it itself"),
    "due_on": ("DATE", "The last day on which an assessment could be paid in time"),
}
_LAST_OF_REFERRAL, _LAST_OF_LEDGER = "\n\treported_balance BIGINT, ", "\n\tobligation TEXT, "
_FIRST_RULE = "\n\tCONSTRAINT ck_referral_referral_id"


def upgrade() -> None:
    for index in ("ix_referral_open", "uq_referral_open"):
        op.drop_index(index, "referral")
    op.execute("ALTER TABLE referral RENAME COLUMN closed_on TO ended_on")
    if _is_sqlite():
        columns = "".join(f"\n\t{name} {kind}, " for name, (kind, *_) in _COLUMNS.items())
        rules = "".join(f"\n\tCONSTRAINT {name} CHECK ({rule}), " for name, rule in _RULES.items())
        _rewrite(
            "referral",
            {
                _LAST_OF_REFERRAL: _LAST_OF_REFERRAL + columns,
                _FIRST_RULE: rules + _FIRST_RULE,
                "ck_referral_closed_on": "ck_referral_ended_on",
            },
        )
        op.execute(
            "UPDATE referral SET purpose = 'Collect', reason = '',"
            " state = CASE WHEN ended_on IS NULL THEN 'open' ELSE 'ended' END"
        )
        ledger = "".join(f"\n\t{name} {kind}, " for name, (kind, _) in _LEDGER.items())
        _rewrite("ledger_entry", {_LAST_OF_LEDGER: _LAST_OF_LEDGER + ledger})
    else:
        op.execute("ALTER TABLE referral RENAME CONSTRAINT ck_referral_closed_on TO ck_referral_ended_on")
        for name, (kind, value, comment) in _COLUMNS.items():
            op.execute(f"ALTER TABLE referral ADD COLUMN {name} {kind} DEFAULT {value}")
            op.execute(f"ALTER TABLE referral ALTER COLUMN {name} DROP DEFAULT")
            op.alter_column("referral", name, comment=comment)
        op.execute("UPDATE referral SET state = 'ended' WHERE ended_on IS NOT NULL")
        for name, rule in _RULES.items():
            op.create_check_constraint(name, "referral", rule)
        for name, (kind, comment) in _LEDGER.items():
            op.execute(f"ALTER TABLE ledger_entry ADD COLUMN {name} {kind}")
            op.alter_column("ledger_entry", name, comment=comment)
    op.execute(
        "UPDATE referral SET purpose = 'Monitor' WHERE ended_on IS NULL AND EXISTS (SELECT 1 FROM referral AS earlier"
        " WHERE earlier.court_ori = referral.court_ori AND earlier.case_number = referral.case_number"
        " AND earlier.participant_id = referral.participant_id AND earlier.ended_on IS NULL"
        " AND (earlier.referred_on, earlier.referral_id) < (referral.referred_on, referral.referral_id))"
    )
    _indexes("ended_on", collect=True)
    _lines()


def downgrade() -> None:
    op.drop_table("referral_line")
    for index in ("ix_referral_open", "uq_referral_open", "uq_referral_collect"):
        op.drop_index(index, "referral")
    if _is_sqlite():
        changes = {f"\n\tCONSTRAINT {name} CHECK ({rule}), ": "" for name, rule in _RULES.items()}
        _rewrite("referral", {**changes, "ck_referral_ended_on": "ck_referral_closed_on"})
    else:
        for name in _RULES:
            op.drop_constraint(name, "referral")
        op.execute("ALTER TABLE referral RENAME CONSTRAINT ck_referral_ended_on TO ck_referral_closed_on")
    for name in _COLUMNS:
        op.execute(f"ALTER TABLE referral DROP COLUMN {name}")
    for name in _LEDGER:
        op.execute(f"ALTER TABLE ledger_entry DROP COLUMN {name}")
    op.execute("ALTER TABLE referral RENAME COLUMN ended_on TO closed_on")
    _indexes("closed_on", collect=False)


def _lines() -> None:
    op.create_table(
        "referral_line",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The referral"),
        sa.Column("entry_id", sa.Text(), nullable=False, comment="The assessment in the court's ledger"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("added_on", sa.Date(), nullable=False, comment="When it became part of the referral"),
        sa.PrimaryKeyConstraint("referral_id", "entry_id", name="pk_referral_line"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_referral_line_referral_id"),
        sa.ForeignKeyConstraint(
            ["court_ori", "entry_id"],
            ["ledger_entry.court_ori", "ledger_entry.entry_id"],
            name="fk_referral_line_court_ori_entry_id",
        ),
        sqlite_with_rowid=False,
        comment="A line of the ledger that was referred; balance updates count these and no others",
    )
    op.execute(
        "INSERT INTO referral_line (referral_id, entry_id, court_ori, added_on)"
        " SELECT r.referral_id, l.entry_id, r.court_ori, r.referred_on FROM referral AS r JOIN ledger_entry AS l"
        " ON l.court_ori = r.court_ori AND l.case_number = r.case_number AND l.kind = 'assessment'"
        " AND l.posted_on <= r.referred_on AND (l.participant_id = r.participant_id OR l.obligation IN"
        " (SELECT j.obligation FROM joint_debtor AS j WHERE j.court_ori = r.court_ori"
        " AND j.case_number = r.case_number AND j.participant_id = r.participant_id))"
    )


def _indexes(ended: str, *, collect: bool) -> None:
    is_open = f"{ended} IS NULL"
    indexes = [("ix_referral_open", ["partner_id", "referral_id"], False, is_open)]
    indexes.append(("uq_referral_open", [*_DEBT, "partner_id"], True, is_open))
    if collect:
        indexes.append(("uq_referral_collect", _DEBT, True, f"{is_open} AND purpose = 'Collect'"))
    for name, columns, unique, where in indexes:
        rows = sa.text(where)
        op.create_index(name, "referral", columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _rewrite(table: str, changes: dict[str, str]) -> None:
    """Change the definition of a table in place (SQLite): no row changes, and other tables refer to it."""
    connection = op.get_bind()
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    sql = connection.execute(query, {"table": table}).scalar_one()
    for old, new in changes.items():
        if old not in sql:
            raise RuntimeError(f"the table {table} is not defined with {old!r}")
        sql = sql.replace(old, new)
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :table"),
        {"sql": sql, "table": table},
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
