"""Attacks 40 and 44, on the console: guessing, forged forms, frames, fixed sessions, and words that would be more than
words. Each test fails if its defence is taken away.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug.security import check_password_hash

from ccms_ws.console import operators
from ccms_ws.console.sessions import GUESSES, LOCKED_FOR, MOST_SESSIONS, new_id
from ccms_ws.domain.messages import Refusal
from ccms_ws.log import configure_logging
from tests.support.consoles import OPERATOR, PASSWORD, READER, Console, behind_proxy, write_operators
from tests.support.court import NOW, Court
from tests.support.records import incoming

ID = UUID("0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8")
FORMS = ("/sign-in", "/sign-out", f"/messages/{ID}/body", f"/messages/{ID}/act")
PAGES = (
    "/",
    "/messages",
    "/messages.csv",
    "/dead-letters",
    f"/messages/{ID}",
    f"/refusals/{ID}",
    "/find?id=x",
    "/none",
)
MARKUP = "<script>alert(1)</script>"
STEERING = "\x1b[31m\u202e\r\n"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx")


@pytest.fixture(scope="module")
def one_court(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Court:
    """A court for all tests here; each has a console of its own on it."""
    folder = tmp_path_factory.mktemp("console") / "court"
    shutil.copytree(installation, folder)
    return Court(folder)


@pytest.fixture
def console(one_court: Court) -> Console:
    return Console(one_court)


def is_signed_in(console: Console) -> bool:
    return console.get("/").status_code == 200


# -- 44: guessing ------------------------------------------------------------------------------------------------------
def test_five_wrong_passwords_lock_a_name_for_an_hour_even_for_the_right_one(console: Console) -> None:
    for _ in range(GUESSES):
        assert console.sign_in(password="wrong").status_code == 403
    console.court.clock.advance(LOCKED_FOR - timedelta(seconds=1))
    assert console.sign_in().status_code == 403
    assert not is_signed_in(console)
    console.court.clock.advance(timedelta(seconds=1))
    assert console.sign_in().status_code == 303
    assert is_signed_in(console)


def test_one_operator_s_lock_is_not_another_s(console: Console) -> None:
    for _ in range(GUESSES):
        console.sign_in(password="wrong")
    assert console.sign_in(READER).status_code == 303


def test_the_right_password_forgives_the_wrong_ones_before_it(console: Console) -> None:
    for _ in range(3):
        for _ in range(GUESSES - 1):
            console.sign_in(password="wrong")
        assert console.sign_in().status_code == 303
        console.post("/sign-out")


def test_guesses_at_the_same_time_are_not_more(console: Console) -> None:
    with ThreadPoolExecutor(16) as threads:
        allowed = list(threads.map(lambda _: console.house.guesses.may_try(OPERATOR), range(200)))
    assert allowed.count(True) == GUESSES


def test_made_up_names_take_no_room(console: Console) -> None:
    for number in range(30):
        console.sign_in(f"nobody-{number}")
    assert console.house.guesses._failed == {}


def test_a_name_that_is_not_there_a_wrong_password_and_a_locked_name_cannot_be_told_apart(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def noted(stored: str, password: str) -> bool:
        hashed.append(stored)
        return check_password_hash(stored, password)

    monkeypatch.setattr(operators, "check_password_hash", noted)

    def answer(name: str, password: str = "wrong") -> tuple[int, str, int]:
        hashed.clear()
        told = console.sign_in(name, password)
        costs = {each.rpartition("$")[0].partition("$")[0] for each in hashed}
        assert costs == {"scrypt:1024:8:1"}
        return told.status_code, told.text.replace(console.house.tokens.token(console.cookie), ""), len(hashed)

    wrong = answer(OPERATOR)
    assert answer("nobody") == wrong
    for _ in range(GUESSES):
        answer(OPERATOR)
    assert answer(OPERATOR, PASSWORD) == wrong


# -- 44: forged forms --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, "0" * 64),
        ({}, " "),
        ({"Origin": "https://evil.example"}, None),
        ({"Origin": "null"}, None),
        ({"Origin": ""}, None),
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
    ],
    ids=["another token", "no token", "another origin", "origin null", "no origin", "another site", "a sister site"],
)
def test_a_form_from_elsewhere_is_refused(
    console: Console, path: str, headers: dict[str, str], token: str | None
) -> None:
    console.sign_in()
    fields: dict[str, Any] = {"operator": READER, "password": PASSWORD, "act": "retry", "reason": "x"}
    answer = console.post(path, headers=headers, token=token, **fields)
    assert answer.status_code == 403
    assert "form" in answer.text
    assert is_signed_in(console)


def test_the_token_of_one_browser_is_none_in_another(console: Console) -> None:
    console.sign_in()
    theirs = console.token("/")
    other = Console(console.court)
    other.sign_in()
    assert other.post("/sign-out", token=theirs).status_code == 403
    console.client.delete_cookie(console.house.cookie, domain="127.0.0.1")
    console.sign_in()
    assert console.post("/sign-out", token=theirs).status_code == 403


def test_an_address_that_is_not_the_console_s_is_refused(console: Console) -> None:
    """A page whose name is made to point at this machine sends its own name as the host."""
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:1", ""):
        assert console.get("/sign-in", Host=host).status_code == 400
    port = console.url.rpartition(":")[2]
    assert console.get("/sign-in", Host=f"localhost:{port}").status_code == 200


# -- 44: frames, kept pages --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/sign-in", "/style.css", *PAGES])
def test_no_answer_can_be_framed_guessed_at_or_kept(console: Console, path: str) -> None:
    for _ in range(2):
        headers = console.get(path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        console.sign_in()


# -- 44: sessions ------------------------------------------------------------------------------------------------------
def test_a_session_id_from_outside_is_never_one(console: Console) -> None:
    planted = new_id()
    console.client.set_cookie(console.house.cookie, planted, domain="127.0.0.1")
    assert console.sign_in().status_code == 303
    assert console.cookie != planted
    victim = console.cookie
    console.client.set_cookie(console.house.cookie, planted, domain="127.0.0.1")
    assert not is_signed_in(console)
    console.client.set_cookie(console.house.cookie, victim, domain="127.0.0.1")
    assert is_signed_in(console)


def test_signing_in_again_ends_the_session_before(console: Console) -> None:
    console.sign_in()
    before = console.cookie
    console.sign_in()
    assert console.cookie != before
    console.client.set_cookie(console.house.cookie, before, domain="127.0.0.1")
    assert not is_signed_in(console)


def test_a_session_ends_with_sign_out_wherever_its_id_was_copied(console: Console) -> None:
    console.sign_in()
    copied = console.cookie
    assert console.post("/sign-out").status_code == 303
    console.client.set_cookie(console.house.cookie, copied, domain="127.0.0.1")
    assert not is_signed_in(console)


def test_a_session_ends_when_nobody_is_there_and_after_a_day_s_work(console: Console) -> None:
    console.sign_in()
    console.court.clock.advance(timedelta(minutes=14))
    assert is_signed_in(console)
    console.court.clock.advance(timedelta(minutes=15))
    assert not is_signed_in(console)
    console.sign_in()
    for _ in range(8 * 60 // 14):
        console.court.clock.advance(timedelta(minutes=14))
        assert is_signed_in(console)
    console.court.clock.advance(timedelta(minutes=14))
    assert not is_signed_in(console)


def test_a_changed_password_ends_the_sessions_before_it(console: Console) -> None:
    console.sign_in()
    assert console.court.application.settings.console is not None
    write_operators(console.court.application.settings.console.operators, "another password")
    assert not is_signed_in(console)


def test_sessions_have_bounds(console: Console) -> None:
    operator = console.house.operators.all()[OPERATOR]
    first = newest = console.house.sessions.begin(operator)
    for _ in range(MOST_SESSIONS):
        newest = console.house.sessions.begin(operator)
    assert len(console.house.sessions._sessions) == MOST_SESSIONS
    assert console.house.sessions.find(first, console.house.operators) is None
    assert console.house.sessions.find(newest, console.house.operators) is not None


def test_the_cookie_is_for_this_page_alone(console: Console, court_folder: Path) -> None:
    (cookie,) = console.get("/sign-in").headers.getlist("Set-Cookie")
    assert cookie.partition("; ")[2] == "HttpOnly; Path=/; SameSite=Strict"
    assert cookie.startswith("ccms-ws=")
    behind_proxy(court_folder / "ccms-ws.toml")
    secure = Console(Court(court_folder))
    (cookie,) = secure.sign_in().headers.getlist("Set-Cookie")
    assert cookie.partition("; ")[2] == "Secure; HttpOnly; Path=/; SameSite=Strict"
    assert cookie.startswith("__Host-ccms-ws=")
    assert is_signed_in(secure)


# -- 44: rights --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
def test_nobody_reads_without_signing_in(console: Console, path: str) -> None:
    answer = console.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")


def test_every_page_there_is_is_tried_above(console: Console) -> None:
    rules = {rule.rule for rule in console.app.url_map.iter_rules()} - {"/style.css"}
    tried = {path.partition("?")[0].replace(str(ID), "<uuid:id>") for path in (*PAGES, *FORMS)} - {"/none"}
    assert {rule.replace("message_id", "id").replace("incident_id", "id") for rule in rules} == tried


@pytest.mark.parametrize("path", FORMS[2:])
def test_a_reader_neither_opens_nor_acts(console: Console, path: str) -> None:
    console.sign_in(READER)
    answer = console.post(path, act="retry", reason="because", confirmed="yes")
    assert answer.status_code == 403
    assert "reader" in answer.text


def test_a_form_or_an_address_that_is_too_long_is_not_read(console: Console) -> None:
    assert console.post("/sign-in", operator=OPERATOR, password="x" * 20_000).status_code == 413
    console.sign_in()
    assert console.get("/messages?partner=" + "x" * 2_000).status_code == 414


# -- 40: words that would be more --------------------------------------------------------------------------------------
def refuse(console: Console, **words: str) -> UUID:
    """A refusal that holds a stranger's words."""
    refusal = Refusal(uuid4(), NOW, "/FCC807/1.0", "", "envelope.malformed", "", "", 3, b"\0" * 32)
    with console.court.application.units() as uow:
        uow.inbox.refuse(replace(refusal, **words))  # type: ignore[arg-type]
        uow.commit()
    return refusal.incident_id


