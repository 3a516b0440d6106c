"""What an operator sees and does in the console, over a demo court that holds messages, a dead letter and refusals."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.console.app import make_console
from ccms_ws.console.context import KEY
from ccms_ws.console.views import PAGE
from ccms_ws.demo.installation import Ports, make_installation
from ccms_ws.errors import ConfigError
from tests.support.commands import Commands, free_port_base
from tests.support.consoles import OPERATOR, READER, Console, impatient
from tests.support.court import Court

CASE = "CR-2023-002931"
PRIVATE = ("Okafor", "Desmond", "1984-07-23")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of today: the commands that fill it look at the machine's clock."""
    folder = tmp_path_factory.mktemp("installation") / "court"
    impatient(make_installation(folder, SystemClock(), ports=Ports(free_port_base())).settings_file)
    return folder


@pytest.fixture
def court(court_folder: Path) -> Court:
    return Court(court_folder, SystemClock().now())


@pytest.fixture
def console(court: Court) -> Console:
    made = Console(court)
    assert made.sign_in().status_code == 303
    return made


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.fixture
def dead(ccms_ws: Commands) -> str:
    """A batch that was given up at once, since nobody listens at FTB's address."""
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    ccms_ws("worker", "--once")
    return str(batch["batch"])


def words(page: str) -> str:
    """The page's words, with single spaces between them."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def test_the_overview_says_how_it_stands_with_each_partner(console: Console, dead: str, ccms_ws: Commands) -> None:
    console.court.post(b"<not-an-envelope/>")
    ccms_ws("col903", "build", "--partner", "AGENCY")
    page = words(console.get("/").text)
    assert "1 dead letter " in page
    assert "1 refused in the last day" in page
    assert "0 answers in quarantine" in page
    assert "FTB Franchise Tax Board, Court-Ordered Debt (simulated) up 1 failure connect 0 0 1" in page
    assert "AGENCY Pacific Crest Collections (simulated) up 1 0 0" in page


def test_the_overview_of_a_court_where_all_is_well_says_so(console: Console) -> None:
    page = words(console.get("/").text)
    assert "All is well" in page
    assert "None ends soon." in page


def test_a_message_that_nobody_sends_is_late(court_folder: Path, ccms_ws: Commands) -> None:
    ccms_ws("col903", "build", "--partner", "FTB")
    console = Console(Court(court_folder, SystemClock().now() + timedelta(minutes=6)))
    console.sign_in()
    assert "does ccms-ws worker run?" in words(console.get("/").text)


def test_certificates_that_end_are_shown_and_one_that_cannot_be_read_hides_nothing_else(court: Court) -> None:
    now = court.clock.now()
    ending = SimpleNamespace(whose="FTB", use="signs", until=now + timedelta(days=5), days=5)
    console = Console(court)
    console.app = make_console(court.application, lambda _now: [ending])
    console.house, console.client = console.app.extensions[KEY], console.app.test_client()
    console.sign_in()
    assert "FTB signs" in words(console.get("/").text)
    assert "5 days" in words(console.get("/").text)

    def unreadable(_now: object) -> list[SimpleNamespace]:
        raise ConfigError("ftb.crt is not a readable PEM certificate")

    console.app = make_console(court.application, unreadable)
    console.house, console.client = console.app.extensions[KEY], console.app.test_client()
    console.sign_in()
    page = words(console.get("/").text)
    assert "ftb.crt is not a readable PEM certificate" in page
    assert "ADULT-PROBATION" in page


@pytest.fixture
def filled(console: Console, dead: str) -> str:
    """Beside the dead letter a query that was answered, whose id it is, and a message that was refused."""
    query = console.court.query(case_number=CASE, participant_id="P-1002")
    assert console.court.ask(query).status == 200
    console.court.post(b"<not-an-envelope/>")
    console.court.clock.advance(timedelta(minutes=10))
    return str(query.metadata.transaction_id)


@pytest.mark.usefixtures("filled")
def test_messages_are_filtered_by_each_of_their_properties(console: Console) -> None:
    def listed(**wanted: str) -> int:
        answer = console.client.get("/messages.csv", base_url=console.url, query_string=wanted)
        assert answer.status_code == 200
        page = console.client.get("/messages", base_url=console.url, query_string=wanted).text
        found = len(list(csv.reader(io.StringIO(answer.text)))) - 1
        assert page.count('<a class="id"') == found
        return found

    later = f"{console.court.clock.now():%Y-%m-%dT%H:%M}"
    assert listed() == 3
    assert listed(way="in") == 2
    assert listed(way="out") == 1
    assert listed(exchange="COL903") == 1
    assert listed(exchange="FCC807") == 2  # the refused one was sent to its address
    assert listed(partner="ADULT-PROBATION") == 1
    assert listed(outcome="dead") == 1
    assert listed(outcome="refused") == 1
    assert listed(since=later) == 0
    assert listed(until=later) == 3
    assert listed(since="2026-01-01T00:00", until="2026-01-02T00:00") == 0
    assert console.get("/messages?since=yesterday").status_code == 400
    assert console.get("/messages?way=up").status_code == 400


def test_pages_turn_over_what_there_was_when_the_first_was_shown(console: Console) -> None:
    for _ in range(PAGE + 3):
        console.court.post(b"<x/>")
    first = console.get("/messages").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    console.court.clock.advance(timedelta(seconds=5))
    console.court.post(b"<y/>")
    second = console.get(older[1].replace("&amp;", "&")).text
    ids = [re.findall(r'<a class="id" href="/messages/([^"]+)"', page) for page in (first, second)]
    assert [len(each) for each in ids] == [PAGE, 3]
    assert not set(ids[0]) & set(ids[1])
    assert 'rel="next"' not in second
    assert console.get("/messages?page=9999").status_code == 400


def test_a_message_is_shown_without_what_it_says_until_somebody_opens_it(
    console: Console, filled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = console.get(f"/messages/{filled}").text
    assert "CaseParticipantBalanceQuery" in page
    assert not [word for word in (CASE, *PRIVATE) if word in page]
    capsys.readouterr()
    opened = console.post(f"/messages/{filled}/body").text
    assert CASE in opened
    assert "Okafor" in opened
    said = capsys.readouterr().out
    assert re.search(rf"console.body-opened .*message_id={filled} operator={OPERATOR}", said)
    assert not [word for word in (CASE, *PRIVATE) if word in said]


def test_any_id_that_a_partner_quotes_leads_to_its_message(console: Console, filled: str) -> None:
    for quoted in (filled, f"urn:uuid:{filled}", f" {filled.upper()} "):
        answer = console.client.get("/find", base_url=console.url, query_string={"id": quoted})
        assert answer.headers["Location"] == f"/messages/{filled}"
    answer_id = re.search(r"Answered by</dt><dd><code>([^<]+)", console.get(f"/messages/{filled}").text)
    assert answer_id is not None
    assert filled in console.get(f"/messages/{answer_id[1]}").text
    assert console.get("/find?id=17").status_code == 400
    assert console.get(f"/messages/{uuid4()}").status_code == 404


def test_a_refusal_says_what_the_command_explains(console: Console, ccms_ws: Commands) -> None:
    console.court.post(b"<not-an-envelope/>")
    incident = re.search(r'<a class="id" href="/messages/([^"]+)"', console.get("/messages?outcome=refused").text)
    assert incident is not None
    led = console.get(f"/messages/{incident[1]}")
    assert led.headers["Location"] == f"/refusals/{incident[1]}"
    explained = ccms_ws("explain", incident[1], "--json").json
    page = words(console.get(led.headers["Location"]).text)
    for fact in ("incident", "address", "partner", "code", "rule", "reason", "sha256", "tell the partner"):
        assert str(explained[fact]) in page, fact


# -- dead letters ------------------------------------------------------------------------------------------------------
def act(console: Console, message_id: str, **form: Any) -> tuple[int, str]:
    answer = console.post(f"/messages/{message_id}/act", **form)
    return answer.status_code, words(answer.text)


def test_a_dead_letter_is_sent_again_once_it_is_confirmed(console: Console, dead: str, ccms_ws: Commands) -> None:
    listed = words(console.get("/dead-letters").text)
    assert f"{dead[:8]} COL903 FTB 1 0 connect" in listed
    status, page = act(console, dead, act="retry", reason="FTB has repaired it")
    assert status == 200
    assert "Send again?" in page
    assert ccms_ws("outbox", "show", dead, "--json").json["state"] == "dead"
    status, _ = act(console, dead, act="retry", reason="FTB has repaired it", confirmed="yes")
    assert status == 303
    shown = ccms_ws("outbox", "show", dead, "--json").json
    assert shown["state"] == "pending"
    (note,) = shown["operators"]
    assert (note["done"], note["by"], note["reason"]) == ("resent", OPERATOR, "FTB has repaired it")
    page = words(console.get(f"/messages/{dead}?done=retry").text)
    assert "Done: Send again." in page
    assert f"{OPERATOR} resent FTB has repaired it" in page
    assert "Send again" not in page.partition("What to do with it")[2]


@pytest.mark.parametrize(("name", "done"), [("discard", "withdrawn"), ("replace", "replaced")])
def test_a_dead_letter_is_ended_as_the_command_would(
    console: Console, dead: str, ccms_ws: Commands, name: str, done: str
) -> None:
    assert act(console, dead, act=name, reason="told by telephone", confirmed="yes")[0] == 303
    assert ccms_ws("outbox", "show", dead, "--json").json["ended_by"] == done
    assert done in words(console.get(f"/messages/{dead}").text)
    for confirmed in ("yes", "no"):
        status, page = act(console, dead, act=name, reason="again", confirmed=confirmed)
        assert (status, done in page or "withdrawn or replaced" in page) == (409, True)


def test_a_waiting_message_is_held_back_and_let_go(console: Console, ccms_ws: Commands) -> None:
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    message_id = batch["batch"]
    assert act(console, message_id, act="retry", reason="x")[0] == 409
    assert "Hold back?" in act(console, message_id, act="hold", reason="the judge looks at it again")[1]
    assert act(console, message_id, act="hold", reason="the judge looks at it again", confirmed="yes")[0] == 303
    assert ccms_ws("outbox", "show", message_id, "--json").json["state"] == "held"
    assert f"{message_id[:8]} COL903 FTB" in words(console.get("/dead-letters").text).partition("Held back")[2]
    page = console.get(f"/messages/{message_id}").text
    assert re.findall(r'name="act" value="([^"]+)"', page) == ["unhold"]
    assert act(console, message_id, act="unhold", reason="the judge agrees", confirmed="yes")[0] == 303
    page = words(console.get(f"/messages/{message_id}").text)
    assert f"{OPERATOR} held the judge looks at it again" in page
    assert f"{OPERATOR} unheld the judge agrees" in page


def test_an_act_needs_a_name_that_exists_and_a_reason(console: Console, dead: str) -> None:
    assert act(console, dead, act="delete", reason="x", confirmed="yes")[0] == 400
    assert act(console, dead, act="retry", reason=" ", confirmed="yes")[0] == 400
    assert act(console, dead, act="retry", reason="x" * 501, confirmed="yes")[0] == 400
    assert act(console, str(uuid4()), act="retry", reason="x")[0] == 404


def test_a_reader_sees_no_form_that_would_be_refused(console: Console, dead: str) -> None:
    console.post("/sign-out")
    console.sign_in(READER)
    page = console.get(f"/messages/{dead}").text
    assert "Attempts" in page
    assert page.count("<form") == 2  # signing out, finding


# -- when something is wrong -------------------------------------------------------------------------------------------
def test_a_database_that_is_away_is_said_so(console: Console, court_folder: Path) -> None:
    (court_folder / "court.db").rename(court_folder / "away")
    fresh = make_console(console.court.application, lambda _now: [])
    console.app, console.house, console.client = fresh, fresh.extensions[KEY], fresh.test_client()
    console.sign_in()
    answer = console.get("/")
    assert answer.status_code in (500, 503)
    assert "It was not done" in answer.text
    assert "Traceback" not in answer.text


def test_operators_that_cannot_be_read_end_every_session_and_tell_a_stranger_nothing(
    console: Console, court_folder: Path
) -> None:
    (court_folder / "operators.toml").chmod(0o644)
    answer = console.get("/")
    assert answer.status_code == 500
    assert "operators.toml" not in answer.text


def test_a_defect_shows_no_trace(console: Console) -> None:
    def fails(*_: object) -> object:
        raise RuntimeError("a secret")

    object.__setattr__(console.house, "standings", fails)
    answer = console.get("/")
    assert answer.status_code == 500
    assert "a secret" not in answer.text


def test_a_court_without_console_says_what_to_add(court_folder: Path, ccms_ws: Commands) -> None:
    settings = court_folder / "ccms-ws.toml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace(text.partition("[console]")[2].partition("[log]")[0], "\n").replace("[console]", "")
    )
    assert load_settings(settings).console is None
    ended = ccms_ws("console", "serve")
    assert ended.code == 3
    assert "add [console]" in ended.err
