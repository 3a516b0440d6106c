"""What no message can carry is found in the books on each kind of database, by case, participant and field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from ccms_ws.domain.courts import Case, CaseType, DriverLicense, PersonName
from ccms_ws.domain.ledger import EntryKind
from ccms_ws.domain.ports import Record
from ccms_ws.store.unrepresentable import unrepresentable
from tests.support.databases import Units
from tests.support.records import BEN, CASE, FINE, ORI, fill

GOOD_NAME = PersonName("Maríá\u00a0José", "O'Brien-Núñez (\u2019) \U0001f600", "Q.", "Jr.")


def test_sound_books_have_nothing_to_find(units: Units, engine: Engine) -> None:
    with units() as uow:
        fill(uow)
        uow.books.add(replace(BEN, participant_id="P-3", name=GOOD_NAME, driver_license=DriverLicense("A1", "NV")))
        uow.commit()
    assert unrepresentable(engine, ORI) == []


def person(**changes: Any) -> Record:
    return replace(BEN, participant_id="P-3", **changes)


def entry(**changes: Any) -> Record:
    return replace(FINE, **({"entry_id": "E-3"} | changes))


@pytest.mark.parametrize(
    ("record", "where", "why"),
    [
        (lambda: person(name=PersonName("Je\x07rome", "Lee")), "participant P-3", "given has a character"),
        (lambda: person(name=PersonName("Ann", "Line\nbreak")), "participant P-3", "surname has a line break"),
        (lambda: person(name=PersonName("Ann", "Lee", " M")), "participant P-3", "middle begins or ends with a blank"),
        (lambda: person(name=PersonName("Ann", "Lee\x85")), "participant P-3", "surname has a character"),
        (lambda: person(name=PersonName("Ann", "")), "participant P-3", "surname is empty"),
        (lambda: person(driver_license=DriverLicense("D1", "ZZ")), "participant P-3", "license_jurisdiction is not in"),
        (lambda: person(birth_date=date(1, 1, 1)), "participant P-3", "birth_date is not between"),
        (lambda: Case(ORI, "9" * 65, CaseType.TRAFFIC), f"case {'9' * 65}", "number is longer than 64 characters"),
        (lambda: entry(fee_kind="Base Fine"), f"entry E-3 of case {CASE.number}, participant P-1", "fee_kind is not"),
        (
            lambda: entry(statute=f"VC {'1' * 65}"),
            f"entry E-3 of case {CASE.number}, participant P-1",
            "statute is longer",
        ),
        (lambda: entry(reason="a\x07b"), f"entry E-3 of case {CASE.number}, participant P-1", "reason has a character"),
        (
            lambda: entry(entry_id="E" * 65),
            f"entry {'E' * 65} of case {CASE.number}, participant P-1",
            "entry_id is longer",
        ),
        (lambda: entry(amount=Decimal("999999999999.99")), f"case {CASE.number}", "its entries add up to more than"),
        (
            lambda: entry(kind=EntryKind.PAYMENT, imposed_on=None, posted_on=date(9999, 1, 1)),
            f"entry E-3 of case {CASE.number}, participant P-1",
            "posted_on is not between",
        ),
    ],
)
def test_each_kind_is_found(units: Units, engine: Engine, record: Callable[[], Record], where: str, why: str) -> None:
    with units() as uow:
        fill(uow)
        uow.books.add(record())
        uow.commit()
    (found,) = unrepresentable(engine, ORI)
    assert found.where == where
    assert found.why.startswith(why)
