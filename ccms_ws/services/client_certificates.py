"""Who is at the other end of the connection, if mutual TLS has shown it: one of the partners' TLS certificates.

The server does not pass the client's certificate to the application. A proxy does, in a header;
that header is listened to from the proxy's own addresses alone.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.envelope.published_keys import key_hash
from ccms_ws.envelope.trust import PinnedCertificate
from ccms_ws.errors import ConfigError
from ccms_ws.log import Limited
from ccms_ws.services.connections import plain_address
from ccms_ws.services.http import Environ

log = structlog.get_logger(__name__)
_limited = Limited(log)

_LONGEST = 16_384
"""Characters of a header that are looked at; a certificate takes some two or three thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that ends TLS: where it calls from (addresses, networks) and the header that it fills in."""

    addresses: tuple[str, ...]
    header: str


class TlsClients:
    """The certificates that partners show as TLS clients."""

    def __init__(self, pins: Iterable[PinnedCertificate], proxy: Proxy | None) -> None:
        """Errors: `ConfigError` for a key that two partners have, and for pins without a proxy that reports them."""
        self._partners: dict[bytes, PinnedCertificate] = {}
        owners: dict[str, str] = {}
        for pin in pins:
            self._partners[pin.certificate.public_bytes(Encoding.DER)] = pin
            owner = owners.setdefault(key_hash(pin.certificate.public_key()), pin.partner_id)
            if owner != pin.partner_id:
                raise ConfigError(f"one TLS key is that of {owner} and of {pin.partner_id}")
        if self._partners and proxy is None:
            raise ConfigError(
                "partners with tls_certificates are known by a proxy in front alone",
                hint="set [endpoint.proxy] addresses, or take the partner's weaker profile out",
            )
        self._networks = [ip_network(address) for address in proxy.addresses] if proxy else []
        self._header = f"HTTP_{proxy.header.upper().replace('-', '_')}" if proxy else ""

    def partner_of(self, environ: Environ, now: datetime) -> str:
        """The id of the partner whose certificate the proxy vouches for; "" if there is none."""
        shown = environ.get(self._header, "") if self._partners else ""
        if not shown:
            return ""
        if not self._comes_from_proxy(environ):
            _limited.warning("tls.header-from-elsewhere", address=environ.get("REMOTE_ADDR", ""))
            return ""
        der = _read(shown)
        pin = self._partners.get(der) if der else None
        if pin is None:
            _limited.warning("tls.certificate-of-nobody", readable=der is not None)
            return ""
        if not pin.certificate.not_valid_before_utc <= now <= pin.certificate.not_valid_after_utc:
            log.warning("tls.certificate-not-valid", partner=pin.partner_id)
            return ""
        return pin.partner_id

    def _comes_from_proxy(self, environ: Mapping[str, str]) -> bool:
        try:
            address = ip_address(plain_address(environ.get("REMOTE_ADDR", "")))
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _read(shown: str) -> bytes | None:
    """The DER of a certificate in a header: URL-encoded PEM, or base64. None if it is neither, or not one alone."""
    if len(shown) > _LONGEST:
        return None
    try:
        if "BEGIN" not in shown:
            return b64decode(shown, validate=True)
        (certificate,) = x509.load_pem_x509_certificates(unquote_to_bytes(shown))
        return certificate.public_bytes(Encoding.DER)
    except (ValueError, binascii.Error, x509.InvalidVersion):
        return None
