"""The composition root: from settings to a court that receives and delivers. Nothing else builds long-lived objects."""

from __future__ import annotations

import os
import random
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

from ccms_ws.audit.keeper import HeadKeeper
from ccms_ws.clients import OnWire, PartnerClient, TransportSettings, operation_for
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.config import (
    CourtSettings,
    DeliverySettings,
    PartnerSettings,
    PushSettings,
    RateSettings,
    Settings,
    load_settings,
)
from ccms_ws.contract.codes import CodeLists, load_codes
from ccms_ws.credentials import check_no_published_keys, identity_of, pins_of, policy_of, tls_pins_of, trust_of
from ccms_ws.delivery.outbox_actions import OutboxActions
from ccms_ws.delivery.queueing import Compose, queue_messages
from ccms_ws.delivery.recorder import AttemptRecorder
from ccms_ws.delivery.replies import ReplyHandler
from ccms_ws.delivery.retry import RetryRules
from ccms_ws.delivery.routes import Route
from ccms_ws.delivery.sender import Sender
from ccms_ws.delivery.worker import DeliveryWorker
from ccms_ws.domain.circuit_breaker import BreakerRules
from ccms_ws.domain.courts import CaseNumberStyle, CaseType, Court
from ccms_ws.domain.law import Law, load_law
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.domain.ports import UnitOfWorkFactory
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import Profile, SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import ConfigError, ContractError
from ccms_ws.exchange import Context, Direction, Exchange
from ccms_ws.registry import EXCHANGES
from ccms_ws.services.admission import Program
from ccms_ws.services.client_certificates import Proxy, TlsClients
from ccms_ws.services.gateway import Gateway, GatewayContext
from ccms_ws.services.rates import Rate
from ccms_ws.services.refusals import KEPT_EACH_MINUTE
from ccms_ws.store.engine import open_engine
from ccms_ws.store.heartbeats import ENDPOINT, WORKER, Heartbeat
from ccms_ws.store.message_log import GroupCommitLog
from ccms_ws.store.unit_of_work import SqlUnitOfWork, read_only, unit_of_work


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtApplication:
    """One court's installation, ready to work. Made by `open_court`. Units of `reading` wait for no writer."""

    settings: Settings
    court: Court
    law: Law
    codes: CodeLists
    partners: dict[str, Partner]
    identity: Identity
    trust: TrustStore
    policy: SecurityPolicy
    tls_clients: TlsClients
    clock: Clock
    units: Callable[[], SqlUnitOfWork]
    reading: UnitOfWorkFactory
    heartbeat: Callable[[str], Heartbeat]
    """The heartbeat of this process as the program of that name."""

    def endpoint(self) -> Program:
        """The program that receives: the gateway with its heartbeat."""
        heartbeat = self.heartbeat(ENDPOINT)
        gateway = self.gateway(is_ready=heartbeat.is_ready)

        def beat() -> None:
            heartbeat.beat()
            gateway.flush()

        def end() -> None:
            gateway.flush()
            heartbeat.end()

        return Program(gateway, beat, end, gateway.count_refused)

    def gateway(
        self,
        exchanges: Sequence[Exchange] = EXCHANGES,
        *,
        is_ready: Callable[[], bool] = lambda: True,
        is_limited: bool = True,
    ) -> Gateway:
        """The WSGI application that receives.

        `is_limited`: False for a tool that plays messages to it: partners have no rate, and each refusal is kept.
        """
        rates = {each.id: _rate(each.rate or self.settings.endpoint.rate) for each in self.settings.partners}
        return Gateway(
            GatewayContext(
                court=self.court,
                law=self.law,
                codes=self.codes,
                test=self.settings.court.test,
                public_url=self.settings.endpoint.public_url,
                identity=self.identity,
                trust=self.trust,
                policy=self.policy,
                clock=self.clock,
                partners=self.partners,
                permits=self._permits,
                tls_clients=self.tls_clients,
                profiles={profile.id: Profile(profile.profile.sends) for profile in self.settings.partners},
                references=self._references,
                unit_of_work=self.units,
                reading=self.reading,
                message_log=GroupCommitLog(self.units),
                rates=rates if is_limited else {},
                refusals_kept=KEPT_EACH_MINUTE if is_limited else None,
                is_ready=is_ready,
            ),
            exchanges,
        )

    def check_wsdls(self) -> None:
        """Raise ConfigError unless each partner's WSDL has the operation for what is pushed to it, as it was pinned."""
        problems: list[str] = []
        hints: list[str] = []
        for partner in self.settings.partners:
            for code, push in partner.receives.items():
                try:
                    check_push(code, push)
                except ContractError as error:
                    problems.append(f"{partner.id}, {code}: {error}")
                    hints.append(error.hint)
        if problems:
            raise ConfigError("; ".join(problems), hint=next(filter(None, hints), ""))

    def worker(self, *, on_wire: OnWire | None = None) -> DeliveryWorker:
        """A delivery worker with a name of its own."""
        delivery = self.settings.delivery
        return DeliveryWorker(
            units=self.units,
            exchanges=EXCHANGES,
            sender=Sender(exchanges=EXCHANGES, route_for=self.routes(on_wire=on_wire), clock=self.clock),
            recorder=AttemptRecorder(
                units=self.units,
                desk=ReplyHandler(
                    exchanges=EXCHANGES,
                    court=self.court,
                    law=self.law,
                    codes=self.codes,
                    test=self.settings.court.test,
                ),
                clock=self.clock,
                breaker_rules=breaker_rules(delivery),
                chance=random.random,
            ),
            max_concurrent=self._at_once,
            clock=self.clock,
            settings=delivery,
            name=f"{socket.gethostname()}:{os.getpid()}",
            heartbeat=self.heartbeat(WORKER),
        )

    def routes(self, *, on_wire: OnWire | None = None) -> Callable[[str, str], Route]:
        """How a message of an exchange gets to a partner: its client, address and SOAP version. Clients are shared."""

        @cache
        def client(partner_id: str, push: PushSettings) -> PartnerClient:
            profile = self.settings.partner(partner_id)
            return PartnerClient(
                push.wsdl,
                partner_id=partner_id,
                identity=self.identity,
                trust=self.trust,
                policy=replace(self.policy, profile=Profile(profile.profile.receives)),
                clock=self.clock,
                token_reference=self._references[partner_id],
                transport=transport_settings(self.settings.delivery, profile, push),
                on_wire=on_wire,
            )

        delivery = self.settings.delivery

        def route_for(partner_id: str, exchange_code: str) -> Route:
            push = self.push_settings(partner_id, exchange_code)
            return Route(
                partner=self.partners[partner_id],
                client=client(partner_id, push),
                url=push.url,
                soap=soap_version(push),
                answer_window=push.answer_window,
                retry=retry_rules(delivery, push),
            )

        return route_for

    def push(self, exchange: Exchange, partner_id: str, compose: Compose) -> list[UUID]:
        """Queue messages to a partner (`queue_messages`). Raises ConfigError if it does not receive the exchange."""
        self.push_settings(partner_id, exchange.code)
        return queue_messages(exchange, compose, context_for=lambda: self._context(partner_id), units=self.units)

    @property
    def head_keeper(self) -> HeadKeeper:
        """What writes down outside the database how the chains of the message log end."""
        url = self.settings.database.url
        return HeadKeeper(self.settings.audit, database_url=url, identity=self.identity, clock=self.clock)

    def operator(self, name: str) -> OutboxActions:
        """The hand of an operator on dead messages; `name` stands in the record."""
        return OutboxActions(
            name=name, units=self.units, exchanges=EXCHANGES, context_for=self._context, clock=self.clock
        )

    def context(self, partner_id: str) -> Context:
        """What the message that is composed next for a partner is composed with: a new id, the time, who is who."""
        return self._context(partner_id)

    def push_settings(self, partner_id: str, exchange_code: str) -> PushSettings:
        push = self.settings.partner(partner_id).receives.get(exchange_code)
        if push is None:
            raise ConfigError(
                f"partner {partner_id} does not receive {exchange_code}",
                hint=f"add [receives.{exchange_code}] to its profile",
            )
        return push

    @property
    def _references(self) -> dict[str, TokenReference]:
        """How we name our certificate to each partner."""
        return {profile.id: TokenReference(profile.token_reference) for profile in self.settings.partners}

    def _context(self, partner_id: str) -> Context:
        """What a first message to a partner is composed with. Raises ConfigError for a partner that is not there."""
        self.settings.partner(partner_id)
        return Context(
            court=self.court,
            law=self.law,
            codes=self.codes,
            partner=self.partners[partner_id],
            now=self.clock.now(),
            test=self.settings.court.test,
            message_id=uuid4(),
            reply_id=uuid4(),
        )

    def _at_once(self, partner_id: str) -> int:
        """How many messages may be on their way to a partner; to one that is no longer configured, a single one."""
        return self.settings.partner(partner_id).at_once if partner_id in self.partners else 1

    def _permits(self, partner_id: str, exchange: Exchange) -> bool:
        """A partner may send what its profile says, and answer what it receives."""
        profile = self.settings.partner(partner_id)
        return exchange.code in profile.sends or exchange.code in profile.receives


