"""The commands of a court's clerk and operator, on a court with its books."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from tests.support.commands import Commands
from tests.support.court import Court

HOLD = (
    *("dmv907", "hold", "--case", "TR-2025-011250", "--participant", "P-1004", "--violated", "VC 14601.1(a)"),
    *("--violation-date", "2025-05-02", "--order-date", "2025-06-17", "--noncompliance-date", "2026-01-15"),
    *("--order-kind", "Program", "--convicted", "2025-06-17"),
)


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


def test_a_batch_holds_every_balance_that_changed(ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    assert (batch["updates"], batch["total_balance"], batch["state"]) == (3, "3980.00", "queued")
    assert ccms_ws("col903", "show", batch["batch"], "--json").json["state"] == "queued"
    (entry,) = ccms_ws("outbox", "list", "--json").json
    assert (entry["transaction"], entry["partner"], entry["state"]) == (batch["batch"], "FTB", "pending")


def test_a_debt_is_referred_shown_and_withdrawn(ccms_ws: Commands) -> None:
    """A2: a clerk's way into the referrals, and out of them."""
    debt = ("--case", "TR-2025-011250", "--participant", "P-1004")
    order = ("col903", "refer", "--partner", "FTB", *debt, "--delinquent-on", "2026-01-15", "--json")
    tried = ccms_ws(*order, "--dry-run").json[0]
    assert ccms_ws("cases", "show", "TR-2025-011250", "--json").json["referrals"] == []
    (made,) = ccms_ws(*order).json
    assert {**tried, "referral": made["referral"]} == made
    assert ccms_ws(*order).code == ExitCode.REFUSED
    (shown,) = ccms_ws("cases", "show", "TR-2025-011250", "--json").json["referrals"]
    assert (shown["referral"], shown["state"], shown["delinquent_on"]) == (made["referral"], "open", "2026-01-15")
    assert shown["lines"] == made["lines"]
    assert shown["due"] == shown["told"] == made["amount"]
    ended = ccms_ws("col903", "withdraw", made["referral"], "--reason", "paid by mail", "--json").json
    assert (ended["state"], ended["reason"]) == ("ended", "paid by mail")
    assert "paid by mail" in ccms_ws("cases", "show", "TR-2025-011250").out
    assert ccms_ws("col903", "withdraw", made["referral"], "--reason", "again").code == ExitCode.REFUSED


def test_a16_a_build_says_which_debts_are_to_be_recalled(ccms_ws: Commands, court_folder: Path) -> None:
    with closing(sqlite3.connect(court_folder / "court.db")) as books, books:
        books.execute("UPDATE court_case SET sealed = 1 WHERE number = 'TR-2021-007755'")
    built = ccms_ws("col903", "build", "--partner", "FTB")
    assert "left out: R-2021-0107, a recall is proposed (CaseSealed)" in built.out
    (shown,) = ccms_ws("cases", "show", "TR-2021-007755", "--json").json["referrals"]
    assert (shown["state"], shown["reason"]) == ("recall proposed", "CaseSealed")


def test_one_debt_is_named_by_case_and_participant(ccms_ws: Commands) -> None:
    ended = ccms_ws("col903", "refer", "--partner", "FTB", "--case", "TR-2025-011250")
    assert ended.code == ExitCode.USAGE
    assert "--participant" in ended.err
    assert ccms_ws("col903", "refer", "--partner", "DMV").code == ExitCode.CONFIGURATION


def test_no_debt_is_ripe_without_due_dates(ccms_ws: Commands) -> None:
    assert ccms_ws("col903", "refer", "--partner", "FTB").out == "no debt may be referred\n"


def test_a_partner_that_knows_all_balances_gets_no_batch(ccms_ws: Commands) -> None:
    ccms_ws("col903", "build", "--partner", "FTB")
    again = ccms_ws("col903", "build", "--partner", "FTB")
    assert (again.code, again.out) == (0, "FTB knows every balance already\n")


def test_a_batch_for_a_partner_that_takes_none_is_refused(ccms_ws: Commands) -> None:
    ended = ccms_ws("col903", "build", "--partner", "DMV")
    assert ended.code == ExitCode.CONFIGURATION
    assert "DMV does not receive COL903" in ended.err


def test_a_hold_and_its_release_are_ordered(ccms_ws: Commands) -> None:
    hold = ccms_ws(*HOLD, "--json").json
    assert (hold["action"], hold["state"]) == ("Hold", "queued")
    release = ccms_ws("dmv907", "release", hold["abstract"], "--json").json
    assert (release["action"], release["releases"]) == ("Release", hold["abstract"])
    assert ccms_ws("dmv907", "show", release["abstract"], "--json").json["state"] == "queued"
    assert [entry["exchange"] for entry in ccms_ws("outbox", "list", "--json").json] == ["DMV907", "DMV907"]


def test_a_second_hold_on_one_license_is_refused_with_the_rule(ccms_ws: Commands) -> None:
    ccms_ws(*HOLD)
    ended = ccms_ws(*HOLD, "--citation", "SD7741930")
    assert ended.code == ExitCode.REFUSED
    assert "an open hold exists" in ended.err
    assert len(ccms_ws("outbox", "list", "--json").json) == 1


