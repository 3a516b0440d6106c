"""The weaker profiles: who may not sign everything, must be on a connection that mutual TLS has shown to be its own.

Adult probation has the profile; whose connection it is, and which profile, stands in the sidecar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import FixedClock
from ccms_ws.contract.namespaces import WSSE
from ccms_ws.envelope.algorithms import RSA_SHA256
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage
from ccms_ws.envelope.policy import Profile
from ccms_ws.envelope.signatures import signature_value
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.errors import (
    ActionMismatch,
    CcmsWsError,
    DestinationUnreachable,
    DigestMismatch,
    PartNotSigned,
    ReplyAddressRefused,
    SecurityHeaderInvalid,
    SignerNotTrusted,
    SoapVersionMismatch,
    TimestampOutOfRange,
    TokenUnsupported,
)
from tests.attack.attack import Attack, Make
from tests.support.envelopes import POLICY, acceptance, addressing, find, payload, received, sealed
from tests.support.pki import NOW, pki

PROBATION, DMV = "adult-probation", "dmv"
_ENDORSING = replace(POLICY, profile=Profile.TLS_ENDORSING_TIMESTAMP)


def _attack(
    number: int,
    name: str,
    make: Make,
    answer: type[CcmsWsError] | None,
    profile: Profile,
    connection: str = PROBATION,
    **how: object,
) -> Attack:
    def of(partner_id: str) -> Profile:
        return profile if partner_id == PROBATION else Profile.GFIPM_S2S

    return Attack(number, name, make, answer, {"accept": acceptance(profile=of, connection=connection), **how})


def _endorsing(tamper: Callable[[_Element], object] = lambda _: None, by: Identity | None = None) -> Make:
    """A message whose Timestamp and token alone are signed."""

    def make() -> bytes:
        root = sealed(policy=_ENDORSING, by=by)
        tamper(root)
        return to_bytes(root)

    return make


def _sign_the_token_alone(root: _Element) -> None:
    signed_info, value = find(root, ".//ds:SignedInfo"), find(root, ".//ds:SignatureValue")
    signed_info.remove(signed_info[2])
    value.text = signature_value(canonical(signed_info), RSA_SHA256, pki().probation.key)


def _live_longer(root: _Element) -> None:
    find(root, ".//wsu:Expires").text = "2026-03-02T17:34:59Z"


def _rename_the_token(root: _Element) -> None:
    find(root, ".//wsse:BinarySecurityToken").set("ValueType", "urn:other")


def _unsigned(tamper: Callable[[_Element], object] = lambda _: None, **changes: str | None) -> Make:
    """A message without Security header."""

    def make() -> bytes:
        root = compose_envelope(payload(), addressing(**changes), SoapVersion.SOAP11)
        tamper(root)
        return to_bytes(root)

    return make


def _security(actor: str | None) -> Callable[[_Element], None]:
    def tamper(root: _Element) -> None:
        security = etree.SubElement(root[0], f"{{{WSSE}}}Security")
        if actor:
            security.set(f"{{{SoapVersion.SOAP11.namespace}}}actor", actor)

    return tamper


def _say_an_id_twice(root: _Element) -> None:
    root[-1].set("{urn:x}Id", "a")
    root[-1][0].set("Id", "a")


def _change_what_was_signed() -> bytes:
    root = sealed()
    find(root, ".//t:Case").text = "24CR99999"
    return to_bytes(root)


def _said_to_be_soap_1_2() -> HttpMessage:
    made = _unsigned()()
    assert isinstance(made, bytes)
    return received(made, SoapVersion.SOAP12)


_TIMESTAMP, _NOTHING, _ALL = Profile.TLS_ENDORSING_TIMESTAMP, Profile.MTLS_ONLY, Profile.GFIPM_S2S

ATTACKS = [
    _attack(6, "the Timestamp alone is signed, on the partner's own connection", _endorsing(), None, _TIMESTAMP),
    _attack(6, "the Timestamp alone is signed, on nobody's connection", _endorsing(), PartNotSigned, _TIMESTAMP, ""),
    _attack(
        6, "the Timestamp alone is signed, on another partner's connection",
        _endorsing(), PartNotSigned, _TIMESTAMP, DMV,
    ),
    _attack(6, "the Timestamp alone is signed, and the profile is not switched on", _endorsing(), PartNotSigned, _ALL),
    _attack(6, "the Timestamp alone is signed, under mtls-only", _endorsing(), PartNotSigned, _NOTHING),
    _attack(
        16, "the Timestamp alone is signed, by another partner than the connection's",
        _endorsing(by=pki().dmv), PartNotSigned, _TIMESTAMP,
    ),
    _attack(
        15, "the Timestamp alone is signed, by a stranger on the partner's connection",
        _endorsing(by=pki().stranger), SignerNotTrusted, _TIMESTAMP,
    ),
    _attack(5, "a Timestamp that alone is signed, changed", _endorsing(_live_longer), DigestMismatch, _TIMESTAMP),
    _attack(6, "the token alone is signed", _endorsing(_sign_the_token_alone), PartNotSigned, _TIMESTAMP),
    _attack(6, "nothing is signed where the Timestamp must be", _unsigned(), SecurityHeaderInvalid, _TIMESTAMP),
    _attack(15, "a token of another type beside a signed Timestamp",
            _endorsing(_rename_the_token), TokenUnsupported, _TIMESTAMP),
    _attack(
        18, "a stale Timestamp on the partner's own connection", _endorsing(), TimestampOutOfRange, _TIMESTAMP,
        clock=FixedClock(NOW + timedelta(minutes=6, microseconds=1)),
    ),
    _attack(6, "nothing is signed, on the partner's own connection", _unsigned(), None, _NOTHING),
    _attack(6, "nothing is signed, on nobody's connection", _unsigned(), SecurityHeaderInvalid, _NOTHING, ""),
    _attack(6, "nothing is signed, on another partner's connection", _unsigned(), SecurityHeaderInvalid, _NOTHING, DMV),
    _attack(6, "nothing is signed, and the profile is not switched on", _unsigned(), SecurityHeaderInvalid, _ALL),
    _attack(6, "a signature that need not be there, broken", _change_what_was_signed, DigestMismatch, _NOTHING),
    _attack(6, "an empty Security header under mtls-only", _unsigned(_security(None)), SecurityHeaderInvalid, _NOTHING),
    _attack(
        36, "a Security header for somebody else under mtls-only",
        _unsigned(_security("urn:somebody-else")), SecurityHeaderInvalid, _NOTHING,
    ),
    _attack(3, "an id twice under mtls-only", _unsigned(_say_an_id_twice), SecurityHeaderInvalid, _NOTHING),
    _attack(
        21, "another action under mtls-only", _unsigned(action="urn:example:test:other"), ActionMismatch, _NOTHING
    ),
    _attack(
        22, "an answer to somebody else under mtls-only",
        _unsigned(reply_to="http://169.254.169.254/"), ReplyAddressRefused, _NOTHING,
    ),
    _attack(
        23, "another endpoint under mtls-only", _unsigned(to="https://other.example/"), DestinationUnreachable, _NOTHING
    ),
    _attack(33, "SOAP 1.1 as SOAP 1.2 under mtls-only", _said_to_be_soap_1_2, SoapVersionMismatch, _NOTHING),
]  # fmt: skip
