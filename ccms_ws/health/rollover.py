"""A rollover before it is one: what would happen with the new certificate, found out without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ccms_ws.errors import CcmsWsError, SignerNotTrusted
from ccms_ws.health.certificates import fingerprint
from ccms_ws.health.findings import Finding, amber, green, red

if TYPE_CHECKING:
    from cryptography import x509

    from ccms_ws.config import PartnerSettings, Settings
    from ccms_ws.envelope.identity import Identity
    from ccms_ws.envelope.trust import PinnedCertificate

SHORTEST_OVERLAP = 7
"""Days that both sides should have for the change."""


def rehearse_court(settings: Settings, new: Identity, now: datetime) -> list[Finding]:
    """The court begins to sign with `new`: does it work, and what must each partner do by when?"""
    from ccms_ws.credentials import certificates_in

    old = certificates_in(settings.identity.certificate)[0]
    return [
        green("new key", "it belongs to the new certificate and is fit for signing"),
        *_certificate(new.certificate, old, now),
        *_test_message(settings, new, old, now),
        *(_partner_must(each, new.certificate, old, now) for each in settings.partners),
    ]


def rehearse_partner(settings: Settings, partner: PartnerSettings, path: Path, now: datetime) -> list[Finding]:
    """A partner will sign with the certificate in `path`: can it be pinned beside those that are there?"""
    from ccms_ws.credentials import certificates_in, pins_of, trust_of

    new, pinned = certificates_in(path)[0], [pin.certificate for pin in pins_of(partner)]
    if new in pinned:
        return [amber("new certificate", "is pinned already", "nothing")]
    changed = partner.model_copy(update={"certificates": (*partner.certificates, path.resolve())})
    others = [changed if each.id == partner.id else each for each in settings.partners]
    findings = []
    try:
        trust = trust_of(settings.model_copy(update={"partners": tuple(others)}))
        findings.append(green("pin", f"it is fit for signing, and {partner.id} alone has it"))
        for old in (each for each in pinned if each.not_valid_before_utc <= now <= each.not_valid_after_utc):
            trust.check(old, now)
            findings.append(green("overlap", f"{old.serial_number:x} stays good until {_day(old.not_valid_after_utc)}"))
    except CcmsWsError as error:
        return [red("pin", error.detail, error.hint or f"ask {partner.name} for another certificate")]
    newest = max(pinned, key=lambda each: each.not_valid_after_utc, default=None)
    do = f"compare {fingerprint(new)} with {partner.name} by telephone, then ccms-ws certs roll --partner {partner.id}"
    return [*_certificate(new, newest, now), *findings, amber("fingerprint", "not compared yet", do)]


def _certificate(new: x509.Certificate, old: x509.Certificate | None, now: datetime) -> Iterator[Finding]:
    begins, ends = new.not_valid_before_utc, new.not_valid_after_utc
    if ends < now:
        yield red("validity", f"ended on {_day(ends)}", "ask for another certificate")
        return
    if begins > now:
        yield amber("validity", f"begins on {_day(begins)}", "change no earlier than that")
    else:
        yield green("validity", f"until {_day(ends)}, {(ends - now).days} days")
    if old is None:
        return
    if ends <= old.not_valid_after_utc:
        yield amber("successor", "ends no later than the old one", "is it the right file?")
    overlap = (old.not_valid_after_utc - max(now, begins)).days
    if overlap < 0:
        yield red("overlap", "none: old and new are never valid at the same time", "change at once; expect refusals")
    elif overlap < SHORTEST_OVERLAP:
        yield amber("overlap", f"{overlap} days", "tell the partners today")
    else:
        yield green("overlap", f"{overlap} days, until {_day(old.not_valid_after_utc)}")


def _test_message(settings: Settings, new: Identity, old: x509.Certificate, now: datetime) -> Iterator[Finding]:
    """What a partner sees that has pinned both, and one that has the old one alone."""
    from ccms_ws.envelope.trust import PinnedCertificate

    pins = [PinnedCertificate("COURT", certificate) for certificate in (old, new.certificate)]
    at = max(now, new.certificate.not_valid_before_utc)
    try:
        _sign_and_open(settings, new, pins, at)
        yield green("test message", "signed with the new key, opened by a partner that has pinned old and new")
    except CcmsWsError as error:
        yield red("test message", error.detail, error.hint or "this certificate cannot be used")
        return
    try:
        _sign_and_open(settings, new, pins[:1], at)
        yield green("partners that wait", "the new certificate is the old one: nothing changes for them")
    except SignerNotTrusted:
        yield amber("partners that wait", "refuse what is signed with the new key", "change when all have pinned it")


def _sign_and_open(settings: Settings, new: Identity, pins: list[PinnedCertificate], at: datetime) -> None:
    from lxml import etree

    from ccms_ws.clock import FixedClock
    from ccms_ws.credentials import policy_of
    from ccms_ws.envelope.addressing import Addressing
    from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
    from ccms_ws.envelope.outbound import seal_envelope
    from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
    from ccms_ws.envelope.trust import TrustStore

    to, action, root = "urn:rehearsal:partner", "urn:rehearsal:action", "{urn:rehearsal}Message"
    policy, clock, version = policy_of(settings), FixedClock(at), SoapVersion.SOAP12
    addressing = Addressing.request(to=to, action=action, message_id="urn:uuid:00000000-0000-4000-8000-000000000000")
    envelope = compose_envelope(etree.Element(root, nsmap={"r": "urn:rehearsal"}), addressing, version)
    envelope = seal_envelope(envelope, identity=new, policy=policy, clock=clock)
    open_envelope(
        HttpMessage(to_bytes(envelope), f"{version.media_type}; charset=utf-8"),
        trust=TrustStore(pins),
        policy=policy,
        clock=clock,
        acceptance=ReceivePolicy(frozenset({to}), {root: action}, lambda _partner, _root: True),
    )


def _partner_must(partner: PartnerSettings, new: x509.Certificate, old: x509.Certificate, now: datetime) -> Finding:
    by, named = _day(max(now, old.not_valid_after_utc)), f"our signatures name it by {partner.token_reference}"
    do = f"send it; {partner.name} pins it beside the old one by {by} and confirms {_short(new)} ({named})"
    return amber(partner.id, "must know the new certificate before the change", do)


def _short(certificate: x509.Certificate) -> str:
    return f"SHA-256 {fingerprint(certificate)[:16]}..."


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
