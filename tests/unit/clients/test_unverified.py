from __future__ import annotations

import pytest

from ccms_ws.clients.unverified import describe_fault, is_empty
from ccms_ws.contract.namespaces import SOAP12
from ccms_ws.envelope.faults import compose_fault
from ccms_ws.envelope.policy import Limits
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.errors import SignerNotTrusted
from tests.support.envelopes import addressing, payload

LIMITS = Limits()


@pytest.mark.parametrize("version", list(SoapVersion))
def test_an_empty_body_says_nothing(version: SoapVersion) -> None:
    assert is_empty(to_bytes(compose_envelope(None, addressing(), version)), LIMITS)


@pytest.mark.parametrize(
    "answer",
    [
        to_bytes(compose_envelope(payload(), addressing(), SoapVersion.SOAP12)),
        b"",
        b"<a/>",
        b"not xml",
        f'<e:Envelope xmlns:e="{SOAP12}"><e:Body>text</e:Body></e:Envelope>'.encode(),
        f'<e:Envelope xmlns:e="{SOAP12}"><e:Body/><e:More/></e:Envelope>'.encode(),
    ],
)
def test_everything_else_says_something(answer: bytes) -> None:
    assert not is_empty(answer, LIMITS)
    assert describe_fault(answer, LIMITS) == ""


@pytest.mark.parametrize("version", list(SoapVersion))
def test_the_claims_of_a_fault_can_be_read(version: SoapVersion) -> None:
    fault = compose_fault(SignerNotTrusted(), "00000000-0000-0000-0000-000000000001", version)
    said = describe_fault(to_bytes(compose_envelope(fault, addressing(), version)), LIMITS)
    assert "FailedAuthentication" in said
    assert "The signer could not be authenticated." in said
