"""A probation department that asks the court for balances (FCC807), as a partner's own program would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from lxml import etree

from ccms_ws.clients import OnExchange, PartnerClient
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.config import Settings
from ccms_ws.contract import schemas
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.domain.courts import DriverLicense, PersonName
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import ConfigError, MalformedEnvelope
from ccms_ws.exchanges.fcc807 import FCC807, wire
from ccms_ws.exchanges.fcc807.messages import Query, QueryError, Response
from ccms_ws.parts.metadata import MessageKind, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Whose balance is asked for. A name means a given name and a surname."""

    case_number: str = ""
    participant_id: str = ""
    name: PersonName | None = None
    birth_date: date | None = None
    driver_license: DriverLicense | None = None
    as_of: date | None = None
    purpose: str = ""


class Inquirer:
    """Asks one court as one of its partners."""

    def __init__(
        self,
        settings: Settings,
        partner_id: str,
        *,
        key: Path | None = None,
        clock: Clock | None = None,
        on_exchange: OnExchange | None = None,
    ) -> None:
        """`key`: the partner's private key, by default next to its certificate. Raises ConfigError."""
        self._settings, self._profile = settings, settings.partner(partner_id)
        if self._profile.unit is None:
            raise ConfigError(f"{partner_id} is no probation department", hint="ask as one that is")
        self._unit = ProbationUnit(self._profile.unit)
        self._clock = clock or SystemClock()
        own = self._profile.certificates[0]
        court = x509.load_pem_x509_certificate(settings.identity.certificate.read_bytes())
        self._client = PartnerClient(
            wsdl_path(FCC807.service),
            partner_id=settings.court.ori,
            identity=Identity.load(key or own.with_suffix(".key"), own),
            trust=TrustStore([PinnedCertificate(settings.court.ori, court)]),
            policy=SecurityPolicy(),
            clock=self._clock,
            on_exchange=on_exchange,
        )

    @property
    def partner_id(self) -> str:
        return self._profile.id

    def ask(self, criteria: Criteria, *, soap: SoapVersion = SoapVersion.SOAP12) -> Response | QueryError:
        """Send one query and wait for the answer: a balance, a rejection, or the error message.

        Raises DeliveryError if none of these three came back.
        """
        query = self._query(criteria)
        body = etree.tostring(wire.query_to_xml(query))
        message = OutgoingMessage(
            query.metadata.transaction_id, FCC807.code, self._profile.id, wire.Q_QUERY, body, (), self._clock.now()
        )
        receipt = self._client.send(message, url=self._settings.endpoint.public_url + FCC807.path, soap=soap)
        if receipt.answer is None:
            raise MalformedEnvelope("the court answered nothing")
        payload = receipt.answer.payload
        schemas.validate(payload)
        if payload.tag == wire.Q_ERROR:
            return wire.error_from_xml(payload)
        return wire.response_from_xml(payload)

    def close(self) -> None:
        self._client.close()

    def _query(self, criteria: Criteria) -> Query:
        court = self._settings.court
        metadata = Metadata(
            transaction_id=uuid4(),
            correlation_id=None,
            at=self._clock.now(),
            exchange=FCC807.code,
            kind=MessageKind.QUERY,
            version=FCC807.version,
            sender_id=self._profile.id,
            sender_name=self._profile.name,
            receiver_id=court.ori,
            receiver_name=court.name,
            court_ori=court.ori,
            court_name=court.name,
            county_code=court.county_code,
            test=court.test,
        )
        return Query(
            metadata=metadata,
            court_ori=court.ori,
            unit=self._unit,
            agency=self._profile.name,
            case_number=criteria.case_number,
            participant_id=criteria.participant_id,
            name=criteria.name,
            birth_date=criteria.birth_date,
            driver_license=criteria.driver_license,
            as_of=criteria.as_of,
            purpose=criteria.purpose,
        )
