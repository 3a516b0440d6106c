"""FCC807 from the partner's side: ask a court what a case participant owes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import uuid4

from lxml import etree

from ccms_ws.clients.partner import OnExchange, PartnerClient
from ccms_ws.clients.transport import TransportSettings
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.contract import schemas
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.domain.courts import Court, DriverLicense, PersonName
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.domain.partners import Partner, ProbationUnit
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import TransientDeliveryError, UnknownMessage
from ccms_ws.exchanges.fcc807.messages import Query, QueryError, Response
from ccms_ws.exchanges.fcc807.wire import Q_ERROR, Q_QUERY, Q_RESPONSE, error_from_xml, query_to_xml, response_from_xml
from ccms_ws.parts.metadata import MessageKind, Metadata


class BalanceQueryClient:
    """Asks one court, as one partner. Make it once and share it."""

    def __init__(
        self,
        *,
        url: str,
        court: Court,
        partner: Partner,
        identity: Identity,
        trust: TrustStore,
        soap: SoapVersion = SoapVersion.SOAP12,
        test: bool = False,
        wsdl: Path | None = None,
        policy: SecurityPolicy | None = None,
        clock: Clock | None = None,
        transport: TransportSettings | None = None,
        on_exchange: OnExchange | None = None,
    ) -> None:
        """`url`: of the court's FCC807 service. `partner`, `identity`: who asks. `trust`: pins the court's certificate
        under the court's ORI. `test`: must be what the court says of itself. `wsdl`: the published one if not given.
        """
        self._url = url
        self._court = court
        self._partner = partner
        self._soap = soap
        self._test = test
        self._clock = clock or SystemClock()
        self._client = PartnerClient(
            wsdl or wsdl_path("FCC807-1.0-service.wsdl"),
            partner_id=court.ori,
            identity=identity,
            trust=trust,
            policy=policy or SecurityPolicy(),
            clock=self._clock,
            transport=transport,
            on_exchange=on_exchange,
        )

    def ask(
        self,
        *,
        case_number: str = "",
        participant_id: str = "",
        name: PersonName | None = None,
        birth_date: date | None = None,
        driver_license: DriverLicense | None = None,
        as_of: date | None = None,
        purpose: str = "",
    ) -> Response | QueryError:
        """The court's answer: the balance found, a rejection with its reason, or the exchange's error message.

        Raises SchemaViolated for a query that the contract does not allow and DeliveryError if no answer that can be
        believed came back. A query has no effect: it may be asked again.
        """
        now, query_id = self._clock.now(), uuid4()
        query = Query(
            metadata=Metadata(
                transaction_id=query_id,
                correlation_id=None,
                at=now,
                exchange="FCC807",
                kind=MessageKind.QUERY,
                version="1.0",
                sender_id=self._partner.partner_id,
                sender_name=self._partner.name,
                receiver_id=self._court.ori,
                receiver_name=self._court.name,
                court_ori=self._court.ori,
                court_name=self._court.name,
                county_code=self._court.county_code,
                test=self._test,
            ),
            court_ori=self._court.ori,
            unit=self._partner.unit or ProbationUnit.ADULT,
            agency=self._partner.name,
            case_number=case_number,
            participant_id=participant_id,
            name=name,
            birth_date=birth_date,
            driver_license=driver_license,
            as_of=as_of,
            purpose=purpose,
        )
        payload = query_to_xml(query)
        schemas.validate(payload)
        message = OutgoingMessage(query_id, "FCC807", self._court.ori, Q_QUERY, etree.tostring(payload), (), now)
        receipt = self._client.send(message, url=self._url, soap=self._soap)
        if receipt.answer is None:
            raise TransientDeliveryError("the court answered nothing", http_status=receipt.http_status)
        schemas.validate(receipt.answer.payload)
        if receipt.answer.payload.tag == Q_RESPONSE:
            return response_from_xml(receipt.answer.payload)
        if receipt.answer.payload.tag == Q_ERROR:
            return error_from_xml(receipt.answer.payload)
        raise UnknownMessage(f"FCC807 is not answered with {receipt.answer.payload.tag}")

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()
