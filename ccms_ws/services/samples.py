"""The sample messages as they travel: in envelopes, signed with the published test key, the same bytes every time.

Each envelope is sealed at the MessageDateTime of its message; to verify one, set the clock to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import FixedClock
from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.contract.wsdl import Wsdl, load_wsdl
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.faults import compose_fault
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.errors import ContractError, ExchangeError
from ccms_ws.exchange import Exchange

_FOLDERS: Final = {SoapVersion.SOAP11: "soap11", SoapVersion.SOAP12: "soap12"}
_INCIDENT: Final = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class _Journey:
    """How a message travels: to whom, under which action.

    `answers`: in the HTTP response; `faulty`: as the detail of a fault.
    """

    action: str
    to: str = ""
    answers: bool = False
    faulty: bool = False


def signed_samples(exchange: Exchange, url: str) -> dict[str, bytes]:
    """The signed envelope of each sample of the exchange, by name: "soap12/FCC807-query". `url` is the court's address.

    Raises ContractError for a sample that no WSDL carries.
    """
    journeys = _journeys(exchange, url)
    signed = {}
    for name in catalog.samples_of(exchange.namespace):
        for version, folder in _FOLDERS.items():
            payload = etree.fromstring(catalog.sample(name))
            journey = journeys.get(str(payload.tag))
            if journey is None:
                raise ContractError(f"no WSDL carries {payload.tag}, the message of the sample {name}")
            signed[f"{folder}/{name}"] = to_bytes(_sealed(payload, journey, version, name))
    return signed


def _journeys(exchange: Exchange, url: str) -> Mapping[str, _Journey]:
    """How each message travels: by the court's own service, else by the partner WSDLs."""
    journeys: dict[str, _Journey] = {}
    for root, journey in _of_wsdl(load_wsdl(exchange.service), url):
        journeys.setdefault(root, journey)
    for wsdl in partner_wsdls(exchange):
        read = load_wsdl(wsdl)
        for root, journey in _of_wsdl(read, read.ports[0].address):
            journeys.setdefault(root, journey)
    return journeys


def partner_wsdls(exchange: Exchange) -> tuple[str, ...]:
    """The WSDLs below `wsdl/partner/` that carry messages of the exchange: those with a later answer first."""
    schema = catalog.exchange_schemas().get(exchange.namespace)
    partners = (name for name in catalog.wsdl_names() if name.startswith("partner/"))
    return tuple(
        sorted((name for name in partners if schema in load_wsdl(name).files), key=lambda n: "synchronous" in n)
    )


def _of_wsdl(wsdl: Wsdl, to: str) -> Iterator[tuple[str, _Journey]]:
    for operation in wsdl.operations.values():
        yield operation.input, _Journey(operation.input_action, to)
        if operation.output:
            yield operation.output, _Journey(operation.output_action, answers=True)
        for fault in operation.faults.values():
            yield fault.element, _Journey(fault.action, answers=True, faulty=True)


def _sealed(payload: _Element, journey: _Journey, version: SoapVersion, name: str) -> _Element:
    metadata = f"{q(EXT, 'MessageMetadata')}/"
    message_id = f"urn:uuid:{payload.findtext(metadata + q(EXT, 'TransactionID'))}"
    answered = payload.findtext(metadata + q(EXT, "CorrelationID"))
    relates_to = f"urn:uuid:{answered}" if answered else None
    clock = FixedClock(datetime.fromisoformat(payload.findtext(metadata + q(EXT, "MessageDateTime")) or ""))
    addressing = (
        Addressing.answer(action=journey.action, message_id=message_id, relates_to=relates_to or "")
        if journey.answers
        else Addressing.request(to=journey.to, action=journey.action, message_id=message_id, relates_to=relates_to)
    )
    if journey.faulty:
        payload = compose_fault(_condition(payload), _INCIDENT, version, payload)
    envelope = compose_envelope(payload, addressing, version)
    mark = sha256(f"{name} {version.name}".encode()).hexdigest()[:16]
    return seal_envelope(envelope, identity=published_test_identity(), policy=SecurityPolicy(), clock=clock, mark=mark)


def _condition(message: _Element) -> ExchangeError:
    """The condition that an exchange's error message reports; the general one for a code that is not the court's."""
    kinds = [ExchangeError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    code = message.findtext(f".//{q(EXT, 'ErrorCodeText')}")
    return next((kind for kind in kinds if kind.code == code), ExchangeError)()


# -- the published key -------------------------------------------------------------------------------------------------
@cache
def published_test_identity() -> Identity:
    """The published test key with its certificate."""
    key = load_pem_private_key(catalog.xsd_path("test-key/published-test.key").read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise ContractError("the published test key is no RSA key")
    return Identity(key, x509.load_pem_x509_certificate(catalog.xsd_path("test-key/published-test.crt").read_bytes()))
