"""DMV907 in the demo: a hold, its release, and a hold that DMV cannot process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from ccms_ws.demo.scenario import Done, Stage
from ccms_ws.demo.steps import Step
from ccms_ws.domain.abstracts import Abstract, AbstractState, OrderKind, ReleaseReason, SectionRole, SectionViolated
from ccms_ws.errors import InternalError
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.exchanges.dmv907.repository import Abstracts


def steps(stage: Stage) -> Iterator[Step | None]:
    hold = _hold(stage, "TR-2025-011250", "P-1004", "VC 14601.1(a)", "accepted: ACCEPTED")
    yield hold
    yield _release(stage, UUID(hold.transaction_id))
    yield _hold(stage, "TR-2025-015533", "P-1020", "VC 27315(d)", "in error: RecordUnavailable")


def _hold(stage: Stage, case_number: str, participant_id: str, section: str, expected: str) -> Step:
    code_book, _, violated = section.partition(" ")
    order = HoldOrder(
        case_number=case_number,
        participant_id=participant_id,
        sections=(
            SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
            SectionViolated(code_book, violated, SectionRole.UNDERLYING),
        ),
        violation_date=date(2025, 5, 2),
        order_kind=OrderKind.PROGRAM,
        order_date=date(2025, 10, 6),
        noncompliance_date=date(2026, 4, 6),
        certified_by="Deputy Clerk 12",
        convicted_on=date(2025, 6, 17),
        conviction_reported_on=date(2025, 6, 20),
    )

    def push() -> Done:
        (abstract_id,) = stage.court.push(DMV907, "DMV", lambda context, uow: [order_hold(order, context, uow)])
        return _answered(stage, abstract_id)

    return stage.step(DMV907, f"hold: {case_number}", "DMV", expected, push)


def _release(stage: Stage, hold_id: UUID) -> Step:
    def push() -> Done:
        (abstract_id,) = stage.court.push(
            DMV907,
            "DMV",
            lambda context, uow: [order_release(hold_id, ReleaseReason.COMPLIED, context.today, context, uow)],
        )
        return _answered(stage, abstract_id)

    return stage.step(DMV907, "release of that hold", "DMV", "accepted: ACCEPTED", push)


def _answered(stage: Stage, abstract_id: UUID) -> Done:
    def look() -> Abstract:
        with stage.court.reading() as uow:
            abstract = uow.of(Abstracts).find(abstract_id)
        if abstract is None:
            raise InternalError(f"the abstract {abstract_id} is gone")
        return abstract

    ends = (AbstractState.UNDELIVERABLE, AbstractState.OVERDUE)
    abstract = stage.wait(look, lambda abstract: abstract.state.is_answered or abstract.state in ends)
    return abstract_id, f"{abstract.state}: {abstract.answer_code}"
