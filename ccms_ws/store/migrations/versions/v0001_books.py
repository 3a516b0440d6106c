"""The court's books: courts, cases, participants, the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Money, code, flag

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "court",
        sa.Column("ori", sa.Text(), nullable=False, comment="NCIC originating agency identification, nine characters"),
        sa.Column("name", sa.Text(), nullable=False, comment="Name as it is published"),
        sa.Column("county_code", sa.Text(), nullable=False, comment="The state's code of the county, 01 to 58"),
        sa.Column("dmv_court_code", sa.Text(), nullable=False, comment="DMV's five-digit code of the court"),
        sa.PrimaryKeyConstraint("ori", name="pk_court"),
        sa.CheckConstraint("length(ori) = 9", name="ck_court_ori"),
        sa.CheckConstraint(
            "length(county_code) = 2 AND county_code BETWEEN '01' AND '58'", name="ck_court_county_code"
        ),
        sa.CheckConstraint("length(dmv_court_code) = 5", name="ck_court_dmv_court_code"),
        comment="A trial court",
    )
    op.create_table(
        "participant",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court that knows the person"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The court's id of the person"),
        sa.Column("given", sa.Text(), nullable=False, comment="Given name"),
        sa.Column("surname", sa.Text(), nullable=False, comment="Surname"),
        sa.Column("middle", sa.Text(), nullable=False, comment="Middle name or initial; empty if none is on file"),
        sa.Column("suffix", sa.Text(), nullable=False, comment="Name suffix (Jr, III); empty if none is on file"),
        sa.Column("birth_date", sa.Date(), comment="Date of birth"),
        sa.Column("license_number", sa.Text(), comment="Driver licence number as printed"),
        sa.Column("license_jurisdiction", sa.Text(), comment="USPS code of the state that issued the licence"),
        sa.Column(
            "given_key",
            sa.Text(),
            nullable=False,
            comment="Given name as it is searched (ccms_ws.domain.naming.name_key)",
        ),
        sa.Column(
            "surname_key",
            sa.Text(),
            nullable=False,
            comment="Surname as it is searched (ccms_ws.domain.naming.name_key)",
        ),
        sa.PrimaryKeyConstraint("court_ori", "participant_id", name="pk_participant"),
        sa.ForeignKeyConstraint(["court_ori"], ["court.ori"], name="fk_participant_court_ori"),
        sa.CheckConstraint("participant_id <> ''", name="ck_participant_participant_id"),
        sa.CheckConstraint("(license_number IS NULL) = (license_jurisdiction IS NULL)", name="ck_participant_license"),
        sa.CheckConstraint(
            "license_number <> '' AND length(license_jurisdiction) = 2", name="ck_participant_license_form"
        ),
        comment="A person known to one court",
    )
    op.create_index(
        "ix_participant_court_ori_surname_key_given_key", "participant", ["court_ori", "surname_key", "given_key"]
    )
    op.create_table(
        "court_case",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court whose case it is"),
        sa.Column("number", sa.Text(), nullable=False, comment="Case number in the spelling of the court"),
        sa.Column(
            "case_type",
            code(
                "ck_court_case_casetype",
                "criminal",
                "traffic",
                "juvenile-delinquency",
                "juvenile-dependency",
                "civil",
                "other",
            ),
            nullable=False,
            comment="Kind of matter; it decides who may know of the case",
        ),
        sa.Column(
            "status",
            code("ck_court_case_casestatus", "open", "closed"),
            nullable=False,
            comment="Whether the case is open",
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="Short title; empty if there is none"),
        sa.Column("confidential", flag("ck_court_case_confidential"), nullable=False, comment="Confidential file"),
        sa.Column("sealed", flag("ck_court_case_sealed"), nullable=False, comment="Sealed by order of the court"),
        sa.PrimaryKeyConstraint("court_ori", "number", name="pk_court_case"),
        sa.ForeignKeyConstraint(["court_ori"], ["court.ori"], name="fk_court_case_court_ori"),
        sa.CheckConstraint("number <> ''", name="ck_court_case_number"),
        comment="A case of one court",
    )
    op.create_table(
        "case_participant",
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="The person"),
        sa.Column(
            "role",
            code("ck_case_participant_participantrole", "Defendant", "Minor", "ParentOrGuardian", "Other"),
            nullable=False,
            comment="What the person is in the case",
        ),
        sa.PrimaryKeyConstraint("court_ori", "case_number", "participant_id", name="pk_case_participant"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number"],
            ["court_case.court_ori", "court_case.number"],
            name="fk_case_participant_court_ori_case_number",
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "participant_id"],
            ["participant.court_ori", "participant.participant_id"],
            name="fk_case_participant_court_ori_participant_id",
        ),
        comment="A person in his or her role on a case",
    )
    op.create_index("ix_case_participant_court_ori_participant_id", "case_participant", ["court_ori", "participant_id"])
    op.create_table(
        "ledger_entry",
        sa.Column("entry_id", sa.Text(), nullable=False, comment="The court's id of the entry"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Whose account"),
        sa.Column(
            "kind",
            code("ck_ledger_entry_entrykind", "assessment", "payment", "waiver", "vacatur", "refund", "reversal"),
            nullable=False,
            comment="What the entry does to the balance",
        ),
        sa.Column("fee_kind", sa.Text(), nullable=False, comment="Kind of fine, fee or assessment"),
        sa.Column(
            "amount", Money(), nullable=False, comment="US dollars, always positive: the kind gives the direction"
        ),
        sa.Column("posted_on", sa.Date(), nullable=False, comment="The day from which the entry counts"),
        sa.Column(
            "statute", sa.Text(), nullable=False, comment="Statute under which the debt was imposed; empty if not known"
        ),
        sa.Column("imposed_on", sa.Date(), comment="When the court imposed the debt (assessments)"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the clerk's words"),
        sa.Column("reverses", sa.Text(), comment="The entry that a reversal undoes, whole"),
        sa.PrimaryKeyConstraint("court_ori", "entry_id", name="pk_ledger_entry"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_ledger_entry_court_ori_case_number_participant_id",
        ),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id", "reverses"],
            [
                "ledger_entry.court_ori",
                "ledger_entry.case_number",
                "ledger_entry.participant_id",
                "ledger_entry.entry_id",
            ],
            name="fk_ledger_entry_court_ori_case_number_participant_id_reverses",
        ),
        sa.UniqueConstraint(
            "court_ori",
            "case_number",
            "participant_id",
            "entry_id",
            name="uq_ledger_entry_court_ori_case_number_participant_id_entry_id",
        ),
        sa.UniqueConstraint("court_ori", "reverses", name="uq_ledger_entry_court_ori_reverses"),
        sa.CheckConstraint("entry_id <> ''", name="ck_ledger_entry_entry_id"),
        sa.CheckConstraint("fee_kind <> ''", name="ck_ledger_entry_fee_kind"),
        sa.CheckConstraint("amount > 0", name="ck_ledger_entry_amount"),
        sa.CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="ck_ledger_entry_reverses"),
        comment="One line of the ledger; nothing is deleted, a wrong entry is reversed by another",
    )


def downgrade() -> None:
    for table in ("ledger_entry", "case_participant", "court_case", "participant", "court"):
        op.drop_table(table)
