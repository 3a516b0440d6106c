"""`ccms-ws cases`: what the books say of a case, and so what a query about it is answered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from ccms_ws.domain.collections import Referral
    from ccms_ws.domain.courts import Case
    from ccms_ws.domain.law import VacatedDebt
    from ccms_ws.domain.ledger import Balance
    from ccms_ws.domain.ports import UnitOfWork

app = typer.Typer(help="Cases in the court's books: who is on them, what is owed.", no_args_is_help=True)


@app.command()
def show(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The case number.")],
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The end of that day, instead of now.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show what is owed on a case: by each participant, and on the whole case, where joint debt counts once; and which
    partner has which lines of it.

    Example: ccms-ws cases show TR-2025-004417 --as-of 2026-06-30
    """
    from ccms_ws.cli.court import court_of
    from ccms_ws.clock import court_day
    from ccms_ws.errors import NotStored

    court = court_of(config)
    day = as_of.date() if as_of else court_day(court.clock.now())
    with court.reading() as uow:
        case = uow.books.find_case(court.court.ori, court.court.case_numbers.normal(number))
        if case is None:
            raise NotStored(f"there is no case {number!r} in the books", hint="ccms-ws import cases loads them")
        whole, people = _owed(uow, case, day, court.law.vacated_debt)
        referrals = [
            _referral(uow, each, day, court.law.vacated_debt)
            for each in uow.referrals.on_case(case.court_ori, case.number)
        ]
    facts = {
        "case": case.number,
        "type": case.case_type.value,
        "status": case.status.value,
        "confidential": case.confidential,
        "sealed": case.sealed,
        "as_of": day,
        "due": whole.due,
    }
    if json:
        show_json({**facts, "participants": people, "fees": _fees(whole), "referrals": referrals})
        return
    show_facts(facts, as_json=False)
    say("")
    show_rows(people, as_json=False, empty="this case has no participants")
    say("\nThe whole case, joint debt once:")
    show_rows(_fees(whole), as_json=False, empty="no ledger entries")
    if referrals:
        say("\nReferred to partners:")
        show_rows(referrals, as_json=False)


def _owed(
    uow: UnitOfWork, case: Case, day: date, rules: Iterable[VacatedDebt]
) -> tuple[Balance, list[dict[str, object]]]:
    from ccms_ws.domain.ledger import ZERO, balance_of

    people: list[dict[str, object]] = []
    for subject in uow.books.on_case(case.court_ori, case.number):
        person = subject.participant.participant_id
        balance = balance_of(uow.books.ledger(case.court_ori, case.number, person), day, rules)
        joint = sum((fee.due for fee in balance.fees if fee.joint), ZERO)
        people.append({"participant": person, "role": subject.role.value, "due": balance.due, "of_that_joint": joint})
    return balance_of(uow.books.case_ledger(case.court_ori, case.number), day, rules), people


def _referral(uow: UnitOfWork, referral: Referral, day: date, rules: Iterable[VacatedDebt]) -> dict[str, object]:
    """A referral, and what its lines amount to at the end of `day`."""
    from ccms_ws.domain.ledger import balance_of
    from ccms_ws.domain.referred_debt import referred_part

    entries = uow.books.ledger(referral.court_ori, referral.case_number, referral.participant_id)
    return {
        "referral": referral.referral_id,
        "partner": referral.partner_id,
        "purpose": referral.purpose.value,
        "participant": referral.participant_id,
        "referred_on": referral.referred_on,
        "delinquent_on": referral.delinquent_on,
        "referred": referral.referred_amount,
        "told": referral.told_balance,
        "due": balance_of(referred_part(entries, referral.lines, rules), day, rules).due,
        "lines": ", ".join(referral.lines),
        "state": referral.state.value,
        "reason": referral.reason,
        "ended_on": referral.ended_on,
    }


def _fees(balance: Balance) -> list[dict[str, object]]:
    return [
        {
            "fee": fee.fee_kind,
            "statute": fee.statute,
            "joint": fee.joint,
            "assessed": fee.assessed,
            "paid": fee.paid,
            "waived": fee.waived,
            "vacated": fee.vacated,
            "due": fee.due,
        }
        for fee in balance.fees
    ]
