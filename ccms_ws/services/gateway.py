"""The court's SOAP endpoint, as a WSGI application.

`Gateway.receive` handles one POST: read, verify, look for a stored answer, dispatch, seal, commit, respond. The sealed
answer is stored in the commit that stores the effect, so nothing can fail between the commit and the response.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.contract.codes import CodeLists
from ccms_ws.contract.policy import check_published_policy
from ccms_ws.dispatch import HandlingResult, dispatch
from ccms_ws.domain.courts import Court
from ccms_ws.domain.law import Law
from ccms_ws.domain.messages import IncomingMessage, Refusal, StoredAnswer
from ccms_ws.domain.partners import Partner
from ccms_ws.domain.ports import MessageLog, UnitOfWork, UnitOfWorkFactory
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.policy import Profile, SecurityPolicy, TokenReference
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import CcmsWsError, ConcurrentChange, HttpRefusal, InternalError, ServiceNotFound
from ccms_ws.exchange import Context, Exchange
from ccms_ws.failpoints import failpoint
from ccms_ws.log import Limited, bound, get_logger
from ccms_ws.services.client_certificates import TlsClients
from ccms_ws.services.contract_package import describe
from ccms_ws.services.http import Environ, Response, StartResponse, read_request
from ccms_ws.services.published_contract import PublishedContract
from ccms_ws.services.rates import Rate, RateLimits
from ccms_ws.services.refusals import KEPT_EACH_MINUTE, RefusalRecorder
from ccms_ws.services.replies import Replies, refusal, transaction_id
from ccms_ws.services.soap import SoapService

log = get_logger(__name__)
_limited = Limited(log)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayContext:
    """What the gateway needs from the court. Built by `bootstrap`."""

    court: Court
    law: Law
    codes: CodeLists
    test: bool
    public_url: str
    identity: Identity
    trust: TrustStore
    policy: SecurityPolicy
    clock: Clock
    partners: Mapping[str, Partner]
    permits: Callable[[str, Exchange], bool]
    """May the partner with this id send messages of this exchange?"""
    tls_clients: TlsClients
    profiles: Mapping[str, Profile]
    """Which parts of a message each partner must sign."""
    references: Mapping[str, TokenReference]
    """How answers to each partner reference the court's certificate."""
    unit_of_work: UnitOfWorkFactory
    reading: UnitOfWorkFactory
    message_log: MessageLog
    rates: Mapping[str, Rate] = field(default_factory=dict)
    """How many messages each partner may send."""
    refusals_kept: int | None = KEPT_EACH_MINUTE
    """Refusals of unauthenticated senders with one error code that are kept in a minute; None: all."""
    is_ready: Callable[[], bool] = lambda: True
    """Can the database be read and written?"""

    @property
    def weaker_profiles(self) -> tuple[Profile, ...]:
        """The configured profiles that sign less than the standard one, weakest last."""
        return tuple(each for each in Profile if each.is_weaker and each in self.profiles.values())


