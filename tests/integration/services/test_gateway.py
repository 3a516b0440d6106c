"""The gate, with real signatures and a real database: every kind of message gets its one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from lxml import etree

from ccms_ws.contract.namespaces import DS, EXT, WSSE
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Rejection, RejectionReason
from ccms_ws.exchanges.fcc807.wire import Q_ERROR, query_to_xml, response_from_xml
from ccms_ws.registry import get_exchange
from tests.support.court import Court, HttpAnswer

BOTH = pytest.mark.parametrize("version", list(SoapVersion))
CASE = "TR-2025-004417"


def secured(answer: HttpAnswer) -> bool:
    return etree.fromstring(answer.body).find(f".//{{{DS}}}Signature") is not None


def explain(court: Court, answer: HttpAnswer) -> str:
    """The error code that the court's own record has for an answer."""
    with court.application.units() as uow:
        return uow.inbox.get_refusal(UUID(answer.text("IncidentID"))).code


# -- three answers ----------------------------------------------------------------------------------------------------
@BOTH
def test_a_balance_is_a_signed_answer_to_the_query(court: Court, version: SoapVersion) -> None:
    query = court.query(case_number=CASE)
    answer = court.ask(query, version=version)
    opened = court.open_answer(answer, code="FCC807", relates_to=query.metadata.transaction_id)
    assert (answer.status, opened.fault) == (200, None)
    found = response_from_xml(opened.payload)
    assert isinstance(found, BalanceFound)
    assert found.metadata.correlation_id == query.metadata.transaction_id
    assert f"urn:uuid:{found.metadata.transaction_id}" == opened.addressing.message_id


@BOTH
def test_a_rejection_is_a_signed_answer_too(court: Court, version: SoapVersion) -> None:
    query = court.query(case_number="TR-0000-000000")
    answer = court.ask(query, version=version)
    opened = court.open_answer(answer, code="FCC807", relates_to=query.metadata.transaction_id)
    rejection = response_from_xml(opened.payload)
    assert isinstance(rejection, Rejection)
    assert (answer.status, rejection.reason) == (200, RejectionReason.CASE_NOT_FOUND)


@BOTH
def test_an_error_is_a_signed_fault_with_the_exchanges_own_error_message(court: Court, version: SoapVersion) -> None:
    query = court.query(case_number=CASE, court_ori="CA019015J")
    answer = court.ask(query, version=version)
    opened = court.open_answer(answer, code="FCC807", relates_to=query.metadata.transaction_id)
    assert answer.status == (500 if version is SoapVersion.SOAP11 else 400)
    assert opened.fault is not None
    assert opened.fault.detail is not None
    assert opened.fault.detail.tag == Q_ERROR
    assert answer.text("ErrorCodeText") == "exchange.court-unknown"
    assert answer.text("ErrorReasonText")


# -- once -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("keys", [{"case_number": CASE}, {"case_number": CASE, "court_ori": "CA019015J"}])
def test_the_same_message_again_gets_the_stored_answer(court: Court, keys: dict[str, Any]) -> None:
    query = court.query(**keys)
    first = court.ask(query)
    court.clock.advance(timedelta(minutes=30))
    again = court.restart()
    again.clock.advance(timedelta(minutes=30))
    second = again.ask(query)
    assert etree.tostring(first.payload, method="c14n", exclusive=True) == etree.tostring(
        second.payload, method="c14n", exclusive=True
    )
    again.open_answer(second, code="FCC807", relates_to=query.metadata.transaction_id)


def test_identical_bytes_again_get_the_stored_answer(court: Court) -> None:
    query = court.query(case_number=CASE)
    body = court.seal(
        query_to_xml(query),
        signer="adult-probation",
        exchange=get_exchange("FCC807"),
        message_id=query.metadata.transaction_id,
    )
    first, second = court.post(body), court.post(body)
    assert first.text("TransactionID") == second.text("TransactionID")


def test_the_same_message_at_the_same_time_has_one_answer(court: Court) -> None:
    query = court.query(case_number=CASE)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: court.ask(query), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text("TransactionID") for answer in answers}) == 1


def test_the_same_id_with_other_content_is_refused(court: Court) -> None:
    query = court.query(case_number=CASE)
    court.ask(query)
    answer = court.ask(replace(query, case_number="TR-2024-019302"))
    assert answer.text("ErrorCode") == "addressing.message-id-reused"
    assert secured(answer)


