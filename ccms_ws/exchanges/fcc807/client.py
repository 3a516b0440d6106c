"""FCC807 from the partner's side: ask a court what a case participant owes."""

from __future__ import annotations

import os
import time
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from ccms_ws.clients.delivery_failures import FailureCause
from ccms_ws.clients.partner import OnWire, PartnerClient, Receipt
from ccms_ws.clients.transport import TransportSettings
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.config import Settings, load_settings
from ccms_ws.contract import schemas
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.domain.courts import Court, DriverLicense, PersonName
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import ConfigError, ExchangeError, TransientDeliveryError
from ccms_ws.exchanges.fcc807 import FCC807, wire
from ccms_ws.exchanges.fcc807.messages import Query, QueryError, Response
from ccms_ws.message_parts.metadata import MessageKind, Metadata
from ccms_ws.message_parts.representable import (
    Q_CASE_NUMBER,
    Q_ID,
    Q_TEXT,
    Problem,
    day_problems,
    in_words,
    license_problems,
    name_problems,
    text_problems,
)

__all__ = ["BalanceQueryClient", "Criteria", "QueryRefused", "asking_as", "criteria_problems"]

_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Whose balance is asked for. A name means a given name and a surname; `as_of`: at the end of that day."""

    case_number: str = ""
    participant_id: str = ""
    name: PersonName | None = None
    birth_date: date | None = None
    driver_license: DriverLicense | None = None
    as_of: date | None = None
    purpose: str = ""


class QueryRefused(ExchangeError):
    """The search keys cannot be written into a query."""

    code = "fcc807.query-refused"


def criteria_problems(criteria: Criteria) -> list[Problem]:
    """What keeps a query from carrying these search keys, by the rules of its schema."""
    days = {"birth_date": criteria.birth_date, "as_of": criteria.as_of}
    problems = [problem for field, value in days.items() for problem in day_problems(field, value)]
    for field, value, element in (
        ("case_number", criteria.case_number, Q_CASE_NUMBER),
        ("participant_id", criteria.participant_id, Q_ID),
        ("purpose", criteria.purpose, Q_TEXT),
    ):
        if value:
            problems += text_problems(field, value, element)
    if criteria.name is not None:
        problems += name_problems(criteria.name)
    if criteria.driver_license is not None:
        problems += license_problems(criteria.driver_license)
    return problems


class BalanceQueryClient:
    """Asks one court, as one probation department. Make it once and share it; threads may ask at the same time."""

    def __init__(
        self,
        *,
        url: str,
        court: Court,
        partner: Partner,
        identity: Identity,
        trust: TrustStore,
        test: bool = False,
        wsdl: str | os.PathLike[str] | None = None,
        policy: SecurityPolicy | None = None,
        clock: Clock | None = None,
        transport: TransportSettings | None = None,
        on_wire: OnWire | None = None,
    ) -> None:
        """`url`: of the court's FCC807 service. `partner`, `identity`: who asks. `trust`: pins the court's certificate
        under the court's ORI. `test`: must be what the court says of itself. `wsdl`: the published one if not given.
        Raises ConfigError for a partner that is no probation department.
        """
        if partner.unit is None:
            raise ConfigError(f"{partner.partner_id} is no probation department", hint="ask as one that is")
        self._unit = partner.unit
        self._partner = partner
        self._url = url
        self._court = court
        self._test = test
        self._clock = clock or SystemClock()
        self._client = PartnerClient(
            wsdl or wsdl_path(FCC807.service),
            partner_id=court.ori,
            identity=identity,
            trust=trust,
            policy=policy or SecurityPolicy(),
            clock=self._clock,
            transport=transport,
            on_wire=on_wire,
        )

    @classmethod
    def from_settings(cls, path: str | os.PathLike[str], partner_id: str = "", **how: Any) -> Self:
        """The client that a settings file describes; `how`: further arguments of the class.

        `path`: the asker's own settings (`ccms_ws/docs/samples/probation.toml`). With a `partner_id`: a court's
        ccms-ws.toml, to ask that court as one of its partners, whose key lies next to its certificate. Raises
        ConfigError.
        """
        return cls(**(asking_as(partner_id, load_settings(Path(path))) if partner_id else _read(Path(path))), **how)

    @property
    def partner_id(self) -> str:
        """Who asks."""
        return self._partner.partner_id

    def ask(
        self, criteria: Criteria, *, soap: SoapVersion = SoapVersion.SOAP12, attempts: int = 1,
        pause: timedelta = timedelta(seconds=1),
    ) -> Response | QueryError:  # fmt: skip
        """The court's answer: the balance found, a rejection with its reason, or the exchange's error message.

        What time may heal (no connection, HTTP 503, an answer that cannot be believed) is tried `attempts` times: the
        same message, its id and Body as they were, after the wait that the court asks for (as far as five minutes) or
        else after `pause`.
        Raises QueryRefused for search keys that no query can carry, SchemaViolated if the query or the answer breaks
        the contract, and DeliveryError if no answer that can be believed came back.
        """
        if problems := criteria_problems(criteria):
            raise QueryRefused(in_words(problems))
        query = self._query(criteria)
        payload = wire.query_to_xml(query)
        schemas.validate(payload)
        message = OutgoingMessage(
            query.metadata.transaction_id,
            FCC807.code,
            self._court.ori,
            wire.Q_QUERY,
            canonical(payload),
            (),
            query.metadata.at,
        )
        receipt = self._send(message, soap, attempts, pause)
        if receipt.answer is None:
            raise TransientDeliveryError(
                "the court answered nothing", cause=FailureCause.ANSWER_UNDECLARED, http_status=receipt.http_status
            )
        answer = receipt.answer.payload
        schemas.validate(answer)
        return wire.error_from_xml(answer) if answer.tag == wire.Q_ERROR else wire.response_from_xml(answer)

    def _send(self, message: OutgoingMessage, soap: SoapVersion, attempts: int, pause: timedelta) -> Receipt:
        for _ in range(attempts - 1):
            try:
                return self._client.send(message, url=self._url, soap=soap)
            except TransientDeliveryError as error:
                asked = None if error.retry_after is None else min(error.retry_after, _LONGEST_PAUSE)
                time.sleep((asked or pause).total_seconds())
        return self._client.send(message, url=self._url, soap=soap)

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()

    def _query(self, criteria: Criteria) -> Query:
        metadata = Metadata(
            transaction_id=uuid4(),
            correlation_id=None,
            at=self._clock.now(),
            exchange=FCC807.code,
            kind=MessageKind.QUERY,
            version=FCC807.version,
            sender_id=self._partner.partner_id,
            sender_name=self._partner.name,
            receiver_id=self._court.ori,
            receiver_name=self._court.name,
            court_ori=self._court.ori,
            court_name=self._court.name,
            county_code=self._court.county_code,
            test=self._test,
        )
        return Query(
            metadata=metadata,
            court_ori=self._court.ori,
            unit=self._unit,
            agency=self._partner.name,
            case_number=criteria.case_number,
            participant_id=criteria.participant_id,
            name=criteria.name,
            birth_date=criteria.birth_date,
            driver_license=criteria.driver_license,
            as_of=criteria.as_of,
            purpose=criteria.purpose,
        )


def asking_as(partner_id: str, settings: Settings, *, key: Path | None = None) -> dict[str, Any]:
    """The arguments of a client that asks the court of `settings` as one of its partners.

    `key`: the partner's private key, by default next to its certificate. Raises ConfigError.
    """
    court, profile = settings.court, settings.partner(partner_id)
    own = profile.certificates[0]
    unit = ProbationUnit(profile.unit) if profile.unit else None
    return {
        "url": settings.endpoint.public_url + FCC807.path,
        "court": Court(court.ori, court.name, court.county_code, court.dmv_court_code),
        "partner": Partner(profile.id, profile.name, PartnerKind(profile.kind), unit),
        "identity": Identity.load(key or own.with_suffix(".key"), own),
        "trust": TrustStore([PinnedCertificate.load(court.ori, settings.identity.certificate)]),
        "test": court.test,
    }


def _read(path: Path) -> dict[str, Any]:
    """The arguments that a file like `probation.toml` describes. Raises ConfigError."""
    try:
        said, here = tomllib.loads(path.read_text("utf-8-sig")), path.resolve().parent
        court, partner = said["court"], said["partner"]
        return {
            "url": said["url"],
            "court": Court(court["ori"], court["name"], court["county_code"], ""),
            "partner": Partner(partner["id"], partner["name"], PartnerKind.PROBATION, ProbationUnit(partner["unit"])),
            "identity": Identity.load(here / partner["key"], here / partner["certificate"]),
            "trust": TrustStore([PinnedCertificate.load(court["ori"], here / court["certificate"])]),
            "test": court.get("test", False),
        }
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except KeyError as error:
        raise ConfigError(f"{path}: there is no {error.args[0]}", hint="compare docs/samples/probation.toml") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", hint="compare docs/samples/probation.toml") from None
