"""Timestamps: written briefly, read strictly, judged by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSU
from ccms_ws.envelope.timestamps import check_freshness, read_timestamp, write_timestamp
from ccms_ws.errors import SecurityHeaderInvalid, TimestampOutOfRange

AT = datetime(2026, 3, 2, 17, 30, 1, 234567, UTC)
SKEW, LIFETIME = timedelta(seconds=60), timedelta(seconds=300)


def _timestamp(inner: str) -> _Element:
    return etree.fromstring(f'<u:Timestamp xmlns:u="{WSU}">{inner}</u:Timestamp>')


def _times(created: str, expires: str = "2026-03-02T17:35:00Z") -> _Element:
    return _timestamp(f"<u:Created>{created}</u:Created><u:Expires>{expires}</u:Expires>")


def test_what_is_written_is_read_back_to_the_millisecond() -> None:
    text = write_timestamp(AT.astimezone(timezone(timedelta(hours=-8))), LIFETIME, "TS")
    created, expires = read_timestamp(etree.fromstring(text), [])
    assert created == AT.replace(microsecond=234000)
    assert expires - created == LIFETIME
    assert ">2026-03-02T17:30:01.234Z<" in text


def test_what_is_written_is_canonical() -> None:
    text = write_timestamp(AT, LIFETIME, "TS")
    assert etree.tostring(etree.fromstring(text), method="c14n", exclusive=True) == text.encode()


@pytest.mark.parametrize(
    ("text", "microsecond"), [("00Z", 0), ("00.5Z", 500000), ("00.123Z", 123000), ("00.001Z \t", 1000)]
)
def test_fractions_are_read(text: str, microsecond: int) -> None:
    remarks: list[str] = []
    created, _ = read_timestamp(_times(f" 2026-03-02T17:30:{text}\n"), remarks)
    assert (created.microsecond, remarks) == (microsecond, [])


def test_more_than_three_fraction_digits_are_remarked_upon() -> None:
    remarks: list[str] = []
    created, _ = read_timestamp(_times("2026-03-02T17:30:00.123456789Z", "2026-03-02T17:35:00.1234Z"), remarks)
    assert created.microsecond == 123456
    assert [remark[:9] for remark in remarks] == ["BSP R3220", "BSP R3229"]


@pytest.mark.parametrize(
    ("inner", "rule"),
    [
        ("", "BSP R3203"),
        ("<u:Expires/>", "BSP R3203"),
        ("<u:Created/><u:Created/><u:Expires/>", "BSP R3203"),
        ("<u:Created/><u:Expires/><u:Expires/>", "BSP R3224"),
        ("<u:Created/><u:Expires/><u:Other/>", "BSP R3222"),
        ("<u:Expires/><u:Created/>", "BSP R3221"),
        ("<u:Created/>", "GFIPM S2S"),
        ("<u:Created ValueType='x'>2026-03-02T17:30:00Z</u:Created><u:Expires/>", "BSP R3225"),
        ("<u:Created>2026-03-02T17:30:00Z</u:Created><u:Expires ValueType='x'/>", "BSP R3226"),
        ("<u:Created>2026-03-02T17:30:00+00:00</u:Created><u:Expires/>", "BSP R3217"),
        ("<u:Created>2026-03-02T17:30:00Z</u:Created><u:Expires>2026-03-02T17:35:00</u:Expires>", "BSP R3223"),
        ("<u:Created>2026-03-02T17:30:60Z</u:Created><u:Expires/>", "BSP R3213"),
        ("<u:Created>2026-03-02T17:30:00Z</u:Created><u:Expires>2026-03-02T17:35:61Z</u:Expires>", "BSP R3215"),
        ("<u:Created>2026-02-29T17:30:00Z</u:Created><u:Expires/>", "XSD dateTime"),
        ("<u:Created>yesterday</u:Created><u:Expires/>", "BSP R3217"),
        ("<u:Created>2026-03-02T24:00:00Z</u:Created><u:Expires/>", "BSP R3217"),
        ("<u:Created>0000-03-02T17:30:00Z</u:Created><u:Expires/>", "XSD dateTime"),
        ("<u:Created>2026-03-02T17:30:00.1234567890Z</u:Created><u:Expires/>", "BSP R3217"),
        ("<u:Created><x/></u:Created><u:Expires/>", "BSP R3222"),
    ],
)
def test_each_rule_of_the_basic_security_profile_is_kept(inner: str, rule: str) -> None:
    with pytest.raises(SecurityHeaderInvalid) as caught:
        read_timestamp(_timestamp(inner), [])
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    "offset", [timedelta(), timedelta(seconds=-60), timedelta(seconds=299), timedelta(seconds=359.9)]
)
def test_a_message_is_fresh_from_skew_before_to_skew_after(offset: timedelta) -> None:
    check_freshness(AT, AT + LIFETIME, AT + offset, SKEW, LIFETIME)


@pytest.mark.parametrize("offset", [timedelta(seconds=-60.1), timedelta(seconds=360), timedelta(days=400)])
def test_a_message_outside_that_window_is_refused(offset: timedelta) -> None:
    with pytest.raises(TimestampOutOfRange):
        check_freshness(AT, AT + LIFETIME, AT + offset, SKEW, LIFETIME)


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1), timedelta(seconds=300.001)])
def test_a_message_may_not_mean_to_live_long_or_not_at_all(lifetime: timedelta) -> None:
    with pytest.raises(TimestampOutOfRange):
        check_freshness(AT, AT + lifetime, AT, SKEW, LIFETIME)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z"])
def test_a_time_at_the_end_of_the_calendar_is_out_of_range_like_any_other(created: str) -> None:
    expires = created.replace("00:00:00", "00:01:00").replace("23:59:00", "23:59:59")
    with pytest.raises(TimestampOutOfRange):
        check_freshness(*read_timestamp(_times(created, expires), []), AT, SKEW, LIFETIME)
