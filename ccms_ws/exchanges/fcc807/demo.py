"""FCC807 in the demo: three queries, answered by a balance, a rejection and an error message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ccms_ws.demo.scenario import Done, Stage
from ccms_ws.demo.steps import Step
from ccms_ws.errors import InternalError
from ccms_ws.exchanges.fcc807 import FCC807
from ccms_ws.exchanges.fcc807.messages import BalanceFound, QueryError
from ccms_ws.exchanges.fcc807.simulate import Criteria, QueryClient

_PROBATIONER = Criteria(case_number="CR-2023-002931", participant_id="P-1002")
_TO_COME = Criteria(case_number="CR-2023-002931", participant_id="P-1002", as_of=date(2199, 1, 1))


def steps(stage: Stage) -> Iterator[Step | None]:
    inquirer = QueryClient(stage.settings, "ADULT-PROBATION", on_wire=stage.on_wire)
    try:
        yield _query(stage, inquirer, "a balance", _PROBATIONER, "balance due 710.00 USD")
        yield _query(
            stage, inquirer, "a case not on file", Criteria(case_number="TR-2099-000001"), "rejected: CaseNotFound"
        )
        yield _query(stage, inquirer, "a day to come", _TO_COME, "error message: exchange.as-of-date-in-future")
    finally:
        inquirer.close()


def _query(stage: Stage, inquirer: QueryClient, what: str, criteria: Criteria, expected: str) -> Step:
    def ask() -> Done:
        answer = inquirer.ask(criteria)
        asked = answer.metadata.correlation_id
        if asked is None:
            raise InternalError("an answer without correlation id")
        if isinstance(answer, BalanceFound):
            return asked, f"balance due {answer.balance.due} USD"
        if isinstance(answer, QueryError):
            return asked, f"error message: {answer.problem.code}"
        return asked, f"rejected: {answer.reason}"

    return stage.step(FCC807, f"query: {what}", inquirer.partner_id, expected, ask)
