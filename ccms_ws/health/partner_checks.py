"""Looking at a partner from the court's side: certificates, TCP, TLS, HTTP, clock, and whether its WSDL has drifted.

Nothing here sends a message (`test_message` does, where a partner has one without effect).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ccms_ws.errors import CcmsWsError
from ccms_ws.health.certificates import FIRST_WARNING, certificate_in
from ccms_ws.health.findings import Finding, amber, green, red

if TYPE_CHECKING:
    from cryptography import x509

    from ccms_ws.config import PartnerSettings, PushSettings, Settings

PATIENCE = 3.0
"""Seconds for a connection, and again for an answer."""
_URGENCY: Final = ((7, "today: "), (14, "this week: "), (30, "now: "), (FIRST_WARNING, "soon: "))
"""From how many days before a certificate ends it is spoken of, and how."""


def look_at(partner: PartnerSettings, *, skew_seconds: int, now: datetime) -> list[Finding]:
    """All that can be said of a partner without sending it a message."""
    from ccms_ws.config.certificates import files_of_partner

    found = [
        certificate_days(f"{partner.id} {use} {path.name}", path, now, use) for use, path in files_of_partner(partner)
    ]
    for code, push in partner.receives.items():
        found += _pushed(f"{partner.id} {code}", code, push, skew_seconds, now)
    return found


def look_at_all(settings: Settings, partner_ids: list[str]) -> list[Finding]:
    """Each partner in a thread of its own: one that is silent does not hold up the others."""
    from ccms_ws.clock import SystemClock

    now, skew = SystemClock().now(), settings.security.skew_seconds
    with ThreadPoolExecutor(max_workers=8) as pool:
        looks = pool.map(lambda name: look_at(settings.partner(name), skew_seconds=skew, now=now), partner_ids)
        return [finding for findings in looks for finding in findings]


def certificate_days(what: str, path: Path, now: datetime, use: str = "") -> Finding:
    """How long a certificate file is still valid; `use` as in the inventory."""
    try:
        return validity(what, certificate_in(path, use), now)
    except CcmsWsError as error:
        return red(what, str(error), f"put a PEM certificate at {path}")


def validity(what: str, certificate: x509.Certificate, now: datetime) -> Finding:
    """How long a certificate is still valid."""
    if now < certificate.not_valid_before_utc:
        return red(what, f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d}", "check this machine's clock")
    return _days(what, certificate.not_valid_after_utc, now, "ask for its successor and list both during the rollover")


def _days(what: str, not_after: datetime, now: datetime, do: str) -> Finding:
    days = (not_after - now).days
    if not_after < now:
        return red(what, f"expired on {not_after:%Y-%m-%d}", do)
    urgency = next((word for limit, word in _URGENCY if days <= limit), "")
    return (amber if urgency else _green)(what, f"valid for {days} days", urgency + do)


def _green(what: str, found: str, _do: str) -> Finding:
    return green(what, found)


def _pushed(what: str, code: str, push: PushSettings, skew_seconds: int, now: datetime) -> Iterator[Finding]:
    """What can be seen at the address that an exchange is pushed to; as far as one gets."""
    yield _wsdl(what, code, push)
    context = _context(push)
    if isinstance(context, str):
        yield red(f"{what} TLS files", context, "compare tls_ca, tls_certificate and tls_key with their files")
        return
    if push.tls_certificate:
        yield certificate_days(f"{what} TLS client {push.tls_certificate.name}", push.tls_certificate, now)
    parts = urlsplit(push.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout=PATIENCE) as connection:
            yield green(f"{what} connection", f"{host}:{port} is reached")
            if parts.scheme == "https":
                yield _tls(f"{what} TLS", context, connection, host, now)
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


def _wsdl(what: str, code: str, push: PushSettings) -> Finding:
    """Whether the partner's WSDL is as it was pinned, and has the operation for what is pushed."""
    from ccms_ws.bootstrap import check_push
    from ccms_ws.contract.pins import LOCK

    try:
        check_push(code, push)
    except CcmsWsError as error:
        return red(f"{what} WSDL file", str(error), error.hint or "ask the partner for its WSDL, and import it")
    pinned = (push.wsdl.parent / LOCK).is_file()
    return green(f"{what} WSDL file", f"{push.wsdl.name} is {'as it was pinned' if pinned else 'there, not pinned'}")


def _unencrypted(what: str, host: str) -> Finding:
    if host in ("localhost", "::1") or host.startswith("127."):
        return green(f"{what} TLS", "none, on this machine")
    return amber(f"{what} TLS", "none: anybody on the way can read", "ask the partner for an https address")


def _context(push: PushSettings) -> ssl.SSLContext | str:
    """TLS as the worker speaks it to this partner; or what is wrong with its files."""
    try:
        context = ssl.create_default_context(cafile=push.tls_ca)
        if push.client_certificate:
            context.load_cert_chain(*push.client_certificate)
    except (OSError, ValueError) as error:  # of which ssl.SSLError is one
        return f"tls_ca, tls_certificate and tls_key cannot be used together: {error}"
    return context


def _tls(what: str, context: ssl.SSLContext, connection: socket.socket, host: str, now: datetime) -> Finding:
    with context.wrap_socket(connection, server_hostname=host) as secure:
        certificate: Any = secure.getpeercert()
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
        return _days(f"{what} {secure.version()}", until, now, "tell the partner")


def _http(what: str, push: PushSettings, skew_seconds: int) -> Iterator[Finding]:
    import requests

    from ccms_ws.clock import SystemClock

    try:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(push.tls_ca) if push.tls_ca else True
            if push.client_certificate:
                session.cert = (str(push.client_certificate[0]), str(push.client_certificate[1]))
            answer = session.get(f"{push.url}?wsdl", timeout=(PATIENCE, PATIENCE), allow_redirects=False, stream=True)
            answer.close()
    except requests.RequestException as error:
        yield red(f"{what} HTTP", f"no answer: {type(error).__name__}", "tell the partner that its server is silent")
        return
    status, said = answer.status_code, answer.headers.get("Date", "")
    if status >= 500:
        yield red(f"{what} HTTP", f"answers {status}", "tell the partner; messages wait in the outbox meanwhile")
    else:
        yield green(f"{what} HTTP", f"answers {status} to a GET")
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
    from ccms_ws.contract.diff import Effect, compare, worst
    from ccms_ws.contract.download import fetch

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
