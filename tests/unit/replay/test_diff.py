"""Two messages as trees: what differs is found, and said as a path with both sides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from ccms_ws.replay.case import Tolerance
from ccms_ws.replay.diff import Difference, differences, tolerate
from ccms_ws.replay.normalize import Ids, Roles, Times

MESSAGE = """<e:Message xmlns:e="urn:ccms-ws:extension:1.0" kind="a"><e:Case>24CR1</e:Case><e:Item>1</e:Item>
<e:Item>2</e:Item><e:End><e:Deep>x</e:Deep></e:End></e:Message>"""


NOW = datetime(2026, 11, 20, tzinfo=UTC)


def compared(actual: str, expected: str = MESSAGE) -> list[Difference]:
    roles = Roles(Ids(), Ids(), Times(NOW, NOW, NOW), {})
    return differences(etree.fromstring(expected), etree.fromstring(actual), roles)


@pytest.mark.parametrize(
    "same",
    [
        MESSAGE,
        MESSAGE.replace("e:", "other:").replace("xmlns:e", "xmlns:other"),
        MESSAGE.replace("><", ">\n  <"),
        MESSAGE.replace("<e:Message", '<e:Message  xmlns:unused="urn:unused"'),
    ],
)
def test_what_means_the_same_is_the_same(same: str) -> None:
    assert compared(same) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "expected", "actual"),
    [
        ("24CR1", "24CR2", "/ext:Message/ext:Case", "24CR1", "24CR2"),
        ("<e:Item>2", "<e:Item>3", "/ext:Message/ext:Item[2]", "2", "3"),
        ('kind="a"', 'kind="b"', "/ext:Message/@kind", "a", "b"),
        ('kind="a"', "", "/ext:Message/@kind", "a", "-"),
        ("<e:Deep>x</e:Deep>", "", "/ext:Message/ext:End/ext:Deep", "x", "-"),
        ("<e:End>", "<e:End><e:More>y</e:More>", "/ext:Message/ext:End/ext:More", "-", "y"),
        ("<e:Case>", "words<e:Case>", "/ext:Message/text()", "", "words"),
        ("e:Message", "e:Other", "/ext:Message", "ext:Message", "ext:Other"),
    ],
)
def test_what_differs_is_said_with_its_path(old: str, new: str, path: str, expected: str, actual: str) -> None:
    (found,) = compared(MESSAGE.replace(old, new))
    assert (found.path, found.expected, found.actual) == (path, expected, actual)
    assert found.why


def test_one_missing_element_does_not_make_all_after_it_differ() -> None:
    found = compared(MESSAGE.replace("<e:Case>24CR1</e:Case>", ""))
    assert [each.path for each in found] == ["/ext:Message/ext:Case"]


def test_a_tolerated_difference_is_shown_with_its_reason() -> None:
    found = tolerate(compared(MESSAGE.replace("24CR1", "24CR2")), [Tolerance("*/ext:Case", "it was renumbered")])
    assert [each.tolerated for each in found] == ["it was renumbered"]


def test_a_thousand_items_are_compared_in_no_time() -> None:
    items = "".join(f"<e:Item>{number}</e:Item>" for number in range(20_000))
    many = MESSAGE.replace("<e:End>", f"{items}<e:End>")
    assert len(compared(many.replace("<e:Item>777<", "<e:Item>778<"), many)) == 1