def test_a_message_that_comes_again_in_the_other_soap_version_gets_its_answer_in_that_one(court: Court) -> None:
    query = court.query(case_number=CASE)
    first, again = (court.ask(query, version=version) for version in SoapVersion)
    assert first.text("TransactionID") == again.text("TransactionID")
    court.open_answer(again, code="FCC807", relates_to=query.metadata.transaction_id)


def test_an_error_that_was_told_in_the_other_soap_version_is_not_told_again(court: Court) -> None:
    query = court.query(case_number=CASE, court_ori="CA019015J")
    court.ask(query, version=SoapVersion.SOAP12)
    again = court.ask(query, version=SoapVersion.SOAP11)
    assert again.text("ErrorCode") == "addressing.message-id-reused"


def test_two_partners_may_use_the_same_id(court: Court) -> None:
    message_id = uuid4()
    adult = court.ask(court.query(case_number=CASE, message_id=message_id))
    juvenile = court.ask(
        court.query("JUVENILE-PROBATION", case_number=CASE, message_id=message_id), signer="juvenile-probation"
    )
    assert (adult.status, juvenile.status) == (200, 200)


# -- refused ----------------------------------------------------------------------------------------------------------
def test_an_unsigned_message_is_refused_without_a_signature_of_ours(court: Court) -> None:
    query = court.query(case_number=CASE)
    body = court.seal(query_to_xml(query), signer="adult-probation", exchange=get_exchange("FCC807"))
    envelope = etree.fromstring(body)
    security = envelope.find(f".//{{{WSSE}}}Security")
    assert security is not None
    envelope[0].remove(security)
    answer = court.post(etree.tostring(envelope))
    assert not secured(answer)
    assert explain(court, answer).startswith("security.")


def test_a_changed_message_is_refused(court: Court) -> None:
    query = court.query(case_number=CASE)
    body = court.seal(query_to_xml(query), signer="adult-probation", exchange=get_exchange("FCC807"))
    answer = court.post(body.replace(CASE.encode(), b"TR-2025-004418"))
    assert explain(court, answer) == "security.digest-mismatch"


def test_a_stale_message_is_refused(court: Court) -> None:
    query = court.query(case_number=CASE)
    body = court.seal(query_to_xml(query), signer="adult-probation", exchange=get_exchange("FCC807"))
    court.clock.advance(timedelta(minutes=10))
    assert explain(court, court.post(body)) == "security.timestamp-out-of-range"


def test_a_partner_without_the_right_to_ask_is_refused(court: Court) -> None:
    query = court.query(case_number=CASE)
    body = court.seal(query_to_xml(query), signer="ftb", exchange=get_exchange("FCC807"))
    assert explain(court, court.post(body)) == "envelope.not-permitted"


def test_a_partner_cannot_speak_for_another(court: Court) -> None:
    answer = court.ask(court.query("JUVENILE-PROBATION", case_number=CASE), signer="adult-probation")
    assert answer.text("ErrorCodeText") == "exchange.metadata-contradicted"


@pytest.mark.parametrize("elsewhere", ["COL903", "DMV907"])
def test_a_message_to_another_of_our_services_is_refused_here(court: Court, elsewhere: str) -> None:
    """The court's own addresses are no more this service's than anybody else's are."""
    query = court.query(case_number=CASE)
    sealed = {"signer": "adult-probation", "exchange": get_exchange("FCC807")}
    number = query.metadata.transaction_id
    there = court.seal(query_to_xml(query), **sealed, message_id=number, to=court.url(elsewhere))  # type: ignore[arg-type]
    refused = court.post(there)
    assert (refused.status, refused.text("ErrorCode")) == (400, "addressing.destination-unreachable")
    assert court.post(court.seal(query_to_xml(query), **sealed, message_id=number)).status == 200  # type: ignore[arg-type]


def test_a_message_id_that_is_not_the_transaction_id_is_an_error(court: Court) -> None:
    body = court.seal(
        query_to_xml(court.query(case_number=CASE)), signer="adult-probation", exchange=get_exchange("FCC807")
    )
    assert court.post(body).text("ErrorCodeText") == "exchange.metadata-contradicted"


