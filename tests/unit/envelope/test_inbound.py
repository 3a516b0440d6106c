"""Opening: what is handed out is what was signed, and nothing else is ever handed out."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from lxml import etree

from ccms_ws.clock import FixedClock
from ccms_ws.contract.namespaces import DS, SOAP11, WSA, WSA_FAULT_ACTION, WSA_NONE, WSA_SOAP_FAULT_ACTION, WSSE
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.faults import SoapFault, compose_fault
from ccms_ws.envelope.inbound import VerifiedEnvelope, open_parsed
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import (
    ActionMismatch,
    ActionNotSupported,
    CcmsWsError,
    MalformedEnvelope,
    NotPermitted,
    PartNotSigned,
    ReplyAddressRefused,
    SignatureInvalid,
    SignerNotTrusted,
    StoreError,
)
from tests.support.envelopes import (
    ACTION,
    CLOCK,
    NS,
    POLICY,
    QUERY,
    TEST,
    acceptance,
    addressing,
    opened,
    parsed,
    payload,
    received,
    sealed,
)
from tests.support.layouts import Layout
from tests.support.oracles import libxmlsec_sign, reference_template
from tests.support.pki import NOW, pki

OURS = "urn:uuid:ours"
ANSWER = acceptance(relates_to=OURS, to=frozenset())
FAULTS = replace(ANSWER, faults=True, operations={"{urn:x}Error": "urn:x:error"})


@pytest.mark.parametrize("version", SoapVersion)
def test_what_is_handed_out_is_what_was_signed(version: SoapVersion) -> None:
    properties = addressing()
    message = sealed(version=version, message_id=properties.message_id)
    envelope = opened(message)
    assert envelope.version is version
    assert envelope.payload is envelope.envelope[1][0]
    assert canonical(envelope.payload) == canonical(payload())
    assert envelope.content_digest == sha256(canonical(payload())).digest()
    assert envelope.addressing == properties
    assert (envelope.partner_id, envelope.certificate) == ("adult-probation", pki().probation.certificate)
    assert (envelope.created, envelope.expires) == (NOW, NOW + timedelta(seconds=300))
    assert envelope.fault is None
    assert envelope.remarks == ()


def test_nobody_else_makes_a_verified_envelope() -> None:
    genuine = opened(sealed())
    values = [getattr(genuine, name) for name in VerifiedEnvelope.__slots__]
    with pytest.raises(TypeError):
        VerifiedEnvelope(*values, object())  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        replace(genuine, partner_id="dmv", made_by=None)


def test_the_signature_digest_tells_two_seals_of_one_message_apart() -> None:
    raw = to_bytes(sealed(message_id="urn:uuid:1"))
    other = to_bytes(sealed(message_id="urn:uuid:1"))
    assert opened(raw).signature_digest == opened(raw).signature_digest
    assert opened(raw).signature_digest != opened(other).signature_digest
    assert opened(raw).content_digest == opened(other).content_digest
    assert opened(sealed(payload(Case="25CR"))).content_digest != opened(raw).content_digest


def test_the_content_digest_is_that_of_the_payload_even_where_it_leans_on_the_body() -> None:
    body = etree.fromstring(f"<t:Query xmlns:t='urn:example:test' xmlns:soap='{SOAP11}'><soap:Odd/></t:Query>")
    expected = sha256(canonical(body)).digest()
    assert opened(sealed(body)).content_digest == expected


@pytest.mark.parametrize("one_way", [frozenset(), frozenset({QUERY})])
def test_the_none_address_is_accepted_only_where_no_message_answers(one_way: frozenset[str]) -> None:
    raw = sealed(reply_to=WSA_NONE)
    if one_way:
        assert opened(raw, accept=acceptance(one_way=one_way)).addressing.reply_to == WSA_NONE
        return
    with pytest.raises(ReplyAddressRefused):
        opened(raw, accept=acceptance(one_way=one_way))


def test_an_answer_may_name_the_none_address_since_nothing_answers_it() -> None:
    raw = sealed(relates_to="urn:uuid:ours", reply_to=WSA_NONE)
    assert opened(raw, accept=acceptance(relates_to="urn:uuid:ours")).addressing.reply_to == WSA_NONE


def test_a_token_that_is_not_signed_is_remarked_if_it_is_pinned_and_refused_if_not() -> None:
    text = Layout().text().replace(reference_template("X509").encode(), b"")
    envelope = opened(libxmlsec_sign(text, pki().probation))
    assert (envelope.partner_id, envelope.remarks) == ("adult-probation", ("GFIPM S2S: the token is not signed",))
    text = Layout(identity=pki().chained).text()
    assert opened(libxmlsec_sign(text, pki().chained)).remarks == ()
    with pytest.raises(PartNotSigned, match="not pinned"):
        opened(libxmlsec_sign(text.replace(reference_template("X509").encode(), b""), pki().chained))


def test_expires_beyond_the_lifetime_does_not_lengthen_the_life_of_a_message() -> None:
    envelope = opened(sealed(policy=replace(POLICY, lifetime=timedelta(days=1))))
    assert envelope.expires == envelope.created + POLICY.lifetime


def test_the_partner_is_asked_for_last_and_by_name() -> None:
    asked: list[tuple[str, str]] = []

    def permits(partner: str, root: str) -> bool:
        asked.append((partner, root))
        return False

    with pytest.raises(NotPermitted):
        opened(sealed(by=pki().dmv), accept=acceptance(permits=permits))
    assert asked == [("dmv", QUERY)]
    with pytest.raises(SignerNotTrusted):
        opened(sealed(by=pki().stranger), accept=acceptance(permits=permits))
    assert len(asked) == 1


def test_configured_reply_addresses_are_the_partner_s_own() -> None:
    addresses = {"dmv": frozenset({"https://dmv.example/"})}
    accept = acceptance(reply_addresses=lambda partner: addresses.get(partner, frozenset()))
    assert opened(sealed(by=pki().dmv, reply_to="https://dmv.example/"), accept=accept).addressing.reply_to
    with pytest.raises(CcmsWsError):
        opened(sealed(reply_to="https://dmv.example/"), accept=accept)


def _answer(
    body: etree._Element, action: str, version: SoapVersion = SoapVersion.SOAP11, **changes: str | None
) -> bytes:
    return to_bytes(sealed(body, version=version, to=WSA + "/anonymous", action=action, relates_to=OURS, **changes))  # type: ignore[arg-type]


def test_an_answer_is_opened_by_the_same_function() -> None:
    raw = _answer(payload(), ACTION, reply_to=None)
    envelope = opened(received(raw, soap_action=None), accept=ANSWER)
    assert envelope.addressing.relates_to == OURS


@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize("action", [WSA_FAULT_ACTION, WSA_SOAP_FAULT_ACTION, "urn:x:error"])
def test_a_signed_fault_may_answer(version: SoapVersion, action: str) -> None:
    own = etree.fromstring("<x:Error xmlns:x='urn:x'/>")
    fault = compose_fault(ActionMismatch(), "incident", version, own)
    envelope = opened(received(_answer(fault, action, version), version, soap_action=None,
                               content_type=version.media_type), accept=FAULTS)  # fmt: skip
    assert envelope.fault is not None
    assert envelope.fault.detail is envelope.payload.find(".//{urn:x}Error")


@pytest.mark.parametrize("action", [ACTION, "urn:x:error", f"{TEST}:Fault:SOAPFaultException"])
def test_a_fault_with_an_action_of_its_stack_s_own_is_taken_with_a_remark(action: str) -> None:
    fault = compose_fault(ActionMismatch(), "incident", SoapVersion.SOAP11)
    envelope = opened(received(_answer(fault, action), soap_action=None), accept=FAULTS)
    assert envelope.fault is not None
    assert envelope.remarks == (f"WSA SOAP 5: the wsa:Action of the fault is {action!r}",)


def _fault_in(answer: bytes, version: SoapVersion) -> SoapFault | None:
    content_type = f"{version.media_type}; charset=utf-8"
    return opened(received(answer, version, soap_action=None, content_type=content_type), accept=FAULTS).fault


@pytest.mark.parametrize("version", list(SoapVersion))
def test_a_code_whose_prefix_anyone_could_rebind_stands_as_it_was_written(version: SoapVersion) -> None:
    fault = compose_fault(SignatureInvalid(), "incident", version)
    declared = f'xmlns:wsse="{WSSE}"'.encode()
    raw = _answer(fault, WSA_SOAP_FAULT_ACTION, version)
    head, body, rest = raw.partition(b":Body")
    assert declared in rest
    for message in (raw, head + body + rest.replace(declared, b'xmlns:wsse="urn:other"')):
        read = _fault_in(message, version)
        assert read is not None
        assert (read.subcode or read.code) == "wsse:FailedCheck"
        assert version is SoapVersion.SOAP11 or read.code == f"{{{version.namespace}}}Sender"


def test_a_code_whose_prefix_is_signed_is_resolved() -> None:
    for version in SoapVersion:
        fault = compose_fault(StoreError(), "incident", version)
        raw = _answer(fault, WSA_SOAP_FAULT_ACTION, version)
        read = _fault_in(raw, version)
        assert read is not None
        assert read.code == f"{{{version.namespace}}}{'Server' if version is SoapVersion.SOAP11 else 'Receiver'}"


def test_a_fault_is_no_payload_of_a_request() -> None:
    fault = compose_fault(ActionMismatch(), "incident", SoapVersion.SOAP11)
    with pytest.raises(ActionNotSupported):
        opened(received(_answer(fault, WSA_FAULT_ACTION), soap_action=None), accept=ANSWER)


def test_a_tree_of_another_library_is_opened_the_same_way() -> None:
    root = parsed(_answer(payload(), ACTION))
    envelope = open_parsed(root, trust=pki().trust, policy=POLICY, clock=CLOCK, acceptance=ANSWER)
    assert envelope.envelope is root
    assert envelope.payload is root[1][0]


def test_a_tree_with_comments_is_refused() -> None:
    root = parsed(_answer(payload(), ACTION))
    root[1][0].append(etree.Comment("x"))
    with pytest.raises(MalformedEnvelope):
        open_parsed(root, trust=pki().trust, policy=POLICY, clock=CLOCK, acceptance=ANSWER)


def test_many_threads_open_and_seal_at_once() -> None:
    """No state is shared but what is read only; also with pinned default prefixes, which lxml keeps per thread."""
    pinned = Layout(reference_prefixes=["#default", "soap"], envelope_attributes=' xmlns="urn:example:test"')
    messages = [libxmlsec_sign(pinned.text(), pki().probation), to_bytes(sealed()), to_bytes(sealed(by=pki().dmv))]
    digests = [opened(message).content_digest for message in messages]
    failures: list[object] = []

    def work() -> None:
        try:
            for _ in range(40):
                found = [opened(message).content_digest for message in messages]
                if found != digests or opened(to_bytes(sealed(by=pki().dmv))).partner_id != "dmv":
                    failures.append(found)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_clock_is_the_one_that_is_given() -> None:
    old = FixedClock(NOW - timedelta(days=20))
    raw = to_bytes(sealed(clock=old))
    assert opened(raw, clock=old).created == old.at
    with pytest.raises(CcmsWsError):
        opened(raw)


def test_the_namespaces_in_the_tests_are_the_real_ones() -> None:
    assert NS["ds"] == DS
