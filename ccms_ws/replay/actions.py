"""What a recorded session can do at the court beside receiving: post to the ledger, refer, and push by an exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from ccms_ws.clock import court_day
from ccms_ws.domain.collections import Referral
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.errors import ConfigError
from ccms_ws.registry import EXCHANGES, part
from ccms_ws.replay.case import CourtAct
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.normalize import Ids

Facts = Mapping[str, Any]
Action = Callable[[Facts, ReplayCourt, Ids], UUID | None]
"""Does something at the court, by the particulars of the step; returns the id of the message that it made."""


def act(step: CourtAct, court: ReplayCourt, ids: Ids) -> None:
    """Do what the step says; the message that comes of it is bound to its recorded id.

    Raises ConfigError for an act or particulars that there are not, and whatever the court says against it.
    """
    actions = _actions()
    do = actions.get(step.do)
    if do is None:
        raise ConfigError(f"step {step.name}: there is no act {step.do!r}", hint=f"known: post, {', '.join(actions)}")
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
        posted_on=day(facts.get("on"), court_day(court.clock.now())),
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
        referred_on=day(facts.get("on"), court_day(court.clock.now())),
        referred_amount=Decimal(facts["amount"]),
        account_number=facts.get("account", ""),
    )
    with app.units() as uow:
        uow.referrals.add(referral)
        uow.commit()


def day(given: object, otherwise: date) -> date:
    return given if isinstance(given, date) else otherwise


_SHARED: Final[Mapping[str, Action]] = {"entry": _entry, "referral": _referral}


def _actions() -> dict[str, Action]:
    """What every case may do, and the `ACTIONS` of each exchange's part `replay`."""
    actions = dict(_SHARED)
    for exchange in EXCHANGES:
        actions |= getattr(part(exchange, "replay"), "ACTIONS", {})
    return actions
