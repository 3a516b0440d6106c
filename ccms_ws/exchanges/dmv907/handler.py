"""DMV907: order a hold or its release, and take in what DMV says to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

import structlog

from ccms_ws.domain.abstracts import (
    Abstract,
    AbstractAction,
    AbstractState,
    Conviction,
    OrderKind,
    ReleaseReason,
    SectionViolated,
    VehicleKind,
)
from ccms_ws.domain.courts import Court, Participant
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import NotStored
from ccms_ws.exchange import Context
from ccms_ws.exchanges.dmv907.messages import AbstractError, AbstractResponse, Notification
from ccms_ws.exchanges.dmv907.orders import check_account, check_days, unsayable
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.exchanges.dmv907.rules import AlreadyOrdered, NoticeRefused, check_notice
from ccms_ws.message_parts.metadata import MessageKind, first_metadata
from ccms_ws.message_parts.representable import in_words
from ccms_ws.tracking import Acceptance, AnswerMismatch, PartnerVerdict

log = structlog.get_logger(__name__)

_DEAD = AbstractState.UNDELIVERABLE
"""An operator has to do something about it: it counts as open, but not as done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOrder:
    """What the clerk orders: a failure-to-comply notice against a participant of a case (VC 40509.1).

    `convicted_on` is recorded with the hold, if it is given: the conviction, and when DMV902 reported it.
    """

    case_number: str
    participant_id: str
    sections: tuple[SectionViolated, ...]
    violation_date: date
    noncompliance_date: date
    order_kind: OrderKind
    vehicle_kind: VehicleKind = VehicleKind.MOTOR_VEHICLE
    order_date: date | None = None
    citation_number: str = ""
    commercial_vehicle: bool = False
    hazardous_material: bool = False
    certified_by: str = ""
    convicted_on: date | None = None
    conviction_reported_on: date | None = None


def order_hold(order: HoldOrder, context: Context, uow: UnitOfWork) -> Notification:
    """Record a hold and compose its notification.

    Raises NoticeRefused with every rule that stands against it, AlreadyOrdered if that very hold is open, NotStored for
    a case or a participant that is not on file.
    """
    case_number = check_account(context.court, order.case_number, order.participant_id)
    check_days(
        violation_date=order.violation_date,
        order_date=order.order_date,
        noncompliance_date=order.noncompliance_date,
        convicted=order.convicted_on,
        reported=order.conviction_reported_on,
    )
    person = _on_case(context.court.ori, case_number, order.participant_id, uow)
    if order.convicted_on is not None:
        account = (context.court.ori, case_number, order.participant_id)
        _add_conviction(Conviction(*account, order.convicted_on, order.conviction_reported_on), context.today, uow)
    abstract = Abstract(
        abstract_id=context.message_id,
        action=AbstractAction.HOLD,
        state=AbstractState.QUEUED,
        court_ori=context.court.ori,
        case_number=case_number,
        participant_id=order.participant_id,
        driver_license=person.driver_license,
        sections=order.sections,
        violation_date=order.violation_date,
        created_at=context.now,
        order_kind=order.order_kind,
        vehicle_kind=order.vehicle_kind,
        order_date=order.order_date,
        noncompliance_date=order.noncompliance_date,
        citation_number=order.citation_number,
        commercial_vehicle=order.commercial_vehicle,
        hazardous_material=order.hazardous_material,
        certified_by=order.certified_by,
    )
    return _record(abstract, context, uow)


def record_conviction(conviction: Conviction, court: Court, today: date, uow: UnitOfWork) -> Conviction:
    """Record a conviction; as it stands in the books then: a day of its report that is not said stays as it is.

    Raises NoticeRefused, and NotStored as `order_hold`.
    """
    case_number = check_account(court, conviction.case_number, conviction.participant_id)
    check_days(on=conviction.convicted_on, reported=conviction.reported_on)
    _on_case(court.ori, case_number, conviction.participant_id, uow)
    recorded = replace(conviction, case_number=case_number)
    _add_conviction(recorded, today, uow)
    on_file = uow.of(Abstracts).convictions(court.ori, case_number, conviction.participant_id)
    return next(each for each in on_file if each.convicted_on == recorded.convicted_on)


