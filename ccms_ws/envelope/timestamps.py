"""wsu:Timestamp: written with milliseconds in UTC, read as strictly as BSP 1.1 section 7 asks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSU
from ccms_ws.errors import SecurityHeaderInvalid, TimestampOutOfRange

_Q_CREATED: Final = f"{{{WSU}}}Created"
_Q_EXPIRES: Final = f"{{{WSU}}}Expires"
_INSTANT: Final = re.compile(
    r"(\d{4}-(?:0[1-9]|1[0-2])-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:)(\d\d)(?:\.(\d{1,9}))?(Z|\+00:00)?", re.ASCII
)


def write_timestamp(created: datetime, lifetime: timedelta, timestamp_id: str) -> str:
    """A Timestamp in its canonical form."""
    return (
        f'<wsu:Timestamp xmlns:wsu="{WSU}" wsu:Id="{timestamp_id}"><wsu:Created>{_instant(created)}</wsu:Created>'
        f"<wsu:Expires>{_instant(created + lifetime)}</wsu:Expires></wsu:Timestamp>"
    )


def read_timestamp(timestamp: _Element, remarks: list[str]) -> tuple[datetime, datetime]:
    """Created and Expires. Errors: `SecurityHeaderInvalid`. What is only discouraged is added to `remarks`."""
    children = list(timestamp)
    tags = [child.tag for child in children]
    if tags != [_Q_CREATED, _Q_EXPIRES]:
        raise SecurityHeaderInvalid(f"the Timestamp holds {tags}, not Created and Expires", rule=_broken_rule(tags))
    created, expires = (_read_instant(child, remarks) for child in children)
    return created, expires


def check_freshness(created: datetime, expires: datetime, now: datetime, skew: timedelta, lifetime: timedelta) -> None:
    """Errors: `TimestampOutOfRange` if the message is from the future, too old, or means to live too long."""
    if expires <= created:
        raise TimestampOutOfRange(f"Expires {expires} is not after Created {created}", rule="WSS 10")
    if expires - created > lifetime:
        raise TimestampOutOfRange(f"the message means to live {expires - created}, the limit is {lifetime}")
    # Differences of two times, which cannot leave the calendar as a time plus the skew can in the years 1 and 9999.
    if created - now > skew:
        raise TimestampOutOfRange(f"created {created - now} in the future", rule="WSS 10", hint="compare the clocks")
    if now - expires >= skew:
        raise TimestampOutOfRange(f"expired {now - expires} ago", rule="WSS 10", hint="compare the clocks")


def _instant(at: datetime) -> str:
    # Three fraction digits and no more (BSP R3220).
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _broken_rule(tags: list[str]) -> str:
    if tags.count(_Q_CREATED) != 1:
        return "BSP R3203"
    if tags.count(_Q_EXPIRES) > 1:
        return "BSP R3224"
    if set(tags) - {_Q_CREATED, _Q_EXPIRES}:
        return "BSP R3222"
    return "BSP R3221" if tags[0] == _Q_EXPIRES else "GFIPM S2S"


def _read_instant(element: _Element, remarks: list[str]) -> datetime:
    created = element.tag == _Q_CREATED
    text = element.text or ""
    if element.get("ValueType") is not None:
        raise SecurityHeaderInvalid("ValueType on a time", rule="BSP R3225" if created else "BSP R3226")
    if len(element):
        raise SecurityHeaderInvalid("an element inside a time", rule="BSP R3222")
    match = _INSTANT.fullmatch(text.strip(" \t\r\n"))
    if match is None:
        raise SecurityHeaderInvalid(f"not a time: {text[:40]!r}", rule="BSP R3217" if created else "BSP R3223")
    minutes, seconds, fraction, zone = match.groups()
    if zone != "Z":
        raise SecurityHeaderInvalid(f"not in UTC: {text[:40]!r}", rule="BSP R3217" if created else "BSP R3223")
    if seconds >= "60":
        raise SecurityHeaderInvalid(f"a leap second: {text[:40]!r}", rule="BSP R3213" if created else "BSP R3215")
    if fraction and len(fraction) > 3:
        remarks.append(f"BSP {'R3220' if created else 'R3229'}: {len(fraction)} fraction digits")
    try:
        return datetime.fromisoformat(f"{minutes}{seconds}.{(fraction or '0')[:6]:0<6}+00:00")
    except ValueError:
        raise SecurityHeaderInvalid(f"no such day: {text[:40]!r}", rule="XSD dateTime") from None
