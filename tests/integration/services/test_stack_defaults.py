"""What other stacks write by default is answered by the court as it is set up, and the log says what was tolerated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from lxml import etree
from structlog.testing import capture_logs

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import EXT, WSA_ANONYMOUS, WSA_NONE, WSAM, q
from ccms_ws.contract.policy import published_policy
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import EXCHANGES, get_exchange
from tests.support.court import Court, HttpAnswer

CASE = "TR-2025-004417"


def remarks_of(logs: list[Any]) -> list[str]:
    (line,) = (line for line in logs if line["event"] == "message.received")
    return list(line.get("remarks", ()))


# -- HTTP headers ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content_type", "soap_action", "remarks"),
    [
        ("text/xml; charset=utf-8", '"{action}"', []),
        ("text/xml; charset=utf8", '"{action}"', ["BP R1012"]),
        ("text/xml; charset=utf-8", "{action}", ["BP R1109"]),
        ("text/xml;charset=UTF8", "{action}", ["BP R1012", "BP R1109"]),
    ],
)
def test_an_odd_http_header_is_read_and_logged(
    court: Court, content_type: str, soap_action: str, remarks: list[str]
) -> None:
    query = court.query(case_number=CASE)
    exchange = get_exchange("FCC807")
    body = court.seal(query_to_xml(query), signer="adult-probation", exchange=exchange, version=SoapVersion.SOAP11,
                      message_id=query.metadata.transaction_id)  # fmt: skip
    (operation,) = load_wsdl(exchange.service).operations.values()
    with capture_logs() as logs:
        answer = court.request(
            body, path=exchange.path, CONTENT_TYPE=content_type,
            HTTP_SOAPACTION=soap_action.format(action=operation.input_action),
        )  # fmt: skip
    assert answer.status == 200
    assert [remark.partition(":")[0] for remark in remarks_of(logs)] == remarks


@pytest.mark.parametrize("soap_action", [None, ""])
def test_without_a_soap_action_the_court_says_what_it_must_be(court: Court, soap_action: str | None) -> None:
    query = court.query(case_number=CASE)
    exchange = get_exchange("FCC807")
    body = court.seal(query_to_xml(query), signer="adult-probation", exchange=exchange, version=SoapVersion.SOAP11,
                      message_id=query.metadata.transaction_id)  # fmt: skip
    (operation,) = load_wsdl(exchange.service).operations.values()
    answer = court.request(body, path=exchange.path, CONTENT_TYPE="text/xml; charset=utf-8",
                           HTTP_SOAPACTION=soap_action)  # fmt: skip
    assert (answer.status, answer.text("ErrorCode")) == (500, "addressing.action-mismatch")
    with court.application.units() as uow:
        refusal = uow.inbox.get_refusal(UUID(answer.text("IncidentID")))
    assert f'quotes included: "{operation.input_action}"' in refusal.detail


# -- addressing --------------------------------------------------------------------------------------------------------
def error_message(court: Court, code: str, reply_to: str) -> HttpAnswer:
    """An error message of a partner, about a message that was never sent."""
    exchange = get_exchange(code)
    signer, sample = {"COL903": ("ftb", "COL903-batch-error"), "DMV907": ("dmv", "DMV907-error")}[code]
    message = etree.fromstring(catalog.sample(sample))
    message_id = UUID(message.findtext(f".//{q(EXT, 'TransactionID')}"))
    return court.post(court.seal(message, signer=signer, exchange=exchange, message_id=message_id, reply_to=reply_to),
                      code=code)  # fmt: skip


@pytest.mark.parametrize("code", ["COL903", "DMV907"])
def test_a_one_way_service_accepts_the_none_address_as_its_policy_promises(court: Court, code: str) -> None:
    answer = error_message(court, code, WSA_NONE)
    assert answer.text("ErrorCode") != "addressing.reply-address-refused"
    other = error_message(court, code, "http://169.254.169.254/")
    assert other.text("ErrorCode") == "addressing.reply-address-refused"


def test_a_query_cannot_ask_for_no_answer(court: Court) -> None:
    query = court.query(case_number=CASE)
    for reply_to, status in ((WSA_NONE, 400), (WSA_ANONYMOUS, 200)):
        body = court.seal(query_to_xml(query), signer="adult-probation", exchange=get_exchange("FCC807"),
                          message_id=query.metadata.transaction_id, reply_to=reply_to)  # fmt: skip
        assert court.post(body).status == status


@pytest.mark.parametrize("code", [exchange.code for exchange in EXCHANGES])
def test_a_policy_promises_anonymous_responses_only_where_none_is_accepted(code: str) -> None:
    """wsam:AnonymousResponses means: anonymous, or the none address (WS-Addressing 1.0 Metadata 3.1.2)."""
    service = get_exchange(code).service
    policy = published_policy(catalog.wsdl_path(service))
    assert policy is not None
    promised = policy.find(f".//{q(WSAM, 'AnonymousResponses')}") is not None
    assert promised == load_wsdl(service).one_way == (code != "FCC807")


# -- the message -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("offset", ["Z", "+00:00", "-08:00", "+14:00"])
def test_a_message_may_state_its_time_with_any_offset(court: Court, offset: str) -> None:
    query = court.query(case_number=CASE)
    message = query_to_xml(query)
    at = message.find(f".//{q(EXT, 'MessageDateTime')}")
    assert at is not None
    at.text = f"2026-11-20T10:00:00{offset}"
    body = court.seal(message, signer="adult-probation", exchange=get_exchange("FCC807"),
                      message_id=query.metadata.transaction_id)  # fmt: skip
    assert court.post(body).status == 200


@pytest.mark.parametrize("text", ["2026-11-20T10:00:00", "2026-11-20T10:00:00-0800", "0001-01-01T00:00:00+14:00",
                                  "2026-11-20T10:00:00+15:00"])  # fmt: skip
def test_a_time_without_offset_or_before_time_is_an_error(court: Court, text: str) -> None:
    query = court.query(case_number=CASE)
    message = query_to_xml(query)
    at = message.find(f".//{q(EXT, 'MessageDateTime')}")
    assert at is not None
    at.text = text
    body = court.seal(message, signer="adult-probation", exchange=get_exchange("FCC807"),
                      message_id=query.metadata.transaction_id)  # fmt: skip
    answer = court.post(body)
    assert answer.status in (400, 500)
    assert b"Sender" in answer.body
