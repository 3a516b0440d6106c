"""The demo court as a fixture: a real installation, its gate in this process, partners that sign for themselves."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.bootstrap import CourtApplication, open_court
from ccms_ws.clock import FixedClock
from ccms_ws.config import load_settings
from ccms_ws.demo.installation import make_installation
from ccms_ws.domain.partners import Partner
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, VerifiedEnvelope, open_envelope
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.exchange import Exchange
from ccms_ws.exchanges.fcc807.messages import Query
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.message_parts.metadata import MessageKind, Metadata
from ccms_ws.registry import get_exchange
from ccms_ws.services.gateway import Gateway
from ccms_ws.services.soap import SoapService

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that tests copy and never change."""
    folder = tmp_path_factory.mktemp("installation") / "court"
    make_installation(folder, FixedClock(NOW))
    return folder


@pytest.fixture
def court_folder(installation: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "court"
    shutil.copytree(installation, folder)
    return folder


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the gate answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> _Element:
        return etree.fromstring(self.body)[-1][0]

    def text(self, local_name: str) -> str:
        """The text of the first element of that local name, anywhere."""
        return str(etree.fromstring(self.body).xpath("string(//*[local-name()=$name])", name=local_name))


@cache
def service(code: str) -> SoapService:
    return SoapService(get_exchange(code))


@cache
def _identity(certificate: Path, _written: int) -> Identity:
    return Identity.load(certificate.with_suffix(".key"), certificate)


class Court:
    """The gate of one court in this process, with a clock that stands still."""

    def __init__(self, folder: Path, now: datetime = NOW) -> None:
        self.folder = folder
        self.clock = FixedClock(now)
        self.application: CourtApplication = open_court(load_settings(folder / "ccms-ws.toml"), self.clock)
        self.gate: Gateway = self.application.gateway(is_limited=False)  # tests may be quick
        self.policy = SecurityPolicy()

    def restart(self) -> Court:
        """The same court in a new life: nothing but its files is kept."""
        return Court(self.folder)

    def identity(self, name: str) -> Identity:
        certificate = self.folder / "pki" / f"{name}.crt"
        return _identity(certificate, certificate.stat().st_mtime_ns)

    def url(self, code: str) -> str:
        return self.application.settings.endpoint.public_url + get_exchange(code).path

    def request(self, body: bytes = b"", *, path: str, method: str = "POST", **environ: Any) -> HttpAnswer:
        """One HTTP request through the WSGI gate."""
        given = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/soap+xml; charset=utf-8",
            "wsgi.input": io.BytesIO(body),
        } | environ
        status: list[tuple[str, list[tuple[str, str]]]] = []
        content = b"".join(self.gate({k: v for k, v in given.items() if v is not None}, lambda *a: status.append(a)))
        return HttpAnswer(int(status[0][0][:3]), dict(status[0][1]), content)

    def seal(
        self,
        payload: _Element,
        *,
        signer: str,
        exchange: Exchange,
        version: SoapVersion = SoapVersion.SOAP12,
        message_id: UUID | None = None,
        **addressing: Any,
    ) -> bytes:
        """`payload` in an envelope that the partner of that key has signed."""
        action = service(exchange.code).actions.get(str(payload.tag), "urn:none")
        given = {"to": self.url(exchange.code), "action": action, "message_id": f"urn:uuid:{message_id or uuid4()}"}
        reply_to = {"reply_to": addressing.pop("reply_to")} if "reply_to" in addressing else {}
        properties = replace(Addressing.request(**(given | addressing)), **reply_to)
        envelope = compose_envelope(payload, properties, version)
        envelope = seal_envelope(envelope, identity=self.identity(signer), policy=self.policy, clock=self.clock)
        return to_bytes(envelope)

    def post(self, body: bytes, *, code: str = "FCC807", version: SoapVersion = SoapVersion.SOAP12) -> HttpAnswer:
        exchange = get_exchange(code)
        headers: dict[str, Any] = {"CONTENT_TYPE": f"{version.media_type}; charset=utf-8"}
        if version is SoapVersion.SOAP11:
            action = etree.fromstring(body).findtext(".//{http://www.w3.org/2005/08/addressing}Action")
            headers["HTTP_SOAPACTION"] = f'"{action}"'
        return self.request(body, path=exchange.path, **headers)

    def open_answer(
        self, answer: HttpAnswer, *, code: str, relates_to: UUID, pinned: Iterable[str] = ("court",)
    ) -> VerifiedEnvelope:
        """The answer as a partner opens it that has pinned the certificates of those names for the court: signed by
        it, related to what was asked, fresh.
        """
        operations = {}
        for operation in service(code).wsdl.operations.values():
            operations[operation.output or ""] = operation.output_action
            operations |= {fault.element: fault.action for fault in operation.faults.values()}
        pins = [PinnedCertificate("COURT", self.identity(name).certificate) for name in pinned]
        return open_envelope(
            HttpMessage(answer.body, answer.headers["Content-Type"]),
            trust=TrustStore(pins),
            policy=self.policy,
            clock=self.clock,
            acceptance=ReceivePolicy(
                to=frozenset(),
                operations=operations,
                permits=lambda partner_id, _root: partner_id == "COURT",
                relates_to=f"urn:uuid:{relates_to}",
                faults=True,
            ),
        )

    # -- FCC807 ------------------------------------------------------------------------------------------------------
    def query(self, partner_id: str = "ADULT-PROBATION", *, message_id: UUID | None = None, **keys: Any) -> Query:
        partner: Partner = self.application.partners[partner_id]
        house = self.application.court
        metadata = Metadata(
            transaction_id=message_id or uuid4(),
            correlation_id=None,
            at=self.clock.now(),
            exchange="FCC807",
            kind=MessageKind.QUERY,
            version="1.0",
            sender_id=partner.partner_id,
            sender_name=partner.name,
            receiver_id=house.ori,
            receiver_name=house.name,
            court_ori=house.ori,
            court_name=house.name,
            county_code=house.county_code,
            test=self.application.settings.court.test,
        )
        assert partner.unit is not None
        given: dict[str, Any] = {"court_ori": house.ori, "unit": partner.unit, "agency": partner.name}
        query = Query(metadata=metadata, **(given | keys))
        return replace(query, metadata=replace(metadata, court_ori=query.court_ori))

    def ask(
        self, query: Query, *, signer: str = "adult-probation", version: SoapVersion = SoapVersion.SOAP12
    ) -> HttpAnswer:
        body = self.seal(
            query_to_xml(query),
            signer=signer,
            exchange=get_exchange("FCC807"),
            version=version,
            message_id=query.metadata.transaction_id,
        )
        return self.post(body, version=version)


@pytest.fixture
def court(court_folder: Path) -> Court:
    return Court(court_folder)
