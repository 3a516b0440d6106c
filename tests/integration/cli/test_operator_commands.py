"""What an operator sees and does: messages, dead letters, wiring, partners, the health of the installation."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import FixedClock, SystemClock
from ccms_ws.config import load_settings
from ccms_ws.contract.pins import write_pinned
from ccms_ws.contract.wsdl_import import gather
from ccms_ws.demo.installation import COURT, Ports, make_installation
from ccms_ws.health.findings import Light
from ccms_ws.health.partner_checks import certificate_days, clock_difference, look_at
from ccms_ws.simulator.server import HttpReply, PartnerServer
from ccms_ws.store.engine import open_engine
from ccms_ws.store.heartbeats import Heartbeat
from tests.support.commands import Commands, free_port_base
from tests.support.court import Court

CASE = "CR-2023-002931"
PRIVATE = ("Okafor", "Desmond", "1984-07-23")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of today: these commands look at the machine's clock."""
    folder = tmp_path_factory.mktemp("installation") / "court"
    make_installation(folder, SystemClock(), ports=Ports(free_port_base()))
    return folder


@pytest.fixture
def court(court_folder: Path) -> Court:
    return Court(court_folder, SystemClock().now())


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.fixture
def query_id(court: Court) -> str:
    """A query that was answered, and a message that was refused."""
    query = court.query(case_number=CASE, participant_id="P-1002")
    assert court.ask(query).status == 200
    court.post(b"<not-an-envelope/>")
    return str(query.metadata.transaction_id)


