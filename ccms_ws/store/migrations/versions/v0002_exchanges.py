"""Referrals and COL903 batches, DMV907 abstracts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.types import Instant, Money, code, flag

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "referral",
        sa.Column("referral_id", sa.Text(), nullable=False, comment="The court's id of the referral"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The collecting partner"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Who owes"),
        sa.Column("referred_on", sa.Date(), nullable=False, comment="When the debt was referred (COL901)"),
        sa.Column("referred_amount", Money(), nullable=False, comment="The debt at that time, US dollars"),
        sa.Column(
            "account_number",
            sa.Text(),
            nullable=False,
            comment="The partner's number of the account; empty if not known",
        ),
        sa.Column("closed_on", sa.Date(), comment="When it was recalled (COL904) or returned (COL805)"),
        sa.Column("reported_balance", Money(), comment="The balance that the partner was last told"),
        sa.PrimaryKeyConstraint("referral_id", name="pk_referral"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_referral_court_ori_case_number_participant_id",
        ),
        sa.CheckConstraint("referral_id <> ''", name="ck_referral_referral_id"),
        sa.CheckConstraint("partner_id <> ''", name="ck_referral_partner_id"),
        sa.CheckConstraint("referred_amount > 0", name="ck_referral_referred_amount"),
        sa.CheckConstraint("reported_balance >= 0", name="ck_referral_reported_balance"),
        sa.CheckConstraint("closed_on >= referred_on", name="ck_referral_closed_on"),
        comment="A participant's debt on a case in the hands of a collecting partner",
    )
    op.create_index(
        "ix_referral_open",
        "referral",
        ["partner_id", "referral_id"],
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    op.create_index(
        "uq_referral_open",
        "referral",
        ["court_ori", "case_number", "participant_id", "partner_id"],
        unique=True,
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    op.create_table(
        "collection_batch",
        sa.Column("batch_id", sa.Uuid(), nullable=False, comment="Also the transaction id of its message"),
        sa.Column("partner_id", sa.Text(), nullable=False, comment="The collecting partner"),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column(
            "state",
            code(
                "ck_collection_batch_batchstate",
                "queued",
                "delivered",
                "assumed accepted",
                "rejected",
                "partly rejected",
                "undeliverable",
            ),
            nullable=False,
            comment="Where the batch stands",
        ),
        sa.Column("created_at", Instant(), nullable=False, comment="When it was made"),
        sa.Column("item_count", sa.Integer(), nullable=False, comment="Number of items"),
        sa.Column("total_balance", Money(), nullable=False, comment="Sum of the items' current balances"),
        sa.Column("delivered_at", Instant(), comment="When the partner took it"),
        sa.Column("answer_due_at", Instant(), comment="Silence beyond this moment is acceptance"),
        sa.Column(
            "error_code",
            sa.Text(),
            nullable=False,
            comment="Code of the partner's error message; empty if there is none",
        ),
        sa.Column("error_reason", sa.Text(), nullable=False, comment="Reason in the partner's error message"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_collection_batch"),
        sa.ForeignKeyConstraint(["court_ori"], ["court.ori"], name="fk_collection_batch_court_ori"),
        sa.CheckConstraint("partner_id <> ''", name="ck_collection_batch_partner_id"),
        sa.CheckConstraint("item_count > 0", name="ck_collection_batch_item_count"),
        sa.CheckConstraint("total_balance >= 0", name="ck_collection_batch_total_balance"),
        comment="A COL903 batch of balance updates",
    )
    op.create_index(
        "ix_collection_batch_silent",
        "collection_batch",
        ["answer_due_at"],
        sqlite_where=sa.text("state = 'delivered'"),
        postgresql_where=sa.text("state = 'delivered'"),
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
        sa.PrimaryKeyConstraint("batch_id", "sequence", name="pk_balance_update"),
        sa.ForeignKeyConstraint(["batch_id"], ["collection_batch.batch_id"], name="fk_balance_update_batch_id"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.referral_id"], name="fk_balance_update_referral_id"),
        sa.UniqueConstraint("referral_id", "batch_id", name="uq_balance_update_referral_id_batch_id"),
        sa.CheckConstraint("sequence > 0", name="ck_balance_update_sequence"),
        sa.CheckConstraint("previous_balance >= 0 AND current_balance >= 0", name="ck_balance_update_balances"),
        comment="One item of a COL903 batch",
    )
    op.create_table(
        "abstract",
        sa.Column("abstract_id", sa.Uuid(), nullable=False, comment="Also the transaction id of its message"),
        sa.Column(
            "action",
            code("ck_abstract_abstractaction", "Hold", "Release"),
            nullable=False,
            comment="Whether it places or releases a hold",
        ),
        sa.Column(
            "state",
            code(
                "ck_abstract_abstractstate",
                "queued",
                "awaiting response",
                "overdue",
                "accepted",
                "not accepted",
                "in error",
                "undeliverable",
            ),
            nullable=False,
            comment="Where it stands between court and DMV",
        ),
        sa.Column("court_ori", sa.Text(), nullable=False, comment="The court"),
        sa.Column("case_number", sa.Text(), nullable=False, comment="The case"),
        sa.Column("participant_id", sa.Text(), nullable=False, comment="Whose licence"),
        sa.Column("license_number", sa.Text(), nullable=False, comment="Driver licence number"),
        sa.Column(
            "license_jurisdiction", sa.Text(), nullable=False, comment="USPS code of the state that issued the licence"
        ),
        sa.Column("violation_date", sa.Date(), nullable=False, comment="When the Vehicle Code was violated"),
        sa.Column("order_date", sa.Date(), comment="When the court made its order"),
        sa.Column("noncompliance_date", sa.Date(), comment="Since when the order is not complied with"),
        sa.Column("citation_number", sa.Text(), nullable=False, comment="Citation; empty if none"),
        sa.Column("commercial_vehicle", flag("ck_abstract_commercial_vehicle"), nullable=False, comment="VC 1804"),
        sa.Column("hazardous_material", flag("ck_abstract_hazardous_material"), nullable=False, comment="VC 1804"),
        sa.Column("certified_by", sa.Text(), nullable=False, comment="The clerk who certifies; empty if not certified"),
        sa.Column("releases", sa.Uuid(), comment="The hold that a release takes back"),
        sa.Column(
            "release_reason",
            code("ck_abstract_releasereason", "Complied", "Adjudicated", "Dismissed", "Error", "Deceased"),
            comment="Why the hold is released",
        ),
        sa.Column("release_date", sa.Date(), comment="When the hold is released"),
        sa.Column("created_at", Instant(), nullable=False, comment="When the court ordered it"),
        sa.Column("answer_due_at", Instant(), comment="Without a response by then it is overdue"),
        sa.Column(
            "answer_code", sa.Text(), nullable=False, comment="DMV's message or error code; empty before the answer"
        ),
        sa.Column("answer_text", sa.Text(), nullable=False, comment="DMV's words, or why it could not be delivered"),
        sa.PrimaryKeyConstraint("abstract_id", name="pk_abstract"),
        sa.ForeignKeyConstraint(
            ["court_ori", "case_number", "participant_id"],
            ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
            name="fk_abstract_court_ori_case_number_participant_id",
        ),
        sa.ForeignKeyConstraint(["releases"], ["abstract.abstract_id"], name="fk_abstract_releases"),
        sa.CheckConstraint("license_number <> '' AND length(license_jurisdiction) = 2", name="ck_abstract_license"),
        sa.CheckConstraint(
            "violation_date <= order_date AND order_date <= noncompliance_date", name="ck_abstract_dates"
        ),
        sa.CheckConstraint("violation_date <= noncompliance_date", name="ck_abstract_violation"),
        sa.CheckConstraint("(action = 'Release') = (releases IS NOT NULL)", name="ck_abstract_release"),
        sa.CheckConstraint("(action = 'Release') = (release_reason IS NOT NULL)", name="ck_abstract_release_reason"),
        sa.CheckConstraint("(action = 'Release') = (release_date IS NOT NULL)", name="ck_abstract_release_date"),
        comment="A failure-to-comply abstract (VC 40509.1): a hold on a driver licence, or its release",
    )
    op.create_index(
        "ix_abstract_awaiting",
        "abstract",
        ["answer_due_at"],
        sqlite_where=sa.text("state = 'awaiting response'"),
        postgresql_where=sa.text("state = 'awaiting response'"),
    )
    op.create_index(
        "ix_abstract_license", "abstract", ["court_ori", "case_number", "license_number", "license_jurisdiction"]
    )
    op.create_index("ix_abstract_releases", "abstract", ["releases"])
    op.create_table(
        "abstract_section",
        sa.Column("abstract_id", sa.Uuid(), nullable=False, comment="The abstract"),
        sa.Column("position", sa.Integer(), nullable=False, comment="Place in the abstract, from 0"),
        sa.Column("code_book", sa.Text(), nullable=False, comment="Code book, VC for the Vehicle Code"),
        sa.Column("section", sa.Text(), nullable=False, comment="Section violated"),
        sa.Column(
            "role",
            code("ck_abstract_section_sectionrole", "Compliance", "Underlying"),
            nullable=False,
            comment="Why the section is named",
        ),
        sa.PrimaryKeyConstraint("abstract_id", "position", name="pk_abstract_section"),
        sa.ForeignKeyConstraint(["abstract_id"], ["abstract.abstract_id"], name="fk_abstract_section_abstract_id"),
        comment="A section violated that an abstract names",
    )


def downgrade() -> None:
    for table in ("abstract_section", "abstract", "balance_update", "collection_batch", "referral"):
        op.drop_table(table)
