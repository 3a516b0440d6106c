"""DMV907: which notices the law allows, and that its messages survive the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ccms_ws.contract.schemas import validate
from ccms_ws.domain.abstracts import (
    Abstract,
    AbstractAction,
    AbstractState,
    Conviction,
    OrderKind,
    ReleaseReason,
    SectionRole,
    SectionViolated,
    VehicleKind,
)
from ccms_ws.domain.courts import Case, CaseStatus, CaseType, DriverLicense
from ccms_ws.domain.law import FailureToComplyLaw, load_law
from ccms_ws.errors import ConfigError
from ccms_ws.exchanges.dmv907 import wire
from ccms_ws.exchanges.dmv907.messages import AbstractError, AbstractResponse, Notification
from ccms_ws.exchanges.dmv907.rules import NoticeRefused, check_notice
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import MessageKind, first_metadata, reply_metadata
from tests.support.books import COURT, DMV, NOW, ORI, context, person

TODAY = date(2026, 11, 20)
LAW = load_law().failure_to_comply
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
    order_kind=OrderKind.PROGRAM,
    vehicle_kind=VehicleKind.MOTOR_VEHICLE,
    order_date=date(2025, 8, 11),
    noncompliance_date=date(2026, 8, 31),
    citation_number="SD7741930",
    certified_by="H. Clerk",
)
RELEASE = replace(
    HOLD,
    abstract_id=UUID(int=11),
    action=AbstractAction.RELEASE,
    order_kind=None,
    vehicle_kind=None,
    order_date=None,
    noncompliance_date=None,
    releases=HOLD.abstract_id,
    release_reason=ReleaseReason.COMPLIED,
    release_date=date(2026, 11, 19),
)


CASE = Case(ORI, "25TR1", CaseType.TRAFFIC)
CONVICTION = Conviction(ORI, "25TR1", "P1", date(2025, 6, 1))


def check(
    abstract: Abstract,
    open_hold: Abstract | None = None,
    *,
    law: FailureToComplyLaw = LAW,
    case: Case = CASE,
    convictions: Sequence[Conviction] = (CONVICTION,),
) -> tuple[str, ...]:
    return check_notice(abstract, TODAY, law, case=case, open_hold=open_hold, convictions=convictions)


def test_a_hold_that_keeps_the_rules_may_be_sent() -> None:
    check(HOLD)


def test_a_release_of_the_open_hold_may_be_sent() -> None:
    check(RELEASE, HOLD)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"driver_license": DriverLicense("1234567A")}, "one letter and seven digits"),
    ({"sections": (UNDERLYING,)}, "compliance section"),
    ({"sections": (COMPLIANCE,)}, "underlying section"),
    ({"sections": (COMPLIANCE, replace(UNDERLYING, code_book="PC"))}, "Vehicle Code"),
    ({"sections": (SectionViolated("VC", "40508(a)", SectionRole.COMPLIANCE), UNDERLYING)}, "40508(a) cannot"),
    ({"sections": (SectionViolated("VC", "40508(b)", SectionRole.COMPLIANCE), UNDERLYING)}, "40508(b) cannot"),
    ({"driver_license": DriverLicense("x-1", "NV")}, "capitals, digits"),
    ({"noncompliance_date": None}, "date of non-compliance"),
    ({"order_date": date(2025, 4, 18)}, "after the order date"),
    ({"noncompliance_date": date(2026, 11, 21)}, "after the day of the notice"),
]


@pytest.mark.parametrize(("change", "said"), BROKEN)
def test_a_hold_that_breaks_a_rule_is_refused_in_words(change: dict[str, Any], said: str) -> None:
    with pytest.raises(NoticeRefused) as refused:
        check(replace(HOLD, **change))
    assert said in str(refused.value)


def test_a_second_hold_on_the_same_license_and_case_is_refused() -> None:
    with pytest.raises(NoticeRefused, match="open hold exists"):
        check(HOLD, replace(HOLD, abstract_id=UUID(int=9)))


@pytest.mark.parametrize("open_hold", [None, replace(HOLD, abstract_id=UUID(int=9))])
def test_a_release_without_its_open_hold_is_refused(open_hold: Abstract | None) -> None:
    with pytest.raises(NoticeRefused, match="no open hold"):
        check(RELEASE, open_hold)


def test_an_out_of_state_license_is_not_held_to_the_californian_form() -> None:
    check(replace(HOLD, driver_license=DriverLicense("X12-99", "NV")))


def test_every_rule_that_is_broken_is_named_at_once() -> None:
    with pytest.raises(NoticeRefused) as refused:
        check(replace(HOLD, sections=(), noncompliance_date=None))
    assert str(refused.value).count(";") == 2


@pytest.mark.parametrize(
    "convictions",
    [
        [],
        [replace(CONVICTION, convicted_on=HOLD.violation_date - timedelta(days=1))],
        [replace(CONVICTION, convicted_on=TODAY)],
    ],
    ids=["none", "before the violation", "after the non-compliance"],
)
def test_a_hold_presupposes_a_conviction_unless_the_court_says_otherwise(convictions: list[Conviction]) -> None:
    with pytest.raises(NoticeRefused, match="no conviction"):
        check(HOLD, convictions=convictions)
    check(HOLD, convictions=convictions, law=replace(LAW, conviction_required=False))


PROPOSED = dict.fromkeys(load_law().undecided, True)


@pytest.mark.parametrize(
    ("change", "confirmed", "counsel"),
    [
        ({"section": "9850"}, "", "1803(b)(1)"),
        ({"section": "21113(a)"}, "", "1803(b)(2)"),
        ({"section": "22500"}, "", "1803(b)(3)"),
        ({"section": "22500(b)"}, "", "1803(b)(3)"),
        ({"section": "38020"}, "", "1803(b)(7)"),
        ({"section": "38301"}, "", ""),  # one of the exceptions that stand in (7), as far as they are known
        ({"section": "23103(a)"}, "", ""),
        ({"vehicle_kind": VehicleKind.BICYCLE}, "1803(b)(6)", "1803(b)(6)"),
        ({"vehicle_kind": VehicleKind.PEDESTRIAN}, "1803(b)(6)", "1803(b)(6)"),
        ({"vehicle_kind": VehicleKind.MOTORIZED_SCOOTER}, "", "1803(b)(6)"),
        ({"vehicle_kind": VehicleKind.OFF_HIGHWAY}, "", ""),
        *(({"order_kind": kind}, "40509.1", "40509.1") for kind in ("Appear", "Pay", "TrafficSchool")),
        *(({"order_kind": kind}, "", "") for kind in ("CommunityService", "ProofOfCorrection", "Other")),
        ({"order_kind": None}, "names the kind of order", "names the kind of order"),
        ({"vehicle_kind": None}, "names the kind of vehicle", "names the kind of vehicle"),
    ],
)
def test_an_excluded_order_is_refused_when_it_is_confirmed_and_pointed_at_before(
    change: dict[str, Any], confirmed: str, counsel: str
) -> None:
    section = change.pop("section", "")
    underlying = replace(UNDERLYING, section=section) if section else UNDERLYING
    changed = replace(HOLD, sections=(COMPLIANCE, underlying), **change)
    for law, refused in ((LAW, confirmed), (load_law(switches=PROPOSED).failure_to_comply, counsel)):
        if refused:
            with pytest.raises(NoticeRefused) as said:
                check(changed, law=law)
            assert refused in str(said.value)
        else:
            warnings = " ".join(check(changed, law=law))
            assert ("may be excluded" in warnings) is bool(counsel and law is LAW)
    decided = load_law(switches=dict.fromkeys(PROPOSED, False)).failure_to_comply
    if not confirmed:
        assert check(changed, law=decided) == ()


@pytest.mark.parametrize(
    ("written", "said"),
    [("40508a", "40508(a) cannot"), ("40508b", "40508(b) cannot"), ("40508 (B)", "40508(b) cannot")],
)
def test_an_ended_power_is_known_in_every_spelling(written: str, said: str) -> None:
    compliance = replace(COMPLIANCE, section=written)
    with pytest.raises(NoticeRefused) as refused:
        check(replace(HOLD, sections=(compliance, UNDERLYING)))
    assert said in str(refused.value)
    check(replace(HOLD, sections=(replace(COMPLIANCE, section="40508c"), UNDERLYING)))


def test_a_person_without_a_license_may_be_held() -> None:
    assert check(replace(HOLD, driver_license=None)) == ()


@pytest.mark.parametrize("case", [replace(CASE, sealed=True), Case(ORI, "25TR1", CaseType.JUVENILE_DEPENDENCY)])
def test_a_sealed_and_a_juvenile_case_are_refused_whatever_a_court_decides(case: Case) -> None:
    law = replace(LAW, closed_case="warn", confidential_case="warn")
    with pytest.raises(NoticeRefused, match="the case is"):
        check(HOLD, law=law, case=replace(case, status=CaseStatus.CLOSED, confidential=True))
    check(RELEASE, HOLD, law=law, case=case)


def test_a_closed_and_a_confidential_case_are_refused_or_told() -> None:
    case = replace(CASE, status=CaseStatus.CLOSED, confidential=True)
    with pytest.raises(NoticeRefused, match="the case is closed; the case is confidential"):
        check(HOLD, case=case)
    law = replace(LAW, closed_case="warn", confidential_case="warn")
    assert check(HOLD, law=law, case=case) == ("the case is closed", "the case is confidential")


def test_a_release_needs_no_conviction_on_file() -> None:
    check(RELEASE, HOLD, convictions=[])


def test_sections_that_the_court_has_entered_as_excluded_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "law.toml"
    own.write_text(
        """[[failure_to_comply.exclusions]]
        name = "1803(b)(6)"
        sections = ["21200-21213", "27400(b)"]
        effective = 2000-01-01
        ended = 2026-12-01
        source = "counsel, 2026-11"
        """
    )
    law = load_law(own).failure_to_comply
    for section, refused in (
        ("21201(d)", True),
        ("21213", True),
        ("21214", False),
        ("27400(b)", True),
        ("27400", False),
    ):
        hold = replace(HOLD, sections=(COMPLIANCE, replace(UNDERLYING, section=section)))
        assert any(one.covers(section, TODAY) for one in law.exclusions) is refused
        assert not any(one.covers(section, date(2026, 12, 1)) for one in law.exclusions)
        if refused:
            with pytest.raises(NoticeRefused, match="1803"):
                check(hold, law=law)
        else:
            check(hold, law=law)


@pytest.mark.parametrize("text", ["nonsense = 1", "[failure_to_comply]\nlicense_formats = [{}]", "[["])
def test_a_court_file_that_is_no_law_is_refused(tmp_path: Path, text: str) -> None:
    own = tmp_path / "law.toml"
    own.write_text(text)
    with pytest.raises(ConfigError):
        load_law(own)


@pytest.mark.parametrize("abstract", [HOLD, RELEASE, replace(HOLD, driver_license=None)])
def test_an_abstract_survives_the_wire(abstract: Abstract) -> None:
    metadata = first_metadata("DMV907", context(DMV), MessageKind.NOTIFICATION)
    license = abstract.driver_license
    someone = person("P1", "Ana", "Osei", date(1990, 7, 8), license.number if license else "")
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
        problem=ErrorBlock(code="E1", reason="no", node="nc:Date", value="?", resend=False),
    )
    element = wire.error_to_xml(error)
    validate(element)
    assert wire.error_from_xml(element) == error