def rows(ccms_ws: Commands, *arguments: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = ccms_ws("messages", "list", *arguments, "--json").json
    return found


# -- messages ---------------------------------------------------------------------------------------------------------
def test_both_directions_and_refusals_are_listed_together(ccms_ws: Commands, query_id: str) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    assert {(row["way"], row["exchange"], row["outcome"]) for row in rows(ccms_ws)} == {
        ("in", "FCC807", "reply"),
        ("in", "/FCC807/1.0", "refused"),
        ("out", "COL903", "pending"),
    }
    assert [row["id"] for row in rows(ccms_ws, "--exchange", "COL903")] == [batch["batch"]]
    assert [row["id"] for row in rows(ccms_ws, "--partner", "ADULT-PROBATION")] == [query_id]
    assert [row["id"] for row in rows(ccms_ws, "--outcome", "reply")] == [query_id]
    assert [row["outcome"] for row in rows(ccms_ws, "--outcome", "envelope.")] == ["refused"]
    assert len(rows(ccms_ws, "--way", "in")) == 2
    assert len(rows(ccms_ws, "--limit", 1)) == 1
    assert rows(ccms_ws, "--since", "2999-01-01") == []


def test_a_time_that_is_none_is_a_wrong_command_line(ccms_ws: Commands) -> None:
    assert ccms_ws("messages", "list", "--since", "yesterday").code == ExitCode.USAGE


def test_a_message_is_shown_without_what_it_says_unless_asked_for(ccms_ws: Commands, query_id: str) -> None:
    shown = ccms_ws("messages", "show", query_id)
    assert shown.code == 0
    assert not [word for word in PRIVATE if word in shown.out]
    (facts,) = ccms_ws("messages", "show", query_id, "--json").json
    assert (facts["outcome"], facts["message"]) == ("reply", "CaseParticipantBalanceQuery")
    (whole,) = ccms_ws("messages", "show", query_id, "--content", "--json").json
    assert CASE in whole["content"]
    assert "Okafor" in whole["answer_content"]


def test_a_message_is_found_by_the_id_of_its_answer(ccms_ws: Commands, query_id: str) -> None:
    (facts,) = ccms_ws("messages", "show", query_id, "--json").json
    (again,) = ccms_ws("messages", "show", facts["answered_by"], "--json").json
    assert again["id"] == query_id


def test_the_exported_bytes_are_those_of_the_wire_for_their_owner_alone(
    ccms_ws: Commands, court: Court, tmp_path: Path
) -> None:
    query = court.query(case_number=CASE)
    answer = court.ask(query)
    file = tmp_path / "answer.xml"
    told = ccms_ws("messages", "export", query.metadata.transaction_id, "--answer", "-o", file, "--json").json
    assert file.read_bytes() == answer.body
    assert told["bytes"] == len(answer.body)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = ccms_ws("messages", "export", query.metadata.transaction_id, "-o", file)
    assert (again.code, file.read_bytes()) == (ExitCode.CONFIGURATION, answer.body)


def test_a_refused_message_leads_to_its_explanation_and_has_no_bytes(
    ccms_ws: Commands, query_id: str, tmp_path: Path
) -> None:
    (refused,) = rows(ccms_ws, "--outcome", "refused")
    (facts,) = ccms_ws("messages", "show", refused["id"], "--json").json
    assert facts["explained_by"] == f"ccms-ws explain {refused['id']}"
    assert ccms_ws("messages", "export", refused["id"], "-o", tmp_path / "x").code == ExitCode.NOT_FOUND


def test_a_message_that_is_not_there_is_not_found(ccms_ws: Commands) -> None:
    assert ccms_ws("messages", "show", uuid4()).code == ExitCode.NOT_FOUND


# -- dead letters -----------------------------------------------------------------------------------------------------
@pytest.fixture
def dead(ccms_ws: Commands, court_folder: Path) -> str:
    """A batch that was given up at once, since nobody listens at FTB's address."""
    settings = court_folder / "ccms-ws.toml"
    impatient = "[delivery]\ngive_up_after_attempts = 1\ngive_up_after_hours = 0"
    settings.write_text(settings.read_text().replace("[delivery]", impatient))
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    ccms_ws("worker", "--once")
    return str(batch["batch"])


def test_a_dead_letter_is_listed_and_tried_again(ccms_ws: Commands, dead: str) -> None:
    (entry,) = ccms_ws("outbox", "list", "--dead", "--json").json
    assert entry["transaction"] == dead
    assert ccms_ws("outbox", "retry", dead, "--reason", "repaired", "--by", "clerk", "--json").json["done"] == "resent"
    shown = ccms_ws("outbox", "show", dead, "--json").json
    assert shown["state"] == "pending"
    assert [(note["done"], note["by"], note["reason"]) for note in shown["operators"]] == [
        ("resent", "clerk", "repaired")
    ]


def test_a_dead_letter_is_released_once(ccms_ws: Commands, dead: str) -> None:
    assert ccms_ws("outbox", "discard", dead, "--reason", "told by telephone").code == 0
    assert ccms_ws("outbox", "list", "--dead", "--json").json == []
    assert ccms_ws("outbox", "release", dead, "--reason", "again").code == ExitCode.REFUSED


def test_what_is_not_dead_needs_no_operator(ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    assert ccms_ws("outbox", "retry", batch["batch"], "--reason", "x").code == ExitCode.REFUSED


# -- holding back -----------------------------------------------------------------------------------------------------
def test_a_message_is_held_back_until_it_is_released(ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    held = ccms_ws("outbox", "hold", batch["batch"], "--reason", "too soon", "--by", "clerk", "--json").json
    assert held == {"transaction": batch["batch"], "done": "held"}
    assert ccms_ws("worker", "--once", "--json").json["attempts"] == 0
    (entry,) = ccms_ws("outbox", "list", "--held", "--json").json
    assert (entry["transaction"], entry["state"]) == (batch["batch"], "held")
    assert ccms_ws("outbox", "hold", batch["batch"], "--reason", "again").code == ExitCode.REFUSED
    released = ccms_ws("outbox", "unhold", batch["batch"], "--reason", "now", "--by", "deputy", "--json").json
    assert released["done"] == "unheld"
    shown = ccms_ws("outbox", "show", batch["batch"], "--json").json
    assert shown["state"] == "pending"
    assert [(note["done"], note["by"], note["reason"]) for note in shown["operators"]] == [
        ("held", "clerk", "too soon"),
        ("unheld", "deputy", "now"),
    ]
    assert ccms_ws("worker", "--once", "--json").json["attempts"] == 1


def test_the_first_message_about_a_subject_is_held_back(ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    (item,) = ccms_ws("col903", "items", batch["batch"], "--limit", 1, "--json").json
    subject = f"{COURT.ori}/{item['case']}/{item['participant']}"
    about = ("outbox", "hold", "--partner", "FTB", "--reason", "x", "--ordering-key")
    assert ccms_ws(*about, subject, "--json").json["transaction"] == batch["batch"]
    assert ccms_ws(*about, "nobody").code == ExitCode.NOT_FOUND
    assert ccms_ws("outbox", "hold", "--partner", "FTB", "--reason", "x").code == ExitCode.USAGE
    assert ccms_ws("outbox", "hold", batch["batch"], "--subject", subject, "--reason", "x").code == ExitCode.USAGE


# -- wiring -----------------------------------------------------------------------------------------------------------
def test_an_exchange_shows_operations_handlers_and_partners(ccms_ws: Commands) -> None:
    shown = ccms_ws("exchanges", "show", "COL903", "--json").json
    by_way = {each["way"]: each for each in shown["operations"]}
    assert by_way["partner to court"]["handler"] == "ccms_ws.exchanges.col903.handler.take_error"
    assert by_way["court to FTB"]["answer"].startswith("none in the HTTP response")
    assert by_way["court to AGENCY"]["answer"] == "CollectionBalanceUpdateError"
    assert {row["exchange"] for row in ccms_ws("exchanges", "list", "--json").json} == {"FCC807", "COL903", "DMV907"}
    assert ccms_ws("exchanges", "show", "FCC999").code == ExitCode.NOT_FOUND


def test_a_partner_shows_its_certificates_and_addresses(ccms_ws: Commands) -> None:
    shown = ccms_ws("partners", "show", "FTB", "--json").json
    assert "valid for" in shown["certificates"]
    assert shown["receives"][0]["exchange"] == "COL903"
    assert ccms_ws("partners", "show", "NOBODY").code == ExitCode.CONFIGURATION


# -- reaching ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def listening(court_folder: Path) -> Iterator[PartnerServer]:
    """FTB's address, moved to where somebody listens."""
    server = PartnerServer("127.0.0.1", 0, lambda _: HttpReply(), 1000)
    server.start()
    profile = court_folder / "partners" / "FTB.toml"
    url = f'url = "http://127.0.0.1:{server.server_address[1]}/COL903"'
    lines = [url if line.startswith("url = ") else line for line in profile.read_text().splitlines()]
    profile.write_text("\n".join(lines))
    yield server
    server.stop()


def test_a_partner_that_listens_is_green(ccms_ws: Commands, listening: PartnerServer) -> None:
    ended = ccms_ws("partners", "test", "FTB", "--json")
    assert ended.code == 0
    assert {row["light"] for row in ended.json} == {"green"}
    assert any("no message was sent: its profile names no test_message" in row["found"] for row in ended.json)


def test_a_partner_that_does_not_is_red_with_what_to_do(ccms_ws: Commands) -> None:
    ended = ccms_ws("partners", "test", "FTB", "--json")
    assert ended.code == ExitCode.REFUSED
    (bad,) = [row for row in ended.json if row["light"] == "red"]
    assert bad["what"] == "FTB COL903 connection"
    assert bad["do"]


def test_a_wsdl_that_was_changed_since_it_was_pinned_is_red(
    ccms_ws: Commands, court_folder: Path, listening: PartnerServer, tmp_path: Path
) -> None:
    wsdl = court_folder / "wsdl" / "partner" / "COL903-1.0.wsdl"
    write_pinned(gather(str(wsdl)), tmp_path / "pinned", date(2026, 11, 20))
    pinned = next((tmp_path / "pinned").glob("*.wsdl"))
    pinned.write_text(pinned.read_text().replace("later", "sooner"))
    profile = court_folder / "partners" / "FTB.toml"
    lines = [f'wsdl = "{pinned}"' if line.startswith("wsdl") else line for line in profile.read_text().splitlines()]
    profile.write_text("\n".join(lines))
    found = look_at(load_settings(ccms_ws.settings).partner("FTB"), skew_seconds=60, now=SystemClock().now())
    (bad,) = [each for each in found if each.light is Light.RED]
    assert "changed since it was imported" in bad.found


@pytest.mark.parametrize(("days", "light"), [(0, Light.GREEN), (800, Light.AMBER), (900, Light.RED), (-9, Light.RED)])
def test_a_certificate_is_amber_before_it_ends_and_red_after(court_folder: Path, days: int, light: Light) -> None:
    at = SystemClock().now() + timedelta(days=days)
    assert certificate_days("x", court_folder / "pki" / "ftb.crt", at).light is light


@pytest.mark.parametrize(("seconds", "light"), [(0, Light.GREEN), (40, Light.AMBER), (-61, Light.RED)])
def test_clocks_that_drift_apart_are_seen_in_time(seconds: int, light: Light) -> None:
    now = SystemClock().now()
    assert clock_difference("x", now + timedelta(seconds=seconds), now, 60).light is light


# -- doctor -----------------------------------------------------------------------------------------------------------
def doctor(ccms_ws: Commands) -> tuple[int, dict[str, dict[str, str]]]:
    ended = ccms_ws("doctor", "--no-partners", "--json")
    return ended.code, {row["what"]: row for row in ended.json}


def test_a_new_court_is_well_but_for_its_programs_that_do_not_run(ccms_ws: Commands) -> None:
    code, found = doctor(ccms_ws)
    assert code == 0
    assert {what for what, row in found.items() if row["light"] != "green"} <= {"endpoint", "worker"}
    assert {"settings", "court key", "court certificate", "database schema", "disk", "contract"} <= set(found)


def test_every_row_that_is_not_green_says_what_to_do(ccms_ws: Commands, dead: str, court_folder: Path) -> None:
    (court_folder / "court.db").chmod(0o644)
    _, found = doctor(ccms_ws)
    assert {"dead letters", "database file"} <= {what for what, row in found.items() if row["light"] == "amber"}
    assert all(row["do"] for row in found.values() if row["light"] != "green")


def test_a_key_that_others_can_read_is_red(ccms_ws: Commands, court_folder: Path) -> None:
    (court_folder / "pki" / "court.key").chmod(0o644)
    code, found = doctor(ccms_ws)
    assert code == ExitCode.REFUSED
    assert found["court key and trust"]["do"].startswith("chmod 600")


def test_a_database_that_is_gone_or_empty_is_red(ccms_ws: Commands, court_folder: Path) -> None:
    for path in court_folder.glob("court.db*"):
        path.unlink()
    assert doctor(ccms_ws)[1]["database"]["light"] == "red"
    (court_folder / "court.db").touch(0o600)
    assert "db upgrade" in doctor(ccms_ws)[1]["database schema"]["do"]


def test_settings_that_cannot_be_used_are_one_red_row(ccms_ws: Commands) -> None:
    ccms_ws.settings.write_text("[court]\n")
    code, found = doctor(ccms_ws)
    assert (code, set(found)) == (ExitCode.REFUSED, {"settings"})


def test_programs_are_seen_by_their_heartbeats(ccms_ws: Commands) -> None:
    engine, clock = open_engine(load_settings(ccms_ws.settings).database.url), FixedClock(SystemClock().now())
    heart = Heartbeat(engine, "worker", clock)
    heart.beat()
    _, found = doctor(ccms_ws)
    (name,) = (what for what in found if what.startswith("worker"))
    assert found[name]["light"] == "green"
    clock.advance(-timedelta(minutes=2))
    Heartbeat(engine, "worker", clock).beat()
    _, found = doctor(ccms_ws)
    assert found[name]["light"] == "amber"
    assert "has had no heartbeat since" in found[name]["found"]
    assert found["worker"]["light"] == "amber"
    engine.dispose()


@pytest.mark.parametrize("since", ["99999999999d", "0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"])
def test_a_time_outside_the_calendar_is_a_wrong_command_line(ccms_ws: Commands, since: str) -> None:
    assert ccms_ws("messages", "list", "--since", since).code == ExitCode.USAGE