def assert_harmless(text: str) -> None:
    assert MARKUP not in text
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_stranger_s_words_are_words_on_every_page(console: Console) -> None:
    evil = MARKUP + STEERING
    incident = refuse(console, detail=evil, partner_id=evil, address=evil, rule=evil, code=evil)
    console.sign_in()
    assert_harmless(console.get("/messages").text)
    assert_harmless(console.get(f"/refusals/{incident}").text)


def test_a_message_is_shown_as_text_never_rendered(console: Console) -> None:
    raw = (MARKUP + STEERING).encode() + b"\xff"
    message = replace(incoming(partner_id="DMV"), raw=raw, relates_to=MARKUP, root=MARKUP)
    with console.court.application.units() as uow:
        uow.inbox.keep(message)
        uow.commit()
    console.sign_in()
    assert_harmless(console.get(f"/messages/{message.message_id}").text)
    shown = console.post(f"/messages/{message.message_id}/body")
    assert shown.mimetype == "text/html"
    assert_harmless(shown.text)


@pytest.mark.parametrize("name", ["since", "until", "as_of", "way", "exchange", "partner", "outcome", "page"])
def test_what_an_address_asks_for_is_never_part_of_the_page(console: Console, name: str) -> None:
    console.sign_in()
    answer = console.client.get("/messages", base_url=console.url, query_string={name: f'"{MARKUP}'})
    assert MARKUP not in answer.text
    assert answer.status_code in (200, 400)


