"""The court's own gate on a real socket, for messages of the test PKI: everything up to the verified envelope is what
the endpoint runs; behind it nothing happens but that the envelope is kept for the test to look at.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, make_server

from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.contract.codes import published_codes
from ccms_ws.domain.courts import Court
from ccms_ws.domain.law import load_law
from ccms_ws.domain.messages import AnswerKind, Refusal, StoredAnswer
from ccms_ws.domain.ports import MessageLog, UnitOfWorkFactory
from ccms_ws.envelope.inbound import VerifiedEnvelope
from ccms_ws.envelope.policy import Limits, Profile
from ccms_ws.envelope.trust import PinnedCertificate
from ccms_ws.services.client_certificates import Proxy, TlsClients
from ccms_ws.services.gateway import Gateway, GatewayContext, Reply, VerifiedMessage
from ccms_ws.services.http import Environ, Response, StartResponse
from ccms_ws.services.soap import SoapService
from tests.attack.vectors import Vector
from tests.support.envelopes import ACTION, ADDRESS, POLICY, QUERY
from tests.support.pki import pki

_HOST, _PATH = ADDRESS.partition("/services")[0], "/services/test"
# Partners show in TLS what they sign with, and a proxy on this machine says so.
_TLS_HEADER = "X-SSL-Client-Cert"
_TLS_PINS = [PinnedCertificate("adult-probation", pki().probation.certificate),
             PinnedCertificate("dmv", pki().dmv.certificate)]  # fmt: skip
_TLS_SHOWN = {pin.partner_id: b64encode(pin.certificate.public_bytes(Encoding.DER)).decode() for pin in _TLS_PINS}


@dataclass
class _Exchange:
    path: str = _PATH
    code: str = "TEST"


@dataclass
class _Service:
    exchange: _Exchange = field(default_factory=_Exchange)
    actions: dict[str, str] = field(default_factory=lambda: {QUERY: ACTION})
    one_way: frozenset[str] = frozenset()


class _Refusals:
    """A unit of work that keeps refusals and nothing else."""

    def __init__(self) -> None:
        self.kept: list[Refusal] = []
        self.inbox = self

    def __enter__(self) -> _Refusals:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def refuse(self, refusal: Refusal) -> None:
        self.kept.append(refusal)

    def commit(self) -> None:
        return None


class AttackedGate(Gateway):
    """A gate that stands open for one vector."""

    def __init__(self, vector: Vector, refusals: _Refusals) -> None:
        super().__init__(
            GatewayContext(
                court=cast("Court", None),
                law=load_law(),
                codes=published_codes(),
                test=True,
                public_url=_HOST,
                identity=pki().court,
                trust=pki().trust,
                policy=replace(POLICY, limits=Limits(message=vector.expectation.message_limit)),
                clock=vector.clock,
                partners={},
                permits=lambda partner_id, _exchange: vector.permits(partner_id, ""),
                tls_clients=TlsClients(_TLS_PINS, Proxy(addresses=("127.0.0.1",), header=_TLS_HEADER)),
                profiles=defaultdict(lambda: Profile.GFIPM_S2S, {each: vector.profile_of(each) for each in _TLS_SHOWN}),
                references={},
                unit_of_work=cast("UnitOfWorkFactory", lambda: refusals),
                reading=cast("UnitOfWorkFactory", lambda: refusals),
                message_log=cast("MessageLog", None),
            ),
            [],
        )
        self._services = {_PATH: cast("SoapService", _Service(one_way=vector.one_way))}
        self.opened: list[VerifiedEnvelope] = []

    def _answer(self, message: VerifiedMessage) -> Reply:
        self.opened.append(message.envelope)
        answer = StoredAnswer(AnswerKind.ACCEPTED, message.incoming.message_id)
        return Reply(answer, Response("202 Accepted", b"", "text/plain"), is_new=True)


@dataclass
class Answer:
    """What came back, and what was behind it."""

    status: int
    body: bytes
    opened: list[VerifiedEnvelope]
    refusals: list[Refusal]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        return None


class AttackedEndpoint:
    """Serves one gate after the other on one port."""

    def __init__(self) -> None:
        self._server = make_server("127.0.0.1", 0, self._serve, handler_class=_Quiet)
        self._gate: AttackedGate | None = None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        assert self._gate is not None
        unread, taken = environ["wsgi.input"], environ | {"wsgi.input": _Bounded(environ)}
        answer = list(self._gate(taken, start_response))
        unread.read(taken["wsgi.input"].left)  # or the client is cut off before it has read why
        return answer

    def attack(self, vector: Vector) -> Answer:
        """Send the vector, as its sidecar says."""
        refusals = _Refusals()
        gate = self._gate = AttackedGate(vector, refusals)
        connection = HTTPConnection("127.0.0.1", self._server.server_port, timeout=30)
        headers = {"Content-Type": vector.expectation.content_type}
        if vector.expectation.soap_action:
            headers["SOAPAction"] = vector.expectation.soap_action
        if vector.expectation.connection:
            headers[_TLS_HEADER] = _TLS_SHOWN[vector.expectation.connection]
        connection.request("POST", _PATH, vector.body, headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(response.status, body, gate.opened, refusals.kept)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Bounded:
    """A request's body that ends where Content-Length says, as servers hand it to an application."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._stream, self.left = environ["wsgi.input"], int(environ.get("CONTENT_LENGTH") or 0)

    def read(self, size: int = -1) -> bytes:
        part: bytes = self._stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(part)
        return part


@contextmanager
def attacked_endpoint() -> Iterator[AttackedEndpoint]:
    """An endpoint that runs as long as the block."""
    endpoint = AttackedEndpoint()
    try:
        yield endpoint
    finally:
        endpoint.close()