def transport_settings(delivery: DeliverySettings, partner: PartnerSettings, push: PushSettings) -> TransportSettings:
    """How a partner is spoken to over HTTP."""
    return TransportSettings(
        connect_timeout=delivery.connect_timeout_seconds,
        send_timeout=delivery.send_timeout_seconds,
        read_timeout=delivery.read_timeout_seconds,
        connections=partner.at_once,
        ca_bundle=push.tls_ca,
        client_certificate=push.client_certificate,
    )


def soap_version(push: PushSettings) -> SoapVersion:
    """The SOAP version that is spoken to a partner."""
    return SoapVersion.SOAP11 if push.soap == "1.1" else SoapVersion.SOAP12


def check_push(exchange_code: str, push: PushSettings) -> None:
    """Raise ContractError unless the partner's WSDL has an operation for what the court pushes, as it was pinned."""
    exchange = next((each for each in EXCHANGES if each.code == exchange_code), None)
    if exchange is not None and exchange.notification is not None:
        operation_for(push.wsdl, exchange.notification.root, soap_version(push))


def retry_rules(delivery: DeliverySettings, push: PushSettings) -> RetryRules:
    """How long the court keeps trying with a partner."""
    budget, hours = push.give_up_after_attempts, push.give_up_after_hours
    return RetryRules(
        first_wait=timedelta(seconds=delivery.first_retry_seconds),
        longest_wait=timedelta(seconds=delivery.longest_retry_seconds),
        budget=delivery.give_up_after_attempts if budget is None else budget,
        window=timedelta(hours=delivery.give_up_after_hours if hours is None else hours),
    )


