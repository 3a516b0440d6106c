"""The weaker profiles hold for the partner that was given them, on a connection of its own, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSSE
from ccms_ws.envelope.algorithms import RSA_SHA256
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.inbound import ReceivePolicy
from ccms_ws.envelope.policy import Profile
from ccms_ws.envelope.signatures import signature_value
from ccms_ws.envelope.soap import SoapVersion, compose_envelope
from ccms_ws.errors import (
    DestinationUnreachable,
    DigestMismatch,
    NotPermitted,
    PartNotSigned,
    SecurityHeaderInvalid,
    SignerNotTrusted,
    SoapVersionMismatch,
    TokenUnsupported,
)
from tests.support.envelopes import POLICY, acceptance, addressing, find, opened, payload, received, sealed
from tests.support.oracles import libxmlsec_verifies
from tests.support.pki import pki

ENDORSING = replace(POLICY, profile=Profile.TLS_ENDORSING_TIMESTAMP)
PROBATION, DMV = "adult-probation", "dmv"


def _profiles(**by_partner: Profile) -> Callable[[str], Profile]:
    return lambda partner_id: by_partner.get(partner_id.replace("-", "_"), Profile.GFIPM_S2S)


def _accept(profile: Profile, connection: str = PROBATION) -> ReceivePolicy:
    """Adult probation has `profile`, everybody else the default."""
    return acceptance(profile=_profiles(adult_probation=profile), connection=connection)


def _unsigned(version: SoapVersion = SoapVersion.SOAP11, **changes: str) -> _Element:
    return compose_envelope(payload(), addressing(**changes), version)


class TestTlsEndorsingTimestamp:
    def test_the_timestamp_is_enough_on_the_partner_s_own_connection(self) -> None:
        message = sealed(policy=ENDORSING)
        assert len(message.findall(".//{*}Reference[@URI]")) == 3  # the Timestamp, the token, and the STR's own
        assert opened(message, accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP)).partner_id == PROBATION

    def test_what_we_send_other_implementations_verify(self) -> None:
        assert libxmlsec_verifies(etree.tostring(sealed(policy=ENDORSING)), pki().probation)

    @pytest.mark.parametrize("connection", ["", DMV, "nobody"])
    def test_it_is_not_on_any_other_connection(self, connection: str) -> None:
        with pytest.raises(PartNotSigned):
            opened(sealed(policy=ENDORSING), accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP, connection))

    @pytest.mark.parametrize("profile", [Profile.GFIPM_S2S, Profile.MTLS_ONLY])
    def test_it_is_not_unless_it_was_switched_on(self, profile: Profile) -> None:
        with pytest.raises(PartNotSigned):
            opened(sealed(policy=ENDORSING), accept=_accept(profile))

    def test_another_partner_s_signature_does_not_gain_by_the_connection(self) -> None:
        with pytest.raises(PartNotSigned):
            opened(sealed(policy=ENDORSING, by=pki().dmv), accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP))

    def test_a_stranger_s_signature_does_not_either(self) -> None:
        with pytest.raises(SignerNotTrusted):
            opened(sealed(policy=ENDORSING, by=pki().stranger), accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP))

    def test_the_timestamp_must_be_the_one_that_was_signed(self) -> None:
        message = sealed(policy=ENDORSING)
        find(message, ".//wsu:Expires").text = "2030-01-01T00:00:00Z"
        with pytest.raises(DigestMismatch):
            opened(message, accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP))

    def test_a_signature_over_the_token_alone_is_not_enough(self) -> None:
        message = sealed(policy=ENDORSING)
        signed_info, value = find(message, ".//ds:SignedInfo"), find(message, ".//ds:SignatureValue")
        signed_info.remove(signed_info[2])
        value.text = signature_value(canonical(signed_info), RSA_SHA256, pki().probation.key)
        with pytest.raises(PartNotSigned, match="Timestamp"):
            opened(message, accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP))

    def test_no_signature_at_all_is_not_enough(self) -> None:
        with pytest.raises(SecurityHeaderInvalid):
            opened(_unsigned(), accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP))

    def test_one_message_has_one_content_digest_however_much_is_signed(self) -> None:
        digests = {
            opened(sealed(policy=policy), accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP)).content_digest
            for policy in (POLICY, ENDORSING)
        }
        assert len(digests) == 1


class TestMtlsOnly:
    @pytest.mark.parametrize("version", SoapVersion)
    def test_the_connection_names_the_partner(self, version: SoapVersion) -> None:
        envelope = opened(_unsigned(version), accept=_accept(Profile.MTLS_ONLY))
        assert (envelope.partner_id, envelope.certificate) == (PROBATION, None)
        assert envelope.content_digest == opened(sealed()).content_digest
        assert any("nothing is signed" in remark for remark in envelope.remarks)

    @pytest.mark.parametrize("connection", ["", DMV])
    @pytest.mark.parametrize("profile", Profile)
    def test_an_unsigned_message_is_refused_on_any_other_connection(self, connection: str, profile: Profile) -> None:
        with pytest.raises(SecurityHeaderInvalid):
            opened(_unsigned(), accept=_accept(profile, connection))

    def test_an_unsigned_message_is_refused_unless_it_was_switched_on(self) -> None:
        with pytest.raises(SecurityHeaderInvalid):
            opened(_unsigned(), accept=_accept(Profile.GFIPM_S2S))

    def test_a_signature_that_is_there_counts(self) -> None:
        assert opened(sealed(), accept=_accept(Profile.MTLS_ONLY)).certificate == pki().probation.certificate
        broken = sealed()
        find(broken, ".//t:Case").text = "24CR99999"
        with pytest.raises(DigestMismatch):
            opened(broken, accept=_accept(Profile.MTLS_ONLY))

    @pytest.mark.parametrize("actor", [None, "urn:somebody-else"])
    def test_an_empty_security_header_is_not_the_same_as_none(self, actor: str | None) -> None:
        message = _unsigned()
        security = etree.SubElement(message[0], f"{{{WSSE}}}Security")
        if actor:
            security.set(f"{{{SoapVersion.SOAP11.namespace}}}actor", actor)
        with pytest.raises(SecurityHeaderInvalid):
            opened(message, accept=_accept(Profile.MTLS_ONLY))

    def test_everything_else_is_checked_as_ever(self) -> None:
        with pytest.raises(DestinationUnreachable):
            opened(_unsigned(to="https://other.example/"), accept=_accept(Profile.MTLS_ONLY))
        with pytest.raises(SoapVersionMismatch):
            opened(received(_unsigned(), SoapVersion.SOAP12), accept=_accept(Profile.MTLS_ONLY))
        nothing = replace(_accept(Profile.MTLS_ONLY), permits=lambda _partner, _root: False)
        with pytest.raises(NotPermitted):
            opened(_unsigned(), accept=nothing)
        doubled = _unsigned()
        doubled[-1].set("{urn:x}Id", "a")
        doubled[-1][0].set("Id", "a")
        with pytest.raises(SecurityHeaderInvalid):
            opened(doubled, accept=_accept(Profile.MTLS_ONLY))


def test_a_token_outside_the_message_is_no_way_round() -> None:
    message = sealed(policy=ENDORSING)
    token = find(message, ".//wsse:BinarySecurityToken")
    token.set("ValueType", "urn:other")
    with pytest.raises(TokenUnsupported):
        opened(message, accept=_accept(Profile.TLS_ENDORSING_TIMESTAMP))
