"""`ccms-ws query`: ask the court for a balance, as a probation department would (FCC807)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows
from ccms_ws.cli.worker import EnvelopesOption
from ccms_ws.clients import FailureCause
from ccms_ws.clients.wire_dump import record_into
from ccms_ws.config import load_settings
from ccms_ws.domain.courts import PersonName
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import TransientDeliveryError
from ccms_ws.exchanges.fcc807.messages import BalanceFound, QueryError, Response
from ccms_ws.exchanges.fcc807.simulate import Criteria, QueryClient

DAY = ["%Y-%m-%d"]


class Soap(StrEnum):
    SOAP11 = "1.1"
    SOAP12 = "1.2"


app = typer.Typer()


@app.command()
def query(
    as_partner: Annotated[str, typer.Option("--as", metavar="PARTNER", help="Who asks.")] = "ADULT-PROBATION",
    case: Annotated[str, typer.Option(help="The case number.")] = "",
    participant: Annotated[str, typer.Option(help="The participant's id.")] = "",
    given: Annotated[str, typer.Option(help="The given name; with --surname.")] = "",
    surname: Annotated[str, typer.Option(help="The surname; with --given.")] = "",
    born: Annotated[datetime | None, typer.Option(formats=DAY, help="The date of birth.")] = None,
    as_of: Annotated[datetime | None, typer.Option(formats=DAY, help="The balance at the end of that day.")] = None,
    soap: Annotated[Soap, typer.Option(help="The SOAP version.")] = Soap.SOAP12,
    key: Annotated[Path | None, typer.Option(help="The asker's key, if not next to its certificate.")] = None,
    envelopes: EnvelopesOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Ask what a case participant owes. Ends with 0 for a balance, 5 for a rejection or an error message.

    Example: ccms-ws query --case CR-2023-002931 --participant P-1002
    """

    if bool(given) != bool(surname):
        raise typer.BadParameter("a name is --given and --surname")
    criteria = Criteria(
        case_number=case,
        participant_id=participant,
        name=PersonName(given, surname) if surname else None,
        birth_date=born.date() if born else None,
        as_of=as_of.date() if as_of else None,
    )
    inquirer = QueryClient(
        load_settings(config), as_partner, key=key, on_wire=record_into(envelopes) if envelopes else None
    )
    try:
        answer = inquirer.ask(criteria, soap=SoapVersion.SOAP11 if soap is Soap.SOAP11 else SoapVersion.SOAP12)
    except TransientDeliveryError as error:
        if error.cause == FailureCause.CONNECT:
            error.hint = "is the court's endpoint up? ccms-ws serve"
        raise
    finally:
        inquirer.close()
    raise typer.Exit(_show(answer, as_json=json))


def _show(answer: Response | QueryError, *, as_json: bool) -> ExitCode:

    facts: dict[str, object] = {
        "transaction": answer.metadata.transaction_id,
        "answers": answer.metadata.correlation_id,
    }
    if isinstance(answer, BalanceFound):
        _show_balance(answer, facts, as_json=as_json)
        return ExitCode.OK
    if isinstance(answer, QueryError):
        facts |= {"answer": "error", "code": answer.problem.code, "reason": answer.problem.reason}
    else:
        facts |= {"answer": "rejection", "code": str(answer.reason), "reason": answer.text}
    show_facts(facts, as_json=as_json)
    return ExitCode.REFUSED


def _show_balance(answer: BalanceFound, facts: dict[str, object], *, as_json: bool) -> None:
    facts |= {
        "answer": "balance",
        "case": answer.subject.case_number,
        "participant": answer.subject.participant.participant_id,
        "balance_due": answer.balance.due,
        "as_of": answer.balance.as_of,
    }
    fees = [
        {
            "fee": fee.fee_kind,
            "assessed": fee.assessed,
            "paid": fee.paid,
            "waived": fee.waived,
            "vacated": fee.vacated,
            "due": fee.due,
        }
        for fee in answer.balance.fees
    ]
    if as_json:
        show_json({**facts, "fees": fees})
        return
    show_facts(facts, as_json=False)
    say("")
    show_rows(fees, as_json=False, empty="no fees")