def breaker_rules(delivery: DeliverySettings) -> BreakerRules:
    """When a partner's line rests."""
    return BreakerRules(
        down_after=delivery.down_after_failures,
        first_rest=timedelta(seconds=delivery.first_rest_seconds),
        longest_rest=timedelta(seconds=delivery.longest_rest_seconds),
    )


def open_court(settings: Settings, clock: Clock | None = None, *, published_keys: bool = False) -> CourtApplication:
    """The court of these settings. Raises ConfigError for keys and certificates, StoreUnavailable for the database.

    `published_keys`: accept the published test keys. Only for courts that exist to play recordings or to test clients.
    """
    if not published_keys:
        check_no_published_keys(settings)
    court, engine, clock = settings.court, open_engine(settings.database.url), clock or SystemClock()
    law, codes = load_law(court.law, court.law_rules), load_codes(court.codes)
    identity = identity_of(settings.identity)
    pinned = [pin.certificate for each in settings.partners for pin in pins_of(each)]
    if any(certificate.public_key() == identity.certificate.public_key() for certificate in pinned):
        raise ConfigError("the court's own key is pinned for a partner: its messages could be sent back to it")
    _check_profiles(settings.partners)
    return CourtApplication(
        settings=settings,
        court=_court(court),
        law=law,
        codes=codes,
        partners={profile.id: _partner(profile) for profile in settings.partners},
        identity=identity,
        trust=trust_of(settings, published_keys=published_keys),
        policy=policy_of(settings),
        tls_clients=_tls_clients(settings),
        clock=clock,
        units=unit_of_work(engine),
        reading=read_only(engine),
        heartbeat=lambda program: Heartbeat(engine, program, clock),
    )


def load_court(path: Path) -> CourtApplication:
    """The court whose settings stand in the file at `path`."""
    return open_court(load_settings(path, [exchange.code for exchange in EXCHANGES]))


def _partner(profile: PartnerSettings) -> Partner:
    unit = ProbationUnit(profile.unit) if profile.unit else None
    types = None if profile.case_types is None else frozenset(map(CaseType, profile.case_types))
    client_id = next((push.client_id for push in profile.receives.values() if push.client_id), "")
    told_own = any(push.own_payments for push in profile.receives.values())
    return Partner(profile.id, profile.name, PartnerKind(profile.kind), unit, types, client_id, told_own)


def _court(settings: CourtSettings) -> Court:
    pattern = re.compile(settings.case_number_pattern) if settings.case_number_pattern else None
    style = CaseNumberStyle(pattern, settings.case_number_form)
    return Court(settings.ori, settings.name, settings.county_code, settings.dmv_court_code, style)


def _rate(settings: RateSettings) -> Rate:
    return Rate(settings.requests_per_second, settings.burst)


def _tls_clients(settings: Settings) -> TlsClients:
    front = settings.endpoint.proxy
    pins = [pin for partner in settings.partners for pin in tls_pins_of(partner)]
    return TlsClients(pins, Proxy(addresses=front.addresses, header=front.header) if front else None)


def _check_profiles(partners: Iterable[PartnerSettings]) -> None:
    """Raises ConfigError if a partner that does not sign may send more than answers to what the court has sent."""
    asked = {exchange.code for exchange in EXCHANGES if exchange.direction is Direction.INBOUND}
    for partner in partners:
        if Profile(partner.profile.sends) is Profile.MTLS_ONLY and (more := asked.intersection(partner.sends)):
            raise ConfigError(
                f"{partner.id} may not send {', '.join(sorted(more))} under mtls-only",
                hint="mtls-only is for answers to what the court has sent; a partner that sends requests must sign",
            )
