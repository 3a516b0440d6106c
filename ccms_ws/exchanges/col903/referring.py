"""Which debts may be referred to a partner, and referring them: one by one, or all that are eligible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Protocol
from uuid import uuid4

from ccms_ws.domain.collections import Referral, ReferralPurpose
from ccms_ws.domain.courts import Case
from ccms_ws.domain.ledger import ZERO, LedgerEntry
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.domain.referred_debt import open_lines
from ccms_ws.errors import ExchangeError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.col903.candidates import Candidates
from ccms_ws.exchanges.col903.repository import Batches

RESTITUTION = "Restitution"
"""Kind of fee of what a victim is owed."""
_FTB = (90, Decimal("100.00"), False)
_OTHERS = (0, ZERO, True)


class ReferralRefused(ExchangeError):
    """The debt may not be referred to this partner, or not yet."""

    code = "col903.referral-refused"


class ReferralSettings(Protocol):
    """What a partner's settings say of the debts that it takes; None: what its kind says."""

    @property
    def delinquent_days(self) -> int | None: ...
    @property
    def minimum_debt(self) -> Decimal | None: ...
    @property
    def takes_restitution(self) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class ReferralRules:
    """What a debt must be to be referred for collection (R&TC 19280(a) for the Franchise Tax Board; PC 1463.007)."""

    delinquent_days: int
    minimum_debt: Decimal
    takes_restitution: bool

    @classmethod
    def of(cls, partner: Partner, settings: ReferralSettings) -> ReferralRules:
        days, minimum, restitution = _FTB if partner.kind is PartnerKind.FRANCHISE_TAX_BOARD else _OTHERS
        return cls(
            days if settings.delinquent_days is None else settings.delinquent_days,
            minimum if settings.minimum_debt is None else settings.minimum_debt,
            restitution if settings.takes_restitution is None else settings.takes_restitution,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralOrder:
    """A clerk's order to refer a debt. Without `lines`: all that may be referred.

    `delinquent_on`: the first day on which the debt was overdue; the ledger's due dates say it if it is not given.
    """

    case_number: str
    participant_id: str
    lines: tuple[str, ...] = ()
    delinquent_on: date | None = None
    account_number: str = ""
    referral_id: str = ""


@dataclass(frozen=True, slots=True)
class _Debt:
    """What may be referred of a participant's debt on a case."""

    lines: dict[str, Decimal]
    delinquent_on: date | None

    @property
    def amount(self) -> Decimal:
        return sum(self.lines.values(), ZERO)


def purpose_for(partner: Partner) -> ReferralPurpose:
    """Probation monitors; every other partner collects."""
    return ReferralPurpose.MONITOR if partner.kind is PartnerKind.PROBATION else ReferralPurpose.COLLECT


def refer(order: ReferralOrder, rules: ReferralRules, context: Context, uow: UnitOfWork) -> Referral:
    """Refer one debt, in `uow`; to a partner that has debt of this participant on the case, more lines of it.

    Raises ReferralRefused, naming every rule that is broken.
    """
    ori, partner, today = context.court.ori, context.partner, context.today
    case = uow.books.find_case(ori, order.case_number)
    if case is None:
        raise ReferralRefused(f"there is no case {order.case_number!r} in the books")
    if all(each.participant.participant_id != order.participant_id for each in uow.books.on_case(ori, case.number)):
        raise ReferralRefused(f"the participant {order.participant_id!r} is not on the case {case.number}")
    entries = uow.books.ledger(ori, case.number, order.participant_id)
    due = open_lines(entries, today, context.law.vacated_debt)
    by_id = {entry.entry_id: entry for entry in entries}
    held = _held(case, order.participant_id, partner, uow)
    has = frozenset(held.lines if held else ())
    problems = [*_case_problems(case, partner), *_held_by_others(case, order.participant_id, partner, uow)]
    for line in order.lines:
        if line in has:
            problems.append(f"the line {line!r} is referred already")
        elif line not in due:
            problems.append(f"nothing is due on the line {line!r}, or it is none of this participant's debts")
        elif not rules.takes_restitution and by_id[line].fee_kind == RESTITUTION:
            problems.append(f"{partner.partner_id} takes no victim restitution (setting takes_restitution)")
    debt = _eligible(
        [by_id[line] for line in (order.lines or due) if line in due and line not in has],
        due,
        rules if purpose_for(partner) is ReferralPurpose.COLLECT else None,
        today,
        order.delinquent_on,
    )
    waiting = _waiting_until(
        [by_id[line] for line in order.lines or due if line in due], rules, today, order.delinquent_on
    )
    if waiting and not debt.lines:
        problems.append(f"it may be referred on {waiting}, {rules.delinquent_days} days after it was delinquent")
    elif not problems:
        problems += _debt_problems(debt, order, rules, context, uow)
    if problems:
        raise ReferralRefused("; ".join(problems))
    return _add(order, debt, held, context, uow)


def refer_all(rules: ReferralRules, context: Context, uow: UnitOfWork) -> Iterator[Referral]:
    """Refer every debt that is eligible and that the partner may have, in `uow`, by participant.

    Only lines with a due date in the ledger are known to be delinquent. Debt that another partner collects, and a debt
    that this partner has already, are passed over.
    """
    partner, today = context.partner, context.today
    purpose = purpose_for(partner)
    before = today - timedelta(days=rules.delinquent_days)
    candidates = uow.of(Candidates).overdue(context.court.ori, before, partner.partner_id, purpose)
    for participant_id, of_person in groupby(candidates, lambda candidate: candidate.participant_id):
        debts = []
        for candidate in of_person:
            case = uow.books.find_case(context.court.ori, candidate.case_number)
            if case is not None and not any(_case_problems(case, partner)):
                debt = _debt_on(case.number, participant_id, rules, context, uow)
                if debt.lines:
                    debts.append((case.number, debt))
        total = sum((debt.amount for _, debt in debts), ZERO) + _with_partner(participant_id, context, uow)
        if total >= rules.minimum_debt:
            for number, debt in debts:
                order = ReferralOrder(case_number=number, participant_id=participant_id)
                yield _add(order, debt, None, context, uow)


def withdraw(referral_id: str, reason: str, today: date, uow: UnitOfWork) -> Referral:
    """End a referral by hand, in `uow`. Nothing is sent: the partner learns it by the recall (COL904), or otherwise.

    Raises NotStored, and ReferralRefused for one that has ended.
    """
    referral = uow.referrals.get(referral_id)
    if referral.ended_on is not None:
        raise ReferralRefused(f"the referral {referral_id} has ended on {referral.ended_on}: {referral.reason}")
    uow.referrals.end(referral_id, today, reason)
    uow.of(Batches).drop_correction(referral_id)
    return uow.referrals.get(referral_id)


def _case_problems(case: Case, partner: Partner) -> Iterable[str]:
    if case.sealed:
        yield "the case is sealed"
    if partner.case_types is not None and case.case_type not in partner.case_types:
        yield f"{partner.partner_id} may not know of {case.case_type} cases (setting case_types)"
    if partner.unit is ProbationUnit.ADULT and case.case_type.is_juvenile:
        yield "the case is a juvenile case (W&I 827)"


def _held_by_others(case: Case, participant_id: str, partner: Partner, uow: UnitOfWork) -> Iterable[str]:
    """One partner at a time collects a debt."""
    if purpose_for(partner) is ReferralPurpose.COLLECT:
        for other in uow.referrals.open_of(case.court_ori, participant_id):
            if (
                other.case_number == case.number
                and other.purpose is ReferralPurpose.COLLECT
                and other.partner_id != partner.partner_id
            ):
                yield f"{other.partner_id} collects the debt already, as {other.referral_id}"


def _debt_problems(
    debt: _Debt, order: ReferralOrder, rules: ReferralRules, context: Context, uow: UnitOfWork
) -> Iterable[str]:
    if not debt.lines:
        yield "nothing is due that may be referred"
        return
    if purpose_for(context.partner) is ReferralPurpose.MONITOR:
        return
    if debt.delinquent_on is None and rules.delinquent_days:
        yield "it is not known since when the debt is delinquent: state it, or give the lines a due date"
    aggregate = debt.amount + _with_partner(order.participant_id, context, uow)
    if aggregate < rules.minimum_debt:
        aggregate += _elsewhere(order, rules, context, uow)
    if aggregate < rules.minimum_debt:
        yield f"the debtor owes {aggregate} that may be referred, less than the minimum of {rules.minimum_debt}"


def _elsewhere(order: ReferralOrder, rules: ReferralRules, context: Context, uow: UnitOfWork) -> Decimal:
    """What the debtor owes on other cases that may be referred as well."""
    before = context.today - timedelta(days=rules.delinquent_days)
    partner, total = context.partner, ZERO
    for candidate in uow.of(Candidates).overdue(
        context.court.ori, before, partner.partner_id, purpose_for(partner), participant_id=order.participant_id
    ):
        case = uow.books.find_case(context.court.ori, candidate.case_number)
        if case is not None and case.number != order.case_number and not any(_case_problems(case, partner)):
            total += _debt_on(case.number, order.participant_id, rules, context, uow).amount
    return total


def _with_partner(participant_id: str, context: Context, uow: UnitOfWork) -> Decimal:
    """What the partner has of this debtor already."""
    return sum(
        (
            referral.told_balance
            for referral in uow.referrals.open_of(context.court.ori, participant_id)
            if referral.partner_id == context.partner.partner_id
        ),
        ZERO,
    )


def _debt_on(case_number: str, participant_id: str, rules: ReferralRules, context: Context, uow: UnitOfWork) -> _Debt:
    entries = uow.books.ledger(context.court.ori, case_number, participant_id)
    due = open_lines(entries, context.today, context.law.vacated_debt)
    overdue = [entry for entry in entries if entry.entry_id in due and entry.due_on is not None]
    return _eligible(overdue, due, rules, context.today, None)


def _eligible(
    lines: Sequence[LedgerEntry],
    due: dict[str, Decimal],
    rules: ReferralRules | None,
    today: date,
    delinquent_on: date | None,
) -> _Debt:
    """Of the `lines` those that may be referred today; without rules (a partner that monitors) all of them.

    A line whose due date is known waits for its own time; `delinquent_on` says it for the others.
    """
    since = {line.entry_id: delinquent_on if line.due_on is None else line.due_on + timedelta(days=1) for line in lines}
    if rules is not None:
        wait = timedelta(days=rules.delinquent_days)
        lines = [line for line in lines if rules.takes_restitution or line.fee_kind != RESTITUTION]
        lines = [line for line in lines if (day := since[line.entry_id]) is None or day + wait <= today]
    days = [day for line in lines if (day := since[line.entry_id]) is not None]
    return _Debt({line.entry_id: due[line.entry_id] for line in lines}, min(days, default=None))


def _waiting_until(
    lines: Iterable[LedgerEntry], rules: ReferralRules, today: date, delinquent_on: date | None
) -> date | None:
    """The first day on which one of the lines may be referred, if none may be now."""
    since = (delinquent_on if line.due_on is None else line.due_on + timedelta(days=1) for line in lines)
    first = min((day + timedelta(days=rules.delinquent_days) for day in since if day is not None), default=None)
    return first if first is not None and today < first else None


def _held(case: Case, participant_id: str, partner: Partner, uow: UnitOfWork) -> Referral | None:
    """The open referral of the debt to this partner."""
    return next(
        (
            referral
            for referral in uow.referrals.open_of(case.court_ori, participant_id)
            if referral.case_number == case.number and referral.partner_id == partner.partner_id
        ),
        None,
    )


def _add(order: ReferralOrder, debt: _Debt, held: Referral | None, context: Context, uow: UnitOfWork) -> Referral:
    if held is not None:
        uow.referrals.add_lines(held, debt.lines, context.today)
        return uow.referrals.get(held.referral_id)
    referral = Referral(
        referral_id=order.referral_id or str(uuid4()),
        partner_id=context.partner.partner_id,
        court_ori=context.court.ori,
        case_number=order.case_number,
        participant_id=order.participant_id,
        referred_on=context.today,
        referred_amount=debt.amount,
        account_number=order.account_number,
        purpose=purpose_for(context.partner),
        delinquent_on=debt.delinquent_on,
        lines=tuple(sorted(debt.lines)),
    )
    uow.referrals.add(referral)
    return referral