def test_a_message_that_breaks_the_schema_is_an_error_that_names_the_element_and_no_value(court: Court) -> None:
    query = court.query(case_number=CASE)
    message = query_to_xml(query)
    indicator = message.find(f".//{{{EXT}}}TestIndicator")
    assert indicator is not None
    indicator.text = "s3cret"
    body = court.seal(
        message, signer="adult-probation", exchange=get_exchange("FCC807"), message_id=query.metadata.transaction_id
    )
    answer = court.post(body)
    assert answer.text("ErrorCodeText") == "contract.schema-violated"
    assert answer.text("ErrorNodeName") == "ext:TestIndicator"
    assert b"s3cret" not in answer.body


def test_values_that_mean_nothing_are_an_error_and_not_a_failure(court: Court) -> None:
    query = court.query(case_number=CASE)
    message = query_to_xml(query)
    moment = message.find(f".//{{{EXT}}}MessageDateTime")
    assert moment is not None
    moment.text = "12026-11-20T10:00:00Z"
    body = court.seal(
        message, signer="adult-probation", exchange=get_exchange("FCC807"), message_id=query.metadata.transaction_id
    )
    assert court.post(body).text("ErrorCodeText") in ("exchange.content-unreadable", "contract.schema-violated")


@pytest.mark.parametrize(
    ("environ", "status", "code"),
    [
        ({"method": "PUT"}, 405, "http.method-not-allowed"),
        ({"CONTENT_LENGTH": ""}, 411, "http.length-required"),
        ({"CONTENT_LENGTH": "9999999"}, 413, "http.message-too-large"),
        ({"CONTENT_LENGTH": "9" * 5_000}, 413, "http.message-too-large"),
        ({"CONTENT_LENGTH": "x"}, 400, "http.malformed"),
        ({"CONTENT_LENGTH": "17"}, 400, "http.malformed"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, 415, "http.unsupported-media-type"),
        ({"CONTENT_TYPE": "multipart/related"}, 415, "http.unsupported-media-type"),
        ({"CONTENT_TYPE": "text/xml; charset=utf-7"}, 415, "http.unsupported-media-type"),
        ({"path": "/FCC807/9.9"}, 404, "http.service-not-found"),
    ],
)
def test_what_http_cannot_carry_is_refused_with_its_status(
    court: Court, environ: dict[str, str], status: int, code: str
) -> None:
    answer = court.request(b"<x/>", **({"path": "/FCC807/1.0"} | environ))
    assert answer.status == status
    assert answer.body.startswith(code.encode())


@pytest.mark.parametrize("body", [b"", b"<", b"<x/>", b"\xff\xfe", b"<!DOCTYPE x []><x/>", b"<?x y?><x/>", b"{}" * 500])
def test_rubbish_is_a_fault_that_tells_a_stranger_nothing(court: Court, body: bytes) -> None:
    answer = court.request(body, path="/FCC807/1.0")
    assert answer.status in (400, 500)
    assert answer.text("ErrorCode")
    assert answer.text("ErrorReason")
    for word in (b"Traceback", b"lxml", b"python", b".py", b"line "):
        assert word not in answer.body


def test_a_defect_is_a_signed_fault_that_shows_no_trace(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    service = court.gate._services["/FCC807/1.0"]

    def break_down(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(service), "call", break_down)
    answer = court.ask(court.query(case_number=CASE))
    assert answer.text("ErrorCode") == "internal"
    assert secured(answer)
    assert b"secret" not in answer.body
    monkeypatch.undo()
    assert explain(court, answer) == "internal"


# -- published --------------------------------------------------------------------------------------------------------
def test_the_wsdl_names_the_public_address_whatever_the_host_header_says(court: Court) -> None:
    answer = court.request(path="/FCC807/1.0", method="GET", QUERY_STRING="wsdl", HTTP_HOST="evil.example")
    assert answer.status == 200
    assert b"evil.example" not in answer.body
    assert court.url("FCC807").encode() in answer.body


def test_a_file_that_is_known_is_not_sent_again(court: Court) -> None:
    first = court.request(path="/", method="GET")
    again = court.request(path="/", method="GET", HTTP_IF_NONE_MATCH=first.headers["ETag"])
    assert (first.status, again.status, again.body) == (200, 304, b"")


@pytest.mark.parametrize(
    "query", ["xsd=../setup.cfg", "xsd=/etc/passwd", "wsdl=partner/COL903-1.0.wsdl", "xsd=nothing"]
)
def test_nothing_but_the_contract_is_published(court: Court, query: str) -> None:
    assert court.request(path="/FCC807/1.0", method="GET", QUERY_STRING=query).status == 404
