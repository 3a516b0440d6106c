"""What a recorded session can do at the court beside receiving: book, refer, push, correct, order and release holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from ccms_ws.clock import court_day
from ccms_ws.domain.abstracts import OrderKind, ReleaseReason, SectionRole, SectionViolated, VehicleKind
from ccms_ws.domain.collections import Referral
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.errors import ConfigError
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches, correct_batch
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.replay.case import CourtAct
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.normalize import Ids

Facts = Mapping[str, Any]


def act(step: CourtAct, court: ReplayCourt, ids: Ids) -> None:
    """Do what the step says; the message that comes of it is bound to its recorded id.

    Raises ConfigError for an act or particulars that there are not, and whatever the court says against it.
    """
    do = _ACTS.get(step.do)
    if do is None:
        raise ConfigError(f"step {step.name}: there is no act {step.do!r}", hint=f"known: post, {', '.join(_ACTS)}")
    try:
        made = do(step.facts, court, ids)
    except (LookupError, ValueError, TypeError, InvalidOperation) as error:
        raise ConfigError(f"step {step.name} ({step.do}): {error!r}") from error
    if made is not None:
        ids.bind(step.message_id, str(made))


def _entry(facts: Facts, court: ReplayCourt, _ids: Ids) -> None:
    """A line in the ledger, posted today if `on` says nothing else; two that are alike need an `id`."""
    app = court.application
    entry = LedgerEntry(
        entry_id=facts.get("id", f"{facts['case']}/{facts['fee']}/{facts['amount']}"),
        court_ori=app.court.ori,
        case_number=facts["case"],
        participant_id=facts["participant"],
        kind=EntryKind(facts.get("kind", EntryKind.PAYMENT)),
        fee_kind=facts["fee"],
        amount=Decimal(facts["amount"]),
        posted_on=_day(facts.get("on"), court_day(court.clock.now())),
        imposed_on=facts.get("imposed_on"),
        reason=facts.get("note", ""),
    )
    with app.units() as uow:
        uow.books.add(entry)
        uow.commit()


def _referral(facts: Facts, court: ReplayCourt, _ids: Ids) -> None:
    app = court.application
    referral = Referral(
        referral_id=facts["id"],
        partner_id=facts["partner"],
        court_ori=app.court.ori,
        case_number=facts["case"],
        participant_id=facts["participant"],
        referred_on=_day(facts.get("on"), court_day(court.clock.now())),
        referred_amount=Decimal(facts["amount"]),
        account_number=facts.get("account", ""),
    )
    with app.units() as uow:
        uow.referrals.add(referral)
        uow.commit()


def _batch(facts: Facts, court: ReplayCourt, _ids: Ids) -> UUID:
    app, partner = court.application, facts["partner"]
    push = app.push_settings(partner, COL903.code)
    made = app.push(
        COL903,
        partner,
        lambda context, uow: build_batches(context, uow, size=push.batch_size),
    )
    if len(made) != 1:
        raise ValueError(f"{len(made)} batches were made, one was expected")
    return made[0]


def _correct(facts: Facts, court: ReplayCourt, ids: Ids) -> UUID:
    """A new batch for the items of an earlier one that the partner refused."""
    app, partner, batch = court.application, facts["partner"], UUID(ids.now(facts["batch"]))
    push = app.push_settings(partner, COL903.code)
    (made,) = app.push(
        COL903,
        partner,
        lambda context, uow: correct_batch(batch, context, uow, size=push.batch_size),
    )
    return made


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
    on = _day(facts.get("on"), court_day(court.clock.now()))
    app = court.application
    (made,) = app.push(
        DMV907, facts.get("partner", "DMV"), lambda context, uow: [order_release(hold, reason, on, context, uow)]
    )
    return made


def _section(text: str, role: SectionRole) -> SectionViolated:
    code_book, _, section = text.partition(" ")
    return SectionViolated(code_book, section, role)


def _day(given: object, otherwise: date) -> date:
    return given if isinstance(given, date) else otherwise


_ACTS: Final[dict[str, Callable[[Facts, ReplayCourt, Ids], UUID | None]]] = {
    "entry": _entry,
    "referral": _referral,
    "batch": _batch,
    "correct": _correct,
    "hold": _hold,
    "release": _release,
}
