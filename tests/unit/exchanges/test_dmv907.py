"""DMV907: which notices the law allows, and that its messages survive the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from ccms_ws.contract.schemas import validate
from ccms_ws.domain.abstracts import (
    Abstract,
    AbstractAction,
    AbstractState,
    ReleaseReason,
    SectionRole,
    SectionViolated,
)
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.domain.law import current_law
from ccms_ws.exchanges.dmv907 import wire
from ccms_ws.exchanges.dmv907.messages import AbstractError, AbstractResponse, Notification
from ccms_ws.exchanges.dmv907.rules import NoticeRefused, check_notice
from ccms_ws.parts.metadata import MessageKind, first_metadata, reply_metadata
from ccms_ws.parts.problems import Problem
from tests.support.books import COURT, DMV, NOW, ORI, context, person

TODAY = date(2026, 11, 20)
LAW = current_law().failure_to_comply
COMPLIANCE = SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE)
UNDERLYING = SectionViolated("VC", "23103(a)", SectionRole.UNDERLYING)
HOLD = Abstract(
    abstract_id=UUID(int=10),
    action=AbstractAction.HOLD,
    state=AbstractState.QUEUED,
    court_ori=ORI,
    case_number="25TR1",
    participant_id="P1",
    driver_license=DriverLicense("A1234567"),
    sections=(COMPLIANCE, UNDERLYING),
    violation_date=date(2025, 4, 19),
    created_at=NOW,
    order_date=date(2025, 8, 11),
    noncompliance_date=date(2026, 8, 31),
    citation_number="SD7741930",
    certified_by="H. Clerk",
)
RELEASE = replace(
    HOLD,
    abstract_id=UUID(int=11),
    action=AbstractAction.RELEASE,
    order_date=None,
    noncompliance_date=None,
    releases=HOLD.abstract_id,
    release_reason=ReleaseReason.COMPLIED,
    release_date=date(2026, 11, 19),
)


def test_a_hold_that_keeps_the_rules_may_be_sent() -> None:
    check_notice(HOLD, TODAY, LAW, open_hold=None)


def test_a_release_of_the_open_hold_may_be_sent() -> None:
    check_notice(RELEASE, TODAY, LAW, open_hold=HOLD)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"driver_license": DriverLicense("1234567A")}, "one letter and seven digits"),
    ({"sections": (UNDERLYING,)}, "compliance section"),
    ({"sections": (COMPLIANCE,)}, "underlying section"),
    ({"sections": (COMPLIANCE, replace(UNDERLYING, code_book="PC"))}, "Vehicle Code"),
    ({"sections": (SectionViolated("VC", "40508(a)", SectionRole.COMPLIANCE), UNDERLYING)}, "40508(a) cannot"),
    ({"sections": (SectionViolated("VC", "40508(b)", SectionRole.COMPLIANCE), UNDERLYING)}, "40508(b) cannot"),
    ({"noncompliance_date": None}, "date of non-compliance"),
    ({"order_date": date(2025, 4, 18)}, "after the order date"),
    ({"noncompliance_date": date(2026, 11, 21)}, "after the day of the notice"),
]


@pytest.mark.parametrize(("change", "said"), BROKEN)
def test_a_hold_that_breaks_a_rule_is_refused_in_words(change: dict[str, Any], said: str) -> None:
    with pytest.raises(NoticeRefused) as refused:
        check_notice(replace(HOLD, **change), TODAY, LAW, open_hold=None)
    assert said in str(refused.value)


def test_a_second_hold_on_the_same_licence_and_case_is_refused() -> None:
    with pytest.raises(NoticeRefused, match="open hold exists"):
        check_notice(HOLD, TODAY, LAW, open_hold=replace(HOLD, abstract_id=UUID(int=9)))


@pytest.mark.parametrize("open_hold", [None, replace(HOLD, abstract_id=UUID(int=9))])
def test_a_release_without_its_open_hold_is_refused(open_hold: Abstract | None) -> None:
    with pytest.raises(NoticeRefused, match="no open hold"):
        check_notice(RELEASE, TODAY, LAW, open_hold=open_hold)


def test_an_out_of_state_licence_is_not_held_to_the_californian_form() -> None:
    check_notice(replace(HOLD, driver_license=DriverLicense("X12-99", "NV")), TODAY, LAW, open_hold=None)


def test_every_rule_that_is_broken_is_named_at_once() -> None:
    with pytest.raises(NoticeRefused) as refused:
        check_notice(replace(HOLD, sections=(), noncompliance_date=None), TODAY, LAW, open_hold=None)
    assert str(refused.value).count(";") == 2


@pytest.mark.parametrize("abstract", [HOLD, RELEASE])
def test_an_abstract_survives_the_wire(abstract: Abstract) -> None:
    metadata = first_metadata("DMV907", context(DMV), MessageKind.NOTIFICATION)
    someone = person("P1", "Ana", "Osei", date(1990, 7, 8), "A1234567")
    notification = Notification(metadata=metadata, court=COURT, abstract=abstract, person=someone)
    element = wire.notification_to_xml(notification)
    validate(element)
    assert wire.notification_from_xml(element) == notification


def test_answers_survive_the_wire() -> None:
    metadata = reply_metadata("DMV907", "1.0", context(DMV), MessageKind.RESPONSE)
    response = AbstractResponse(
        metadata=metadata,
        abstract_id="x",
        driver_license=DriverLicense("A1234567"),
        message_code="ACCEPTED",
        message_text="fine",
        processed_on=TODAY,
    )
    element = wire.response_to_xml(response)
    validate(element)
    assert wire.response_from_xml(element) == response
    error = AbstractError(
        metadata=replace(metadata, kind=MessageKind.ERROR),
        abstract_id="x",
        problem=Problem(code="E1", reason="no", node="nc:Date", value="?", resend=False),
    )
    element = wire.error_to_xml(error)
    validate(element)
    assert wire.error_from_xml(element) == error
