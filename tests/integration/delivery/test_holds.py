"""What stands against a hold on the books of a court, and that nothing stands against taking one back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.domain.abstracts import (
    AbstractAction,
    AbstractState,
    Conviction,
    OrderKind,
    ReleaseReason,
    SectionRole,
    SectionViolated,
    VehicleKind,
)
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
from ccms_ws.exchanges.dmv907 import DMV907, handler
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release, recompose, record_conviction
from ccms_ws.exchanges.dmv907.messages import AbstractResponse, Notification
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.exchanges.dmv907.rules import AlreadyOrdered, NoticeRefused
from ccms_ws.message_parts.metadata import MessageKind, reply_metadata
from ccms_ws.tracking import Acceptance

CASE, CONVICTED = "TR-2031-000001", date(2025, 6, 17)
ORDER = HoldOrder(
    case_number=CASE,
    participant_id="H-1",
    sections=(
        SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
        SectionViolated("VC", "23103(a)", SectionRole.UNDERLYING),
    ),
    violation_date=date(2025, 5, 2),
    order_kind=OrderKind.PROGRAM,
    order_date=date(2025, 10, 6),
    noncompliance_date=date(2026, 4, 6),
    convicted_on=CONVICTED,
)


@pytest.fixture
def court(court_folder: Path) -> CourtApplication:
    court = load_court(court_folder / "ccms-ws.toml")
    add(court, Case(court.court.ori, CASE, CaseType.TRAFFIC))
    return court


def add(court: CourtApplication, case: Case) -> None:
    """The case with three people on it, of whom two have no driver license."""
    ori = court.court.ori
    with court.units() as uow:
        uow.books.add(case)
        for number, license in enumerate((DriverLicense("A7000001"), None, None), start=1):
            person = Participant(ori, f"H-{number}", PersonName("Ada", f"Held{number}"), date(1990, 1, 1), license)
            if uow.books.find_participant(ori, person.participant_id) is None:
                uow.books.add(person)
            uow.books.add(CaseParticipant(person, case.number, ParticipantRole.DEFENDANT))
        uow.commit()


def change(court: CourtApplication, statement: str) -> None:
    with court.units() as uow:
        uow.connection.exec_driver_sql(statement)
        uow.commit()


def hold(court: CourtApplication, order: HoldOrder = ORDER) -> UUID:
    (abstract_id,) = court.push(DMV907, "DMV", lambda context, uow: [order_hold(order, context, uow)])
    return abstract_id


def release(court: CourtApplication, hold_id: UUID) -> UUID:
    def compose(context: object, uow: object) -> list[Notification]:
        return [order_release(hold_id, ReleaseReason.COMPLIED, context.today, context, uow)]  # type: ignore[attr-defined, arg-type]

    (abstract_id,) = court.push(DMV907, "DMV", compose)
    return abstract_id


def undeliverable(court: CourtApplication, abstract_id: UUID) -> None:
    with court.units() as uow:
        uow.of(Abstracts).move(abstract_id, AbstractState.UNDELIVERABLE)
        uow.commit()


def composed_again(court: CourtApplication, abstract_id: UUID) -> Notification:
    with court.units() as uow:
        return recompose(abstract_id, court.context("DMV"), uow)


CASES = [
    (Case("", "", CaseType.TRAFFIC, sealed=True), "the case is sealed"),
    (Case("", "", CaseType.JUVENILE_DELINQUENCY), "the case is a juvenile case"),
    (Case("", "", CaseType.JUVENILE_DEPENDENCY), "the case is a juvenile case"),
    (Case("", "", CaseType.TRAFFIC, CaseStatus.CLOSED), "the case is closed"),
    (Case("", "", CaseType.TRAFFIC, confidential=True), "the case is confidential"),
]


@pytest.mark.parametrize(("case", "said"), CASES)
def test_no_hold_is_placed_on_such_a_case(court: CourtApplication, case: Case, said: str) -> None:
    add(court, replace(case, court_ori=court.court.ori, number="TR-2031-000002"))
    with pytest.raises(NoticeRefused, match=said):
        hold(court, replace(ORDER, case_number="TR-2031-000002"))
    with court.reading() as uow:
        assert uow.of(Abstracts).open_hold(court.court.ori, "TR-2031-000002", DriverLicense("A7000001")) is None


def test_a_court_decides_that_a_closed_case_is_only_told(court_folder: Path) -> None:
    settings = court_folder / "ccms-ws.toml"
    (court_folder / "own.toml").write_text('[failure_to_comply]\nclosed_case = "warn"\n', "utf-8")
    settings.write_text(settings.read_text("utf-8").replace("[court]", '[court]\nlaw = "own.toml"', 1), "utf-8")
    court = load_court(settings)
    add(court, Case(court.court.ori, CASE, CaseType.TRAFFIC, CaseStatus.CLOSED))
    with court.units() as uow:
        assert order_hold(ORDER, court.context("DMV"), uow).warnings == ("the case is closed",)


def test_a_hold_is_not_composed_again_on_a_case_that_was_sealed_meanwhile(court: CourtApplication) -> None:
    held = hold(court)
    undeliverable(court, held)
    change(court, f"UPDATE court_case SET sealed = 1 WHERE number = '{CASE}'")
    with pytest.raises(NoticeRefused, match="the case is sealed"):
        composed_again(court, held)


@pytest.mark.parametrize(
    "since",
    [
        f"UPDATE court_case SET sealed = 1, confidential = 1, status = 'closed' WHERE number = '{CASE}'",
        f"UPDATE court_case SET case_type = '{CaseType.JUVENILE_DELINQUENCY}' WHERE number = '{CASE}'",
        "UPDATE participant SET license_number = 'A7000009' WHERE participant_id = 'H-1'",
        "UPDATE participant SET license_number = NULL, license_jurisdiction = NULL WHERE participant_id = 'H-1'",
        "UPDATE participant SET birth_date = NULL WHERE participant_id = 'H-1'",
        "UPDATE abstract SET license_number = 'no form of today'",
        "UPDATE abstract_section SET section = '40508b' WHERE role = 'Compliance'",
        "UPDATE abstract_section SET code_book = 'PC' WHERE role = 'Underlying'",
        "UPDATE abstract SET order_kind = 'Pay', vehicle_kind = 'Bicycle'",
        "UPDATE abstract SET order_kind = NULL, vehicle_kind = NULL",
        "DELETE FROM conviction",
    ],
)
def test_whatever_happened_since_a_hold_is_taken_back(court: CourtApplication, since: str) -> None:
    held = hold(court)
    change(court, since)
    if "license_number = 'no form" in since:
        change(court, "UPDATE open_hold SET license_number = 'no form of today'")
    taken_back = release(court, held)
    undeliverable(court, taken_back)
    again = composed_again(court, taken_back)
    assert (again.abstract.action, again.abstract.releases) == (AbstractAction.RELEASE, held)


def test_what_is_not_said_of_a_conviction_stays(court: CourtApplication) -> None:
    conviction = Conviction(court.court.ori, CASE, "H-1", CONVICTED, date(2025, 6, 20))
    today = court.context("DMV").today
    with court.units() as uow:
        record_conviction(conviction, court.court, today, uow)
        assert record_conviction(replace(conviction, reported_on=None), court.court, today, uow) == conviction
        uow.commit()
    hold(court)
    with court.reading() as uow:
        assert list(uow.of(Abstracts).convictions(court.court.ori, CASE, "H-1")) == [conviction]


# -- people without a driver license -----------------------------------------------------------------------------------
def test_a_person_without_a_license_is_held_once_and_released(court: CourtApplication) -> None:
    orders = [replace(ORDER, participant_id=person) for person in ("H-2", "H-3")]
    held, other = (hold(court, order) for order in orders)
    with pytest.raises(AlreadyOrdered):
        hold(court, orders[0])
    with pytest.raises(NoticeRefused, match="an open hold exists"):
        hold(court, replace(orders[0], citation_number="C-2"))
    release(court, held)
    hold(court, orders[0])
    with court.reading() as uow:
        found = uow.of(Abstracts).open_hold(court.court.ori, CASE, None, "H-3")
        assert found is not None
        assert (found.abstract_id, found.driver_license) == (other, None)


def test_dmv_names_the_record_that_it_opened(court: CourtApplication) -> None:
    held = hold(court, replace(ORDER, participant_id="H-2"))
    context = replace(court.context("DMV"), relates_to=held)
    response = AbstractResponse(
        metadata=reply_metadata("DMV907", "1.0", context, MessageKind.RESPONSE),
        abstract_id=str(held),
        driver_license=DriverLicense("X1234567"),
        message_code="ACCEPTED",
    )
    response = replace(response, metadata=replace(response.metadata, correlation_id=held))
    with court.units() as uow:
        assert handler.take_response(response, held, context, uow).acceptance is Acceptance.ACCEPTED


def test_a_person_without_license_and_birth_date_is_not_held(court: CourtApplication) -> None:
    change(court, "UPDATE participant SET birth_date = NULL WHERE participant_id = 'H-2'")
    with pytest.raises(NoticeRefused, match="birth_date"):
        hold(court, replace(ORDER, participant_id="H-2"))


# -- kinds -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [OrderKind.APPEAR, OrderKind.PAY, OrderKind.TRAFFIC_SCHOOL])
def test_no_hold_is_placed_for_such_an_order(court: CourtApplication, kind: OrderKind) -> None:
    with pytest.raises(NoticeRefused, match=f"for {kind}: an order to appear, to pay"):
        hold(court, replace(ORDER, order_kind=kind))


def test_the_kinds_are_on_file_with_the_hold(court: CourtApplication) -> None:
    held = hold(court, replace(ORDER, order_kind=OrderKind.COMMUNITY_SERVICE, vehicle_kind=VehicleKind.OFF_HIGHWAY))
    with court.reading() as uow:
        found = uow.of(Abstracts).find(held)
        assert found is not None
        assert (found.order_kind, found.vehicle_kind) == (OrderKind.COMMUNITY_SERVICE, VehicleKind.OFF_HIGHWAY)
