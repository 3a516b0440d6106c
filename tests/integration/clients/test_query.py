"""Asking for balances over a socket: our own query client, and an unmodified zeep client with our message security."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import zeep
from cryptography import x509
from lxml import etree
from zeep.exceptions import Fault

from ccms_ws.clients import EnvelopeSecurity, FailureCause
from ccms_ws.clock import SystemClock
from ccms_ws.config import Settings
from ccms_ws.contract.namespaces import q
from ccms_ws.domain.courts import PersonName
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import (
    AddressingHeaderMissing,
    AnswerUnrelated,
    ConfigError,
    MalformedEnvelope,
    NotPermitted,
    SecurityError,
    SignerNotTrusted,
    TransientDeliveryError,
)
from ccms_ws.exchanges.fcc807.client import Criteria, QueryRefused
from ccms_ws.exchanges.fcc807.messages import BalanceFound, QueryError, Rejection, RejectionReason
from ccms_ws.exchanges.fcc807.simulate import QueryClient
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807
from tests.support.local_stack import Line
from tests.support.partner_settings import ORI, make_keys, make_settings

PROBATIONER = Criteria(case_number="CR-2023-002931", participant_id="P-1002")
BALANCE = Decimal("710.00")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A court that serves while the tests of this module run."""
    folder = tmp_path_factory.mktemp("court")
    made = make_settings(folder, make_keys(folder / "pki"))
    with Line(made, {}):
        yield made


def pinned(settings: Settings, certificate: Path | None = None) -> TrustStore:
    path = certificate or settings.identity.certificate
    return TrustStore([PinnedCertificate(ORI, x509.load_pem_x509_certificate(path.read_bytes()))])


def security(settings: Settings, signer: str = "ADULT", trust: TrustStore | None = None) -> EnvelopeSecurity:
    folder = settings.identity.key.parent
    identity = Identity.load(folder / f"{signer}.key", folder / f"{signer}.crt")
    return EnvelopeSecurity(identity, trust or pinned(settings), ORI)


def stock_client(settings: Settings, wsse: EnvelopeSecurity, port: str = "FCC807Soap12") -> Any:
    """zeep as it is, made from the WSDL that the court serves. Its session does not outlive a call."""
    session = requests.Session()
    session.headers["Connection"] = "close"
    transport = zeep.Transport(session=session, timeout=10, operation_timeout=10)  # type: ignore[no-untyped-call]
    url = f"{settings.endpoint.public_url}/FCC807/1.0?wsdl"
    return zeep.Client(url, wsse=wsse, transport=transport, port_name=port)  # type: ignore[no-untyped-call]


def query(**criteria: Any) -> dict[str, Any]:
    return {
        "MessageMetadata": {
            "TransactionID": str(uuid4()),
            "MessageDateTime": SystemClock().now(),
            "ExchangeCode": "FCC807",
            "MessageKindCode": "Query",
            "SchemaVersionID": "1.0",
            "SendingParty": {"PartyID": "ADULT"},
            "ReceivingParty": {"PartyID": ORI},
            "Court": {"CourtORIID": ORI, "CountyCode": "37"},
            "TestIndicator": False,
        },
        "QuerySubmitter": {"OrganizationName": "Adult Probation", "SubmitterUnitCode": "AdultProbation"},
        "SearchCriteria": criteria or {"CaseTrackingID": "CR-2023-002931"},
    }


# -- our own client ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("soap", list(SoapVersion))
def test_the_query_client_gets_each_of_the_three_answers(settings: Settings, soap: SoapVersion) -> None:
    inquirer = QueryClient(settings, "ADULT")
    balance = inquirer.ask(PROBATIONER, soap=soap)
    rejection = inquirer.ask(Criteria(name=PersonName("Desmond", "Okafor")), soap=soap)
    error = inquirer.ask(replace(PROBATIONER, as_of=SystemClock().now().date().replace(year=2199)), soap=soap)
    inquirer.close()
    assert isinstance(balance, BalanceFound)
    assert balance.balance.due == BALANCE
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RejectionReason.INSUFFICIENT_CRITERIA
    assert isinstance(error, QueryError)
    assert error.problem.code == "exchange.as-of-date-in-future"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"case_number": "CR\x01-1"}, "case_number has a character"),
        ({"name": PersonName("Ana", "Lee\nLee")}, "surname has a line break"),
        ({"birth_date": date(1, 1, 1)}, "birth_date is not between"),
        ({"as_of": date(9999, 12, 31)}, "as_of is not between"),
        ({"participant_id": "P" * 5_000}, "participant_id is longer than"),
    ],
)
def test_keys_that_no_query_can_carry_are_refused_before_anything_is_sent(
    settings: Settings, keys: dict[str, Any], why: str
) -> None:
    client = QueryClient(settings, "ADULT", on_wire=lambda *_: pytest.fail("it was sent"))
    with pytest.raises(QueryRefused, match=why):
        client.ask(Criteria(**keys))
    client.close()


