"""A simulated partner put together from a court's settings, and kept running."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cryptography import x509

from ccms_ws.clients import OnWire, PartnerClient
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.config import PushSettings, Settings
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import Limits, SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import ConfigError
from ccms_ws.registry import get_exchange, part
from ccms_ws.simulator.behaviors import Behavior, BehaviorSource, Script
from ccms_ws.simulator.callback_sender import CallbackSender, CourtEndpoint
from ccms_ws.simulator.event_log import EventLog
from ccms_ws.simulator.partner import Counter, Pace, SimulatedPartner
from ccms_ws.simulator.responder import Responder
from ccms_ws.simulator.server import PartnerServer
from ccms_ws.simulator.signing import Signatures, untrusted_identity
from ccms_ws.simulator.state import PartnerState

_LIMITS = Limits(message=64 * 1024 * 1024, elements=5_000_000)
_VERSIONS = {"1.1": SoapVersion.SOAP11, "1.2": SoapVersion.SOAP12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """How a partner is simulated. `key`: its private key, by default next to its certificate. `memory` and `journal`
    are files; without the first a restart forgets, without the second nothing is noted.
    `on_wire`: hears of every answer that leaves as a message of its own.
    """

    temper: BehaviorSource = field(default_factory=Script)
    key: Path | None = None
    memory: Path | None = None
    journal: Path | None = None
    pace: Pace = field(default_factory=Pace)
    on_wire: OnWire | None = None


class RunningPartner:
    """A partner that serves and sends while the `with` block lasts."""

    def __init__(self, settings: Settings, partner_id: str, simulation: Simulation, clock: Clock | None = None) -> None:
        """Raises ConfigError if the settings give the partner nothing to receive, or no key can be found."""
        clock, profile = clock or SystemClock(), settings.partner(partner_id)
        if not profile.receives:
            raise ConfigError(f"the court pushes nothing to {partner_id!r}", hint="simulate a partner that receives")
        own = profile.certificates[0]
        court = x509.load_pem_x509_certificate(settings.identity.certificate.read_bytes())
        seals = Signatures(
            identity=Identity.load(simulation.key or own.with_suffix(".key"), own),
            trust=TrustStore([PinnedCertificate(settings.court.ori, court)]),
            policy=SecurityPolicy(limits=_LIMITS),
            clock=clock,
            untrusted_identity=untrusted_identity(clock.now()),
        )
        self.memory = PartnerState(simulation.memory)
        self._journal = EventLog(simulation.journal, clock)
        self._clients: list[PartnerClient] = []
        partner = SimulatedPartner(
            counters={
                urlsplit(push.url).path or "/": Counter(code, push.url, load_wsdl(push.wsdl), _responder(code))
                for code, push in profile.receives.items()
            },
            seals=seals,
            memory=self.memory,
            temper=simulation.temper,
            journal=self._journal,
            clock=clock,
            pace=simulation.pace,
        )
        self._postman = CallbackSender(
            doors={
                code: self._door(settings, code, push, seals, simulation) for code, push in profile.receives.items()
            },
            memory=self.memory,
            journal=self._journal,
            clock=clock,
            partner_id=partner_id,
        )
        self._servers = [
            _listen(host, port, partner)
            for host, port in sorted({_place(push.url) for push in profile.receives.values()})
        ]

    def _door(
        self, settings: Settings, code: str, push: PushSettings, seals: Signatures, simulation: Simulation
    ) -> CourtEndpoint:
        exchange = get_exchange(code)
        ways = {}
        for act in (Behavior.NORMAL, Behavior.WRONG_SIGNER, Behavior.EXPIRED):
            identity, clock = seals.for_act(act)
            ways[act.value] = PartnerClient(
                wsdl_path(exchange.service),
                partner_id=settings.court.ori,
                identity=identity,
                trust=seals.trust,
                policy=seals.policy,
                clock=clock,
                on_wire=simulation.on_wire,
            )
        self._clients += ways.values()
        return CourtEndpoint(f"{settings.endpoint.public_url}{exchange.path}", _VERSIONS[push.soap], ways)

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        self._postman.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop()
        self._postman.stop()
        for client in self._clients:
            client.close()
        self.memory.close()
        self._journal.close()


def serve_partner(
    settings: Settings,
    partner_id: str,
    simulation: Simulation | None = None,
    *,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Simulate one partner of the court in `settings` until SIGTERM or SIGINT; `ready` is called once it listens."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    with RunningPartner(settings, partner_id, simulation or Simulation()):
        ready()
        ended.wait()


def _responder(code: str) -> Responder:
    simulate = part(get_exchange(code), "simulate")
    if simulate is None:
        raise ConfigError(f"nothing says how a partner answers {code}", hint="its folder needs a module simulate.py")
    made: Responder = simulate.responder()
    return made


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ConfigError(f"a simulated partner speaks plain HTTP, not {url}", hint="put a TLS proxy in front of it")
    return parts.hostname, parts.port or 80


def _listen(host: str, port: int, partner: SimulatedPartner) -> PartnerServer:
    try:
        return PartnerServer(host, port, partner.receive, _LIMITS.message)
    except OSError as error:
        raise ConfigError(f"port {port} of {host} cannot be used: {error.strerror}", hint="is it taken?") from error
