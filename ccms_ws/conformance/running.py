"""A conformance run from beginning to end: put together, carried out, reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

import ccms_ws
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.client_probe import ClientProbe
from ccms_ws.conformance.court import SmallCourt
from ccms_ws.conformance.endpoint import Endpoint
from ccms_ws.conformance.endpoint_probe import EndpointProbe
from ccms_ws.conformance.faults import Task, requirements_of
from ccms_ws.conformance.findings import CheckResults, Report
from ccms_ws.conformance.kit import Kit
from ccms_ws.conformance.message_checks import Examiner
from ccms_ws.conformance.messages import Speaker
from ccms_ws.conformance.reply_checks import ReplyChecks
from ccms_ws.conformance.reply_listener import ReplyListener, listen_at
from ccms_ws.conformance.sessions import Sessions
from ccms_ws.demo.installation import COURT
from ccms_ws.domain.partners import Partner, PartnerKind
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Exchange
from ccms_ws.message_parts.metadata import Metadata
from ccms_ws.replay.mutations import DEFECTS
from ccms_ws.replay.remote import Tls, Wire
from ccms_ws.replay.variants import LAYOUTS

_PAUSE: Final = 0.1
_SETTLE: Final = 1.0
STEPS: Final = len(DEFECTS) + len(LAYOUTS) + 6
"""How often a run against an endpoint tells what it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTest:
    """What is tested: the partner's endpoint at `url`. `certificate`: what its answers are signed with; `wsdl`: its
    own, if not the kit's; `listen`: where the court takes separate answers, None for nowhere; `public_url`: how the
    partner reaches that; `wait`: seconds that separate answers may take; `tls`: for an https address.
    """

    url: str
    certificate: x509.Certificate
    wsdl: Path | None = None
    listen: tuple[str, int] | None = None
    public_url: str = ""
    wait: float = 15.0
    tls: Tls | None = None
    clock: Clock = field(default_factory=SystemClock)


def run_against(kit: Kit, test: EndpointTest, *, tell: Callable[[str], None] = lambda _words: None) -> Report:
    """Try the endpoint. Raises ConfigError, ContractError, and TransientDeliveryError if it cannot be reached."""
    exchange, started = kit.exchange, test.clock.now()
    wsdl = test.wsdl or kit.wsdl
    if wsdl is None or exchange.notification is None:
        raise ConfigError(f"{exchange.code} has no endpoint of a partner", hint="its client is tested: --listen")
    partner = Partner(kit.partner, kit.partner, PartnerKind.COLLECTION_AGENCY)
    ledger, conversations = CheckResults(req.of_endpoint(exchange)), Sessions()
    examiner, trust = Examiner(ledger), TrustStore([PinnedCertificate(kit.partner, test.certificate)])
    with ExitStack() as stack:
        wire = stack.enter_context(closing(Wire(keep=False, tls=test.tls)))
        endpoint = Endpoint(
            test.url, wsdl, exchange.notification.root, wire=wire, court=kit.court,
            trust=trust, clock=test.clock, examiner=examiner, expected=_answer_of(exchange, kit.partner),
        )  # fmt: skip
        desk = None
        if test.listen is not None:
            url = test.public_url or f"http://{test.listen[0]}:{test.listen[1]}"
            desk = ReplyListener(
                exchange, url=url, bind=test.listen, trust=trust, clock=test.clock, examiner=examiner,
                expected=_answer_of(exchange, kit.partner),
            )  # fmt: skip
            stack.callback(desk.close)
        EndpointProbe(endpoint, Speaker(exchange, partner), ledger, conversations, test.clock).probe(tell)
        tell("answers")
        silent = not req.answers_everything(exchange)
        ReplyChecks(endpoint, conversations, ledger, desk, elements=exchange.elements, silent=silent).review(test.wait)
    return report(kit, ledger, test.url, test.certificate, between=(started, test.clock.now()))


