"""What the demo shows: the steps of every exchange that has a part `demo`, in the order of the registry.

Every outcome is taken from what really happened: the court's signed answer, or the court's database.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.clients import OnWire
from ccms_ws.config import Settings
from ccms_ws.demo.steps import Step
from ccms_ws.errors import CcmsWsError, InternalError
from ccms_ws.exchange import Exchange
from ccms_ws.registry import EXCHANGES, part

PATIENCE: Final = 30.0
_PAUSE: Final = 0.05

T = TypeVar("T")
Done = tuple[UUID, str]
"""The transaction id of what was done, and its outcome."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One court whose endpoint, worker and partners run.

    `on_wire` records what a simulated partner sends; `tell` is called with what is being done, before it is done;
    `alive` raises if one of the programs has ended.
    """

    settings: Settings
    court: CourtApplication
    on_wire: OnWire
    tell: Callable[[str], None]
    alive: Callable[[], None]

    def step(self, exchange: Exchange, what: str, partner: str, expected: str, do: Callable[[], Done]) -> Step:
        """Do it, and compare its outcome with the one expected. Raises InternalError, and what `alive` raises."""
        self.tell(f"{exchange.code} {what}")
        started = time.monotonic()
        try:
            transaction_id, outcome = do()
        except InternalError:
            raise
        except CcmsWsError as error:
            transaction_id, outcome = UUID(int=0), f"failed: {error}"
        return Step(
            exchange=exchange.code,
            what=what,
            partner=partner,
            transaction_id=str(transaction_id),
            outcome=outcome,
            expected=expected,
            ok=outcome == expected,
            seconds=round(time.monotonic() - started, 3),
        )

    def wait(self, look: Callable[[], T], done: Callable[[T], bool]) -> T:
        """What `look` sees once it is `done`, or after `PATIENCE` seconds."""
        deadline = time.monotonic() + PATIENCE
        while not done(seen := look()) and time.monotonic() < deadline:
            self.alive()
            time.sleep(_PAUSE)
        return seen


def run(stage: Stage) -> list[Step]:
    """All steps, including those whose outcome was not the one expected. Raises what `alive` raises.

    A part whose `steps` yields None is continued after the steps of the others: time has to pass.
    """
    parts = [demo for exchange in EXCHANGES if (demo := part(exchange, "demo")) is not None]
    shown: list[list[Step]] = [[] for _ in parts]
    running: deque[tuple[list[Step], Iterator[Step | None]]] = deque(
        (own, demo.steps(stage)) for own, demo in zip(shown, parts, strict=True)
    )
    while running:
        own, steps = running.popleft()
        for step in steps:
            if step is None:
                running.append((own, steps))
                break
            own.append(step)
    return [step for own in shown for step in own]
