"""Abstracts: one open hold for a license and case, and no answer lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from ccms_ws.domain.abstracts import (
    Abstract,
    AbstractAction,
    AbstractState,
    Conviction,
    ReleaseReason,
    SectionRole,
    SectionViolated,
)
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.errors import ConcurrentChange, NotStored, StoreError
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.store.unit_of_work import SqlUnitOfWork
from tests.support.databases import Units
from tests.support.records import CASE, LICENSE, NOW, ORI, fill


def hold(**changes: Any) -> Abstract:
    made = Abstract(
        abstract_id=uuid4(),
        action=AbstractAction.HOLD,
        state=AbstractState.QUEUED,
        court_ori=ORI,
        case_number=CASE.number,
        participant_id="P-1",
        driver_license=LICENSE,
        sections=(
            SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
            SectionViolated("VC", "22349", SectionRole.UNDERLYING),
            SectionViolated("VC", "16028(a)", SectionRole.UNDERLYING),
        ),
        violation_date=date(2026, 1, 5),
        created_at=NOW,
        order_date=date(2026, 3, 1),
        noncompliance_date=date(2026, 6, 1),
        citation_number="C-77",
        commercial_vehicle=True,
        certified_by="J. Clerk",
    )
    return replace(made, **changes)


def release(of: UUID, **changes: Any) -> Abstract:
    of_hold = {"action": AbstractAction.RELEASE, "releases": of, "release_reason": ReleaseReason.COMPLIED}
    return replace(hold(release_date=date(2026, 9, 1)), **{**of_hold, **changes})


@pytest.fixture
def book(units: Units) -> Units:
    with units() as uow:
        fill(uow)
        uow.commit()
    return units


def test_abstracts_come_back_as_they_were_added(book: Units) -> None:
    placed = hold()
    taken_back = release(placed.abstract_id, sections=())
    with book() as uow:
        uow.of(Abstracts).add(placed)
        uow.of(Abstracts).add(taken_back)
        uow.commit()
    with book() as uow:
        assert uow.of(Abstracts).find(placed.abstract_id) == placed
        assert uow.of(Abstracts).lock(taken_back.abstract_id) == taken_back
        assert uow.of(Abstracts).find(uuid4()) is None
        assert uow.of(Abstracts).lock(uuid4()) is None


@pytest.mark.parametrize(
    "nonsense",
    [
        {"participant_id": "P-9"},
        {"driver_license": DriverLicense("")},
        {"driver_license": DriverLicense("D1234567", "California")},
        {"order_date": date(2026, 1, 4)},
        {"order_date": None, "noncompliance_date": date(2026, 1, 4)},
        {"noncompliance_date": date(2026, 2, 28)},
        {"releases": UUID(int=1)},
        {"action": AbstractAction.RELEASE},
        {"release_reason": ReleaseReason.DISMISSED},
        {"release_date": date(2026, 9, 1)},
    ],
    ids=str,
)
def test_nonsense_is_refused_by_the_tables(book: Units, nonsense: dict[str, Any]) -> None:
    with book() as uow, pytest.raises(StoreError):
        uow.of(Abstracts).add(hold(**nonsense))


REFUSED = (AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR)
STEPS = {
    AbstractState.QUEUED: (),
    AbstractState.AWAITING_RESPONSE: (AbstractState.AWAITING_RESPONSE,),
    AbstractState.OVERDUE: (AbstractState.AWAITING_RESPONSE, AbstractState.OVERDUE),
    AbstractState.ACCEPTED: (AbstractState.ACCEPTED,),
    AbstractState.NOT_ACCEPTED: (AbstractState.AWAITING_RESPONSE, AbstractState.NOT_ACCEPTED),
    AbstractState.IN_ERROR: (AbstractState.IN_ERROR,),
    AbstractState.UNDELIVERABLE: (AbstractState.UNDELIVERABLE,),
}


def open_hold(uow: SqlUnitOfWork) -> UUID | None:
    found = uow.of(Abstracts).open_hold(ORI, CASE.number, LICENSE)
    return None if found is None else found.abstract_id


@pytest.mark.parametrize("state", list(AbstractState))
def test_hold_is_open_unless_dmv_refused_it(book: Units, state: AbstractState) -> None:
    placed = hold()
    with book() as uow:
        uow.of(Abstracts).add(placed)
        for step in STEPS[state]:
            uow.of(Abstracts).move(placed.abstract_id, step)
        assert open_hold(uow) == (None if state in REFUSED else placed.abstract_id)


@pytest.mark.parametrize("state", list(AbstractState))
def test_release_ends_a_hold_unless_dmv_refused_it(book: Units, state: AbstractState) -> None:
    placed = hold()
    taken_back = release(placed.abstract_id)
    with book() as uow:
        uow.of(Abstracts).add(placed)
        uow.of(Abstracts).add(taken_back)
        for step in STEPS[state]:
            uow.of(Abstracts).move(taken_back.abstract_id, step)
        assert open_hold(uow) == (placed.abstract_id if state in REFUSED else None)
        assert [one.abstract_id for one in uow.of(Abstracts).releases_of(placed.abstract_id)] == [
            taken_back.abstract_id
        ]


def test_second_open_hold_is_refused_by_the_database(book: Units) -> None:
    with book() as uow:
        uow.of(Abstracts).add(hold())
        with pytest.raises(ConcurrentChange):
            uow.of(Abstracts).add(hold())


def test_only_an_open_hold_is_released(book: Units) -> None:
    placed = hold()
    with book() as uow:
        uow.of(Abstracts).add(placed)
        uow.of(Abstracts).add(release(placed.abstract_id))
        with pytest.raises(ConcurrentChange):
            uow.of(Abstracts).add(release(placed.abstract_id))


def test_withdrawn_hold_is_open_no_longer_and_a_withdrawn_release_releases_nothing(book: Units) -> None:
    placed = hold()
    taken_back = release(placed.abstract_id)
    with book() as uow:
        uow.of(Abstracts).add(placed)
        uow.of(Abstracts).add(taken_back)
        uow.of(Abstracts).move(taken_back.abstract_id, AbstractState.UNDELIVERABLE)
        uow.of(Abstracts).withdraw(taken_back.abstract_id, "typed twice")
        assert open_hold(uow) == placed.abstract_id
        uow.of(Abstracts).move(placed.abstract_id, AbstractState.UNDELIVERABLE)
        uow.of(Abstracts).withdraw(placed.abstract_id, "wrong case")
        assert open_hold(uow) is None
        with pytest.raises(NotStored):
            uow.of(Abstracts).withdraw(uuid4(), "")


def test_refused_release_does_not_bring_back_a_hold_that_a_newer_one_replaces(book: Units) -> None:
    old, new = hold(), hold()
    taken_back = release(old.abstract_id)
    with book() as uow:
        for made in (old, taken_back, new):
            uow.of(Abstracts).add(made)
        uow.of(Abstracts).move(taken_back.abstract_id, AbstractState.NOT_ACCEPTED)
        assert open_hold(uow) == new.abstract_id


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AbstractState.ACCEPTED, AbstractState.QUEUED),
        (AbstractState.ACCEPTED, AbstractState.IN_ERROR),
        (AbstractState.QUEUED, AbstractState.OVERDUE),
        (AbstractState.AWAITING_RESPONSE, AbstractState.UNDELIVERABLE),
    ],
)
def test_illegal_transition_is_impossible(book: Units, before: AbstractState, after: AbstractState) -> None:
    placed = hold()
    with book() as uow:
        uow.of(Abstracts).add(placed)
        for step in STEPS[before]:
            uow.of(Abstracts).move(placed.abstract_id, step)
        with pytest.raises(StoreError):
            uow.of(Abstracts).move(placed.abstract_id, after)


def test_conviction_is_kept_once_with_its_report(book: Units) -> None:
    convicted = Conviction(ORI, CASE.number, "P-1", date(2026, 2, 1))
    reported = replace(convicted, reported_on=date(2026, 2, 4))
    with book() as uow:
        for conviction in (convicted, reported, replace(convicted, convicted_on=date(2026, 1, 1))):
            uow.of(Abstracts).add_conviction(conviction)
        assert list(uow.of(Abstracts).convictions(ORI, CASE.number, "P-1")) == [
            replace(convicted, convicted_on=date(2026, 1, 1)),
            reported,
        ]
        assert list(uow.of(Abstracts).convictions(ORI, CASE.number, "P-2")) == []
        uow.of(Abstracts).add_conviction(convicted)  # said again without the day of its report, which stays
        assert reported in uow.of(Abstracts).convictions(ORI, CASE.number, "P-1")
        with pytest.raises(StoreError):
            uow.of(Abstracts).add_conviction(replace(convicted, reported_on=date(2025, 12, 31)))


def test_without_a_license_the_hold_is_on_the_person(book: Units) -> None:
    placed = replace(hold(), driver_license=None)
    taken_back = replace(release(placed.abstract_id), driver_license=None)

    def is_open(uow: SqlUnitOfWork, person: str) -> bool:
        return uow.of(Abstracts).open_hold(ORI, CASE.number, None, person) is not None

    with book() as uow:
        uow.of(Abstracts).add(placed)
        assert uow.of(Abstracts).find(placed.abstract_id) == placed
        assert [is_open(uow, person) for person in ("P-1", "P-2")] == [True, False]
        uow.of(Abstracts).add(taken_back)
        assert not is_open(uow, "P-1")
        uow.of(Abstracts).move(taken_back.abstract_id, AbstractState.NOT_ACCEPTED)
        assert is_open(uow, "P-1")


@pytest.mark.parametrize(
    "key",
    [("CA019015J", CASE.number, LICENSE), (ORI, "other", LICENSE), (ORI, CASE.number, DriverLicense("D1234567", "NV"))],
    ids=str,
)
def test_hold_is_for_this_court_case_and_license_alone(book: Units, key: tuple[str, str, DriverLicense]) -> None:
    with book() as uow:
        uow.of(Abstracts).add(hold())
        assert uow.of(Abstracts).open_hold(ORI, CASE.number, LICENSE) is not None
        assert uow.of(Abstracts).open_hold(*key) is None


def test_moving_sets_what_is_given_and_leaves_the_rest(book: Units) -> None:
    placed, due = hold(), NOW + timedelta(days=5)
    with book() as uow:
        uow.of(Abstracts).add(placed)
        uow.of(Abstracts).move(placed.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=due)
        uow.of(Abstracts).move(placed.abstract_id, AbstractState.ACCEPTED, answer_code="A", answer_text="Accepted")
        uow.commit()
        assert uow.of(Abstracts).find(placed.abstract_id) == replace(
            placed, state=AbstractState.ACCEPTED, answer_due_at=due, answer_code="A", answer_text="Accepted"
        )
        with pytest.raises(NotStored):
            uow.of(Abstracts).move(uuid4(), AbstractState.ACCEPTED)


def test_overdue_are_those_that_still_await_their_response(book: Units) -> None:
    waiting, answered, patient = (hold(driver_license=DriverLicense(f"D000000{n}")) for n in range(3))
    with book() as uow:
        for abstract, days in ((waiting, 1), (answered, 1), (patient, 3)):
            uow.of(Abstracts).add(abstract)
            due = NOW + timedelta(days=days)
            uow.of(Abstracts).move(abstract.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=due)
        uow.of(Abstracts).move(answered.abstract_id, AbstractState.ACCEPTED)
        assert list(uow.of(Abstracts).overdue(NOW + timedelta(days=1))) == []
        (late,) = uow.of(Abstracts).overdue(NOW + timedelta(days=2))
        assert (late.abstract_id, late.sections) == (waiting.abstract_id, waiting.sections)


def test_overdue_abstract_that_is_being_answered_is_left_out(engine: Engine, book: Units) -> None:
    placed = hold()
    with book() as uow:
        uow.of(Abstracts).add(placed)
        uow.of(Abstracts).move(placed.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=NOW)
        uow.commit()
    if engine.dialect.name == "sqlite":
        return  # one transaction at a time: nobody is being answered meanwhile
    with book() as answering, book() as sweeping:
        assert answering.of(Abstracts).lock(placed.abstract_id) is not None
        assert list(sweeping.of(Abstracts).overdue(NOW + timedelta(days=1))) == []
