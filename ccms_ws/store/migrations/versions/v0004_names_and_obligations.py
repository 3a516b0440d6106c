"""Other names and numbers of persons, joint obligations, and what a ledger must not say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.domain.courts import PersonName
from ccms_ws.domain.name_matching import name_key, surname_keys
from ccms_ws.store.migrations.types import code

revision = "0004"
down_revision = "0003"

_ACCOUNT = ("court_ori", "case_number", "participant_id")
_PERSON = ("court_ori", "participant_id")
_DEBTOR = ("court_ori", "case_number", "obligation", "participant_id")
_CHUNK = 10_000

# A reversal undoes, whole, an entry of its own account that is no reversal itself; its foreign key says which account.
_UNDONE = """
    SELECT 1 FROM ledger_entry AS e
    WHERE e.court_ori = NEW.court_ori AND e.entry_id = NEW.reverses AND e.kind <> 'reversal' AND e.amount = NEW.amount
    AND e.fee_kind = NEW.fee_kind AND coalesce(e.obligation, '') = coalesce(NEW.obligation, '')
    AND e.posted_on <= NEW.posted_on
"""
_GUARDS = {
    "sqlite": (
        f"""
        CREATE TRIGGER ledger_entry_reversal BEFORE INSERT ON ledger_entry
        WHEN NEW.kind = 'reversal' AND NOT EXISTS ({_UNDONE})
        BEGIN SELECT RAISE(ABORT, 'ledger_entry: a reversal that does not undo an entry'); END
        """,
        """
        CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry
        BEGIN SELECT RAISE(ABORT, 'ledger_entry: an entry is reversed, never changed'); END
        """,
    ),
    "postgresql": (
        f"""
        CREATE FUNCTION refuse_ledger_entry_reversal() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        IF NOT EXISTS ({_UNDONE}) THEN
          RAISE check_violation USING CONSTRAINT = 'ledger_entry_reversal', TABLE = 'ledger_entry';
        END IF; RETURN NEW; END$$
        """,
        """
        CREATE TRIGGER ledger_entry_reversal BEFORE INSERT ON ledger_entry FOR EACH ROW
        WHEN (NEW.kind = 'reversal') EXECUTE FUNCTION refuse_ledger_entry_reversal()
        """,
        """
        CREATE FUNCTION refuse_ledger_entry_change() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE check_violation USING CONSTRAINT = 'ledger_entry_unchanged', TABLE = 'ledger_entry'; END$$
        """,
        """
        CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry FOR EACH ROW
        EXECUTE FUNCTION refuse_ledger_entry_change()
        """,
    ),
}


def upgrade() -> None:
    _names()
    _obligations()
    for statement in _GUARDS[op.get_context().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER ledger_entry_reversal ON ledger_entry")
        op.execute("DROP TRIGGER ledger_entry_unchanged ON ledger_entry")
        op.execute("DROP FUNCTION refuse_ledger_entry_reversal()")
        op.execute("DROP FUNCTION refuse_ledger_entry_change()")
    else:
        op.execute("DROP TRIGGER ledger_entry_reversal")
        op.execute("DROP TRIGGER ledger_entry_unchanged")
    op.drop_index("uq_ledger_entry_reverses", "ledger_entry")
    with op.batch_alter_table("ledger_entry") as table:
        table.drop_constraint("ck_ledger_entry_imposed_on", type_="check")
        table.drop_constraint("ck_ledger_entry_civil_assessment", type_="check")
        table.drop_constraint("fk_ledger_entry_court_ori_case_number_obligation_participant_id", type_="foreignkey")
        table.create_unique_constraint("uq_ledger_entry_court_ori_reverses", ["court_ori", "reverses"])
        table.drop_column("obligation")
    op.drop_table("joint_debtor")
    for table_name in ("participant_key", "participant_identification", "participant_name"):
        op.drop_table(table_name)
    op.drop_index("ix_participant_license_number", "participant")
    comments = {"given_key": "Given name", "surname_key": "Surname"}
    for column, word in comments.items():
        comment = f"{word} as it is searched (ccms_ws.domain.naming.name_key)"
        op.add_column("participant", sa.Column(column, sa.Text(), nullable=False, server_default="", comment=comment))
    _fill_old_keys()
    op.create_index(
        "ix_participant_court_ori_surname_key_given_key", "participant", ["court_ori", "surname_key", "given_key"]
    )


def _names() -> None:
    op.drop_index("ix_participant_court_ori_surname_key_given_key", "participant")
    op.drop_column("participant", "given_key")
    op.drop_column("participant", "surname_key")
    where = sa.text("license_number IS NOT NULL")
    op.create_index(
        "ix_participant_license_number",
        "participant",
        ["court_ori", "license_number", "license_jurisdiction"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "participant_name",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "kind",
            code("ck_participant_name_namekind", "former", "alias"),
            nullable=False,
            comment="A former name, or one the person goes by as well",
        ),
        sa.Column("given", sa.Text(), nullable=False, comment="Given name; may be empty"),
        sa.Column("surname", sa.Text(), nullable=False, comment="Surname"),
        sa.Column("middle", sa.Text(), nullable=False, comment="Middle name or initial; may be empty"),
        sa.Column("suffix", sa.Text(), nullable=False, comment="Name suffix; may be empty"),
        sa.PrimaryKeyConstraint(*_PERSON, "surname", "given", "middle", "suffix", name="pk_participant_name"),
        _of_participant("participant_name"),
        sa.CheckConstraint("surname <> ''", name="ck_participant_name_surname"),
        comment="Another name of a person, by which he or she is found as well",
    )
    op.create_table(
        "participant_identification",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="Whose number it is, in the court's words (CII, jail booking, probation)",
        ),
        sa.Column("value", sa.Text(), nullable=False, comment="The number"),
        sa.PrimaryKeyConstraint(*_PERSON, "kind", "value", name="pk_participant_identification"),
        _of_participant("participant_identification"),
        sa.CheckConstraint("kind <> ''", name="ck_participant_identification_kind"),
        sa.CheckConstraint("value <> ''", name="ck_participant_identification_value"),
        comment="A number by which others know a person",
    )
    op.create_table(
        "participant_key",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("birth_date", sa.Date(), nullable=False, comment="Date of birth"),
        sa.Column(
            "surname_key",
            sa.Text(),
            nullable=False,
            comment="A surname as it is searched (ccms_ws.domain.naming.surname_keys)",
        ),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.PrimaryKeyConstraint("court_ori", "birth_date", "surname_key", "participant_id", name="pk_participant_key"),
        _of_participant("participant_key", ondelete="CASCADE"),
        sqlite_with_rowid=False,
        comment="How persons are found by name and date of birth; follows from participant and participant_name",
    )
    op.create_index("ix_participant_key_court_ori_participant_id", "participant_key", list(_PERSON))
    _fill_keys()


def _of_participant(table: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        list(_PERSON),
        [f"participant.{column}" for column in _PERSON],
        name=f"fk_{table}_court_ori_participant_id",
        ondelete=ondelete,
    )


def _obligations() -> None:
    op.create_table(
        "joint_debtor",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("obligation", sa.Text(), nullable=False, comment="Name of the obligation within its case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="One of those who owe it"),
        sa.PrimaryKeyConstraint(*_DEBTOR, name="pk_joint_debtor"),
        sa.ForeignKeyConstraint(
            list(_ACCOUNT),
            [f"case_participant.{column}" for column in _ACCOUNT],
            name="fk_joint_debtor_court_ori_case_number_participant_id",
        ),
        sa.CheckConstraint("obligation <> ''", name="ck_joint_debtor_obligation"),
        comment="Who owes what jointly and severally: each of them all of it, until it is paid once",
    )
    # What the new rules ask for, said in the rows that are there.
    op.execute("UPDATE ledger_entry SET imposed_on = NULL WHERE kind <> 'assessment'")
    op.execute(
        "UPDATE ledger_entry SET imposed_on = posted_on"
        " WHERE imposed_on IS NULL AND kind = 'assessment' AND fee_kind = 'CivilAssessment'"
    )
    with op.batch_alter_table("ledger_entry") as table:
        table.add_column(
            sa.Column(
                "obligation",
                sa.Text(),
                comment="The joint and several obligation that the entry belongs to; null if it is this person's alone",
            )
        )
        table.drop_constraint("uq_ledger_entry_court_ori_reverses", type_="unique")
        table.create_foreign_key(
            "fk_ledger_entry_court_ori_case_number_obligation_participant_id",
            "joint_debtor",
            list(_DEBTOR),
            list(_DEBTOR),
        )
        table.create_check_constraint("ck_ledger_entry_imposed_on", "imposed_on IS NULL OR kind = 'assessment'")
        table.create_check_constraint(
            "ck_ledger_entry_civil_assessment",
            "imposed_on IS NOT NULL OR kind <> 'assessment' OR fee_kind <> 'CivilAssessment'",
        )
    where = sa.text("reverses IS NOT NULL")
    op.create_index(
        "uq_ledger_entry_reverses",
        "ledger_entry",
        ["court_ori", "reverses"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


# -- the rows that are there ------------------------------------------------------------------------------------------
_participant = sa.table(
    "participant",
    *(sa.column(name) for name in (*_PERSON, "given", "surname", "suffix", "given_key", "surname_key")),
    sa.column("birth_date", sa.Date()),
)
_key = sa.table(
    "participant_key",
    *(sa.column(name) for name in (*_PERSON, "surname_key")),
    sa.column("birth_date", sa.Date()),
)


def _fill_keys() -> None:
    p, connection = _participant.c, op.get_bind()
    born = sa.select(p.court_ori, p.participant_id, p.surname, p.suffix, p.birth_date).where(p.birth_date.is_not(None))
    for chunk in connection.execute(born).partitions(_CHUNK):
        rows = [
            {"court_ori": ori, "participant_id": person, "birth_date": birth_date, "surname_key": key}
            for ori, person, surname, suffix, birth_date in chunk
            for key in surname_keys(PersonName("", surname, "", suffix))
        ]
        if rows:
            connection.execute(sa.insert(_key), rows)


def _fill_old_keys() -> None:
    p, connection = _participant.c, op.get_bind()
    change = (
        sa.update(_participant)
        .where(p.court_ori == sa.bindparam("ori"), p.participant_id == sa.bindparam("person"))
        .values(given_key=sa.bindparam("key_of_given"), surname_key=sa.bindparam("key_of_surname"))
    )
    people = connection.execute(sa.select(p.court_ori, p.participant_id, p.given, p.surname)).all()
    if people:
        connection.execute(
            change,
            [
                {"ori": ori, "person": person, "key_of_given": name_key(given), "key_of_surname": name_key(surname)}
                for ori, person, given, surname in people
            ],
        )
