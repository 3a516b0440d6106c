"""Separate answers on their way to the court: sent when due, again and again until the court has taken them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog
from lxml import etree

from ccms_ws.clients import Receipt
from ccms_ws.clock import Clock
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import DeliveryError
from ccms_ws.failpoints import failpoint
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.event_log import EventLog
from ccms_ws.simulator.state import Callback, PartnerState

log = structlog.get_logger(__name__)

_PAUSE = 0.05
_FIRST_RETRY = timedelta(milliseconds=250)
_LONGEST_RETRY = timedelta(seconds=30)


class CourtClient(Protocol):
    """What the postman needs of a client to the court's service."""

    def send(
        self, message: OutgoingMessage, *, url: str, soap: SoapVersion, relates_to: str | None = None
    ) -> Receipt: ...


@dataclass(frozen=True, slots=True)
class CourtEndpoint:
    """The court's service that takes the answers of one exchange. `ways`: a client for each act that needs its own."""

    url: str
    soap: SoapVersion
    ways: Mapping[str, CourtClient]


class CallbackSender:
    """A thread that runs the errands of one partner."""

    def __init__(
        self,
        *,
        doors: Mapping[str, CourtEndpoint],
        memory: PartnerState,
        journal: EventLog,
        clock: Clock,
        partner_id: str,
    ) -> None:
        """`doors`: by exchange code."""
        self._doors = doors
        self._memory = memory
        self._journal = journal
        self._clock = clock
        self._partner_id = partner_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the errand at hand and end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                errand = self._memory.next_errand(self._clock.now())
                if errand is None:
                    self._stop.wait(_PAUSE)
                else:
                    self._run_errand(errand)
            except Exception:
                log.exception("postman.defect")
                self._stop.wait(1.0)

    def _run_errand(self, errand: Callback) -> None:
        answer, now = errand.answer, self._clock.now()
        door = self._doors[answer.exchange]
        root = str(etree.fromstring(answer.body).tag)
        message = OutgoingMessage(UUID(answer.answer_id), answer.exchange, self._partner_id, root, answer.body, (), now)
        # Mischief spoils the first try only; then the partner has noticed and does it right.
        act = errand.first_try if errand.attempts == 0 else Behavior.NORMAL
        client = door.ways.get(act, door.ways[Behavior.NORMAL])
        facts: dict[str, str | int | None] = {
            "exchange": answer.exchange,
            "answer_id": answer.answer_id,
            "act": act,
            "attempt": errand.attempts + 1,
        }
        failpoint("postman.before-send")
        try:
            receipt = client.send(message, url=door.url, soap=door.soap, relates_to=answer.message_id)
        except DeliveryError as error:
            self._journal.note("answer not taken", **facts, cause=error.cause, http_status=error.http_status)
            if error.retryable:
                wait = min(_FIRST_RETRY * 2 ** min(errand.attempts, 10), _LONGEST_RETRY)
                self._memory.put_off(errand, now + max(wait, error.retry_after or wait))
            else:
                self._memory.finish(errand, f"refused ({error.cause})")
        else:
            failpoint("postman.taken")
            self._memory.finish(errand, "taken")
            failpoint("postman.finished")
            self._journal.note("answered", **facts, http_status=receipt.http_status)