def _add_conviction(conviction: Conviction, today: date, uow: UnitOfWork) -> None:
    on, reported = conviction.convicted_on, conviction.reported_on
    if on > today:
        raise NoticeRefused(f"the conviction ({on}) is after today ({today})")
    if reported is not None and not on <= reported <= today:
        raise NoticeRefused(f"reported ({reported}) is not between the conviction ({on}) and today ({today})")
    uow.of(Abstracts).add_conviction(conviction)


def _on_case(ori: str, case_number: str, participant_id: str, uow: UnitOfWork) -> Participant:
    """The participant on that case. Raises NotStored."""
    if uow.books.find_case(ori, case_number) is None:
        raise NotStored(f"there is no case {case_number} in the books", hint="ccms-ws import cases loads them")
    for subject in uow.books.on_case(ori, case_number):
        if subject.participant.participant_id == participant_id:
            return subject.participant
    raise NotStored(
        f"participant {participant_id} is not on case {case_number}", hint=f"ccms-ws cases show {case_number}"
    )


def order_release(hold_id: UUID, reason: ReleaseReason, on: date, context: Context, uow: UnitOfWork) -> Notification:
    """Record the release of a hold and compose its notification. Raises NotStored, NoticeRefused, AlreadyOrdered."""
    check_days(on=on)
    hold = uow.of(Abstracts).find(hold_id)
    if hold is None:
        raise NotStored(f"there is no abstract {hold_id}", hint="ccms-ws outbox list shows what was sent")
    release = Abstract(
        abstract_id=context.message_id,
        action=AbstractAction.RELEASE,
        state=AbstractState.QUEUED,
        court_ori=hold.court_ori,
        case_number=hold.case_number,
        participant_id=hold.participant_id,
        driver_license=hold.driver_license,
        sections=hold.sections,
        violation_date=hold.violation_date,
        created_at=context.now,
        order_kind=hold.order_kind,
        vehicle_kind=hold.vehicle_kind,
        order_date=hold.order_date,
        noncompliance_date=hold.noncompliance_date,
        citation_number=hold.citation_number,
        commercial_vehicle=hold.commercial_vehicle,
        hazardous_material=hold.hazardous_material,
        certified_by=hold.certified_by,
        releases=hold_id,
        release_reason=reason,
        release_date=on,
    )
    return _record(release, context, uow)


def _record(abstract: Abstract, context: Context, uow: UnitOfWork) -> Notification:
    key = (abstract.court_ori, abstract.case_number)
    open_hold = uow.of(Abstracts).open_hold(*key, abstract.driver_license, abstract.participant_id)
    _check_new(abstract, open_hold, uow)
    case = uow.books.find_case(*key)
    if case is None:
        raise NotStored(f"there is no case {abstract.case_number} in the books", hint="ccms-ws import cases loads them")
    warnings = check_notice(
        abstract,
        context.today,
        context.law.failure_to_comply,
        case=case,
        open_hold=open_hold,
        convictions=uow.of(Abstracts).convictions(*key, abstract.participant_id),
    )
    person = uow.books.find_participant(abstract.court_ori, abstract.participant_id)
    if person is None:
        raise NoticeRefused(f"participant {abstract.participant_id} is not on file")
    if problems := list(unsayable(abstract, person)):
        raise NoticeRefused(in_words(problems))
    uow.of(Abstracts).add(abstract)
    if warnings:
        log.warning("dmv907.notice-doubtful", abstract=str(abstract.abstract_id), reason="; ".join(warnings))
    metadata = first_metadata("DMV907", context, MessageKind.NOTIFICATION)
    return Notification(metadata=metadata, court=context.court, abstract=abstract, person=person, warnings=warnings)