# -- clients ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTest:
    """What is tested: the client that calls `listen`, which it reaches as `public_url`, and signs with `certificate`.
    It has `patience` seconds for all tasks. `court`: one that is there already; it is made if there is none.
    """

    listen: tuple[str, int]
    certificate: x509.Certificate
    public_url: str = ""
    patience: float = 600.0
    court: SmallCourt | None = None
    clock: Clock = field(default_factory=SystemClock)


Watch = Callable[[Sequence[Task]], bool]
"""Hears of the tasks that are still to come, several times a second; False ends the run."""


def watch_client(kit: Kit, test: ClientTest, *, watch: Watch = lambda _tasks: True) -> Report:
    """Be the court until the client has done every task, or its time is up. Raises ConfigError."""
    exchange, begun = kit.exchange, test.clock.now()
    if not kit.tests_client:
        hint = "the partner's endpoint is tested: --endpoint"
        raise ConfigError(f"no partner sends requests by {exchange.code}", hint=hint)
    url = (test.public_url or f"http://{test.listen[0]}:{test.listen[1]}").rstrip("/")
    ledger = CheckResults(requirements_of(exchange))
    with TemporaryDirectory(prefix="ccms-ws-kit-") as folder, ExitStack() as stack:
        court = test.court
        if court is None:
            court = SmallCourt(Path(folder) / "court", url, kit.partner, test.certificate, test.clock)
            stack.callback(court.close)
        reception = ClientProbe(
            exchange, url=url + exchange.path, court=kit.court, clock=test.clock, ledger=ledger, answer=court.answer,
            trust=TrustStore([PinnedCertificate(kit.partner, test.certificate)]),
            expected=_query_of(exchange, kit.partner),
        )  # fmt: skip
        stack.callback(listen_at(test.listen, reception.receive, court.publish).stop)
        deadline = time.monotonic() + test.patience
        while (to_come := reception.to_come) and watch(to_come) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        time.sleep(_SETTLE if not to_come else 0)  # what is repeated comes now
        reception.finish()
    return report(kit, ledger, url + exchange.path, test.certificate, between=(begun, test.clock.now()))


def _query_of(exchange: Exchange, partner: str) -> Callable[[Metadata], str]:
    return lambda metadata: _wrong(
        {
            f"ExchangeCode is {exchange.code}": metadata.exchange == exchange.code,
            f"SchemaVersionID is {exchange.version}": metadata.version == exchange.version,
            f"SendingParty is {partner}": metadata.sender_id == partner,
            f"ReceivingParty is {COURT.ori}": metadata.receiver_id == COURT.ori,
            "TestIndicator is true": metadata.test,
        }
    )


def _wrong(sentences: Mapping[str, bool]) -> str:
    broken = [sentence for sentence, holds in sentences.items() if not holds]
    return f"must hold: {'; '.join(broken)}" if broken else ""


# -- both -------------------------------------------------------------------------------------------------------------
def _answer_of(exchange: Exchange, partner: str) -> Callable[[Metadata], str]:
    """What is wrong with the metadata block of an answer."""
    asked = _query_of(exchange, partner)
    return lambda metadata: asked(metadata) or _wrong({"there is a CorrelationID": metadata.correlation_id is not None})


def report(
    kit: Kit, ledger: CheckResults, subject: str, certificate: x509.Certificate, *, between: tuple[datetime, datetime]
) -> Report:
    """The report of a run that has ended."""
    return Report(
        exchange=kit.exchange.code,
        version=kit.exchange.version,
        partner=kit.partner,
        role="client" if kit.tests_client else "endpoint",
        subject=subject,
        signer=f"{certificate.subject.rfc4514_string()}, SHA-256 {certificate.fingerprint(SHA256()).hex()}",
        tested_by=f"ccms-ws {ccms_ws.__version__}, kit made by {kit.made_by}",
        started=between[0],
        ended=between[1],
        checks=ledger.checks(),
    )