def test_a_section_without_its_code_book_is_refused(ccms_ws: Commands) -> None:
    ended = ccms_ws(*("14601.1(a)" if word == "VC 14601.1(a)" else word for word in HOLD))
    assert ended.code == ExitCode.REFUSED
    assert "--violated is not a section like VC 14601.1(a)" in ended.err


def test_an_outgoing_message_is_shown_with_its_attempts(ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    assert ccms_ws("worker", "--once", "--json").json == {"attempts": 1}  # nobody listens at FTB's address
    shown = ccms_ws("outbox", "show", batch["batch"], "--json").json
    assert shown["state"] == "pending"
    (attempt,) = shown["attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["http"]) == (1, "failed", None)
    assert "connect" in attempt["error"]
    assert ccms_ws("outbox", "show", batch["batch"]).code == 0


@pytest.mark.parametrize(
    "command", [("outbox", "show"), ("col903", "show"), ("dmv907", "show"), ("dmv907", "release"), ("explain",)]
)
def test_what_is_not_there_is_said_so(ccms_ws: Commands, command: tuple[str, ...]) -> None:
    ended = ccms_ws(*command, uuid4(), "--json")
    assert ended.code == ExitCode.NOT_FOUND
    assert ended.json["error"]["code"] == "store.not-found"


def test_a_refusal_is_explained_by_its_incident_id(ccms_ws: Commands, court: Court) -> None:
    answer = court.post(b"<not-an-envelope/>")
    incident = answer.text("IncidentID")
    ended = ccms_ws("explain", incident, "--json")
    assert ended.json["address"] == "/FCC807/1.0"
    assert ended.json["code"].startswith("envelope.")
    assert ended.json["bytes"] == len(b"<not-an-envelope/>")


def test_the_quarantine_is_listed(ccms_ws: Commands) -> None:
    assert ccms_ws("quarantine", "--json").json == []


def test_the_schema_is_current_and_upgrading_again_changes_nothing(ccms_ws: Commands) -> None:
    before = ccms_ws("db", "current", "--json").json
    assert before["current"] is True
    assert ccms_ws("db", "upgrade", "--json").json == before


def test_a_database_without_schema_is_not_served(ccms_ws: Commands, court_folder: Path) -> None:
    for path in court_folder.glob("court.db*"):
        path.unlink()
    (court_folder / "court.db").touch()
    for command in ("worker", "serve"):
        ended = ccms_ws(command)
        assert ended.code == ExitCode.CONFIGURATION
        assert "ccms-ws db upgrade" in ended.err


def test_a_database_that_is_gone_is_unavailable(ccms_ws: Commands, court_folder: Path) -> None:
    (court_folder / "court.db").unlink()
    told = f"the database {court_folder}/court.db cannot be opened: No such file or directory"
    for command in (("outbox", "list"), ("worker",), ("serve",), ("db", "current")):
        ended = ccms_ws(*command)
        assert ended.code == ExitCode.UNAVAILABLE
        assert ended.err == f"ccms-ws: {told}\n  next: ccms-ws db upgrade makes one\n"


def test_a_query_to_a_court_that_is_not_running_is_unavailable(ccms_ws: Commands, court_folder: Path) -> None:
    settings = court_folder / "ccms-ws.toml"
    settings.write_text(settings.read_text().replace(":8807", ":9"))
    ended = ccms_ws("query", "--case", "X", "--json")
    assert ended.code == ExitCode.UNAVAILABLE
    error = json.loads(ended.out)["error"]
    assert error["code"] == "delivery.transient"
    assert error["detail"] == "no answer from 127.0.0.1:9: Connection refused"
    assert "ccms-ws serve" in error["hint"]


def test_a_hold_presupposes_a_conviction_on_file(ccms_ws: Commands) -> None:
    without = [word for word in HOLD if word not in ("--convicted", "2025-06-17")]
    without[without.index("--order-date")] = "--order-date=2025-06-17"
    ended = ccms_ws(*without)
    assert (ended.code, "no conviction" in ended.err) == (ExitCode.REFUSED, True)
    recorded = ("dmv907", "convicted", "--case", "TR-2025-011250", "--participant", "P-1004", "--on", "2025-06-17")
    assert ccms_ws(*recorded).code == ExitCode.OK
    assert ccms_ws(*without).code == ExitCode.OK


def test_only_dead_messages_need_an_operator(ccms_ws: Commands) -> None:
    abstract = ccms_ws(*HOLD, "--json").json["abstract"]
    for command in ("retry", "discard", "unhold", "release", "replace"):
        ended = ccms_ws("outbox", command, abstract, "--reason", "why not")
        assert ended.code == (ExitCode.REFUSED), ended.err
    assert ccms_ws("outbox", "list", "--dead", "--json").json == []
    assert ccms_ws("outbox", "list", "--dead").out == "no message waits for an operator\n"
    assert ccms_ws("outbox", "lines", "--json").json == []


def test_the_items_of_a_batch_are_listed_and_none_needs_a_correction(ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    items = ccms_ws("col903", "items", batch["batch"], "--json").json
    assert [item["item"] for item in items] == [1, 2, 3]
    assert {item["state"] for item in items} == {"queued"}
    ended = ccms_ws("col903", "correct", batch["batch"], "--partner", "FTB")
    assert (ended.code, "no item of the batch" in ended.err) == (ExitCode.REFUSED, True)
