"""An operator's morning in a real browser, without JavaScript: the console as it is served, nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ccms_ws.bootstrap import load_court
from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from tests.support.commands import free_port_base, run_program, wait_until_it_listens
from tests.support.consoles import OPERATOR, PASSWORD, impatient, write_operators
from tests.support.court import Court

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed"),
]


@dataclass
class Served:
    """A console that runs, and what is to be seen in it."""

    url: str
    query: str
    dead: str
    log: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Over a court that answered a query, refused a message and gave up a batch."""
    folder = tmp_path_factory.mktemp("console")
    made = make_installation(folder / "court", SystemClock(), ports=Ports(free_port_base()))
    impatient(made.settings_file)
    court = Court(folder / "court", SystemClock().now())
    query = court.query(case_number="CR-2023-002931", participant_id="P-1002")
    assert court.ask(query).status == 200
    court.post(b"<not-an-envelope/>")
    config = ("--config", made.settings_file)
    (batch,) = run_program("col903", "build", "--partner", "FTB", "--json", *config).json
    run_program("worker", "--once", *config)
    settings = load_court(made.settings_file).settings.console
    assert settings is not None
    write_operators(settings.operators)
    command = [sys.executable, "-m", "ccms_ws", "console", "serve", "--config", str(made.settings_file)]
    log = folder / "console.log"
    with log.open("w") as file, subprocess.Popen(command, stderr=file) as process:
        try:
            wait_until_it_listens(process, settings.port)
            yield Served(settings.url, str(query.metadata.transaction_id), batch["batch"], log)
        finally:
            process.terminate()
            process.wait(40)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A page in a browser of its own; every complaint and every request that leaves the console fails its test."""
    context = browser.new_context(java_script_enabled=False, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda asked: complaints.append(f"failed: {asked.url}"))
    opened.on("request", lambda asked: complaints.append(f"elsewhere: {asked.url}"))
    yield opened
    context.close()
    # A download is a request that ends, and the browser notes that a wrong password was forbidden.
    asked_for = (f"elsewhere: {served.url}/", f"failed: {served.url}/messages.csv")
    assert [each for each in complaints if not each.startswith(asked_for) and "403 (Forbidden)" not in each] == []


def fits(page: Page) -> bool:
    """Nothing has to be scrolled sideways on a telephone or a wide screen; the page itself runs no script to ask."""
    session = page.context.new_cdp_session(page)
    for width in (400, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        for _ in range(30):  # the layout follows the new size after a moment
            layout = session.send("Page.getLayoutMetrics")
            content, seen = layout["cssContentSize"]["width"], layout["cssLayoutViewport"]["clientWidth"]
            if content <= seen <= width:
                break
            page.wait_for_timeout(100)
        else:
            return False
    return True


def go_to(page: Page, name: str) -> None:
    page.get_by_label("Pages").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, level=1).wait_for()
    assert fits(page)


def test_an_operator_s_morning(page: Page, served: Served) -> None:
    """One test, since its steps are one story on one court."""
    sign_in_by_keyboard(page, served)
    find_a_message(page, served)
    read_what_it_says(page, served)
    see_why_one_was_refused(page)
    send_a_dead_letter_again(page, served)
    sign_out(page, served)
    log = served.log.read_text("utf-8")
    assert re.search(rf"console\.body-opened.*message_id={served.query} operator={OPERATOR}", log)
    assert re.search(rf"dead-letter\.resent.*message_id={served.dead} operator={OPERATOR}", log)
    assert not [word for word in ("Okafor", "CR-2023-002931", PASSWORD, "scrypt", "error") if word in log]


def sign_in_by_keyboard(page: Page, served: Served) -> None:
    page.goto(served.url)
    assert fits(page)
    assert page.locator(":focus").get_attribute("id") == "operator"
    for typed, key in ((OPERATOR, "Tab"), ("wrong", "Enter")):
        page.keyboard.type(typed)
        page.keyboard.press(key)
    page.get_by_role("alert").wait_for()
    page.get_by_label("Name").fill(OPERATOR)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Overview").wait_for()
    assert fits(page)
    for name in ("To the page's content", "Sign out"):
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == name


def find_a_message(page: Page, served: Served) -> None:
    go_to(page, "Messages")
    assert page.locator("a.id").count() == 3
    page.get_by_label("Exchange").select_option("FCC807")
    page.get_by_label("State").select_option("reply")
    page.get_by_role("button", name="Show").click()
    assert page.locator("a.id").count() == 1
    assert page.get_by_label("State").input_value() == "reply"
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as CSV").click()
    assert served.query in Path(download.value.path()).read_text("utf-8")
    page.get_by_label("Find by id").fill(f"urn:uuid:{served.query}")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("heading", name="CaseParticipantBalanceQuery").wait_for()
    assert fits(page)


def read_what_it_says(page: Page, served: Served) -> None:
    assert page.get_by_text(served.query).count() == 1
    assert page.get_by_text("Okafor").count() == 0
    page.get_by_role("button", name="Open it").click()
    assert page.get_by_text("Okafor").count() == 1
    assert fits(page)


def see_why_one_was_refused(page: Page) -> None:
    go_to(page, "Refusals")
    page.locator("a.id").click()
    assert page.get_by_text("envelope.malformed").count() == 1
    assert fits(page)


def send_a_dead_letter_again(page: Page, served: Served) -> None:
    go_to(page, "Dead letters")
    page.locator("a.id").click()
    assert fits(page)
    page.get_by_label("Send again").check()
    page.get_by_label("Why").fill("FTB has repaired its endpoint")
    page.get_by_role("button", name="Go on").click()
    assert fits(page)
    page.get_by_role("button", name="Yes, send again").click()
    page.get_by_text("Done: Send again.").wait_for()
    assert page.get_by_role("cell", name="FTB has repaired its endpoint").count() == 1
    assert page.get_by_role("cell", name=OPERATOR).count() == 1
    assert page.get_by_text("pending", exact=True).count() == 1
    assert page.get_by_label("Send again").count() == 0
    go_to(page, "Dead letters")
    page.get_by_text("There is none.").wait_for()


def sign_out(page: Page, served: Served) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto(f"{served.url}/messages/{served.query}")
    page.get_by_role("heading", name="Sign in").wait_for()
