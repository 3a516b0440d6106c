"""Floods against the console: attempts to sign in without end, names of other hosts, times outside the calendar."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from werkzeug.security import check_password_hash

from ccms_ws.console import operators
from ccms_ws.console.sessions import ATTEMPTS, ATTEMPTS_WITHIN, SIGNING_IN
from tests.support.consoles import Console, behind_proxy
from tests.support.court import Court


@pytest.fixture(scope="module")
def one_court(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Court:
    """A court for all tests here; each has a console of its own on it."""
    folder = tmp_path_factory.mktemp("console") / "court"
    shutil.copytree(installation, folder)
    return Court(folder)


@pytest.fixture
def console(one_court: Court) -> Console:
    return Console(one_court)


def test_one_address_has_so_many_attempts_whatever_the_names(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def noted(stored: str, password: str) -> bool:
        hashed.append(stored)
        return check_password_hash(stored, password)

    monkeypatch.setattr(operators, "check_password_hash", noted)
    answers = [console.sign_in(f"nobody-{number}").status_code for number in range(ATTEMPTS + 20)]
    assert answers == [403] * ATTEMPTS + [429] * 20
    assert len(hashed) == ATTEMPTS, "what is refused costs nothing"
    assert console.sign_in().status_code == 429
    console.court.clock.advance(ATTEMPTS_WITHIN)
    assert console.sign_in().status_code == 303


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(court_folder: Path) -> None:
    settings = court_folder / "ccms-ws.toml"
    behind_proxy(settings)
    text = settings.read_text("utf-8").replace("[console]", '[console]\naddress_header = "X-Forwarded-For"')
    settings.write_text(text, "utf-8")
    console = Console(Court(court_folder))
    console.get("/sign-in")

    def attempt(written: str) -> int:
        return console.post(
            "/sign-in", headers={"X-Forwarded-For": written}, operator="nobody", password="x"
        ).status_code

    for number in range(ATTEMPTS):
        assert attempt(f"192.0.2.{number}, 198.51.100.7") == 403  # the first is what the client says of itself
    assert attempt("192.0.2.99, 198.51.100.7") == 429
    assert attempt("198.51.100.8") == 403


def test_attempts_to_sign_in_take_no_more_than_half_of_the_threads(console: Console) -> None:
    places = console.house.addresses.places
    for _ in range(SIGNING_IN):
        assert places.acquire(blocking=False)
    assert console.sign_in().status_code == 503
    places.release()
    assert console.sign_in().status_code == 303
    assert console.get("/").status_code == 200
    places.release()


@pytest.mark.parametrize("host", ["console.court.example", "CONSOLE.court.example", "console.court.example:443"])
def test_behind_a_proxy_the_console_answers_to_its_own_name_alone(court_folder: Path, host: str) -> None:
    behind_proxy(court_folder / "ccms-ws.toml")
    console = Console(Court(court_folder))
    assert console.get("/sign-in", Host=host).status_code == 200
    for other in ("localhost:8809", "127.0.0.1:8809", "evil.example", "console.court.example:80", ""):
        assert console.get("/sign-in", Host=other).status_code == 400


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59", "0001-01-01T00:00", "9999-12-31T23:59"]
)
def test_a_time_at_the_end_of_the_calendar_is_no_defect(console: Console, moment: str) -> None:
    console.sign_in()
    for name in ("since", "until", "as_of"):
        assert console.get(f"/messages?{name}={moment.replace('+', '%2B')}").status_code in (200, 400)
