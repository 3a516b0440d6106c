"""The gate of the court: an HTTP request in, an HTTP response out. The inbound line stands in `Gateway.receive`:

bytes, HTTP, `open_envelope`, duplicate guard, Spyne, `dispatch` (schema, handler, reply), seal, ONE commit, bytes.
What was sealed is stored with its effect: after the commit nothing is left to do but to send bytes. A message that only
asks is handled in a unit of work that reads, and goes into the message log together with others.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.contract.policy import check_published_policy
from ccms_ws.crash_points import crash_point
from ccms_ws.dispatch import Outcome, dispatch
from ccms_ws.domain.courts import Court
from ccms_ws.domain.messages import IncomingMessage, Refusal
from ccms_ws.domain.partners import Partner
from ccms_ws.domain.ports import MessageLog, UnitOfWork, UnitOfWorkFactory
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import Acceptance, Received, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.policy import Profile, SecurityPolicy, TokenReference
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import CcmsWsError, ConcurrentChange, HttpRefusal, InternalError, ServiceNotFound, StoreError
from ccms_ws.exchange import Context, Exchange
from ccms_ws.log import bound, get_logger
from ccms_ws.services.connection import TlsClients
from ccms_ws.services.http import Environ, Response, StartResponse, read_request
from ccms_ws.services.published import PublishedContract
from ccms_ws.services.replies import Replies, refusal, transaction_id
from ccms_ws.services.soap import SoapService
from ccms_ws.services.wire_profile import describe

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the gate needs of the court that it stands before."""

    court: Court
    test: bool
    public_url: str
    identity: Identity
    trust: TrustStore
    policy: SecurityPolicy
    clock: Clock
    partners: Mapping[str, Partner]
    permits: Callable[[str, Exchange], bool]
    tls_clients: TlsClients
    profiles: Mapping[str, Profile]
    """What each partner must sign of what it sends."""
    references: Mapping[str, TokenReference]
    """How answers to each partner name the court's certificate."""
    unit_of_work: UnitOfWorkFactory
    reading: UnitOfWorkFactory
    message_log: MessageLog

    @property
    def weaker_profiles(self) -> tuple[Profile, ...]:
        """Those in use, in the order of their weakness."""
        return tuple(each for each in Profile if each.is_weaker and each in self.profiles.values())


