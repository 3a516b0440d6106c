"""Timestamps: written briefly, read strictly, judged by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSU
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.timestamps import check_freshness, read_timestamp, write_timestamp
from ccms_ws.errors import SecurityHeaderInvalid, TimestampOutOfRange

AT = datetime(2026, 3, 2, 17, 30, 1, 234567, UTC)
POLICY = SecurityPolicy()
LIFETIME = POLICY.lifetime


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
    remarks: list[str] = []
    assert check_freshness(AT, AT + LIFETIME, AT + offset, POLICY, remarks) == AT + LIFETIME
    assert remarks == []


@pytest.mark.parametrize("claimed", [timedelta(seconds=300), timedelta(seconds=300.001), timedelta(days=400)])
@pytest.mark.parametrize("offset", [timedelta(seconds=-60.1), timedelta(seconds=360), timedelta(days=400)])
def test_a_message_outside_that_window_is_refused_whatever_it_claims(offset: timedelta, claimed: timedelta) -> None:
    with pytest.raises(TimestampOutOfRange):
        check_freshness(AT, AT + claimed, AT + offset, POLICY, [])


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1)])
def test_a_message_may_not_expire_before_it_is_created(lifetime: timedelta) -> None:
    with pytest.raises(TimestampOutOfRange):
        check_freshness(AT, AT + lifetime, AT, POLICY, [])


@pytest.mark.parametrize("claimed", [timedelta(seconds=300.001), timedelta(seconds=3600), timedelta(days=999_999)])
def test_an_expires_beyond_the_lifetime_is_remarked_and_has_no_effect(claimed: timedelta) -> None:
    remarks: list[str] = []
    assert check_freshness(AT, AT + claimed, AT + timedelta(seconds=359), POLICY, remarks) == AT + LIFETIME
    (remark,) = remarks
    assert remark.startswith("WSS 10: Expires is ")


def test_an_expires_before_the_lifetime_ends_is_the_end() -> None:
    assert check_freshness(AT, AT + timedelta(seconds=9), AT, POLICY, []) == AT + timedelta(seconds=9)
    with pytest.raises(TimestampOutOfRange, match="expired 0:01:00 ago"):
        check_freshness(AT, AT + timedelta(seconds=9), AT + timedelta(seconds=69), POLICY, [])


def test_the_reason_of_a_refusal_is_the_age_and_not_what_expires_claims() -> None:
    with pytest.raises(TimestampOutOfRange, match="created 1:00:00 ago; a message is valid for 0:05:00 at most"):
        check_freshness(AT, AT + timedelta(days=1), AT + timedelta(hours=1), POLICY, [])


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - LIFETIME])
def test_the_first_and_the_last_year_are_refused_as_any_other(at: datetime) -> None:
    with pytest.raises(TimestampOutOfRange):
        check_freshness(at, at + LIFETIME, AT, POLICY, [])
