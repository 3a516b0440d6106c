"""Bulk loading: the good load, the bad are named, and the same again changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Engine, text

from ccms_ws.domain.courts import CaseStatus, JointDebtor, NameKind, OtherName, PersonName
from ccms_ws.domain.import_columns import Statement
from ccms_ws.domain.ledger import EntryKind
from ccms_ws.domain.participant_search import AccessScope, ByBirth
from ccms_ws.domain.ports import Record
from ccms_ws.store.loading import Loaded, load
from ccms_ws.store.reindex import reindex
from tests.support.databases import Units
from tests.support.records import ANA, BEN, CASE, COURT, FINE, ON_CASE, ORI

ALL: list[Record] = [COURT, CASE, ANA, BEN, *ON_CASE, FINE]
EVERYTHING = AccessScope(frozenset([CASE.case_type]))


def load_all(engine: Engine, records: list[Record], *, dry_run: bool = False) -> tuple[Loaded, list[tuple[int, str]]]:
    refused: list[tuple[int, str]] = []
    loaded = load(
        engine,
        enumerate(map(Statement, records)),
        refuse=lambda place, field, reason: refused.append((place, f"{field} {reason}")),
        dry_run=dry_run,
    )
    return loaded, refused


def test_same_again_changes_nothing(units: Units, engine: Engine) -> None:
    first, _ = load_all(engine, ALL)
    again, refused = load_all(engine, ALL)
    assert sum(first.added.values()) == len(ALL)
    assert (sum(again.added.values()), sum(again.changed.values()), refused) == (0, 0, [])
    assert sum(again.unchanged.values()) == len(ALL)
    with units() as uow:
        assert list(uow.books.ledger(ORI, CASE.number, "P-1")) == [FINE]


def test_bad_rows_are_named_and_hold_up_no_good_one(units: Units, engine: Engine) -> None:
    entries = [replace(FINE, entry_id=f"E-{number}") for number in range(50)]
    stranger = replace(FINE, entry_id="E-x", participant_id="P-9")
    orphan = replace(FINE, entry_id="E-y", kind=EntryKind.REVERSAL, reverses="E-999", imposed_on=None)
    loaded, refused = load_all(engine, [*ALL, *entries[2:20], stranger, orphan, *entries[20:]])
    assert [place for place, _ in refused] == [len(ALL) + 18, len(ALL) + 19]
    assert loaded.added["ledger_entry"] == 49
    with units() as uow:
        assert len(uow.books.ledger(ORI, CASE.number, "P-1")) == 49


def test_case_that_changed_is_brought_up_to_date_and_an_entry_never(units: Units, engine: Engine) -> None:
    load_all(engine, ALL)
    closed, dearer = replace(CASE, status=CaseStatus.CLOSED), replace(FINE, amount=Decimal("999.00"))
    loaded, refused = load_all(engine, [closed, dearer])
    assert (loaded.changed["court_case"], [place for place, _ in refused]) == (1, [1])
    with units() as uow:
        assert uow.books.find_case(ORI, CASE.number) == closed
        assert uow.books.ledger(ORI, CASE.number, "P-1")[0].amount == FINE.amount


def test_person_who_changed_is_found_by_what_is_on_file_now(units: Units, engine: Engine) -> None:
    load_all(engine, [*ALL, OtherName(ORI, "P-1", NameKind.FORMER, PersonName("Ana", "Quiroga"))])
    load_all(engine, [replace(ANA, name=PersonName("Ana", "Stone"), birth_date=date(1991, 1, 1))])

    def found(surname: str, born: date) -> bool:
        with units() as uow:
            return bool(uow.participants.find(ORI, ByBirth(PersonName("Ana", surname), born), EVERYTHING))

    assert found("Stone", date(1991, 1, 1))
    assert found("Quiroga", date(1991, 1, 1))
    assert not found("Núñez-O'Brien", date(1990, 2, 28))


def test_dry_run_keeps_nothing(units: Units, engine: Engine) -> None:
    loaded, _ = load_all(engine, ALL, dry_run=True)
    assert sum(loaded.added.values()) == len(ALL)
    with units() as uow:
        assert uow.books.find_court(ORI) is None


def test_books_that_were_filled_directly_are_searchable_after_a_reindex(units: Units, engine: Engine) -> None:
    load_all(engine, ALL)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM participant_key"))
    ana = ByBirth(ANA.name, date(1990, 2, 28))
    with units() as uow:
        assert uow.participants.find(ORI, ana, EVERYTHING) == []
    assert reindex(engine, ORI) == 2
    with units() as uow:
        assert uow.participants.find(ORI, ana, EVERYTHING) == [ON_CASE[0]]


def test_joint_debt_counts_for_each_debtor_and_once_for_the_case(units: Units, engine: Engine) -> None:
    debtors = [JointDebtor(ORI, CASE.number, "restitution", person) for person in ("P-1", "P-2")]
    shared = replace(FINE, entry_id="E-2", obligation="restitution", fee_kind="Restitution")
    load_all(engine, [*ALL, *debtors, shared])
    with units() as uow:
        assert list(uow.books.ledger(ORI, CASE.number, "P-1")) == [FINE, shared]
        assert list(uow.books.ledger(ORI, CASE.number, "P-2")) == [shared]
        assert list(uow.books.case_ledger(ORI, CASE.number)) == [FINE, shared]
