"""The report of a conformance run: its result follows from its checks, and what a partner sent cannot disfigure it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ccms_ws.conformance.findings import CheckResults, Report, Result, Verdict
from ccms_ws.conformance.reports import to_json, to_page, to_text
from ccms_ws.conformance.requirements import PRECISION, SCHEMA, SIGNATURE, Level

AT = datetime(2026, 3, 4, 17, 0, tzinfo=UTC)


def report(ledger: CheckResults, subject: str = "http://partner.example/col903") -> Report:
    return Report(
        exchange="COL903", version="1.0", partner="FTB", role="endpoint", subject=subject, signer="CN=ftb",
        tested_by="a test", started=AT, ended=AT, checks=ledger.checks(),
    )  # fmt: skip


@pytest.fixture
def ledger() -> CheckResults:
    """Two musts and a should; nothing was seen yet."""
    return CheckResults([SIGNATURE, SCHEMA, PRECISION])


def test_a_must_that_was_not_seen_leaves_the_report_incomplete(ledger: CheckResults) -> None:
    ledger.holds(SIGNATURE)
    assert report(ledger).result is Result.INCOMPLETE


def test_a_must_that_does_not_apply_is_not_missed(ledger: CheckResults) -> None:
    ledger.holds(SIGNATURE)
    ledger.note(SCHEMA, "it has none")
    assert report(ledger).result is Result.CONFORMANT
    assert "[it has none]" in to_text(report(ledger))


def test_a_should_that_failed_does_not_decide(ledger: CheckResults) -> None:
    ledger.holds(SIGNATURE)
    ledger.holds(SCHEMA)
    ledger.fails(PRECISION, "seven digits")
    assert report(ledger).result is Result.CONFORMANT
    assert report(ledger).count(Level.SHOULD, Verdict.FAILED) == 1


def test_one_failure_outweighs_whatever_was_seen_to_hold(ledger: CheckResults) -> None:
    for _ in range(50):
        ledger.holds(SIGNATURE)
        ledger.holds(SCHEMA)
    ledger.fails(SCHEMA, "one message")
    assert report(ledger).result is Result.NOT_CONFORMANT


def test_the_text_ends_with_the_result_and_shortens_long_lists(ledger: CheckResults) -> None:
    for number in range(10):
        ledger.fails(SCHEMA, f"message {number}")
    text = to_text(report(ledger))
    assert text.endswith("RESULT: NOT CONFORMANT\n")
    assert "message 2" in text
    assert "message 3" not in text
    assert "and 7 more" in text
    assert "        failed: M18\n" in text


def test_json_holds_every_failure(ledger: CheckResults) -> None:
    for number in range(10):
        ledger.fails(SCHEMA, f"message {number}")
    facts = json.loads(to_json(report(ledger)))
    (check,) = (each for each in facts["checks"] if each["id"] == "M18")
    assert (facts["result"], facts["counts"]["must"]["failed"], len(check["failures"])) == ("not conformant", 1, 10)
    assert facts["started"] == "2026-03-04T17:00:00Z"


def test_what_the_partner_sent_is_shown_as_text(ledger: CheckResults) -> None:
    ledger.fails(SCHEMA, "<script>alert(1)</script>\x1b[2J\u202etxt")
    made = report(ledger, subject="http://x/<b>")
    page, text = to_page(made), to_text(made)
    assert "<script" not in page
    assert "http://x/&lt;b&gt;" in page
    for bad in ("\x1b", "\u202e"):
        assert bad not in page
        assert bad not in text


def test_the_page_needs_nothing_from_elsewhere(ledger: CheckResults) -> None:
    page = to_page(report(ledger))
    assert "src=" not in page
    assert "default-src 'none'" in page
    assert '<p class="seal warn">INCOMPLETE</p>' in page


def test_the_page_begins_with_what_must_be_mended(ledger: CheckResults) -> None:
    ledger.fails(SCHEMA, "one message")
    page = to_page(report(ledger))
    assert page.index("What must be mended") < page.index("one message") < page.index("Its messages")
    assert "What must be mended" not in to_page(report(CheckResults([SIGNATURE])))
