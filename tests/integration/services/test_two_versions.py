"""Two versions of one exchange, side by side at one endpoint: each with its own address, WSDL, schema and answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchange import Exchange
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import EXCHANGES, get_exchange
from ccms_ws.services.soap import SoapService
from tests.support.court import Court, HttpAnswer
from tests.support.next_version import NAMESPACE, next_version, renamed
from tools.lint_contract import lint_contract

CASE = "TR-2025-004417"


@pytest.fixture
def version_1_1(tmp_path: Path) -> Iterator[Exchange]:
    with next_version(tmp_path / "contract") as exchange:
        yield exchange


@pytest.fixture
def court(court_folder: Path, version_1_1: Exchange) -> Court:
    """A court that offers both."""
    court = Court(court_folder)
    court.gate = court.application.gateway((*EXCHANGES, version_1_1))
    return court


def query(court: Court, version: str) -> _Element:
    made = court.query(case_number=CASE, message_id=uuid4())
    message = query_to_xml(replace(made, metadata=replace(made.metadata, version=version)))
    return message if version == "1.0" else renamed(message, FCC807, NAMESPACE)


def with_remark(message: _Element) -> _Element:
    etree.SubElement(message, q(etree.QName(message).namespace or "", "QueryRemarkText")).text = "urgent"
    return message


def send(court: Court, exchange: Exchange, message: _Element) -> HttpAnswer:
    message_id = message.findtext(f".//{q(EXT, 'TransactionID')}")
    url = court.application.settings.endpoint.public_url + exchange.path
    action = SoapService(exchange).actions.get(str(message.tag), "urn:none")
    body = court.seal(
        message, signer="adult-probation", exchange=exchange, to=url, action=action, message_id=UUID(message_id)
    )
    return court.request(body, path=exchange.path, CONTENT_TYPE=SoapVersion.SOAP12.media_type)


def test_each_version_answers_in_its_own_namespace(court: Court, version_1_1: Exchange) -> None:
    old = send(court, get_exchange("FCC807"), query(court, "1.0"))
    new = send(court, version_1_1, with_remark(query(court, "1.1")))
    for answer, namespace, version in ((old, FCC807, "1.0"), (new, NAMESPACE, "1.1")):
        assert answer.status == 200
        assert answer.payload.tag == q(namespace, "CaseParticipantBalanceQueryResponse")
        assert answer.text("SchemaVersionID") == version


def test_what_only_the_new_version_has_the_old_one_refuses(court: Court) -> None:
    answer = send(court, get_exchange("FCC807"), with_remark(query(court, "1.0")))
    assert answer.text("ErrorCodeText") == "contract.schema-violated"


def test_a_message_of_one_version_is_not_taken_at_the_address_of_the_other(court: Court, version_1_1: Exchange) -> None:
    for exchange, version in ((get_exchange("FCC807"), "1.1"), (version_1_1, "1.0")):
        answer = send(court, exchange, query(court, version))
        assert answer.text("ErrorCode") == "addressing.action-not-supported"


def test_each_version_publishes_its_own_contract(court: Court) -> None:
    page = court.request(path="/", method="GET").body.decode()
    for version, namespace in (("1.0", FCC807), ("1.1", NAMESPACE)):
        path = f"/FCC807/{version}"
        wsdl = court.request(path=path, method="GET", QUERY_STRING="wsdl").body.decode()
        schema = court.request(path=path, method="GET", QUERY_STRING=f"xsd=exchange/FCC807-{version}.xsd").body.decode()
        assert f'location="{court.application.settings.endpoint.public_url}{path}"' in wsdl
        assert f'targetNamespace="{namespace}"' in schema
        assert ("QueryRemarkText" in schema) is (version == "1.1")
        assert f'id="FCC807-{version}"' in page
        other = "1.1" if version == "1.0" else "1.0"
        refused = court.request(path=path, method="GET", QUERY_STRING=f"xsd=exchange/FCC807-{other}.xsd")
        assert refused.status == 404


def test_the_new_version_is_as_clean_as_the_old(version_1_1: Exchange) -> None:
    assert version_1_1.version == "1.1"
    assert lint_contract() == []
