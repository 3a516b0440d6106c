"""COL903 in the demo: a batch that FTB meets with silence, and one that comes back with an error message."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from ccms_ws.clock import court_day
from ccms_ws.demo.scenario import Done, Stage
from ccms_ws.demo.steps import Step
from ccms_ws.domain.collections import BatchState, CollectionBatch
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.errors import InternalError
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.exchanges.col903.repository import Batches

SETTINGS: Final = {
    "FTB": """answer_days = $ftb_answer_days # without an error message until then, a batch counts as accepted
batch_size = 1000
client_id = "99015"
""",
    "AGENCY": """answer_days = 3
batch_size = 500
client_id = "SEQ-1"
""",
}
SCRIPTS: Final = {"FTB": "accept, error"}
"""What the simulated partner does with the batches."""


def steps(stage: Stage) -> Iterator[Step | None]:
    silent = _push(stage)
    failed = stage.step(
        COL903, "batch: an error comes back", "FTB", "rejected: SystemUnavailable", lambda: _pay_and_push(stage)
    )
    yield None
    yield stage.step(
        COL903, "batch: no answer comes", "FTB", "assumed accepted, 3 updates", lambda: _wait(stage, silent)
    )
    yield failed


def _push(stage: Stage) -> UUID:
    stage.tell("COL903 batch for FTB: every referred balance that has changed")
    push = stage.court.push_settings("FTB", COL903.code)
    (batch_id,) = stage.court.push(
        COL903, "FTB", lambda context, uow: build_batches(context, uow, size=push.batch_size)
    )
    stage.wait(lambda: _batch(stage, batch_id), lambda batch: batch.state is not BatchState.QUEUED)
    return batch_id


def _wait(stage: Stage, batch_id: UUID) -> Done:
    batch = stage.wait(lambda: _batch(stage, batch_id), lambda batch: batch.state.is_final)
    return batch_id, f"{batch.state}, {batch.item_count} updates"


def _pay_and_push(stage: Stage) -> Done:
    _pay(stage, "CR-2022-008812", "P-1005", "Restitution", Decimal("140.00"))
    batch_id = _push(stage)
    answered = (BatchState.REJECTED, BatchState.PARTLY_REJECTED, BatchState.UNDELIVERABLE)
    batch = stage.wait(lambda: _batch(stage, batch_id), lambda batch: batch.state in answered)
    return batch_id, f"{batch.state}: {batch.error_code}"


def _pay(stage: Stage, case_number: str, participant_id: str, fee_kind: str, amount: Decimal) -> None:
    today = court_day(stage.court.clock.now())
    entry_id, ori = f"demo-{uuid4()}", stage.court.court.ori
    with stage.court.units() as uow:
        uow.books.add(
            LedgerEntry(entry_id, ori, case_number, participant_id, EntryKind.PAYMENT, fee_kind, amount, today)
        )
        uow.commit()


def _batch(stage: Stage, batch_id: UUID) -> CollectionBatch:
    with stage.court.reading() as uow:
        batch = uow.of(Batches).find_batch(batch_id)
    if batch is None:
        raise InternalError(f"the batch {batch_id} is gone")
    return batch
