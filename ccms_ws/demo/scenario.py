"""The main job, told in eight steps: three queries, two batches, a hold, its release, and a hold that fails.

Every outcome is taken from what really happened: the court's signed answer, or the court's database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar
from uuid import UUID, uuid4

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.clock import court_day
from ccms_ws.demo.steps import Step
from ccms_ws.domain.abstracts import Abstract, AbstractState, ReleaseReason, SectionRole, SectionViolated
from ccms_ws.domain.collections import BatchState, CollectionBatch
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.errors import CcmsWsError, InternalError
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold, order_release
from ccms_ws.exchanges.fcc807 import FCC807
from ccms_ws.exchanges.fcc807.messages import BalanceFound, QueryError
from ccms_ws.exchanges.fcc807.simulate import Criteria, QueryClient

FTB_SCRIPT = "accept, error"
"""What the simulated FTB must do with the two batches."""
FTB_ANSWER_DAYS = 4 / 86_400
"""FTB has four seconds for an error message, so that its silence can be waited for."""
PATIENCE = 30.0
_PAUSE = 0.05

T = TypeVar("T")
Done = tuple[UUID, str]
"""The transaction id of what was done, and its outcome."""


class Scenario:
    """Tells it once, to one court whose endpoint, worker and partners run."""

    def __init__(
        self, court: CourtApplication, inquirer: QueryClient, *, tell: Callable[[str], None], alive: Callable[[], None]
    ) -> None:
        """`tell` hears what is being done, before it is done; `alive` raises if one of the programs has ended."""
        self._court = court
        self._inquirer = inquirer
        self._tell = tell
        self._alive = alive

    def run(self) -> list[Step]:
        """All steps, those that were not what they should be included. Raises what `alive` raises."""
        probationer = Criteria(case_number="CR-2023-002931", participant_id="P-1002")
        to_come = Criteria(case_number="CR-2023-002931", participant_id="P-1002", as_of=date(2199, 1, 1))
        queries = [
            self._query("a balance", probationer, "balance due 710.00 USD"),
            self._query("a case not on file", Criteria(case_number="TR-2099-000001"), "rejected: CaseNotFound"),
            self._query("a day to come", to_come, "error message: exchange.as-of-date-in-future"),
        ]
        batch_id = self._push_batch()
        failed_batch = self._failed_batch()
        hold = self._hold("hold", "TR-2025-011250", "P-1004", "VC 14601.1(a)", "accepted: ACCEPTED")
        release = self._release(UUID(hold.transaction_id))
        failed_hold = self._hold("hold", "TR-2025-015533", "P-1020", "VC 27315(d)", "in error: RecordUnavailable")
        silent_batch = self._silent_batch(batch_id)
        return [*queries, silent_batch, failed_batch, hold, release, failed_hold]

    def _step(self, exchange: str, what: str, partner: str, expected: str, do: Callable[[], Done]) -> Step:
        self._tell(f"{exchange} {what}")
        started = time.monotonic()
        try:
            transaction_id, outcome = do()
        except InternalError:
            raise
        except CcmsWsError as error:
            transaction_id, outcome = UUID(int=0), f"failed: {error}"
        return Step(
            exchange=exchange,
            what=what,
            partner=partner,
            transaction_id=str(transaction_id),
            outcome=outcome,
            expected=expected,
            ok=outcome == expected,
            seconds=round(time.monotonic() - started, 3),
        )

    # -- FCC807 -------------------------------------------------------------------------------------------------------
    def _query(self, what: str, criteria: Criteria, expected: str) -> Step:
        def ask() -> Done:
            answer = self._inquirer.ask(criteria)
            asked = answer.metadata.correlation_id
            if asked is None:
                raise InternalError("an answer without correlation id")
            if isinstance(answer, BalanceFound):
                return asked, f"balance due {answer.balance.due} USD"
            if isinstance(answer, QueryError):
                return asked, f"error message: {answer.problem.code}"
            return asked, f"rejected: {answer.reason}"

        return self._step(FCC807.code, f"query: {what}", self._inquirer.partner_id, expected, ask)

    # -- COL903 -------------------------------------------------------------------------------------------------------
    def _push_batch(self) -> UUID:
        self._tell("COL903 batch for FTB: every referred balance that has changed")
        push = self._court.push_settings("FTB", COL903.code)
        (batch_id,) = self._court.push(
            COL903,
            "FTB",
            lambda context, uow: build_batches(context, uow, size=push.batch_size),
        )
        self._wait(lambda: self._batch(batch_id), lambda batch: batch.state is not BatchState.QUEUED)
        return batch_id

    def _silent_batch(self, batch_id: UUID) -> Step:
        def wait() -> Done:
            batch = self._wait(lambda: self._batch(batch_id), lambda batch: batch.state.is_final)
            return batch_id, f"{batch.state}, {batch.item_count} updates"

        return self._step(COL903.code, "batch: no answer comes", "FTB", "assumed accepted, 3 updates", wait)

    def _failed_batch(self) -> Step:
        def pay_and_push() -> Done:
            self._pay("CR-2022-008812", "P-1005", "Restitution", Decimal("140.00"))
            batch_id = self._push_batch()
            answered = (BatchState.REJECTED, BatchState.PARTLY_REJECTED, BatchState.UNDELIVERABLE)
            batch = self._wait(lambda: self._batch(batch_id), lambda batch: batch.state in answered)
            return batch_id, f"{batch.state}: {batch.error_code}"

        return self._step(COL903.code, "batch: an error comes back", "FTB", "rejected: SystemUnavailable", pay_and_push)

    def _pay(self, case_number: str, participant_id: str, fee_kind: str, amount: Decimal) -> None:
        today = court_day(self._court.clock.now())
        entry_id, ori = f"demo-{uuid4()}", self._court.court.ori
        with self._court.units() as uow:
            uow.books.add(
                LedgerEntry(entry_id, ori, case_number, participant_id, EntryKind.PAYMENT, fee_kind, amount, today)
            )
            uow.commit()

    def _batch(self, batch_id: UUID) -> CollectionBatch:
        with self._court.reading() as uow:
            batch = uow.collections.find_batch(batch_id)
        if batch is None:
            raise InternalError(f"the batch {batch_id} is gone")
        return batch

    # -- DMV907 -------------------------------------------------------------------------------------------------------
    def _hold(self, what: str, case_number: str, participant_id: str, section: str, expected: str) -> Step:
        code_book, _, violated = section.partition(" ")
        order = HoldOrder(
            case_number=case_number,
            participant_id=participant_id,
            sections=(
                SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
                SectionViolated(code_book, violated, SectionRole.UNDERLYING),
            ),
            violation_date=date(2025, 5, 2),
            order_date=date(2025, 10, 6),
            noncompliance_date=date(2026, 4, 6),
            certified_by="Deputy Clerk 12",
            convicted_on=date(2025, 6, 17),
            conviction_reported_on=date(2025, 6, 20),
        )

        def push() -> Done:
            (abstract_id,) = self._court.push(DMV907, "DMV", lambda context, uow: [order_hold(order, context, uow)])
            return self._answered(abstract_id)

        return self._step(DMV907.code, f"{what}: {case_number}", "DMV", expected, push)

    def _release(self, hold_id: UUID) -> Step:
        def push() -> Done:
            (abstract_id,) = self._court.push(
                DMV907,
                "DMV",
                lambda context, uow: [order_release(hold_id, ReleaseReason.COMPLIED, context.today, context, uow)],
            )
            return self._answered(abstract_id)

        return self._step(DMV907.code, "release of that hold", "DMV", "accepted: ACCEPTED", push)

    def _answered(self, abstract_id: UUID) -> Done:
        def look() -> Abstract:
            with self._court.reading() as uow:
                abstract = uow.abstracts.find(abstract_id)
            if abstract is None:
                raise InternalError(f"the abstract {abstract_id} is gone")
            return abstract

        ends = (AbstractState.UNDELIVERABLE, AbstractState.OVERDUE)
        abstract = self._wait(look, lambda abstract: abstract.state.is_answered or abstract.state in ends)
        return abstract_id, f"{abstract.state}: {abstract.answer_code}"

    def _wait(self, look: Callable[[], T], done: Callable[[T], bool]) -> T:
        """What `look` sees once it is `done`, or when patience has ended."""
        deadline = time.monotonic() + PATIENCE
        while not done(seen := look()) and time.monotonic() < deadline:
            self._alive()
            time.sleep(_PAUSE)
        return seen
