"""Abstracts: one open hold for a licence and case, and no answer lost."""

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
    ReleaseReason,
    SectionRole,
    SectionViolated,
)
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.errors import NotStored, StoreError
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
        uow.abstracts.add(placed)
        uow.abstracts.add(taken_back)
        uow.commit()
    with book() as uow:
        assert uow.abstracts.find(placed.abstract_id) == placed
        assert uow.abstracts.lock(taken_back.abstract_id) == taken_back
        assert uow.abstracts.find(uuid4()) is None
        assert uow.abstracts.lock(uuid4()) is None


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
        uow.abstracts.add(hold(**nonsense))


@pytest.mark.parametrize("state", list(AbstractState))
def test_hold_is_open_unless_dmv_refused_it(book: Units, state: AbstractState) -> None:
    placed = hold()
    refused = (AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR, AbstractState.UNDELIVERABLE)
    with book() as uow:
        uow.abstracts.add(placed)
        uow.abstracts.move(placed.abstract_id, state)
        found = uow.abstracts.open_hold(ORI, CASE.number, LICENSE)
        assert (found is None) == (state in refused)


@pytest.mark.parametrize("state", list(AbstractState))
def test_release_ends_a_hold_unless_dmv_refused_it(book: Units, state: AbstractState) -> None:
    placed = hold()
    refused = (AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR, AbstractState.UNDELIVERABLE)
    with book() as uow:
        uow.abstracts.add(placed)
        uow.abstracts.add(release(placed.abstract_id, state=state))
        found = uow.abstracts.open_hold(ORI, CASE.number, LICENSE)
        assert (found is not None) == (state in refused)


@pytest.mark.parametrize(
    "key",
    [("CA019015J", CASE.number, LICENSE), (ORI, "other", LICENSE), (ORI, CASE.number, DriverLicense("D1234567", "NV"))],
    ids=str,
)
def test_hold_is_for_this_court_case_and_licence_alone(book: Units, key: tuple[str, str, DriverLicense]) -> None:
    with book() as uow:
        uow.abstracts.add(hold())
        assert uow.abstracts.open_hold(ORI, CASE.number, LICENSE) is not None
        assert uow.abstracts.open_hold(*key) is None


def test_moving_sets_what_is_given_and_leaves_the_rest(book: Units) -> None:
    placed, due = hold(), NOW + timedelta(days=5)
    with book() as uow:
        uow.abstracts.add(placed)
        uow.abstracts.move(placed.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=due)
        uow.abstracts.move(placed.abstract_id, AbstractState.ACCEPTED, answer_code="A", answer_text="Accepted")
        uow.commit()
        assert uow.abstracts.find(placed.abstract_id) == replace(
            placed, state=AbstractState.ACCEPTED, answer_due_at=due, answer_code="A", answer_text="Accepted"
        )
        with pytest.raises(NotStored):
            uow.abstracts.move(uuid4(), AbstractState.ACCEPTED)


def test_overdue_are_those_that_still_await_their_response(book: Units) -> None:
    waiting, answered, patient = hold(), hold(), hold()
    with book() as uow:
        for abstract, days in ((waiting, 1), (answered, 1), (patient, 3)):
            uow.abstracts.add(abstract)
            due = NOW + timedelta(days=days)
            uow.abstracts.move(abstract.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=due)
        uow.abstracts.move(answered.abstract_id, AbstractState.ACCEPTED)
        assert list(uow.abstracts.overdue(NOW + timedelta(days=1))) == []
        (late,) = uow.abstracts.overdue(NOW + timedelta(days=2))
        assert (late.abstract_id, late.sections) == (waiting.abstract_id, waiting.sections)


def test_overdue_abstract_that_is_being_answered_is_left_out(engine: Engine, book: Units) -> None:
    placed = hold()
    with book() as uow:
        uow.abstracts.add(placed)
        uow.abstracts.move(placed.abstract_id, AbstractState.AWAITING_RESPONSE, answer_due_at=NOW)
        uow.commit()
    if engine.dialect.name == "sqlite":
        return  # one transaction at a time: nobody is being answered meanwhile
    with book() as answering, book() as sweeping:
        assert answering.abstracts.lock(placed.abstract_id) is not None
        assert list(sweeping.abstracts.overdue(NOW + timedelta(days=1))) == []
