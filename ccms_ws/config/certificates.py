"""The certificate files that the settings name, with owner and use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ccms_ws.config.model import Settings
from ccms_ws.config.partners import PartnerSettings


def files_of_court(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The certificate files of the court, each with its use."""
    yield "signs", settings.identity.certificate
    if settings.endpoint.tls:
        yield "TLS server", settings.endpoint.tls.certificate
        if settings.endpoint.tls.client_authorities:
            yield "authorities of TLS clients", settings.endpoint.tls.client_authorities
    shown = [push.tls_certificate for each in settings.partners for push in each.receives.values()]
    for path in dict.fromkeys(path for path in shown if path):
        yield "TLS client", path


def files_of_partner(partner: PartnerSettings) -> Iterator[tuple[str, Path]]:
    """The certificate files of a partner, each with its use."""
    signs = f"signs, {partner.profile.sends}" if partner.profile.sends != "gfipm-s2s" else "signs"
    yield from ((signs, path) for path in partner.certificates)
    if partner.authority:
        yield f"authority for {partner.subject}", partner.authority
    yield from ((f"TLS client, {partner.profile.sends}", path) for path in partner.tls_certificates)
    vouching = [push.tls_ca for push in partner.receives.values()]
    yield from (("authorities of the TLS server", path) for path in dict.fromkeys(path for path in vouching if path))


def issuers_of_revocation_lists(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The certificates that revocation lists are verified with, each with its use."""
    for crl in settings.security.crls:
        yield f"issuer of {crl.file.name}", crl.issuer
