"""`ccms-ws col903`: tell collecting partners what the referred debts amount to now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import court_of, records_of
from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_rows
from ccms_ws.clock import court_day
from ccms_ws.domain.collections import Referral
from ccms_ws.errors import NotStored
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.batches import LeftOut
from ccms_ws.exchanges.col903.handler import build_batches, correct_batch
from ccms_ws.exchanges.col903.referring import ReferralOrder, ReferralRules, refer_all
from ccms_ws.exchanges.col903.referring import refer as refer_debt
from ccms_ws.exchanges.col903.referring import withdraw as end_referral
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.log import printable
from ccms_ws.memory_tuning import tune_memory

if TYPE_CHECKING:
    from ccms_ws.bootstrap import CourtApplication

app = typer.Typer(help="COL903: collection balance updates, in batches.", no_args_is_help=True)


@app.command()
def build(
    partner: Annotated[str, typer.Option(help="The collecting partner.", metavar="PARTNER")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Put batches into the outbox with every balance that is not what the partner was last told.

    A debt that no message can carry as the books have it is left out and named; then the command ends with 5.

    Example: ccms-ws col903 build --partner FTB
    """
    court = court_of(config)
    push = court.push_settings(partner, COL903.code)
    tune_memory()
    left_out: list[LeftOut] = []
    batch_ids = court.push(
        COL903,
        partner,
        lambda context, uow: build_batches(context, uow, size=push.batch_size, leave_out=left_out.append),
    )
    empty = "no balance can be sent" if left_out else f"{partner} knows every balance already"
    _show_batches(court, batch_ids, json=json, empty=empty)
    _tell_of_corrections(court, partner, json=json)
    _tell_of_recalls(court, partner, json=json)
    _tell_left_out(left_out, json=json)


