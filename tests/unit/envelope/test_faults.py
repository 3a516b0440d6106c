"""Every error has its fault, and no fault says too much."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from lxml import etree

from ccms_ws import errors
from ccms_ws.contract.namespaces import (
    FAULT,
    SOAP11,
    SOAP12,
    WSA,
    WSA_FAULT_ACTION,
    WSA_SOAP_FAULT_ACTION,
    WSSE,
    WSU,
)
from ccms_ws.envelope import faults
from ccms_ws.envelope.faults import SoapFault, compose_fault, fault_action, public_reason, read_fault
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import CcmsWsError, MalformedEnvelope

SECRET = "the digest of /etc/secret is 4711"
INCIDENT = "8a0d6e1c-0f5a-4b7a-9a54-0a1b2c3d4e5f"
NS = {"s11": SOAP11, "s12": SOAP12, "f": FAULT}


def _all_errors(kind: type[CcmsWsError] = CcmsWsError) -> Iterator[type[CcmsWsError]]:
    if kind.__module__ == errors.__name__:
        yield kind
    for below in kind.__subclasses__():
        yield from _all_errors(below)


ALL = sorted(set(_all_errors()), key=lambda kind: kind.__name__)
SECURITY = [kind for kind in ALL if issubclass(kind, errors.SecurityError)]


def test_every_error_of_the_tree_is_looked_at() -> None:
    named = {thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, CcmsWsError)}
    assert set(ALL) == named


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in ALL]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    "kind", [kind for kind in ALL if issubclass(kind, errors.EnvelopeError)], ids=lambda kind: kind.__name__
)
def test_every_envelope_error_has_its_own_place_in_the_table_or_a_parent_s(kind: type[CcmsWsError]) -> None:
    assert any(base in faults._RULES for base in kind.__mro__ if base is not CcmsWsError)
    if issubclass(kind, errors.SecurityError | errors.AddressingError):
        assert kind in faults._RULES


@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_a_fault_tells_code_reason_and_incident_and_nothing_else(kind: type[CcmsWsError], version: SoapVersion) -> None:
    error = kind(SECRET, rule="BSP R9999", hint=SECRET)
    fault = compose_fault(error, INCIDENT, version)
    raw = etree.tostring(fault, encoding="unicode")
    assert SECRET not in raw
    assert "R9999" not in raw
    detail = next(fault.iter(f"{{{FAULT}}}FaultDetail"))
    assert [(etree.QName(child).localname, child.text) for child in detail] == [
        ("ErrorCode", kind.code), ("ErrorReason", public_reason(error)), ("IncidentID", INCIDENT)
    ]  # fmt: skip
    read = read_fault(etree.fromstring(raw))
    assert read.reason == public_reason(error)
    assert read.detail is not None
    assert read.detail.tag == detail.tag
    assert read.code.startswith("{")
    assert read.reason.endswith(".")


def test_security_failures_look_alike() -> None:
    sentences = {public_reason(kind()) for kind in SECURITY}
    assert len(sentences) == 4
    assert (
        len({public_reason(kind()) for kind in (errors.SignatureInvalid, errors.DigestMismatch, errors.PartNotSigned)})
        == 1
    )
    assert (
        len({public_reason(kind()) for kind in (errors.SignerNotTrusted, errors.TokenUnavailable, errors.TokenInvalid)})
        == 1
    )


@pytest.mark.parametrize(
    ("kind", "soap11", "soap12"),
    [
        (errors.MalformedEnvelope, f"{{{SOAP11}}}Client", (f"{{{SOAP12}}}Sender", None)),
        (errors.SchemaViolated, f"{{{SOAP11}}}Client", (f"{{{SOAP12}}}Sender", None)),
        (errors.InternalError, f"{{{SOAP11}}}Server", (f"{{{SOAP12}}}Receiver", None)),
        (errors.ConfigError, f"{{{SOAP11}}}Server", (f"{{{SOAP12}}}Receiver", None)),
        (errors.NotPermitted, f"{{{SOAP11}}}Client", (f"{{{SOAP12}}}Sender", None)),
        (errors.SoapVersionMismatch, f"{{{SOAP11}}}VersionMismatch", (f"{{{SOAP12}}}VersionMismatch", None)),
        (errors.HeaderNotUnderstood, f"{{{SOAP11}}}MustUnderstand", (f"{{{SOAP12}}}MustUnderstand", None)),
        (
            errors.SecurityHeaderInvalid,
            f"{{{WSSE}}}InvalidSecurity",
            (f"{{{SOAP12}}}Sender", f"{{{WSSE}}}InvalidSecurity"),
        ),
        (errors.PartNotSigned, f"{{{WSSE}}}FailedCheck", (f"{{{SOAP12}}}Sender", f"{{{WSSE}}}FailedCheck")),
        (errors.TimestampOutOfRange, f"{{{WSU}}}MessageExpired", (f"{{{SOAP12}}}Sender", f"{{{WSU}}}MessageExpired")),
        (
            errors.ActionMismatch,
            f"{{{WSA}}}InvalidAddressingHeader",
            (f"{{{SOAP12}}}Sender", f"{{{WSA}}}InvalidAddressingHeader"),
        ),
        (
            errors.StoreUnavailable,
            f"{{{WSA}}}EndpointUnavailable",
            (f"{{{SOAP12}}}Receiver", f"{{{WSA}}}EndpointUnavailable"),
        ),
    ],
)
def test_codes_are_spelt_as_the_standards_do(
    kind: type[CcmsWsError], soap11: str, soap12: tuple[str, str | None]
) -> None:
    read11 = read_fault(compose_fault(kind(), INCIDENT, SoapVersion.SOAP11))
    read12 = read_fault(compose_fault(kind(), INCIDENT, SoapVersion.SOAP12))
    assert (read11.code, read11.subcode) == (soap11, None)
    assert (read12.code, read12.subcode) == soap12


def test_a_subcode_may_have_a_subcode() -> None:
    fault = compose_fault(errors.ReplyAddressRefused(), INCIDENT, SoapVersion.SOAP12)
    path = "s12:Code/s12:Subcode/s12:Subcode/s12:Value"
    assert fault.findtext(path, namespaces=NS) == "wsa:OnlyAnonymousAddressSupported"


def test_fault_children_of_soap_11_are_in_no_namespace() -> None:
    fault = compose_fault(errors.InternalError(), INCIDENT, SoapVersion.SOAP11)
    assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]


@pytest.mark.parametrize("version", SoapVersion)
def test_an_exchange_s_own_error_is_the_only_detail(version: SoapVersion) -> None:
    own = etree.fromstring("<x:Error xmlns:x='urn:x'><x:Code>1</x:Code></x:Error>")
    fault = compose_fault(errors.ExchangeError("inside"), INCIDENT, version, own)
    read = read_fault(fault)
    assert read.detail is own
    parent = own.getparent()
    assert parent is not None
    assert len(parent) == 1


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_action_of_a_fault_is_that_of_addressing_or_of_soap(kind: type[CcmsWsError]) -> None:
    addressing = issubclass(kind, errors.AddressingError | errors.Overloaded | errors.StoreUnavailable)
    assert fault_action(kind()) == (WSA_FAULT_ACTION if addressing else WSA_SOAP_FAULT_ACTION)


@pytest.mark.parametrize(
    "text",
    [
        "<a/>", f"<s:Fault xmlns:s='{SOAP11}'/>", f"<s:Fault xmlns:s='{SOAP12}'/>",
        f"<s:Fault xmlns:s='{SOAP11}'><faultcode>x</faultcode></s:Fault>", "<Fault><faultcode/><faultstring/></Fault>",
    ],
)  # fmt: skip
def test_what_is_no_fault_is_not_read_as_one(text: str) -> None:
    with pytest.raises(MalformedEnvelope):
        read_fault(etree.fromstring(text))


def test_a_sloppy_fault_is_read_as_far_as_it_goes() -> None:
    text = f"<s:Fault xmlns:s='{SOAP11}'><faultcode> nobody:Client </faultcode><faultstring/><detail/></s:Fault>"
    assert read_fault(etree.fromstring(text)) == SoapFault("nobody:Client", None, "", None)
