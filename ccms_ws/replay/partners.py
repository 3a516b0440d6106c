"""Scripted partners: they take what the court's worker delivers, and answer what was recorded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ccms_ws.config import PartnerSettings, Settings
from ccms_ws.replay import pki
from ccms_ws.replay.case import Delivery
from ccms_ws.replay.normalize import Ids
from ccms_ws.replay.reissue import Occasion, renew_answer
from ccms_ws.replay.unverified_reader import message_id_of
from ccms_ws.simulator.server import HttpReply, HttpRequest, PartnerServer

_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Delivered:
    """A request that came, and the address it came to."""

    url: str
    request: HttpRequest


class ScriptedPartners:
    """One server for all partners of a court, on a free port of loopback, until it is stopped."""

    def __init__(self) -> None:
        self._server = PartnerServer("127.0.0.1", 0, self._receive, _LARGEST)
        self._lock = threading.Lock()
        self._script: list[Delivery] = []
        self._taken: list[Delivered] = []
        self._now = datetime.min.replace(tzinfo=UTC)
        self._ids = Ids()
        self._server.start()

    def stop(self) -> None:
        """End the server."""
        self._server.stop()

    def url(self, partner: str, exchange: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{partner}/{exchange}"

    def moved_here(self, settings: Settings) -> Settings:
        """The same settings with every partner at this server."""
        return settings.model_copy(update={"partners": tuple(map(self._moved, settings.partners))})

    def _moved(self, partner: PartnerSettings) -> PartnerSettings:
        receives = {
            code: push.model_copy(update={"url": self.url(partner.id, code)}) for code, push in partner.receives.items()
        }
        return partner.model_copy(update={"receives": receives})

    def expect(self, script: Sequence[Delivery], now: datetime, ids: Ids) -> None:
        """Answer the next requests by `script`, one step each; whatever comes beyond it gets HTTP 503."""
        with self._lock:
            self._script, self._taken = list(script), []
            self._now, self._ids = now, ids

    @property
    def taken(self) -> Sequence[Delivered]:
        """What came since `expect`."""
        with self._lock:
            return tuple(self._taken)

    def _receive(self, request: HttpRequest) -> HttpReply:
        with self._lock:
            url = f"http://127.0.0.1:{self._server.server_address[1]}{request.path}"
            self._taken.append(Delivered(url, request))
            if len(self._taken) > len(self._script):
                return HttpReply(503)
            step = self._script[len(self._taken) - 1]
            self._ids.bind(message_id_of(step.message), message_id_of(request.body))
            if not step.answer:
                return HttpReply(step.status)
            signer = pki.identity(pki.NAME_OF[step.partner])
            occasion = Occasion(at=self._now, recorded_at=self._now, signer=signer)
            return HttpReply(step.status, renew_answer(step.answer, occasion, self._ids), step.content_type)
