"""Looking at a partner from the court's side: certificates, TCP, TLS, HTTP, clock, and whether its WSDL has drifted.

Nothing here sends a message: no WSDL of a partner declares an operation that would be harmless.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ccms_ws.cli.findings import Finding, amber, green, red
from ccms_ws.errors import CcmsWsError

if TYPE_CHECKING:
    from cryptography import x509

    from ccms_ws.config import PartnerSettings, PushSettings

PATIENCE = 3.0
"""Seconds for a connection, and again for an answer."""
DAYS_OF_WARNING = 30


def look_at(partner: PartnerSettings, *, skew_seconds: int, now: datetime) -> list[Finding]:
    """All that can be said of a partner without sending it a message."""
    found = [certificate_days(f"{partner.id} certificate {path.name}", path, now) for path in partner.certificates]
    for code, push in partner.receives.items():
        found += _pushed(f"{partner.id} {code}", push, skew_seconds, now)
    return found


def certificate_days(what: str, path: Path, now: datetime) -> Finding:
    """How long a certificate file is still valid."""
    from cryptography import x509

    try:
        return validity(what, x509.load_pem_x509_certificate(path.read_bytes()), now)
    except (OSError, ValueError) as error:
        return red(what, f"cannot be read: {error}", f"put a PEM certificate at {path}")


def validity(what: str, certificate: x509.Certificate, now: datetime) -> Finding:
    """How long a certificate is still valid."""
    if now < certificate.not_valid_before_utc:
        return red(what, f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d}", "check this machine's clock")
    return _days(what, certificate.not_valid_after_utc, now, "ask for its successor and list both during the rollover")


def _days(what: str, not_after: datetime, now: datetime, do: str) -> Finding:
    days = (not_after - now).days
    if not_after < now:
        return red(what, f"expired on {not_after:%Y-%m-%d}", do)
    return (amber if days < DAYS_OF_WARNING else _green)(what, f"valid for {days} days", do)


def _green(what: str, found: str, _do: str) -> Finding:
    return green(what, found)


def _pushed(what: str, push: PushSettings, skew_seconds: int, now: datetime) -> Iterator[Finding]:
    """What can be seen at the address that an exchange is pushed to; as far as one gets."""
    yield _pinned(what, push)
    parts = urlsplit(push.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout=PATIENCE) as connection:
            yield green(f"{what} connection", f"{host}:{port} is reached")
            if parts.scheme == "https":
                yield _tls(f"{what} TLS", connection, host, now)
    except ssl.SSLError as error:
        yield red(f"{what} TLS", error.reason or str(error), "ask the partner for its TLS certificate and authority")
        return
    except OSError as error:
        words = error.strerror or str(error) or type(error).__name__
        yield red(f"{what} connection", f"{host}:{port}: {words}", "is the partner up, and the firewall open?")
        return
    if parts.scheme != "https":
        yield _unencrypted(what, host)
    yield from _http(what, push, skew_seconds)


def _pinned(what: str, push: PushSettings) -> Finding:
    from ccms_ws.contract.pins import LOCK, check_pins

    try:
        check_pins(push.wsdl)
    except CcmsWsError as error:
        return red(f"{what} WSDL file", str(error), error.hint)
    pinned = (push.wsdl.parent / LOCK).is_file()
    return green(f"{what} WSDL file", f"{push.wsdl.name} is {'as it was pinned' if pinned else 'there, not pinned'}")


def _unencrypted(what: str, host: str) -> Finding:
    if host in ("localhost", "::1") or host.startswith("127."):
        return green(f"{what} TLS", "none, on this machine")
    return amber(f"{what} TLS", "none: anybody on the way can read", "ask the partner for an https address")


def _tls(what: str, connection: socket.socket, host: str, now: datetime) -> Finding:
    with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secure:
        certificate: Any = secure.getpeercert()
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
        return _days(f"{what} {secure.version()}", until, now, "tell the partner")


def _http(what: str, push: PushSettings, skew_seconds: int) -> Iterator[Finding]:
    import requests

    from ccms_ws.clock import SystemClock

    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{push.url}?wsdl", timeout=(PATIENCE, PATIENCE), allow_redirects=False, stream=True)
            answer.close()
    except requests.RequestException as error:
        yield red(f"{what} HTTP", f"no answer: {type(error).__name__}", "tell the partner that its server is silent")
        return
    status, said = answer.status_code, answer.headers.get("Date", "")
    if status >= 500:
        yield red(f"{what} HTTP", f"answers {status}", "tell the partner; messages wait in the outbox meanwhile")
    else:
        yield green(f"{what} HTTP", f"answers {status} to a GET; no test message was sent")
    if said:
        yield clock_difference(f"{what} clock", _date(said), SystemClock().now(), skew_seconds)
    if status == 200:
        yield _drift(f"{what} WSDL", push)
    else:
        yield green(f"{what} WSDL", "not published there, so that no drift can be seen")


def clock_difference(what: str, theirs: datetime | None, ours: datetime, skew_seconds: int) -> Finding:
    """Whether two clocks agree to within what messages are forgiven."""
    if theirs is None:
        return amber(what, "its Date header cannot be read", "tell the partner")
    off = abs((theirs - ours).total_seconds())
    if off > skew_seconds:
        return red(what, f"{off:.0f} s apart", "messages are refused as not fresh: let both sides use NTP")
    return (amber if off > max(2.0, skew_seconds / 2) else _green)(what, f"{off:.0f} s apart", "let both use NTP")


def _drift(what: str, push: PushSettings) -> Finding:
    from ccms_ws.cli.fetching import fetch
    from ccms_ws.contract.diff import Effect, compare, worst

    url = f"{push.url}?wsdl"
    do = f"ccms-ws contract diff {push.wsdl} {url}"
    try:
        changes = compare(str(push.wsdl), url, fetch=fetch)
    except CcmsWsError as error:
        return amber(what, f"what is published cannot be compared: {error}", do)
    if not changes:
        return green(what, "published as the court has it")
    said = f"{len(changes)} changes, the gravest: {changes[0].what} ({changes[0].effect.words})"
    return (red if worst(changes) is Effect.BREAKING else amber)(what, said, do)


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
