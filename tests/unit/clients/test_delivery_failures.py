from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest
import requests

from ccms_ws.clients import FailureCause, delivery_failures
from ccms_ws.contract.namespaces import SOAP11, SOAP12, WSA, WSSE, WSU, q
from ccms_ws.envelope.faults import SoapFault
from ccms_ws.errors import (
    ActionNotSupported,
    AnswerUnrelated,
    CcmsWsError,
    DeliveryError,
    MalformedEnvelope,
    NotPermitted,
    SignatureInvalid,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        *(
            (status, FailureCause.HTTP_CLIENT_ERROR)
            for status in (400, 401, 403, 404, 406, 408, 411, 413, 414, 415, 422, 429)
        ),
        *((302, FailureCause.REDIRECTED), (500, FailureCause.HTTP_SERVER_ERROR), (503, FailureCause.HTTP_SERVER_ERROR)),
        *((201, FailureCause.HTTP_OTHER), (999, FailureCause.HTTP_OTHER)),
    ],
)
def test_no_http_status_ends_a_message_or_shows_that_it_has_not_arrived(status: int, cause: FailureCause) -> None:
    """Anyone on the way can send it, having let the message pass or not."""
    error = delivery_failures.of_status(status, timedelta(seconds=7))
    assert (error.retryable, error.cause, error.http_status) == (True, cause, status)
    assert error.retry_after == timedelta(seconds=7)
    assert cause.may_have_arrived


@pytest.mark.parametrize(
    ("code", "subcode", "retryable", "cause"),
    [
        (q(SOAP11, "Client"), None, False, FailureCause.FAULT_CLIENT),
        (q(SOAP12, "Sender"), None, False, FailureCause.FAULT_CLIENT),
        (q(SOAP12, "Sender"), q(WSA, "InvalidAddressingHeader"), False, FailureCause.FAULT_CLIENT),
        (q(SOAP11, "MustUnderstand"), None, False, FailureCause.FAULT_CLIENT),
        (q(SOAP11, "Server"), None, True, FailureCause.FAULT_SERVER),
        (q(SOAP12, "Receiver"), q(WSA, "EndpointUnavailable"), True, FailureCause.FAULT_SERVER),
        (q(WSA, "EndpointUnavailable"), None, True, FailureCause.FAULT_SERVER),
        (q(SOAP12, "Sender"), q(WSA, "EndpointUnavailable"), True, FailureCause.FAULT_SERVER),
        (q(WSA, "DuplicateMessageID"), None, False, FailureCause.FAULT_DUPLICATE),
        # Of a code whose namespace no signature binds, the local name counts.
        ("wsa:EndpointUnavailable", None, True, FailureCause.FAULT_SERVER),
        ("x:EndpointUnavailable", None, True, FailureCause.FAULT_SERVER),
        ("x:Server", None, True, FailureCause.FAULT_SERVER),
        ("x:FailedCheck", None, True, FailureCause.FAULT_SECURITY),
        (q(SOAP12, "Sender"), "x:MessageExpired", True, FailureCause.FAULT_SECURITY),
        ("x:DuplicateMessageID", None, False, FailureCause.FAULT_DUPLICATE),
        ("x:InvalidRecord", None, False, FailureCause.FAULT_CLIENT),
        (q(SOAP12, "Sender"), "x:ActionNotSupported", False, FailureCause.FAULT_CLIENT),
        # A namespace of the partner's own that is signed: not that of message security.
        (q("urn:partner", "FailedCheck"), None, False, FailureCause.FAULT_CLIENT),
        (q(WSSE, "FailedCheck"), None, True, FailureCause.FAULT_SECURITY),
        (q(SOAP12, "Sender"), q(WSU, "MessageExpired"), True, FailureCause.FAULT_SECURITY),
        ("Client.Custom", None, False, FailureCause.FAULT_CLIENT),
    ],
)
def test_a_signed_fault_is_judged_by_whom_it_blames(
    code: str, subcode: str | None, retryable: bool, cause: FailureCause
) -> None:
    error = delivery_failures.of_fault(SoapFault(code, subcode, "because", None), 500, None)
    assert (error.retryable, error.cause, error.http_status) == (retryable, cause, 500)
    assert "because" in str(error)


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        (AnswerUnrelated(), FailureCause.ANSWER_UNRELATED),
        (ActionNotSupported(), FailureCause.ANSWER_UNDECLARED),
        (SignatureInvalid(), FailureCause.ANSWER_UNTRUSTED),
        (NotPermitted(), FailureCause.ANSWER_UNTRUSTED),
        (MalformedEnvelope(), FailureCause.ANSWER_MALFORMED),
    ],
)
def test_an_answer_that_nobody_vouches_for_kills_no_message(condition: CcmsWsError, cause: FailureCause) -> None:
    error = delivery_failures.of_answer(condition, 500, None, "soap:Client go away")
    assert (error.retryable, error.cause) == (True, cause)
    assert "unverified, it says: soap:Client go away" in str(error)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("Mon, 05 Jan 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 05 Jan 2026 11:00:00 GMT", None),
        ("9" * 400, timedelta(seconds=10**8)),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("\u0661\u0662", None),
        *(
            (date, None)
            for date in ("Mon, 01 Jan 0001 00:00:00 +1400", "Mon, 99 Jan 2026 99:99:99 GMT", "1 2 3", "Mon,")
        ),
        ("Fri, 31 Dec 9999 23:59:59 -1400", timedelta(seconds=10**8)),
        ("Mon, 05 Jan 99999999999999999999 12:00:00 GMT", None),
        ("Mon, 05 Jan 2026 12:00:00 +99999999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(seconds=10**8)),
    ],
)
def test_retry_after_is_seconds_or_a_date_to_come(value: str, wait: timedelta | None) -> None:
    assert delivery_failures.read_retry_after(value, NOW) == wait


def test_every_verdict_says_what_happened() -> None:
    assert isinstance(delivery_failures.of_connection(OSError("boom")), DeliveryError)
    assert "OSError: boom" in str(delivery_failures.of_connection(OSError("boom")))


def test_a_connection_that_fails_is_told_by_its_address_and_in_the_words_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(requests.ConnectionError) as failed:
        requests.post(f"http://127.0.0.1:{port}/DMV907?a=b", b"", timeout=5)
    error = delivery_failures.of_connection(failed.value)
    assert (str(error), error.cause) == (f"no answer from 127.0.0.1:{port}: Connection refused", FailureCause.CONNECT)