@app.command()
def refer(
    partner: Annotated[str, typer.Option(help="The partner that gets the debt.", metavar="PARTNER")],
    case: Annotated[str, typer.Option(help="One debt alone: the case number.")] = "",
    participant: Annotated[str, typer.Option(help="One debt alone: who owes it.")] = "",
    line: Annotated[list[str] | None, typer.Option(help="A ledger entry to refer; all that may be, if none.")] = None,
    delinquent_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Overdue since, where the ledger has no due date.")
    ] = None,
    account: Annotated[str, typer.Option(help="The partner's number of the account, if it is known.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all of it and take it back.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Refer one debt, or every debt that the ledger's due dates say is ripe. Nothing is sent to the partner.

    How long a debt must be delinquent, and how much the debtor must owe, stands in the partner's settings. A debt that
    the partner has already gets more lines. A debt that another partner collects is refused, or passed over.

    Examples: ccms-ws col903 refer --partner FTB --dry-run

    ccms-ws col903 refer --partner FTB --case TR-2025-011250 --participant P-1004 --delinquent-on 2026-02-03
    """
    if bool(case) != bool(participant) or ((line or delinquent_on or account) and not case):
        raise typer.BadParameter("one debt has --case and --participant; without them every eligible debt is referred")
    court = court_of(config)
    context = court.context(partner)
    rules = ReferralRules.of(context.partner, court.push_settings(partner, COL903.code))
    with court.units() as uow:
        if case:
            order = ReferralOrder(
                case_number=court.court.case_numbers.normal(case),
                participant_id=participant,
                lines=tuple(line or ()),
                delinquent_on=delinquent_on.date() if delinquent_on else None,
                account_number=account,
            )
            made = [refer_debt(order, rules, context, uow)]
        else:
            made = list(refer_all(rules, context, uow))
        if not dry_run:
            uow.commit()
    show_rows([_of_referral(each) for each in made], as_json=json, empty="no debt may be referred")
    if dry_run:
        say("\nA dry run: nothing was kept.", as_json=json)


@app.command()
def withdraw(
    referral: Annotated[str, typer.Argument(metavar="REFERRAL", help="The referral; `cases show` names it.")],
    reason: Annotated[str, typer.Option(help="Why the partner no longer has the debt; it is kept.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """End a referral by hand: batches no longer name the debt. The partner has to be told to stop by other means.

    Example: ccms-ws col903 withdraw R-2021-0107 --reason 'recalled by letter of 2026-11-30'
    """
    court = court_of(config)
    with court.units() as uow:
        ended = end_referral(referral, reason, court_day(court.clock.now()), uow)
        uow.commit()
    show_facts(_of_referral(ended), as_json=json)


def _of_referral(referral: Referral) -> dict[str, object]:
    return {
        "referral": referral.referral_id,
        "partner": referral.partner_id,
        "purpose": referral.purpose.value,
        "case": referral.case_number,
        "participant": referral.participant_id,
        "amount": referral.referred_amount,
        "delinquent_on": referral.delinquent_on,
        "lines": ", ".join(referral.lines),
        "state": referral.state.value,
        "reason": referral.reason,
    }


@app.command()
def correct(
    batch_id: Annotated[UUID, typer.Argument(help="The batch whose refused updates are corrected.")],
    partner: Annotated[str, typer.Option(help="The partner that refused them.", metavar="PARTNER")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Send the updates that a partner refused again, as the books are now, in a new batch that names the old one.

    Example: ccms-ws col903 correct 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --partner FTB
    """
    court = court_of(config)
    push = court.push_settings(partner, COL903.code)
    left_out: list[LeftOut] = []
    batch_ids = court.push(
        COL903,
        partner,
        lambda context, uow: correct_batch(batch_id, context, uow, size=push.batch_size, leave_out=left_out.append),
    )
    _show_batches(court, batch_ids, json=json, empty="nothing was corrected")
    _tell_left_out(left_out, json=json)


@app.command()
def items(
    batch_id: Annotated[UUID, typer.Argument(help="The transaction id of the batch.")],
    refused: Annotated[bool, typer.Option("--refused", help="Only those that the partner refused.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Begin after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show the updates of a batch, each with its state and what the partner says against it.

    Example: ccms-ws col903 items 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8 --refused
    """
    with records_of(config)() as uow:
        found = uow.of(Batches).items(batch_id, after=after, limit=limit, refused=refused)
    rows = [
        {
            "item": item.sequence,
            "case": item.case_number,
            "participant": item.participant_id,
            "previous": item.previous_balance,
            "current": item.current_balance,
            "state": item.state.value,
            "error_code": item.error_code,
            "error_reason": item.error_reason,
            "corrected_by": item.corrected_by,
        }
        for item in found
    ]
    show_rows(
        rows, as_json=json, empty="no item was refused" if refused else "there is no such batch, or no more items"
    )


def _show_batches(court: CourtApplication, batch_ids: Sequence[UUID], *, json: bool, empty: str) -> None:
    with court.reading() as uow:
        batches = [batch for batch_id in batch_ids if (batch := uow.of(Batches).find_batch(batch_id))]
    rows = [
        {
            "batch": batch.batch_id,
            "partner": batch.partner_id,
            "updates": batch.item_count,
            "total_balance": batch.total_balance,
            "state": batch.state.value,
        }
        for batch in batches
    ]
    show_rows(rows, as_json=json, empty=empty)


def _tell_of_corrections(court: CourtApplication, partner: str, *, json: bool) -> None:
    """Debts that the partner refused are not in an ordinary batch: say so, and what to do."""
    with court.reading() as uow:
        waiting = uow.of(Batches).batches_to_correct(partner)
    for batch_id, count in waiting:
        say(
            f"left out: {count} that {partner} refused in batch {batch_id}; see `ccms-ws col903 items --refused`, "
            "mend the books, then `ccms-ws col903 correct`",
            as_json=json,
        )


def _tell_of_recalls(court: CourtApplication, partner: str, *, json: bool) -> None:
    """Debts that the partner should no longer have: say so, and what to do."""
    with court.reading() as uow:
        proposed = uow.referrals.to_recall(partner)
    for referral in proposed:
        say(
            f"left out: {printable(referral.referral_id)}, a recall is proposed ({referral.reason}); take it back from "
            f"{partner}, then `ccms-ws col903 withdraw`",
            as_json=json,
        )


def _tell_left_out(left_out: Sequence[LeftOut], *, json: bool) -> None:
    """Name the debts that no message can carry; the command ends with that."""
    for debt in left_out:
        where = f"case {printable(debt.case_number)}, participant {printable(debt.participant_id)}"
        typer.echo(f"left out: {where}: {debt.reason}; correct the books, then build again", err=json)
    if left_out:
        raise typer.Exit(ExitCode.REFUSED)


@app.command()
def show(
    batch_id: Annotated[UUID, typer.Argument(help="The transaction id of the batch.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show where a batch stands.

    Example: ccms-ws col903 show 0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8
    """
    with records_of(config)() as uow:
        batch = uow.of(Batches).find_batch(batch_id)
    if batch is None:
        raise NotStored(f"there is no batch {batch_id}", hint="ccms-ws outbox list shows what was sent")
    show_facts(
        {
            "batch": batch.batch_id,
            "partner": batch.partner_id,
            "state": batch.state.value,
            "updates": batch.item_count,
            "total_balance": batch.total_balance,
            "created": batch.created_at,
            "delivered": batch.delivered_at,
            "error_message_possible_until": batch.answer_due_at,
            "error_code": batch.error_code,
            "error_reason": batch.error_reason,
        },
        as_json=json,
    )
