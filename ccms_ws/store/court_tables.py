"""The court's books: courts, cases, participants, the ledger. A court's own system may fill these tables directly.

Case numbers and participant ids mean nothing without their court, so the court is part of every key. What follows from
other tables (`participant_key`) is for the search alone; `ccms-ws db reindex` makes it anew.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Named,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from ccms_ws.domain.courts import CaseStatus, CaseType, NameKind, ParticipantRole
from ccms_ws.domain.ledger import EntryKind
from ccms_ws.store.column_types import Money, check, code, flag, metadata, partial_index


class CourtColumns(TypedColumns):
    ori: Named[str] = Column(Text, primary_key=True, comment="NCIC originating agency identification, nine characters")
    name: Named[str] = Column(Text, comment="Name as it is published")
    county_code: Named[str] = Column(Text, comment="The state's code of the county, 01 to 58")
    dmv_court_code: Named[str] = Column(Text, comment="DMV's five-digit code of the court")


court = Table(
    "court",
    metadata,
    CourtColumns,
    check("ori", "length(ori) = 9"),
    check("county_code", "length(county_code) = 2 AND county_code BETWEEN '01' AND '58'"),
    check("dmv_court_code", "length(dmv_court_code) = 5"),
    comment="A trial court",
)


class CaseColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, ForeignKey("court.ori"), comment="The court whose case it is")
    number: Named[str] = Column(Text, comment="Case number in the spelling of the court")
    case_type: Named[CaseType] = Column(code(CaseType), comment="Kind of matter; it decides who may know of the case")
    status: Named[CaseStatus] = Column(code(CaseStatus), comment="Whether the case is open")
    title: Named[str] = Column(Text, comment="Short title; empty if there is none")
    confidential: Named[bool] = Column(flag("confidential"), comment="Confidential file")
    sealed: Named[bool] = Column(flag("sealed"), comment="Sealed by order of the court")


court_case = Table(
    "court_case",
    metadata,
    CaseColumns,
    PrimaryKeyConstraint("court_ori", "number"),
    check("number", "number <> ''"),
    comment="A case of one court",
)


class ParticipantColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, ForeignKey("court.ori"), comment="The court that knows the person")
    participant_id: Named[str] = Column(Text, comment="The court's id of the person")
    given: Named[str] = Column(Text, comment="Given name")
    surname: Named[str] = Column(Text, comment="Surname")
    middle: Named[str] = Column(Text, comment="Middle name or initial; empty if none is on file")
    suffix: Named[str] = Column(Text, comment="Name suffix (Jr, III); empty if none is on file")
    birth_date: Named[date | None] = Column(Date, comment="Date of birth")
    license_number: Named[str | None] = Column(Text, comment="Driver licence number as printed")
    license_jurisdiction: Named[str | None] = Column(Text, comment="USPS code of the state that issued the licence")


def _of_participant(**options: Any) -> ForeignKeyConstraint:
    key = ["court_ori", "participant_id"]
    return ForeignKeyConstraint(key, [f"participant.{column}" for column in key], **options)


participant = Table(
    "participant",
    metadata,
    ParticipantColumns,
    PrimaryKeyConstraint("court_ori", "participant_id"),
    check("participant_id", "participant_id <> ''"),
    check("license", "(license_number IS NULL) = (license_jurisdiction IS NULL)"),
    check("license_form", "license_number <> '' AND length(license_jurisdiction) = 2"),
    partial_index(
        "ix_participant_license_number",
        *("court_ori", "license_number", "license_jurisdiction"),
        where="license_number IS NOT NULL",
    ),
    comment="A person known to one court",
)


class OtherNameColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    participant_id: Named[str] = Column(Text, comment="The person")
    kind: Named[NameKind] = Column(code(NameKind), comment="A former name, or one the person goes by as well")
    given: Named[str] = Column(Text, comment="Given name; may be empty")
    surname: Named[str] = Column(Text, comment="Surname")
    middle: Named[str] = Column(Text, comment="Middle name or initial; may be empty")
    suffix: Named[str] = Column(Text, comment="Name suffix; may be empty")


participant_name = Table(
    "participant_name",
    metadata,
    OtherNameColumns,
    PrimaryKeyConstraint("court_ori", "participant_id", "surname", "given", "middle", "suffix"),
    _of_participant(),
    check("surname", "surname <> ''"),
    comment="Another name of a person, by which he or she is found as well",
)


class OtherIdentificationColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    participant_id: Named[str] = Column(Text, comment="The person")
    kind: Named[str] = Column(Text, comment="Whose number it is, in the court's words (CII, jail booking, probation)")
    value: Named[str] = Column(Text, comment="The number")


participant_identification = Table(
    "participant_identification",
    metadata,
    OtherIdentificationColumns,
    PrimaryKeyConstraint("court_ori", "participant_id", "kind", "value"),
    _of_participant(),
    check("kind", "kind <> ''"),
    check("value", "value <> ''"),
    comment="A number by which others know a person",
)


class ParticipantKeyColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    birth_date: Named[date] = Column(Date, comment="Date of birth")
    surname_key: Named[str] = Column(
        Text, comment="A surname as it is searched (ccms_ws.domain.name_matching.surname_keys)"
    )
    participant_id: Named[str] = Column(Text, comment="The person")


participant_key = Table(
    "participant_key",
    metadata,
    ParticipantKeyColumns,
    PrimaryKeyConstraint("court_ori", "birth_date", "surname_key", "participant_id"),
    _of_participant(ondelete="CASCADE"),
    Index(None, "court_ori", "participant_id"),
    sqlite_with_rowid=False,
    comment="How persons are found by name and date of birth; follows from participant and participant_name",
)


class CaseParticipantColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="The person")
    role: Named[ParticipantRole] = Column(code(ParticipantRole), comment="What the person is in the case")


case_participant = Table(
    "case_participant",
    metadata,
    CaseParticipantColumns,
    PrimaryKeyConstraint("court_ori", "case_number", "participant_id"),
    ForeignKeyConstraint(["court_ori", "case_number"], ["court_case.court_ori", "court_case.number"]),
    _of_participant(),
    Index(None, "court_ori", "participant_id"),
    comment="A person in his or her role on a case",
)


class JointDebtorColumns(TypedColumns):
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    obligation: Named[str] = Column(Text, comment="Name of the obligation within its case")
    participant_id: Named[str] = Column(Text, comment="One of those who owe it")


joint_debtor = Table(
    "joint_debtor",
    metadata,
    JointDebtorColumns,
    PrimaryKeyConstraint("court_ori", "case_number", "obligation", "participant_id"),
    ForeignKeyConstraint(
        ["court_ori", "case_number", "participant_id"],
        ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
    ),
    check("obligation", "obligation <> ''"),
    comment="Who owes what jointly and severally: each of them all of it, until it is paid once",
)


class LedgerColumns(TypedColumns):
    entry_id: Named[str] = Column(Text, comment="The court's id of the entry")
    court_ori: Named[str] = Column(Text, comment="The court")
    case_number: Named[str] = Column(Text, comment="The case")
    participant_id: Named[str] = Column(Text, comment="Whose account")
    kind: Named[EntryKind] = Column(code(EntryKind), comment="What the entry does to the balance")
    fee_kind: Named[str] = Column(Text, comment="Kind of fine, fee or assessment")
    amount: Named[Decimal] = Column(Money, comment="US dollars, always positive: the kind gives the direction")
    posted_on: Named[date] = Column(Date, comment="The day from which the entry counts")
    statute: Named[str] = Column(Text, comment="Statute under which the debt was imposed; empty if not known")
    imposed_on: Named[date | None] = Column(Date, comment="When the court imposed the debt (assessments)")
    reason: Named[str] = Column(Text, comment="Why, in the clerk's words")
    reverses: Named[str | None] = Column(Text, comment="The entry that a reversal undoes, whole")
    obligation: Named[str | None] = Column(
        Text, comment="The joint and several obligation that the entry belongs to; null if it is this person's alone"
    )
    reported_by: Named[str] = Column(
        Text, server_default="", comment="The partner that took the payment; empty if the court took it itself"
    )
    due_on: Named[date | None] = Column(Date, comment="The last day on which an assessment could be paid in time")


ledger_entry = Table(
    "ledger_entry",
    metadata,
    LedgerColumns,
    PrimaryKeyConstraint("court_ori", "entry_id"),
    # Also the index by which an account is read.
    UniqueConstraint("court_ori", "case_number", "participant_id", "entry_id"),
    partial_index("uq_ledger_entry_reverses", "court_ori", "reverses", where="reverses IS NOT NULL", unique=True),
    ForeignKeyConstraint(
        ["court_ori", "case_number", "participant_id"],
        ["case_participant.court_ori", "case_participant.case_number", "case_participant.participant_id"],
    ),
    # A reversal stays on the account of the entry that it undoes.
    ForeignKeyConstraint(
        ["court_ori", "case_number", "participant_id", "reverses"],
        [
            "ledger_entry.court_ori",
            "ledger_entry.case_number",
            "ledger_entry.participant_id",
            "ledger_entry.entry_id",
        ],
    ),
    # Entries of a joint obligation are posted on the accounts of its debtors.
    ForeignKeyConstraint(
        ["court_ori", "case_number", "obligation", "participant_id"],
        [f"joint_debtor.{column}" for column in ("court_ori", "case_number", "obligation", "participant_id")],
    ),
    check("entry_id", "entry_id <> ''"),
    check("fee_kind", "fee_kind <> ''"),
    check("amount", "amount > 0"),
    check("reverses", "(kind = 'reversal') = (reverses IS NOT NULL)"),
    check("imposed_on", "imposed_on IS NULL OR kind = 'assessment'"),
    check("civil_assessment", "imposed_on IS NOT NULL OR kind <> 'assessment' OR fee_kind <> 'CivilAssessment'"),
    # Two triggers say the rest (see the migrations): a reversal has the amount, the kind of fee and the obligation of
    # the entry that it undoes, which is no reversal; and an entry never changes.
    comment="One line of the ledger; nothing is deleted, a wrong entry is reversed by another",
)
