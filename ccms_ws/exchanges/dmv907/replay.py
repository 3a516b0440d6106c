"""DMV907 in replay: ordering and releasing holds, the abstracts that a case begins with, and how they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import court_day
from ccms_ws.domain.abstracts import OrderKind, ReleaseReason, SectionRole, SectionViolated, VehicleKind
from ccms_ws.domain.courts import CaseParticipant, ParticipantRole
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.exchanges.dmv907.wire import notification_from_xml
from ccms_ws.replay.actions import Action, Facts, day
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.expectations import in_words
from ccms_ws.replay.normalize import Ids
from ccms_ws.replay.seed_participants import ensure_on_case


def _hold(facts: Facts, court: ReplayCourt, _ids: Ids) -> UUID:
    order = HoldOrder(
        case_number=facts["case"],
        participant_id=facts["participant"],
        sections=(
            _section(facts.get("compliance", "VC 40508(c)"), SectionRole.COMPLIANCE),
            *(_section(text, SectionRole.UNDERLYING) for text in facts["violated"]),
        ),
        violation_date=facts["violation_date"],
        order_kind=OrderKind(facts.get("order_kind", OrderKind.PROGRAM)),
        vehicle_kind=VehicleKind(facts.get("vehicle_kind", VehicleKind.MOTOR_VEHICLE)),
        order_date=facts.get("order_date"),
        noncompliance_date=facts["noncompliance_date"],
        citation_number=facts.get("citation", ""),
        certified_by=facts.get("certified_by", ""),
        convicted_on=facts.get("convicted", facts["violation_date"]),
    )
    app = court.application
    (made,) = app.push(DMV907, facts.get("partner", "DMV"), lambda context, uow: [order_hold(order, context, uow)])
    return made


def _release(facts: Facts, court: ReplayCourt, ids: Ids) -> UUID:
    hold, reason = UUID(ids.now(facts["hold"])), ReleaseReason(facts.get("reason", ReleaseReason.COMPLIED))
    on = day(facts.get("on"), court_day(court.clock.now()))
    app = court.application
    (made,) = app.push(
        DMV907, facts.get("partner", "DMV"), lambda context, uow: [order_release(hold, reason, on, context, uow)]
    )
    return made


def _section(text: str, role: SectionRole) -> SectionViolated:
    code_book, _, section = text.partition(" ")
    return SectionViolated(code_book, section, role)


def record(message: _Element, _partner_id: str, uow: UnitOfWork) -> None:
    """Put an abstract that was sent on file, with the person that it is about."""
    notification = notification_from_xml(message)
    abstract = notification.abstract
    ensure_on_case(CaseParticipant(notification.person, abstract.case_number, ParticipantRole.DEFENDANT), uow)
    uow.of(Abstracts).add(abstract)


def _state(number: UUID, uow: UnitOfWork) -> str:
    abstract = uow.of(Abstracts).find(number)
    return "nothing" if abstract is None else in_words(abstract.state, abstract.answer_code)


ACTIONS: Final[Mapping[str, Action]] = {"hold": _hold, "release": _release}
STATES: Final = {"abstract": _state}
