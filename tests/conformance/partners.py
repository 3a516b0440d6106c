"""Partners to test: a client that does everything right or one thing wrong, and the simulator's endpoints."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import requests
from lxml import etree

from ccms_ws.clock import SystemClock
from ccms_ws.config import Settings
from ccms_ws.conformance.kit import Kit
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.demo.installation import COURT
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.exchanges.fcc807.conformance import TASKS
from ccms_ws.exchanges.fcc807.messages import Query
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.message_parts.metadata import MessageKind, Metadata
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.verdicts import Answer, Reader
from ccms_ws.simulator import RunningPartner, Simulation

CLOCK = SystemClock()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# -- a client ---------------------------------------------------------------------------------------------------------
@dataclass
class Client:
    """Asks as it should. Each field is a way to do something else."""

    url: str
    seal: Callable[[Draft], Request] = lambda draft: draft.request()
    """How a message is sealed."""
    attempts: int = 4
    new_id_on_retry: bool = False
    same_bytes_on_retry: bool = False
    other_body_on_retry: bool = False
    believes_everything: bool = False
    impatient: bool = False
    repeats_answered: bool = False
    version: SoapVersion = SoapVersion.SOAP12
    one_id: UUID | None = None
    change: Callable[[Metadata], Metadata] = lambda metadata: metadata
    session: requests.Session = field(default_factory=requests.Session)

    def do(self, *tasks: int) -> None:
        """These tasks of the kit in this order, or all."""
        keys: dict[int, dict[str, object]] = {1: {"participant_id": "P-1002"}, 3: {"as_of": date(2199, 1, 1)}}
        by_number = {task.number: task for task in TASKS}
        with self.session:
            for number in tasks or by_number:
                self.ask(case_number=by_number[number].case_number, **keys.get(number, {}))

    def ask(self, **keys: object) -> None:
        message_id = self.one_id or uuid4()
        draft = self._draft(message_id, **keys)
        request = self.seal(draft)
        for attempt in range(self.attempts):
            if attempt:
                draft, request = self._again(draft, request, **keys)
            if self._understood(request, draft):
                if self.repeats_answered:
                    self._post(self.seal(replace(draft, at=CLOCK.now())))
                return

    def _again(self, draft: Draft, request: Request, **keys: object) -> tuple[Draft, Request]:
        if self.same_bytes_on_retry:
            return draft, request
        message_id = uuid4() if self.new_id_on_retry else draft.message_id
        if self.new_id_on_retry or self.other_body_on_retry:
            draft = self._draft(message_id, **keys, **({"purpose": "again"} if self.other_body_on_retry else {}))
        draft = replace(draft, at=CLOCK.now())
        return draft, self.seal(draft)

    def _understood(self, request: Request, draft: Draft) -> bool:
        """True if an answer came that can be believed."""
        answer = self._post(request)
        if answer is None:
            return False
        if answer.status == 503:
            if not self.impatient:
                time.sleep(float(answer.headers["retry-after"]))
            return False
        trust = TrustStore([PinnedCertificate("COURT", pki.identity("court").certificate)])
        reader = Reader(get_exchange("FCC807"), f"urn:uuid:{draft.message_id}", trust, CLOCK)
        return self.believes_everything or not reader.refusal(answer)

    def _post(self, request: Request) -> Answer | None:
        try:
            response = self.session.post(self.url, data=request.body, headers=request.http_headers, timeout=10)
        except requests.ConnectionError:
            return None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content)

    def _draft(self, message_id: UUID, **keys: object) -> Draft:
        now = CLOCK.now()
        metadata = Metadata(
            transaction_id=message_id, correlation_id=None, at=now, exchange="FCC807", kind=MessageKind.QUERY,
            version="1.0", sender_id="ADULT-PROBATION", sender_name="Probation", receiver_id=COURT.ori,
            receiver_name=COURT.name, court_ori=COURT.ori, court_name=COURT.name, county_code=COURT.county_code,
            test=True,
        )  # fmt: skip
        query = Query(
            metadata=self.change(metadata),
            court_ori=COURT.ori,
            unit=ProbationUnit.ADULT,
            agency="Probation",
            **keys,  # type: ignore[arg-type]
        )
        message = query_to_xml(query)
        (operation,) = load_wsdl(get_exchange("FCC807").service).operations.values()
        return Draft(
            payload=etree.tostring(message, method="c14n", exclusive=True), to=self.url,
            action=operation.input_action, message_id=message_id, version=self.version,
            signer=pki.identity("adult-probation"), at=now,
        )  # fmt: skip


# -- endpoints --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Simulated:
    """A simulated partner that runs, and where the court must listen for its answers."""

    kit: Kit
    url: str
    listen: tuple[str, int]
    partner: RunningPartner


@contextmanager
def simulated(house: Courthouse, code: str, partner: str, simulation: Simulation | None = None) -> Iterator[Simulated]:
    """The simulator in the part of `partner`, on free ports."""
    court, own = free_port(), free_port()
    settings = _moved(house.settings, court, own)
    push = settings.partner(partner).receives[code]
    with RunningPartner(settings, partner, simulation or Simulation()) as running:
        kit = Kit(folder=Path(), exchange=get_exchange(code), partner=partner, wsdl=push.wsdl, made_by="a test")
        yield Simulated(kit, push.url, ("127.0.0.1", court), running)


def _moved(settings: Settings, court: int, own: int) -> Settings:
    endpoint = settings.endpoint.model_copy(update={"public_url": f"http://127.0.0.1:{court}"})
    partners = tuple(
        profile.model_copy(
            update={
                "receives": {
                    code: push.model_copy(update={"url": f"http://127.0.0.1:{own}/{code}"})
                    for code, push in profile.receives.items()
                }
            }
        )
        for profile in settings.partners
    )
    return settings.model_copy(update={"endpoint": endpoint, "partners": partners})
