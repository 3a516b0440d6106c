"""`ccms-ws law`: the rules that take debt out of balances and stand against holds, and what they did to a case."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from ccms_ws.domain.law import Law, Rule
    from ccms_ws.domain.ledger import LedgerEntry

app = typer.Typer(help="The law as dated data: its rules, and what they did to a case.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show every rule with its id, whether it has effect at this court, and its source.

    A rule whose source is not enough has no effect until the court's counsel turns it on: `law_rules` in [court].

    Example: ccms-ws law list
    """
    from ccms_ws.cli.court import court_of

    law = court_of(config).law
    show_rows([_rule(rule, law) for rule in law.rules], as_json=json)


@app.command()
def check(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The case number.")],
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The end of that day, instead of now.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show what statutes took out of the balance of a case: which rule, of which debts, when, and by what source.

    Also what a person should look at: amounts above what a statute allows, debt without its day of imposition or its
    statute, and what a rule that is not confirmed would take out.

    Example: ccms-ws law check CR-2019-005541
    """
    from ccms_ws.cli.court import court_of
    from ccms_ws.clock import court_day
    from ccms_ws.domain.ledger import removals_of
    from ccms_ws.errors import NotStored

    court = court_of(config)
    day = as_of.date() if as_of else court_day(court.clock.now())
    with court.reading() as uow:
        case = uow.books.find_case(court.court.ori, court.court.case_numbers.normal(number))
        if case is None:
            raise NotStored(f"there is no case {number!r} in the books", hint="ccms-ws import cases loads them")
        entries = uow.books.case_ledger(case.court_ori, case.number)
    removed = [
        {
            "rule": removal.rule.id or removal.rule.name,
            "since": removal.on,
            "removed": removal.amount,
            "fee": removal.debts[0].fee_kind,
            "statute": ", ".join(dict.fromkeys(debt.statute for debt in removal.debts if debt.statute)),
            "entries": ", ".join(debt.entry_id for debt in removal.debts),
            "why": f"{removal.rule.name} ({removal.rule.source})",
        }
        for removal in removals_of(entries, day, court.law.vacated_debt)
    ]
    doubts = list(_doubts(entries, day, court.law))
    if json:
        show_json({"case": case.number, "as_of": day, "removed": removed, "to_look_at": doubts})
        return
    show_facts({"case": case.number, "as_of": day}, as_json=False)
    say("")
    show_rows(removed, as_json=False, empty="no statute took anything out of this balance")
    if doubts:
        say("\nTo look at:")
        show_rows(doubts, as_json=False)


def _rule(rule: Rule, law: Law) -> dict[str, object]:
    return {
        "rule": rule.id,
        "in_effect": rule.id not in law.off,
        "confirmed": rule.confirmed,
        "name": rule.name,
        "source": rule.source,
    }


def _doubts(entries: Sequence[LedgerEntry], day: date, law: Law) -> Iterator[dict[str, object]]:
    from dataclasses import replace

    from ccms_ws.domain.law import VacatedDebt
    from ccms_ws.domain.ledger import debts_of, removals_of

    for debt in debts_of(entries, day):
        for limit in law.limits:
            if limit.is_exceeded(debt, debt.amount):
                why = f"{debt.amount} is more than {limit.most}: {limit.name} ({limit.source})"
                yield {"rule": limit.id, "entry": debt.entry_id, "why": why}
        dated = [
            rule for rule in law.vacated_debt if rule.depends_on_imposition and rule.vacates_from(debt) is not None
        ]
        if debt.imposed_on is None and dated:
            why = f"the day of imposition is not on file: {debt.posted_on}, when it was posted, stands for it"
            yield {"rule": dated[0].id, "entry": debt.entry_id, "why": why}
        for rule in law.vacated_debt:
            if rule.fee_kinds and rule.statutes and not debt.statute:
                under = replace(debt, statute=rule.statutes.entries[0].partition("-")[0])
                if (since := rule.vacates_from(under)) is not None and since <= day:
                    why = f"without its statute it is unknown whether it is vacated: {rule.name} ({rule.source})"
                    yield {"rule": rule.id, "entry": debt.entry_id, "why": why}
    proposals = [rule for rule in law.rules if isinstance(rule, VacatedDebt) and rule.id in law.undecided]
    for removal in removals_of(entries, day, proposals):
        for debt in removal.debts:
            why = f"would be vacated on {removal.on}, and is not: {removal.rule.name} ({removal.rule.source})"
            yield {"rule": removal.rule.id, "entry": debt.entry_id, "why": why}