class Gateway:
    """The WSGI application. Thread-safe."""

    def __init__(self, house: House, exchanges: Sequence[Exchange]) -> None:
        """Raises ContractError if a WSDL states another security policy than `house.policy`."""
        self._house = house
        self._services = {exchange.path: SoapService(exchange) for exchange in exchanges}
        profile = describe(house.policy)
        for exchange in exchanges:
            check_published_policy(wsdl_path(exchange.service), profile)
        self._replies = Replies(house.identity, house.policy, house.clock, house.references)
        self._published = PublishedContract(house, tuple(self._services.values()))
        self._prefix = urlsplit(house.public_url).path.rstrip("/")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if self._prefix and path.startswith(f"{self._prefix}/"):  # a proxy may pass the public path on as it is
            environ = environ | {"PATH_INFO": path.removeprefix(self._prefix)}
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return self._published.get(environ).send(start_response, head=environ["REQUEST_METHOD"] == "HEAD")
        return self.receive(environ).send(start_response)

    def receive(self, environ: Environ) -> Response:
        """One message, from its bytes to the bytes of its answer."""
        started, incident, path = time.perf_counter(), uuid4(), environ.get("PATH_INFO", "")
        received: Received | None = None
        try:
            service = self._service(path)
            received = read_request(environ, self._house.policy.limits.message)
            crash_point("endpoint.read")
            connection = self._house.tls_clients.partner_of(environ, self._house.clock.now())
            envelope = self._open(received, service, connection)
        except HttpRefusal as error:
            self._refuse(error, incident, path, received)
            return refusal(error, incident)
        except CcmsWsError as error:
            self._refuse(error, incident, path, received)
            return self._replies.unsigned_fault(error, incident, received)
        except Exception as defect:
            unforeseen = self._unforeseen(defect, incident, path, received)
            return self._replies.unsigned_fault(unforeseen, incident, received)
        crash_point("endpoint.opened")
        with bound(
            exchange=service.exchange.code, partner=envelope.partner_id, message_id=envelope.addressing.message_id
        ):
            response, outcome = self._take_in(service, envelope, received.body, incident)
            log.info("message.received", outcome=outcome, ms=round((time.perf_counter() - started) * 1000, 2))
            return response

    def _service(self, path: str) -> SoapService:
        service = self._services.get(path)
        if service is None:
            raise ServiceNotFound(f"no service at {path[:100]!r}")
        return service

    def _open(self, received: Received, service: SoapService, connection: str) -> VerifiedEnvelope:
        house, exchange = self._house, service.exchange
        return open_envelope(
            received,
            trust=house.trust,
            policy=house.policy,
            clock=house.clock,
            acceptance=Acceptance(
                to=frozenset({house.public_url + exchange.path}),
                operations=service.actions,
                permits=lambda partner_id, _root: house.permits(partner_id, exchange),
                profile=house.profiles.__getitem__,
                connection=connection,
            ),
        )

    # -- verified ----------------------------------------------------------------------------------------------------
    def _take_in(
        self, service: SoapService, envelope: VerifiedEnvelope, raw: bytes, incident: UUID
    ) -> tuple[Response, str]:
        """Exactly one effect and one answer for a verified message; the response, and its outcome for the log."""
        try:
            message = self._incoming(service, envelope, raw)
            try:
                return self._answer(service, envelope, message, incident)
            except (
                ConcurrentChange
            ):  # the same message was answered at the same time, or a rule of the books was broken
                return self._answer(service, envelope, message, incident)
        except CcmsWsError as error:
            self._refuse(error, incident, service.exchange.path, None, envelope.partner_id)
            return self._replies.signed_fault(error, incident, envelope), error.code
        except Exception as defect:
            unforeseen = self._unforeseen(defect, incident, service.exchange.path, None, envelope.partner_id)
            return self._replies.signed_fault(unforeseen, incident, envelope), unforeseen.code

    def _answer(
        self, service: SoapService, envelope: VerifiedEnvelope, message: IncomingMessage, incident: UUID
    ) -> tuple[Response, str]:
        """The stored answer, or a new one. What only asks holds up no writer, and is kept together with others."""
        asks = service.only_asks(message.root)
        with (self._house.reading if asks else self._house.unit_of_work)() as uow:
            known = uow.inbox.find_answer(message) if asks else uow.inbox.receive(message)
            if known is not None:
                return self._replies.again(known, envelope), f"duplicate: {known.kind}"
            crash_point("endpoint.received")
            reply_id, operation = uuid4(), service.operation(message.root)
            outcome = self._handled(service, envelope, message, reply_id, uow)
            crash_point("endpoint.handled")
            answer, response = self._replies.first(outcome, reply_id, operation, envelope, incident)
            if not asks:
                uow.inbox.keep(message, answer)
                crash_point("endpoint.before-commit")
                uow.commit()
        if asks:
            crash_point("endpoint.before-commit")
            self._house.message_log.keep(message, answer)
        crash_point("endpoint.after-commit")
        return response, answer.error_code or answer.kind

    def _incoming(self, service: SoapService, envelope: VerifiedEnvelope, raw: bytes) -> IncomingMessage:
        return IncomingMessage(
            message_id=transaction_id(envelope.addressing.message_id),
            partner_id=envelope.partner_id,
            exchange=service.exchange.code,
            root=str(envelope.payload.tag),
            content_digest=envelope.content_digest,
            raw=raw,
            received_at=self._house.clock.now(),
            relates_to=envelope.addressing.relates_to or "",
        )

    def _handled(
        self,
        service: SoapService,
        envelope: VerifiedEnvelope,
        message: IncomingMessage,
        reply_id: UUID,
        uow: UnitOfWork,
    ) -> Outcome:
        context = Context(
            court=self._house.court,
            partner=self._house.partners[envelope.partner_id],
            now=message.received_at,
            test=self._house.test,
            message_id=message.message_id,
            reply_id=reply_id,
            relates_to=transaction_id(message.relates_to) if message.relates_to else None,
        )

        def handle(payload: _Element) -> Outcome:
            return dispatch(service.exchange, payload, context, uow)

        outcome: Outcome = service.call(envelope.payload, handle)
        return outcome

    def _unforeseen(
        self, defect: Exception, incident: UUID, path: str, received: Received | None, partner_id: str = ""
    ) -> InternalError:
        """A defect of ours. The log has its trace; the record only its kind, because its words may hold values."""
        log.exception("gateway.unforeseen", incident=str(incident))
        error = InternalError(f"{type(defect).__name__}, see the log")
        self._refuse(error, incident, path, received, partner_id)
        return error

    def _refuse(
        self, error: CcmsWsError, incident: UUID, path: str, received: Received | None, partner_id: str = ""
    ) -> None:
        """Keep what explains a refusal; the refusal stands even if that cannot be kept."""
        body = received.body if received else b""
        log.warning("message.refused", incident=str(incident), code=error.code, rule=error.rule, partner=partner_id)
        try:
            with self._house.unit_of_work() as uow:
                uow.inbox.refuse(
                    Refusal(
                        incident_id=incident,
                        at=self._house.clock.now(),
                        address=path[:200],
                        partner_id=partner_id,
                        code=error.code,
                        rule=error.rule,
                        detail=str(error)[:2000],
                        size=len(body),
                        digest=hashlib.sha256(body).digest(),
                    )
                )
                uow.commit()
        except StoreError:
            log.exception("gateway.refusal-not-kept", incident=str(incident))
