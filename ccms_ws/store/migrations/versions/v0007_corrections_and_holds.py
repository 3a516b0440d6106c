"""What partners refuse and the court corrects; one open hold for a licence and case; convictions; legal moves."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Money, drop_constraints

revision = "0007"
down_revision = "0006"

_ACCOUNT = ("court_ori", "case_number", "participant_id")
_REFUSED = "('not accepted', 'in error', 'undeliverable')"
_LEGAL = {
    "collection_batch": {
        "queued": ("delivered", "undeliverable", "rejected", "partly rejected"),
        "undeliverable": ("queued", "rejected", "partly rejected"),
        "delivered": ("assumed accepted", "rejected", "partly rejected"),
        "assumed accepted": ("rejected", "partly rejected"),
    },
    "abstract": {
        "queued": ("awaiting response", "undeliverable", "accepted", "not accepted", "in error"),
        "undeliverable": ("queued", "accepted", "not accepted", "in error"),
        "awaiting response": ("overdue", "accepted", "not accepted", "in error"),
        "overdue": ("accepted", "not accepted", "in error"),
    },
}
"""The transitions of a batch and of an abstract that are legal; the database refuses all others."""


def upgrade() -> None:
    _corrections()
    _holds()
    for table, moves in _LEGAL.items():
        _guard(table, moves)


def downgrade() -> None:
    for table in _LEGAL:
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {table}_transition ON {table}")
            op.execute(f"DROP FUNCTION refuse_{table}_transition()")
        else:
            op.execute(f"DROP TRIGGER {table}_transition")
    for table in ("conviction", "open_hold", "pending_correction", "reported_entry"):
        op.drop_table(table)
    _replace_updates(None)


# -- collections ------------------------------------------------------------------------------------------------------
def _corrections() -> None:
    correction = sa.Column("corrected_by", sa.Uuid(), comment="The batch in which a refused item went out again")
    _replace_updates(correction)
    op.create_table(
        "reported_entry",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The debt"),
        sa.Column("entry_id", sa.Text(), nullable=False, comment="The entry of the court's ledger"),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="The batch that told of it"),
        sa.PrimaryKeyConstraint("referral_id", "entry_id", name="pk_reported_entry"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_reported_entry_referral_id"),
        sqlite_with_rowid=False,
        comment="A ledger entry that the partner was told of, beyond those that the referral itself contained",
    )
    op.create_table(
        "pending_correction",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The debt, left out of ordinary batches"),
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="The batch"),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="The item that the partner refused"),
        sa.PrimaryKeyConstraint("referral_id", name="pk_pending_correction"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_pending_correction_referral_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["collection_batch.batch_id"], name="fk_pending_correction_batch_id"),
        comment="A refused item that nothing newer has overtaken: it waits for the court's correction",
    )
    op.create_index("ix_pending_correction_batch_id", "pending_correction", ["batch_id"])


def _replace_updates(correction: sa.Column[UUID] | None) -> None:
    names = "batch_id, sequence, referral_id, previous_balance, current_balance, effective_on, error_code, error_reason"
    op.rename_table("balance_update", "balance_update_other")
    drop_constraints(
        "balance_update_other",
        "pk_balance_update",
        "fk_balance_update_batch_id",
        "fk_balance_update_referral_id",
        "uq_balance_update_referral_id_batch_id",
    )
    op.create_table(
        "balance_update",
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="The batch"),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Number of the item in the batch, from 1"),
        sa.Column("referral_id", sa.Text(), nullable=False, comment="Which debt"),
        sa.Column("previous_balance", Money(), nullable=False, comment="What the partner was told before"),
        sa.Column("current_balance", Money(), nullable=False, comment="What is owed now; zero means paid in full"),
        sa.Column("effective_on", sa.Date(), nullable=False, comment="The day of the current balance"),
        sa.Column(
            "error_code", sa.Text(), nullable=False, comment="What the partner says against this item; empty if nothing"
        ),
        sa.Column("error_reason", sa.Text(), nullable=False, comment="The reason that the partner gives"),
        *(() if correction is None else (correction,)),
        sa.PrimaryKeyConstraint("batch_id", "sequence", name="pk_balance_update"),
        sa.ForeignKeyConstraint(["batch_id"], ["collection_batch.batch_id"], name="fk_balance_update_batch_id"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_balance_update_referral_id"),
        *(
            ()
            if correction is None
            else (
                sa.ForeignKeyConstraint(
                    ["corrected_by"], ["collection_batch.batch_id"], name="fk_balance_update_corrected_by"
                ),
            )
        ),
        sa.UniqueConstraint("referral_id", "batch_id", name="uq_balance_update_referral_id_batch_id"),
        sa.CheckConstraint("sequence > 0", name="ck_balance_update_sequence"),
        sa.CheckConstraint("previous_balance >= 0 AND current_balance >= 0", name="ck_balance_update_balances"),
        comment="One item of a COL903 batch",
    )
    op.execute(
        f"INSERT INTO balance_update ({names}) SELECT {names} FROM balance_update_other"  # noqa: S608 - see names
    )
    op.drop_table("balance_update_other")


# -- abstracts --------------------------------------------------------------------------------------------------------
def _holds() -> None:
    key = ("court_ori", "case_number", "license_jurisdiction", "license_number")
    op.create_table(
        "open_hold",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column(
            "license_jurisdiction", sa.Text(), nullable=False, comment="USPS code of the state that issued the licence"
        ),
        sa.Column("license_number", sa.Text(), nullable=False, comment="Driver licence number"),
        sa.Column("abstract_id", sa.Uuid(), nullable=False, comment="The hold"),
        sa.PrimaryKeyConstraint(*key, name="pk_open_hold"),
        sa.ForeignKeyConstraint(["abstract_id"], ["abstract.abstract_id"], name="fk_open_hold_abstract_id"),
        sa.UniqueConstraint("abstract_id", name="uq_open_hold_abstract_id"),
        comment="A hold that stands: not refused, not withdrawn, and no release of it under way or done",
    )
    columns = ", ".join(key)
    op.execute(
        f"INSERT INTO open_hold ({columns}, abstract_id)"  # noqa: S608 - nothing of it is given
        f" SELECT {columns}, abstract_id FROM abstract AS hold"
        f" WHERE action = 'Hold' AND state NOT IN {_REFUSED} AND NOT EXISTS"
        f" (SELECT 1 FROM abstract AS taken_back WHERE taken_back.releases = hold.abstract_id"
        f" AND taken_back.state NOT IN {_REFUSED})"
    )
    op.create_table(
        "conviction",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Who was convicted"),
        sa.Column(
            "convicted_on",
            sa.Date(),
            nullable=False,
            comment="Day of the conviction or of the bail forfeiture (VC 1803(a))",
        ),
        sa.Column("reported_on", sa.Date(), comment="Day on which the abstract of conviction (DMV902) was sent"),
        sa.PrimaryKeyConstraint(*_ACCOUNT, "convicted_on", name="pk_conviction"),
        sa.ForeignKeyConstraint(
            _ACCOUNT,
            [f"case_participant.{column}" for column in _ACCOUNT],
            name="fk_conviction_court_ori_case_number_participant_id",
        ),
        sa.CheckConstraint("reported_on >= convicted_on", name="ck_conviction_reported_on"),
        comment="A conviction on a case, with or without the DMV902 that reported it: what a hold presupposes",
    )


# -- transitions ------------------------------------------------------------------------------------------------------
def _guard(table: str, moves: dict[str, tuple[str, ...]]) -> None:
    legal = ", ".join(f"('{old}', '{new}')" for old, news in moves.items() for new in news)
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE FUNCTION refuse_{table}_transition() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE check_violation USING CONSTRAINT = '{table}_transition', TABLE = '{table}'; END$$
            """
        )
        op.execute(
            f"""
            CREATE TRIGGER {table}_transition BEFORE UPDATE OF state ON {table} FOR EACH ROW
            WHEN (OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN ({legal}))
            EXECUTE FUNCTION refuse_{table}_transition()
            """
        )
        return
    op.execute(
        f"""
        CREATE TRIGGER {table}_transition BEFORE UPDATE OF state ON {table}
        WHEN OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (VALUES {legal})
        BEGIN SELECT RAISE(ABORT, 'illegal transition of {table}.state'); END
        """
    )
