"""`ccms-ws dmv907`: failure-to-comply holds on driver licenses, and their releases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import court_of, records_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts
from ccms_ws.clock import court_day
from ccms_ws.domain.abstracts import Conviction, OrderKind, ReleaseReason, SectionRole, VehicleKind
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import NotStored
from ccms_ws.exchange import Context
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release, record_conviction
from ccms_ws.exchanges.dmv907.messages import Notification
from ccms_ws.exchanges.dmv907.orders import read_section
from ccms_ws.exchanges.dmv907.repository import Abstracts

app = typer.Typer(help="DMV907: failure-to-comply abstracts (VC 40509.1).", no_args_is_help=True)

PartnerOption = Annotated[str, typer.Option(help="The partner that keeps the license records.", metavar="PARTNER")]
DAY = ["%Y-%m-%d"]


@app.command()
def hold(
    case: Annotated[str, typer.Option(help="The case number.")],
    participant: Annotated[str, typer.Option(help="The participant's id.")],
    violated: Annotated[list[str], typer.Option(help="An underlying section: 'VC 14601.1(a)'. May be repeated.")],
    violation_date: Annotated[datetime, typer.Option(formats=DAY, help="The day of the violation.")],
    noncompliance_date: Annotated[datetime, typer.Option(formats=DAY, help="The day the order was not complied with.")],
    order_kind: Annotated[OrderKind, typer.Option(help="What the order demanded.")],
    vehicle_kind: Annotated[VehicleKind, typer.Option(help="How the person travelled.")] = VehicleKind.MOTOR_VEHICLE,
    order_date: Annotated[datetime | None, typer.Option(formats=DAY, help="The day of the order.")] = None,
    compliance: Annotated[str, typer.Option(help="The compliance section violated.")] = "VC 40508(c)",
    citation: Annotated[str, typer.Option(help="The citation number.")] = "",
    convicted: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The day of the conviction, if it is not on file yet.")
    ] = None,
    reported: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The day on which DMV902 reported that conviction.")
    ] = None,
    certified_by: Annotated[str, typer.Option(help="The clerk who certifies the abstract.")] = "",
    partner: PartnerOption = "DMV",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Order a hold: record it and put its abstract into the outbox. A notice that the law forbids is refused.

    Example: ccms-ws dmv907 hold --case TR-2025-011250 --participant P-1004 --violated 'VC 14601.1(a)'
    --violation-date 2025-05-02 --convicted 2025-06-17 --order-date 2025-06-17 --noncompliance-date 2026-01-15
    --order-kind Program
    """
    order = HoldOrder(
        case_number=case,
        participant_id=participant,
        sections=(
            read_section(compliance, SectionRole.COMPLIANCE, "--compliance"),
            *(read_section(text, SectionRole.UNDERLYING, "--violated") for text in violated),
        ),
        violation_date=violation_date.date(),
        noncompliance_date=noncompliance_date.date(),
        order_kind=order_kind,
        vehicle_kind=vehicle_kind,
        order_date=order_date.date() if order_date else None,
        citation_number=citation,
        certified_by=certified_by,
        convicted_on=convicted.date() if convicted else None,
        conviction_reported_on=reported.date() if reported else None,
    )
    court = court_of(config)
    said: list[str] = []

    def compose(context: Context, uow: UnitOfWork) -> list[Notification]:
        notification = order_hold(order, context, uow)
        said[:] = notification.warnings
        return [notification]

    (abstract_id,) = court.push(DMV907, partner, compose)
    for warning in said:
        typer.echo(f"warning: {warning}", err=True)
    _show(court.reading, abstract_id, as_json=json)


@app.command()
def release(
    hold_id: Annotated[UUID, typer.Argument(help="The transaction id of the hold.")],
    reason: Annotated[ReleaseReason, typer.Option(help="Why it is released.")] = ReleaseReason.COMPLIED,
    on: Annotated[datetime | None, typer.Option(formats=DAY, help="The day of the release; today by default.")] = None,
    partner: PartnerOption = "DMV",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Order the release of a hold: record it and put its abstract into the outbox.

    Example: ccms-ws dmv907 release 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --reason Complied
    """
    court = court_of(config)
    (abstract_id,) = court.push(
        DMV907,
        partner,
        lambda context, uow: [order_release(hold_id, reason, on.date() if on else context.today, context, uow)],
    )
    _show(court.reading, abstract_id, as_json=json)


@app.command()
def show(
    abstract_id: Annotated[UUID, typer.Argument(help="The transaction id of the abstract.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show where an abstract stands between court and DMV.

    Example: ccms-ws dmv907 show 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    """
    _show(records_of(config), abstract_id, as_json=json)


@app.command()
def convicted(
    case: Annotated[str, typer.Option(help="The case number.")],
    participant: Annotated[str, typer.Option(help="The participant's id.")],
    on: Annotated[datetime, typer.Option(formats=DAY, help="The day of the conviction or bail forfeiture.")],
    reported: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The day on which DMV902 reported it, if it has.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Record a conviction (VC 1803(a)): a hold presupposes one on file.

    Example: ccms-ws dmv907 convicted --case TR-2025-011250 --participant P-1004 --on 2025-06-17 --reported 2025-06-20
    """
    court = court_of(config)
    asked = Conviction(court.court.ori, case, participant, on.date(), reported.date() if reported else None)
    with court.units() as uow:
        told = record_conviction(asked, court.court, court_day(court.clock.now()), uow)
        uow.commit()
    show_facts(
        {
            "case": told.case_number,
            "participant": told.participant_id,
            "convicted": told.convicted_on,
            "reported": told.reported_on,
        },
        as_json=json,
    )


def _show(records: UnitOfWorkFactory, abstract_id: UUID, *, as_json: bool) -> None:
    with records() as uow:
        abstract = uow.of(Abstracts).find(abstract_id)
    if abstract is None:
        raise NotStored(f"there is no abstract {abstract_id}", hint="ccms-ws outbox list shows what was sent")
    show_facts(
        {
            "abstract": abstract.abstract_id,
            "action": abstract.action.value,
            "case": abstract.case_number,
            "participant": abstract.participant_id,
            "order_kind": abstract.order_kind or "",
            "vehicle_kind": abstract.vehicle_kind or "",
            "state": abstract.state.value,
            "answer_due": abstract.answer_due_at,
            "answer_code": abstract.answer_code,
            "answer_text": abstract.answer_text,
            "releases": abstract.releases,
        },
        as_json=as_json,
    )
