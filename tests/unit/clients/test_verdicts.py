from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest
import requests

from ccms_ws.clients import Cause, verdicts
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


@pytest.mark.parametrize("status", [400, 406, 411, 413, 414, 415, 422])
def test_a_refusal_of_the_message_is_permanent(status: int) -> None:
    error = verdicts.of_status(status, None)
    assert (error.retryable, error.cause, error.http_status) == (False, Cause.HTTP_CLIENT_ERROR, status)


@pytest.mark.parametrize("status", [401, 403, 404, 407, 408, 429])
def test_a_refusal_of_the_way_it_came_is_transient(status: int) -> None:
    assert verdicts.of_status(status, None).retryable


@pytest.mark.parametrize(
    ("status", "cause"),
    [(302, Cause.REDIRECTED), (500, Cause.HTTP_SERVER_ERROR), (503, Cause.HTTP_SERVER_ERROR), (201, Cause.HTTP_OTHER)],
)
def test_any_other_status_is_transient(status: int, cause: Cause) -> None:
    error = verdicts.of_status(status, timedelta(seconds=7))
    assert (error.retryable, error.cause, error.retry_after) == (True, cause, timedelta(seconds=7))


@pytest.mark.parametrize(
    ("code", "subcode", "retryable", "cause"),
    [
        (q(SOAP11, "Client"), None, False, Cause.FAULT_CLIENT),
        (q(SOAP12, "Sender"), None, False, Cause.FAULT_CLIENT),
        (q(SOAP12, "Sender"), q(WSA, "InvalidAddressingHeader"), False, Cause.FAULT_CLIENT),
        (q(SOAP11, "MustUnderstand"), None, False, Cause.FAULT_CLIENT),
        (q(SOAP11, "Server"), None, True, Cause.FAULT_SERVER),
        (q(SOAP12, "Receiver"), q(WSA, "EndpointUnavailable"), True, Cause.FAULT_SERVER),
        (q(WSSE, "FailedCheck"), None, True, Cause.FAULT_SECURITY),
        (q(SOAP12, "Sender"), q(WSU, "MessageExpired"), True, Cause.FAULT_SECURITY),
        ("Client.Custom", None, False, Cause.FAULT_CLIENT),
    ],
)
def test_a_signed_fault_is_judged_by_whom_it_blames(
    code: str, subcode: str | None, retryable: bool, cause: Cause
) -> None:
    error = verdicts.of_fault(SoapFault(code, subcode, "because", None), 500, None)
    assert (error.retryable, error.cause, error.http_status) == (retryable, cause, 500)
    assert "because" in str(error)


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        (AnswerUnrelated(), Cause.ANSWER_UNRELATED),
        (ActionNotSupported(), Cause.ANSWER_UNDECLARED),
        (SignatureInvalid(), Cause.ANSWER_UNTRUSTED),
        (NotPermitted(), Cause.ANSWER_UNTRUSTED),
        (MalformedEnvelope(), Cause.ANSWER_MALFORMED),
    ],
)
def test_an_answer_that_nobody_vouches_for_kills_no_message(condition: CcmsWsError, cause: Cause) -> None:
    error = verdicts.of_answer(condition, 500, None, "soap:Client go away")
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
    ],
)
def test_retry_after_is_seconds_or_a_date_to_come(value: str, wait: timedelta | None) -> None:
    assert verdicts.read_retry_after(value, NOW) == wait


def test_every_verdict_says_what_happened() -> None:
    assert isinstance(verdicts.of_connection(OSError("boom")), DeliveryError)
    assert "OSError: boom" in str(verdicts.of_connection(OSError("boom")))


def test_a_connection_that_fails_is_told_by_its_address_and_in_the_words_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(requests.ConnectionError) as failed:
        requests.post(f"http://127.0.0.1:{port}/DMV907?a=b", b"", timeout=5)
    error = verdicts.of_connection(failed.value)
    assert (str(error), error.cause) == (f"no answer from 127.0.0.1:{port}: Connection refused", Cause.CONNECT)
