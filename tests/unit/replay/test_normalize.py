"""Ids, moments, days and seals may be others in a second run; each has its rule, and none is ignored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ccms_ws.contract.namespaces import DS, EXT, NC, WSA, WSSE, WSU, q
from ccms_ws.replay.normalize import Ids, Roles, Times

THEN = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
NOW = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
ID, MOMENT, DAY = q(EXT, "TransactionID"), q(EXT, "MessageDateTime"), q(NC, "Date")


def roles(earliest: datetime = NOW, latest: datetime = NOW) -> Roles:
    return Roles(Ids(), Ids(), Times(THEN, earliest, latest), {"http://then.example/": "http://now.example/"})


def disagrees(name: str, recorded: str, actual: str, given: Roles | None = None) -> bool:
    return bool((given or roles()).disagreement(name, recorded, actual, (recorded, actual)))


def test_a_new_id_is_the_same_one_everywhere() -> None:
    given, new = roles(), str(uuid4())
    recorded = str(uuid4())
    assert not disagrees(ID, recorded, new, given)
    assert not disagrees(q(WSA, "MessageID"), f"urn:uuid:{recorded}", f"urn:uuid:{new}", given)
    assert disagrees(q(WSA, "RelatesTo"), f"urn:uuid:{recorded}", f"urn:uuid:{uuid4()}", given)


def test_one_new_id_cannot_stand_for_two() -> None:
    given, new = roles(), str(uuid4())
    assert not disagrees(ID, str(uuid4()), new, given)
    assert disagrees(ID, str(uuid4()), new, given)


def test_the_id_of_the_request_is_the_request_s() -> None:
    given, asked = roles(), str(uuid4())
    given.ids.bind(asked, asked)
    assert disagrees(q(EXT, "CorrelationID"), asked, str(uuid4()), given)


def test_what_was_an_id_must_be_an_id_of_the_same_form() -> None:
    assert disagrees(ID, str(uuid4()), "4711")
    assert disagrees(ID, str(uuid4()), f"urn:uuid:{uuid4()}")
    assert disagrees(ID, "4711", "4712")


@pytest.mark.parametrize(("after", "good"), [(0, True), (60, True), (61, False), (-61, False)])
def test_a_moment_moves_with_the_clock_and_no_further(after: int, good: bool) -> None:
    skew = timedelta(seconds=60)
    actual = (NOW + timedelta(seconds=after)).isoformat().replace("+00:00", "Z")
    given = roles(NOW - skew, NOW + skew)
    assert disagrees(MOMENT, "2026-11-20T18:00:00.000Z", actual, given) is not good


def test_what_lay_five_minutes_after_the_clock_still_does() -> None:
    assert not disagrees(q(WSU, "Expires"), "2026-11-20T18:05:00.000Z", "2027-03-01T09:35:00Z")
    assert disagrees(q(WSU, "Expires"), "2026-11-20T18:05:00.000Z", "2027-03-01T10:35:00Z")


def test_today_becomes_today_and_other_days_stay() -> None:
    assert not disagrees(DAY, "2026-11-20", "2027-03-01")
    assert not disagrees(DAY, "2026-11-20", "2026-11-20"), "it may have been asked for by its date"
    assert disagrees(DAY, "2026-11-20", "2026-11-21")
    assert not disagrees(DAY, "1988-03-17", "1988-03-17")
    assert disagrees(DAY, "1988-03-17", "1988-03-18")


def test_a_seal_has_the_form_that_it_had() -> None:
    value = q(DS, "DigestValue")
    assert not disagrees(value, "QUJD", "WFla")
    assert disagrees(value, "QUJD", "WFlaWFla")
    assert disagrees(value, "QUJD", "not base64!")
    assert disagrees(q(WSSE, "BinarySecurityToken"), "QUJD", "WFla")


def test_references_inside_of_a_message_lead_to_the_same_parts() -> None:
    given = roles()
    assert not disagrees(q(WSU, "Id"), "id-1", "part-9", given)
    assert not disagrees("URI", "#id-1", "#part-9", given)
    assert disagrees("URI", "#id-1", "#part-8", given)


def test_an_address_is_the_one_that_it_was_sent_to() -> None:
    assert not disagrees(q(WSA, "To"), "http://then.example/", "http://now.example/")
    assert disagrees(q(WSA, "To"), "http://then.example/", "http://elsewhere.example/")


def test_an_id_in_the_middle_of_words_is_the_new_one() -> None:
    given, recorded, new = roles(), str(uuid4()), str(uuid4())
    given.ids.bind(recorded, new)
    assert not disagrees("reason", f"must be {recorded}", f"must be {new}", given)
    assert disagrees("reason", f"must be {recorded}", f"may be {new}", given)
