"""The court's books come back as they were put in; the tables refuse nonsense."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.courts import Case, CaseParticipant, CaseType, Participant, PersonName
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.errors import ConcurrentChange, StoreError
from tests.support.databases import Units
from tests.support.records import ANA, BEN, CASE, COURT, FINE, ON_CASE, ORI, fill


def test_records_come_back_as_they_were_added(units: Units) -> None:
    with units() as uow:
        fill(uow)
        uow.commit()
    with units() as uow:
        assert uow.books.find_court(ORI) == COURT
        assert uow.books.find_case(ORI, CASE.number) == CASE
        assert uow.books.find_participant(ORI, "P-1") == ANA
        assert uow.books.find_participant(ORI, "P-2") == BEN
        assert tuple(uow.books.on_case(ORI, CASE.number)) == ON_CASE
        assert list(uow.books.ledger(ORI, CASE.number, "P-1")) == [FINE]


def test_what_is_not_there_is_none_or_empty(units: Units) -> None:
    with units() as uow:
        assert uow.books.find_court(ORI) is None
        assert uow.books.find_case(ORI, "1") is None
        assert uow.books.find_participant(ORI, "P-1") is None
        assert list(uow.books.on_case(ORI, "1")) == []
        assert list(uow.books.ledger(ORI, "1", "P-1")) == []


def test_case_means_nothing_without_its_court(units: Units) -> None:
    other = replace(COURT, ori="CA019015J", county_code="19")
    with units() as uow:
        fill(uow)
        uow.books.add(other, replace(CASE, court_ori=other.ori, case_type=CaseType.CIVIL))
        assert uow.books.find_case(ORI, CASE.number) == CASE
        assert list(uow.books.on_case(other.ori, CASE.number)) == []


def test_records_may_be_added_in_any_order(units: Units) -> None:
    undone = replace(FINE, entry_id="E-0", kind=EntryKind.REVERSAL, reverses="E-1", imposed_on=None)
    with units() as uow:
        uow.books.add(undone, FINE, *ON_CASE, BEN, ANA, CASE, COURT)
        assert list(uow.books.ledger(ORI, CASE.number, "P-1")) == [undone, FINE]


@pytest.mark.parametrize("amount", ["0.01", "0.10", "19.99", "999999999999.99"])
def test_money_is_exact_to_the_cent(units: Units, amount: str) -> None:
    with units() as uow:
        fill(uow)
        uow.books.add(replace(FINE, entry_id="E-2", amount=Decimal(amount)))
        uow.commit()
        assert str(uow.books.ledger(ORI, CASE.number, "P-1")[1].amount) == amount


@pytest.mark.parametrize(
    "amount", [Decimal("0"), Decimal("-1.00"), Decimal("1.005"), Decimal("NaN"), Decimal(10) ** 12, 1.5]
)
def test_money_that_is_none_is_refused(units: Units, amount: Any) -> None:
    with units() as uow:
        fill(uow)
        with pytest.raises(StoreError):
            uow.books.add(replace(FINE, entry_id="E-2", amount=amount))


@pytest.mark.parametrize(
    "nonsense",
    [
        replace(COURT, ori="CA1"),
        replace(COURT, ori="CA019015J", county_code="59"),
        replace(CASE, number=""),
        replace(CASE, court_ori="CA999999J", number="1"),
        replace(ANA, participant_id=""),
        replace(ON_CASE[0], case_number="no such case"),
        replace(FINE, entry_id="E-2", participant_id="P-3"),
        replace(FINE, entry_id="E-2", fee_kind=""),
        replace(FINE, entry_id="E-2", kind=EntryKind.REVERSAL),
        replace(FINE, entry_id="E-2", reverses="E-1"),
        replace(FINE, entry_id="E-2", kind=EntryKind.REVERSAL, reverses="E-9"),
        replace(FINE, entry_id="E-2", kind=EntryKind.REVERSAL, reverses="E-1", participant_id="P-2"),
    ],
    ids=repr,
)
def test_nonsense_is_refused_by_the_tables(units: Units, nonsense: Any) -> None:
    with units() as uow:
        fill(uow)
        with pytest.raises(StoreError) as refused:
            uow.books.add(nonsense)
        assert type(refused.value) is StoreError


def test_entry_is_reversed_once(units: Units) -> None:
    undone = replace(FINE, entry_id="E-2", kind=EntryKind.REVERSAL, reverses="E-1", imposed_on=None)
    with units() as uow:
        fill(uow)
        uow.books.add(undone)
        with pytest.raises(ConcurrentChange):
            uow.books.add(replace(undone, entry_id="E-3"))


@pytest.mark.parametrize("record", [COURT, CASE, ANA, ON_CASE[0], FINE], ids=lambda record: type(record).__name__)
def test_key_that_is_taken_is_a_concurrent_change(units: Units, record: Any) -> None:
    with units() as uow:
        fill(uow)
        with pytest.raises(ConcurrentChange):
            uow.books.add(record)


# -- size -------------------------------------------------------------------------------------------------------------
def crowd(number: int) -> list[Case | Participant | CaseParticipant | LedgerEntry]:
    born = date(1990, 2, 28)
    people = [
        replace(BEN, participant_id=f"Q-{n}", name=PersonName("Ben", f"Lee{n}"), birth_date=born) for n in range(number)
    ]
    return [
        *people,
        *(replace(ON_CASE[1], participant=person) for person in people),
        *(replace(FINE, entry_id=f"F-{n}", participant_id=f"Q-{n}") for n in range(number)),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM ledger_entry WHERE court_ori = 'x' AND case_number = 'y' AND participant_id = 'z'",
        "SELECT * FROM participant_key WHERE court_ori = 'x' AND birth_date = '1990-02-28' AND surname_key = 'y'",
        "SELECT * FROM participant WHERE court_ori = 'x' AND license_number = 'y' AND license_jurisdiction = 'CA'",
        "SELECT * FROM case_participant WHERE court_ori = 'x' AND participant_id = 'z'",
    ],
)
def test_queries_read_an_index_and_no_whole_table(units: Units, engine: Engine, query: str) -> None:
    with units() as uow:
        fill(uow)
        uow.books.add(*crowd(1000))
        uow.commit()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))
            plan = str(connection.execute(text(f"EXPLAIN {query}")).all())
            assert "Index" in plan
            assert "Seq Scan" not in plan
        else:
            plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
            assert "SEARCH" in plan
            assert "SCAN" not in plan
