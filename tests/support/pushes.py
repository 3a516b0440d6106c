"""What a court of the tests pushes to its partners: a hold to DMV, a batch to a collecting partner."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from ccms_ws.domain.abstracts import OrderKind, SectionRole, SectionViolated
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold
from tests.support.local_stack import Line


def hold(line: Line, case_number: str = "TR-2025-011250", participant_id: str = "P-1004") -> UUID:
    order = HoldOrder(
        case_number=case_number,
        participant_id=participant_id,
        sections=(
            SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
            SectionViolated("VC", "14601.1(a)", SectionRole.UNDERLYING),
        ),
        violation_date=date(2025, 5, 2),
        order_kind=OrderKind.PROGRAM,
        order_date=date(2025, 10, 6),
        noncompliance_date=date(2026, 4, 6),
        certified_by="Deputy Clerk 12",
        convicted_on=date(2025, 6, 17),
    )
    (abstract_id,) = line.court.push(DMV907, "DMV", lambda context, uow: [order_hold(order, context, uow)])
    return abstract_id


def push_batch(line: Line, partner_id: str) -> UUID:
    batches = line.court.push(COL903, partner_id, lambda context, uow: build_batches(context, uow, size=1000))
    return batches[0]