def test_a_spreadsheet_takes_no_cell_for_a_formula(console: Console) -> None:
    for formula in FORMULAS:
        refuse(console, partner_id=formula, code=formula)
    console.sign_in()
    table = list(csv.reader(io.StringIO(console.get("/messages.csv?exchange=FCC807").text)))
    cells = [cell for row in table[1:] for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert {row[3] for row in table} >= {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "\\tx", "\\rx", "\\nx"}


def test_nothing_is_written_into_a_page_unescaped(console: Console) -> None:
    app: Flask = console.app
    folder = Path(app.root_path)
    templates = list((folder / "templates").iterdir())
    assert len(templates) > 5
    assert {path.suffix for path in templates} == {".html"}  # others would not be escaped
    for path in [*templates, *folder.glob("*.py")]:
        text = path.read_text("utf-8")
        assert not [word for word in ("|safe", "| safe", "autoescape", "Markup(", "from_string") if word in text], path


def test_a_line_break_in_an_address_or_a_name_makes_no_line_in_the_log(console: Console) -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream=stream)
    console.sign_in('nobody\n{"event": "console.signed-in"}', "secret words")
    console.post("/x%0A%7B%7D", headers={"Origin": "https://evil.example"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["console.sign-in-failed", "console.refused"]
    assert "nobody" not in stream.getvalue()  # what was typed as a name may be a password
    assert "secret" not in stream.getvalue()
