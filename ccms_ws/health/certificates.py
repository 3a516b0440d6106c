"""Every certificate and revocation list that the settings name: whose it is, what for, and how long it still holds."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from ccms_ws.errors import CcmsWsError

if TYPE_CHECKING:
    from cryptography import x509

    from ccms_ws.config import Settings

log = structlog.get_logger(__name__)

COURT: Final = "the court"
FIRST_WARNING: Final = 60
"""Days before the end from which a program that starts says so."""
_REMINDERS: Final = frozenset({FIRST_WARNING, 30, 14})
_EVERY_DAY: Final = 7
CRL_WARNING: Final = 2
"""Days before a revocation list's end from which it is spoken of: authorities renew them late."""
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate in use, or a revocation list (`use` says which). `fingerprint`: SHA-256, in hexadecimal."""

    whose: str
    use: str
    file: Path
    subject: str
    fingerprint: str
    begins: datetime
    until: datetime
    days: int
    """Whole days that it still holds; negative if it does not."""


def inventory(settings: Settings, now: datetime) -> list[Entry]:
    """All of them, those that end first at the top. Raises ConfigError for a file that cannot be read."""
    from ccms_ws.config.certificates import files_of_court, files_of_partner

    entries = [_entry(COURT, use, path, now) for use, path in files_of_court(settings)]
    entries += [_entry(each.id, use, path, now) for each in settings.partners for use, path in files_of_partner(each)]
    entries += revocation_lists(settings, now)
    return sorted(entries, key=lambda entry: entry.until)


def reminders(entries: Iterable[Entry], *, starting: bool) -> list[Entry]:
    """Those to speak of today: at 60, 30 and 14 days and daily from 7; all of less than 60 when a program starts."""

    def is_due(entry: Entry) -> bool:
        if entry.use == "revocation list":
            return entry.days <= CRL_WARNING
        return entry.days <= (FIRST_WARNING if starting else _EVERY_DAY) or entry.days in _REMINDERS

    return [entry for entry in entries if is_due(entry)]


def remind(settings: Settings, now: datetime, *, starting: bool) -> None:
    """Write today's reminders to the log."""
    for entry in reminders(inventory(settings, now), starting=starting):
        say = log.error if entry.days <= _EVERY_DAY else log.warning
        event = "certificate.ended" if entry.until < now else "certificate.ends"
        say(event, whose=entry.whose, use=entry.use, file=entry.file.name, days=entry.days, until=str(entry.until))


def remind_daily(config: Path) -> None:
    """Remind now, and from then on once a day for as long as this program runs, of what the settings then say.

    The first time in the caller's thread: the endpoint's processes are forked afterwards, and must not inherit locks
    that a busy thread holds.
    """
    _remind(config, starting=True)

    def run() -> None:
        never = threading.Event()
        while not never.wait(_DAY):
            _remind(config, starting=False)

    threading.Thread(target=run, name="certificates", daemon=True).start()


def _remind(config: Path, *, starting: bool) -> None:
    from ccms_ws.clock import SystemClock
    from ccms_ws.config import load_settings

    try:
        remind(load_settings(config), SystemClock().now(), starting=starting)
    except CcmsWsError as error:
        log.error("certificate.not-looked-at", why=error.detail)


def _entry(whose: str, use: str, path: Path, now: datetime) -> Entry:
    certificate = certificate_in(path, use)
    until = certificate.not_valid_after_utc
    return Entry(
        whose, use, path, certificate.subject.rfc4514_string(), fingerprint(certificate),
        certificate.not_valid_before_utc, until, (until - now).days,
    )  # fmt: skip


def certificate_in(path: Path, use: str) -> x509.Certificate:
    """The certificate in a file that says how long the file is good for. Raises ConfigError.

    Of a chain that one partner needs as a whole, the first that ends; of authorities any of which may vouch for a TLS
    peer, the last.
    """
    from ccms_ws.credentials import certificates_in

    certificates = certificates_in(path)
    if not use.startswith("authorit"):
        return certificates[0]
    by_end = sorted(certificates, key=lambda each: each.not_valid_after_utc)
    return by_end[-1] if use.startswith("authorities") else by_end[0]


def revocation_lists(settings: Settings, now: datetime) -> Iterator[Entry]:
    """Those that are in use. Raises ConfigError for a file that cannot be read."""
    from cryptography.hazmat.primitives.hashes import SHA256

    from ccms_ws.credentials import revocation_list

    for crl in settings.security.crls:
        found = revocation_list(crl)
        yield Entry(
            COURT, "revocation list", crl.file, found.crl.issuer.rfc4514_string(),
            found.crl.fingerprint(SHA256()).hex(), found.crl.last_update_utc, found.until, (found.until - now).days,
        )  # fmt: skip


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in hexadecimal: what two people compare over the telephone."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()
