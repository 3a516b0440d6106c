"""TST999 in the demo: a notice that FTB takes in, and one about a case that it does not know."""

from __future__ import annotations

from collections.abc import Iterator

from ccms_ws.demo.scenario import Done, Stage
from ccms_ws.demo.steps import Step
from ccms_ws.domain.messages import OutboxState
from ccms_ws.exchanges.tst999 import TST999
from ccms_ws.exchanges.tst999.handler import compose


def steps(stage: Stage) -> Iterator[Step | None]:
    yield stage.step(TST999, "notice", "FTB", "delivered", lambda: _send(stage, "CR-2023-002931"))
    yield stage.step(TST999, "notice about an unknown case", "FTB", "delivered", lambda: _send(stage, "CR-404"))


def _send(stage: Stage, case_number: str) -> Done:
    (message_id,) = stage.court.push(TST999, "FTB", lambda context, uow: [compose(case_number, context, uow)])

    def look() -> OutboxState:
        with stage.court.reading() as uow:
            return uow.outbox.get(message_id).state

    return message_id, stage.wait(look, lambda state: state.is_final).value
