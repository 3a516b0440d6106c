"""A report goes on behind a failure, and verifies nothing that the first failure refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ccms_ws.clock import FixedClock
from ccms_ws.envelope.checks import STOP_AT_FIRST, Check, Report
from ccms_ws.envelope.inbound import HttpMessage
from ccms_ws.envelope.policy import Profile
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.soap_parts import MessageParts
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import (
    CcmsWsError,
    DestinationUnreachable,
    InternalError,
    MalformedEnvelope,
    SignerNotTrusted,
    TimestampOutOfRange,
    UnsupportedMediaType,
)
from tests.support.envelopes import CLOCK, acceptance, opened, received, sealed


def failures(report: Report) -> dict[Check, type[CcmsWsError]]:
    return {result.check: type(result.error) for result in report.results if result.error is not None}


def test_a_good_message_passes_every_check_in_their_order() -> None:
    report = Report()
    envelope = opened(sealed(), report=report)
    assert [result.check for result in report.results] == list(Check)
    assert report.first_failure is None
    assert report.addressing == envelope.addressing
    assert isinstance(report.parts, MessageParts)
    assert report.parts.payload is envelope.payload


def test_what_stands_behind_a_failure_is_checked_all_the_same() -> None:
    report = Report()
    late = FixedClock(CLOCK.now() + timedelta(hours=1))
    accept = acceptance(to=frozenset({"urn:elsewhere"}))
    with pytest.raises(SignerNotTrusted):
        opened(sealed(), trust=TrustStore([]), clock=late, accept=accept, report=report)
    assert failures(report) == {
        Check.CERTIFICATE: SignerNotTrusted,
        Check.FRESHNESS: TimestampOutOfRange,
        Check.DESTINATION: DestinationUnreachable,
    }
    # Nobody was recognised, so neither the value nor a permission can be checked; the digests can.
    made = {result.check for result in report.results}
    assert set(Check) - made == {Check.SIGNATURE_VALUE, Check.COVERAGE, Check.PERMISSION}


def test_a_message_that_cannot_be_read_is_looked_into_no_further() -> None:
    report = Report()
    with pytest.raises(UnsupportedMediaType):
        opened(HttpMessage(b"<x", "text/plain"), report=report)
    assert failures(report) == {Check.MEDIA_TYPE: UnsupportedMediaType, Check.XML: MalformedEnvelope}
    assert len(report.results) == 2


def test_a_message_without_signature_is_reported_on_the_connection_of_a_partner_that_cannot_sign() -> None:
    envelope = sealed()
    envelope[0].remove(envelope[0][-1])
    report = Report()
    accept = acceptance(
        connection="adult-probation", profile=lambda _: Profile.MTLS_ONLY, to=frozenset({"urn:elsewhere"})
    )
    with pytest.raises(DestinationUnreachable):
        opened(received(to_bytes(envelope)), accept=accept, report=report)
    assert failures(report) == {Check.DESTINATION: DestinationUnreachable}
    assert {Check.IDS, Check.PERMISSION} <= {result.check for result in report.results}


@pytest.mark.parametrize("checks", [STOP_AT_FIRST, Report()])
def test_no_check_ends_without_a_reason(checks: Report) -> None:
    with pytest.raises(InternalError):
        checks.stop()