def test_a_partner_that_is_no_probation_department_cannot_ask(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no probation"):
        QueryClient(settings, "DMV")


def test_a_court_that_does_not_know_the_asker_is_told_apart(settings: Settings) -> None:
    inquirer = QueryClient(_signing_as_court(settings), "ADULT", key=settings.identity.key)
    with pytest.raises(TransientDeliveryError) as caught:
        inquirer.ask(PROBATIONER)
    inquirer.close()
    assert caught.value.cause == FailureCause.ANSWER_UNTRUSTED
    assert "FailedAuthentication" in str(caught.value)


def _signing_as_court(settings: Settings) -> Settings:
    """The same court, but adult probation signs with the court's key, which is pinned for nobody."""
    adult = settings.partner("ADULT").model_copy(update={"certificates": (settings.identity.certificate,)})
    others = tuple(partner for partner in settings.partners if partner.id != "ADULT")
    return settings.model_copy(update={"partners": (*others, adult)})


# -- an unmodified zeep client ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("port", ["FCC807Soap11", "FCC807Soap12"])
def test_a_stock_zeep_client_gets_a_balance(settings: Settings, port: str) -> None:
    wsse = security(settings)
    asked = query()
    answer = stock_client(settings, wsse, port).service.QueryCaseParticipantBalance(**asked)
    assert answer.CaseParticipantBalance.BalanceDueAmount._value_1 == BALANCE
    assert answer.MessageMetadata.CorrelationID._value_1 == asked["MessageMetadata"]["TransactionID"]
    assert wsse.last_answer is not None
    assert wsse.last_answer.addressing.relates_to == f"urn:uuid:{asked['MessageMetadata']['TransactionID']}"


@pytest.mark.parametrize("port", ["FCC807Soap11", "FCC807Soap12"])
def test_a_stock_zeep_client_gets_the_error_message_as_a_fault(settings: Settings, port: str) -> None:
    future = query() | {"BalanceAsOfDate": {"Date": SystemClock().now().date().replace(year=2199)}}
    with pytest.raises(Fault) as caught:
        stock_client(settings, security(settings), port).service.QueryCaseParticipantBalance(**future)
    assert caught.value.detail[0].tag == q(FCC807, "CaseParticipantBalanceQueryError")


def test_a_stock_zeep_client_refuses_a_court_that_it_does_not_know(settings: Settings) -> None:
    stranger = pinned(settings, settings.identity.key.parent / "FTB.crt")
    with pytest.raises(SignerNotTrusted):
        stock_client(settings, security(settings, trust=stranger)).service.QueryCaseParticipantBalance(**query())


def test_a_stock_zeep_client_takes_no_answer_of_another_than_it_asked(settings: Settings) -> None:
    """The court's certificate is pinned, but the answer was to come from another court."""
    other = security(settings)
    other._peer_id = "CA999999J"
    with pytest.raises(NotPermitted):
        stock_client(settings, other).service.QueryCaseParticipantBalance(**query())


def test_a_stock_zeep_client_learns_why_it_was_refused(settings: Settings) -> None:
    with pytest.raises(SecurityError, match=r"unverified, the answer says: .*FailedAuthentication"):
        stock_client(settings, security(settings, "court")).service.QueryCaseParticipantBalance(**query())


def test_an_answer_to_another_question_is_refused(settings: Settings) -> None:
    wsse = security(settings)
    client = stock_client(settings, wsse)
    first = client.create_message(client.service, "QueryCaseParticipantBalance", **query())
    client.create_message(client.service, "QueryCaseParticipantBalance", **query())  # now another id is waited for
    binding = client.service._binding
    headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
    answer = client.transport.post_xml(f"{settings.endpoint.public_url}/FCC807/1.0", first, headers)
    with pytest.raises(AnswerUnrelated):
        binding.process_reply(client, binding.get("QueryCaseParticipantBalance"), answer)


def test_a_message_without_transaction_is_not_sealed(settings: Settings) -> None:
    client = stock_client(settings, security(settings))
    message = query()
    message["MessageMetadata"]["TransactionID"] = " "
    with pytest.raises(AddressingHeaderMissing):
        client.service.QueryCaseParticipantBalance(**message)


def test_a_header_block_that_the_signature_would_not_cover_is_refused(settings: Settings) -> None:
    client = stock_client(settings, security(settings))
    with pytest.raises(MalformedEnvelope, match="extra"):
        client.service.QueryCaseParticipantBalance(**query(), _soapheaders=[etree.Element("{urn:x}extra")])