def _check_new(abstract: Abstract, open_hold: Abstract | None, uow: UnitOfWork) -> None:
    """Raises AlreadyOrdered for what was ordered before, and stands."""
    if abstract.action is AbstractAction.HOLD:
        if open_hold is not None and open_hold.state is not _DEAD and _ordered(open_hold) == _ordered(abstract):
            raise _already(open_hold)
        return
    if abstract.releases is None or (open_hold is not None and open_hold.abstract_id == abstract.releases):
        return
    for release in uow.of(Abstracts).releases_of(abstract.releases):
        refused = release.state in (AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR, _DEAD)
        if not refused and release.release_reason is abstract.release_reason:
            raise _already(release)


def _already(abstract: Abstract) -> AlreadyOrdered:
    words = f"the same was ordered before: {abstract.abstract_id}, {abstract.state.value}"
    return AlreadyOrdered(words, abstract_id=abstract.abstract_id)


def _ordered(hold: Abstract) -> tuple[object, ...]:
    """What a clerk says of a hold."""
    return (
        *(hold.participant_id, hold.sections, hold.violation_date, hold.order_date, hold.noncompliance_date),
        *(hold.order_kind, hold.vehicle_kind, hold.citation_number),
    )


def ordering_keys(message: Notification) -> Sequence[str]:
    """A release never overtakes its hold: both are about the same court, case and participant."""
    abstract = message.abstract
    return (f"{abstract.court_ori}/{abstract.case_number}/{abstract.participant_id}",)


# -- what comes back --------------------------------------------------------------------------------------------------
def take_response(response: AbstractResponse, abstract_id: UUID, context: Context, uow: UnitOfWork) -> PartnerVerdict:
    """DMV has processed the abstract; its message code says whether it acts on it."""
    abstract = uow.of(Abstracts).find(abstract_id)
    if abstract is None or abstract.driver_license not in (None, response.driver_license):
        raise AnswerMismatch("it names another driver license than the abstract")
    known = context.codes["dmv907-message-codes"].find(response.message_code, context.today)
    return PartnerVerdict(
        Acceptance.ACCEPTED if known is not None and known.outcome == "accepted" else Acceptance.REJECTED,
        response.message_code,
        response.message_text or (known.text if known else "a message code that is not on the court's list"),
    )


def take_error(error: AbstractError, _abstract_id: UUID, _context: Context, _uow: UnitOfWork) -> PartnerVerdict:
    """DMV could not process the abstract."""
    return PartnerVerdict(Acceptance.IN_ERROR, error.problem.code, error.problem.reason)


def recompose(message_id: UUID, context: Context, uow: UnitOfWork) -> Notification:
    """The same order under a new id, with the person, and for a hold the license, as the books have them now."""
    abstract = uow.of(Abstracts).lock(message_id)
    if abstract is None or abstract.state is not AbstractState.UNDELIVERABLE:
        raise NoticeRefused(f"the abstract {message_id} is not undeliverable")
    if any(release.state is AbstractState.QUEUED for release in uow.of(Abstracts).releases_of(message_id)):
        raise NoticeRefused("a release of this hold waits behind it, and names it: withdraw both, or resend it")
    person = uow.books.find_participant(abstract.court_ori, abstract.participant_id)
    license = abstract.driver_license
    if abstract.action is AbstractAction.HOLD and person is not None and person.driver_license is not None:
        license = person.driver_license
    uow.of(Abstracts).withdraw(message_id, f"replaced by {context.message_id}")
    again = replace(
        abstract,
        abstract_id=context.message_id,
        state=AbstractState.QUEUED,
        created_at=context.now,
        driver_license=license,
        answer_due_at=None,
        answer_code="",
        answer_text="",
    )
    return _record(again, context, uow)