@dataclass(slots=True)
class Request:
    """An HTTP request, and what has been established about it so far."""

    path: str
    incident_id: UUID
    exchange: str = ""
    http: HttpMessage | None = None
    envelope: VerifiedEnvelope | None = None
    only_counted: bool = False
    """It was refused, and is one of many that share a line in the log."""

    @property
    def body(self) -> bytes:
        return self.http.body if self.http else b""

    @property
    def partner_id(self) -> str:
        """The authenticated sender; empty until the envelope has been verified."""
        return self.envelope.partner_id if self.envelope else ""

    @property
    def log_fields(self) -> dict[str, str]:
        message_id = self.envelope.addressing.message_id if self.envelope else ""
        return {"exchange": self.exchange, "partner": self.partner_id, "message_id": message_id}


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """A message from an authenticated partner, and the service it was sent to."""

    service: SoapService
    envelope: VerifiedEnvelope
    incoming: IncomingMessage
    incident_id: UUID

    @property
    def read_only(self) -> bool:
        """True if handling the message changes nothing."""
        return self.service.read_only(self.incoming.root)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a message: as it is stored, and as it is sent."""

    answer: StoredAnswer
    response: Response
    is_new: bool

    @property
    def outcome(self) -> str:
        """One word for the log."""
        return self.answer.error_code or self.answer.kind if self.is_new else f"duplicate: {self.answer.kind}"


class Gateway:
    """The WSGI application. Thread-safe."""

    def __init__(self, context: GatewayContext, exchanges: Sequence[Exchange]) -> None:
        """Raises ContractError if a published WSDL states another security policy than the one that is enforced."""
        self._context = context
        self._services = {exchange.path: SoapService(exchange) for exchange in exchanges}
        profile = describe(context.policy)
        for exchange in exchanges:
            check_published_policy(wsdl_path(exchange.service), profile)
        self._replies = Replies(context.identity, context.policy, context.clock, context.references)
        self._published = PublishedContract(context, tuple(self._services.values()))
        self._refusals = RefusalRecorder(context.unit_of_work, context.refusals_kept)
        self._rates = RateLimits(context.rates)
        self._prefix = urlsplit(context.public_url).path.rstrip("/")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if self._prefix and path.startswith(f"{self._prefix}/"):  # a reverse proxy may keep the public prefix
            environ = environ | {"PATH_INFO": path.removeprefix(self._prefix)}
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return self._published.get(environ).send(start_response, head=environ["REQUEST_METHOD"] == "HEAD")
        return self.receive(environ).send(start_response)

    def flush(self) -> None:
        """Store what has only been counted so far. To be called every few seconds."""
        self._refusals.flush()

    def count_refused(self, error: HttpRefusal) -> UUID:
        """Count a request that the server has refused by itself. Returns the incident id for its sender."""
        return self._refusals.count(error, self._context.clock.now())

    def receive(self, environ: Environ) -> Response:
        """Handle one POST. Every request gets exactly one response; every refusal is recorded or counted."""
        started = time.perf_counter()
        request = Request(environ.get("PATH_INFO", ""), incident_id=uuid4())
        try:
            message = self._verify(request, environ)
            with bound(**request.log_fields):
                reply = self._answer(message)
            response, outcome = reply.response, reply.outcome
        except Exception as error:
            response, outcome = self._refuse(request, error)
        if request.envelope is not None and not request.only_counted:
            milliseconds = round((time.perf_counter() - started) * 1000, 2)
            remarks = {"remarks": request.envelope.remarks} if request.envelope.remarks else {}
            log.info("message.received", outcome=outcome, ms=milliseconds, **request.log_fields, **remarks)
        return response

    # -- verify --------------------------------------------------------------------------------------------------------
    def _verify(self, request: Request, environ: Environ) -> VerifiedMessage:
        context = self._context
        service = self._find_service(request.path)
        request.exchange = service.exchange.code
        request.http = read_request(environ, context.policy.limits.message)
        failpoint("endpoint.read")
        request.envelope = self._open(request.http, service, environ)
        self._rates.take(request.partner_id)
        failpoint("endpoint.opened")
        return VerifiedMessage(
            service, request.envelope, self._incoming(service, request.envelope, request.body), request.incident_id
        )

    def _find_service(self, path: str) -> SoapService:
        service = self._services.get(path)
        if service is None:
            raise ServiceNotFound(f"no service at {path[:100]!r}")
        return service

    def _open(self, http: HttpMessage, service: SoapService, environ: Environ) -> VerifiedEnvelope:
        context, exchange = self._context, service.exchange
        return open_envelope(
            http,
            trust=context.trust,
            policy=context.policy,
            clock=context.clock,
            acceptance=ReceivePolicy(
                to=frozenset({context.public_url + exchange.path}),
                operations=service.actions,
                one_way=service.one_way,
                permits=lambda partner_id, _root: context.permits(partner_id, exchange),
                profile=context.profiles.__getitem__,
                connection=context.tls_clients.partner_of(environ, context.clock.now()),
            ),
        )

    def _incoming(self, service: SoapService, envelope: VerifiedEnvelope, raw: bytes) -> IncomingMessage:
        return IncomingMessage(
            message_id=transaction_id(envelope.addressing.message_id),
            partner_id=envelope.partner_id,
            exchange=service.exchange.code,
            root=str(envelope.payload.tag),
            content_digest=envelope.content_digest,
            raw=raw,
            received_at=self._context.clock.now(),
            relates_to=envelope.addressing.relates_to or "",
        )

    # -- answer --------------------------------------------------------------------------------------------------------
    def _answer(self, message: VerifiedMessage) -> Reply:
        answer = self._answer_query if message.read_only else self._answer_command
        try:
            return answer(message)
        except ConcurrentChange:  # usually a copy of the message: another thread has answered it by now
            return answer(message)

    def _answer_command(self, message: VerifiedMessage) -> Reply:
        """Store the effect, the message and its answer in one commit. Copies of a message wait for each other."""
        with self._context.unit_of_work() as uow:
            reply = self._reply(message, uow.inbox.receive(message.incoming), uow)
            if reply.is_new:
                uow.inbox.keep(message.incoming, reply.answer)
                failpoint("endpoint.before-commit")
                uow.commit()
        failpoint("endpoint.after-commit")
        return reply

    def _answer_query(self, message: VerifiedMessage) -> Reply:
        """Answer without a write lock; then store message and answer in a group commit with those of other threads."""
        with self._context.reading() as uow:
            reply = self._reply(message, uow.inbox.find_answer(message.incoming), uow)
        if reply.is_new:
            failpoint("endpoint.before-commit")
            self._context.message_log.keep(message.incoming, reply.answer)
        failpoint("endpoint.after-commit")
        return reply

    def _reply(self, message: VerifiedMessage, stored: StoredAnswer | None, uow: UnitOfWork) -> Reply:
        """The stored answer in a new envelope if the message came before; otherwise the answer of its handler."""
        if stored is not None:
            return Reply(stored, self._replies.again(stored, message.envelope), is_new=False)
        failpoint("endpoint.received")
        reply_id = uuid4()
        outcome = self._handle(message, reply_id, uow)
        failpoint("endpoint.handled")
        operation = message.service.operation(message.incoming.root)
        answer, response = self._replies.first(outcome, reply_id, operation, message.envelope, message.incident_id)
        return Reply(answer, response, is_new=True)

    def _handle(self, message: VerifiedMessage, reply_id: UUID, uow: UnitOfWork) -> HandlingResult:
        incoming, exchange = message.incoming, message.service.exchange
        context = Context(
            court=self._context.court,
            law=self._context.law,
            codes=self._context.codes,
            partner=self._context.partners[incoming.partner_id],
            now=incoming.received_at,
            test=self._context.test,
            message_id=incoming.message_id,
            reply_id=reply_id,
            relates_to=transaction_id(incoming.relates_to) if incoming.relates_to else None,
        )

        def handle(payload: _Element) -> HandlingResult:
            return dispatch(exchange, payload, context, uow)

        outcome: HandlingResult = message.service.call(message.envelope.payload, handle)
        return outcome

    # -- refuse --------------------------------------------------------------------------------------------------------
    def _refuse(self, request: Request, error: Exception) -> tuple[Response, str]:
        """Record the refusal and answer with a fault, signed once the sender is known; also the error code.

        What is no SOAP fault is not signed for an authenticated partner either: a rate limit has to cost little.
        """
        if not isinstance(error, CcmsWsError):
            _limited.error("gateway.internal-error", incident=str(request.incident_id), exc_info=error)
            error = InternalError(f"{type(error).__name__}, see the log")  # its own text may contain personal data
        incident = self._record_refusal(request, error)
        if isinstance(error, HttpRefusal):
            return refusal(error, incident), error.code
        if request.envelope is not None:
            return self._replies.signed_fault(error, incident, request.envelope), error.code
        return self._replies.unsigned_fault(error, incident, request.http), error.code

    def _record_refusal(self, request: Request, error: CcmsWsError) -> UUID:
        """Record what explains the refusal to an operator. Returns the incident id for the sender."""
        incident = self._refusals.record(
            Refusal(
                incident_id=request.incident_id,
                at=self._context.clock.now(),
                address=request.path[:200],
                partner_id=request.partner_id,
                code=error.code,
                rule=error.rule,
                detail=str(error)[:2000],
                size=len(request.body),
                digest=hashlib.sha256(request.body).digest(),
            )
        )
        request.only_counted = incident != request.incident_id
        return incident
