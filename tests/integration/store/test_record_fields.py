"""A field of a case, a participant or a ledger entry is in its table, its repository, the import and both pages."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import Table

from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseStatus,
    CaseType,
    DriverLicense,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.import_columns import COLUMNS
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.store.court_tables import court_case, ledger_entry, participant
from tests.support.databases import Units
from tests.support.records import COURT, ORI

CASE = Case(ORI, "26TR009999", CaseType.TRAFFIC, CaseStatus.CLOSED, "People v. Roe", confidential=True, sealed=True)
PERSON = Participant(ORI, "P-9", PersonName("Ada", "Roe", "M.", "Jr."), date(1990, 2, 28), DriverLicense("D1", "NV"))
FINE = LedgerEntry(
    *("E-1", ORI, CASE.number, PERSON.participant_id, EntryKind.ASSESSMENT, "BaseFine", Decimal("490.10")),
    *(date(2026, 1, 2), "PC 1214.1(a)", date(2026, 1, 1), "entered late"),
    due_on=date(2026, 4, 1),
)
NOT_OF_AN_ASSESSMENT = {"reverses", "obligation", "reported_by"}
RECORDS = [("case", CASE, court_case), ("participant", PERSON, participant), ("entry", FINE, ledger_entry)]


def places(record: Any, prefix: str = "") -> set[str]:
    """The names of the fields as columns have them: a name's parts by themselves, a license's with `license_`."""
    found: set[str] = set()
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            found |= places(value, "license_" if field.name == "driver_license" else "")
        else:
            found.add(prefix + field.name)
    return found


@pytest.mark.parametrize(("kind", "record", "table"), RECORDS)
def test_a_field_is_in_the_table_the_import_and_the_pages(kind: str, record: Any, table: Table) -> None:
    docs = files("ccms_ws") / "docs"
    section = (docs / "tables.md").read_text("utf-8").split(f"## {table.name}\n")[1].split("\n## ")[0]
    columns = (docs / "import.md").read_text("utf-8").split(f"## record = {kind}\n")[1].split("\n## ")[0]
    expected = places(record)
    assert expected - set(table.c.keys()) == set()
    assert {name for name in expected if f"| {name} |" not in section} == set()
    stated = expected - {"court_ori"}  # it is the court that loads
    assert stated - {column.name for column in COLUMNS[kind]} == set()
    assert {name for name in stated if f"| {name} |" not in columns} == set()


@pytest.mark.parametrize("record", [CASE, PERSON, FINE])
def test_no_field_of_the_records_here_is_at_its_default(record: Any) -> None:
    def is_default(field: Field[Any]) -> bool:
        return field.default is not MISSING and getattr(record, field.name) == field.default

    at_default = {field.name for field in fields(record) if is_default(field)}
    assert at_default == (NOT_OF_AN_ASSESSMENT if record is FINE else set())


def test_the_repository_keeps_each_field(units: Units) -> None:
    with units() as uow:
        on_case = CaseParticipant(PERSON, CASE.number, ParticipantRole.DEFENDANT)
        uow.books.add(COURT, CASE, PERSON, on_case, FINE)
        uow.commit()
    with units() as uow:
        assert uow.books.find_case(ORI, CASE.number) == CASE
        assert uow.books.find_participant(ORI, PERSON.participant_id) == PERSON
        assert uow.books.case_ledger(ORI, CASE.number) == [FINE]
