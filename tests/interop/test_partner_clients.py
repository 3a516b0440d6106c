"""The programs in tools/clients, as a partner runs them: three outcomes, and no answer taken that was tampered with."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import SystemClock
from ccms_ws.conformance.court import SmallCourt
from ccms_ws.conformance.findings import Verdict
from ccms_ws.conformance.kit import Kit
from ccms_ws.conformance.requirements import MESSAGE
from ccms_ws.conformance.running import ClientTest, watch_client
from ccms_ws.exchanges.fcc807.conformance import TASKS
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from tests.conformance.partners import free_port
from tests.support import tampering
from tests.support.foreign import CLIENTS, Endpoint, impostor, run, serving
from tests.support.partner_programs import QUERIES, STACKS, command, shared_folder
from tests.support.tampering import BODY, RELATES_TO, TIMESTAMP, Change, Tampering, doubled, proxy, wrapped
from tests.support.terminal_summary import Show, show

__all__ = ["show"]

BALANCE, REJECTION, ERROR_MESSAGE, REFUSED, NOT_PROVEN = 0, 3, 4, 5, 6
CASE, PARTICIPANT = "CR-2023-002931", "P-1002"
PROGRAMS = QUERIES
Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with serving(tmp_path_factory.mktemp("court")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def forger(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with impostor(tmp_path_factory.mktemp("impostor"), endpoint.settings) as url:
        yield url


@pytest.fixture(scope="module")
def built(endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Any]]:
    """How a program is started; what has to be compiled is compiled once for all workers of the test run."""
    return lambda program: command(program, "query", shared_folder(tmp_path_factory), endpoint.url("FCC807"))


@pytest.fixture
def ask(endpoint: Endpoint, built: Callable[[str], list[Any]]) -> Ask:
    def ask(
        program: str, *, url: str = "", case: str = CASE, partner: str = "ADULT", **settings: str
    ) -> subprocess.CompletedProcess[str]:
        court = endpoint.settings.court
        given = {"PARTNER": partner, "COURT": court.ori, "COUNTY": court.county_code} | settings
        command = built(program)
        if program == "c-gsoap" and f'"{endpoint.url("FCC807")}"' not in command[0].with_name("address.h").read_text():
            given["TO"] = endpoint.url("FCC807")  # it was built from the WSDL of another worker's court
        return run(
            *command, url or endpoint.url("FCC807"), *endpoint.keys(partner), case, PARTICIPANT,
            environment={f"CCMS_{name}": value for name, value in given.items()},
        )  # fmt: skip

    return ask


def said(ran: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Exit code and output; what stands on standard error is shown if they are not what they should be."""
    print(ran.stderr)
    return ran.returncode, ran.stdout.strip()


# -- the outcomes ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_another_stack_is_told_the_balance(ask: Ask, program: str, version: str, show: Show) -> None:
    code, words = said(ask(program, SOAP=version))
    assert code == BALANCE
    expected = rf"Balance due: 710\.00 USD as of \d{{4}}-\d\d-\d\d, case {CASE}, participant {PARTICIPANT}"
    assert re.fullmatch(expected, words)
    show(STACKS[program], f"queries, SOAP {version}")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_told_why_its_query_was_rejected(ask: Ask, program: str) -> None:
    code, words = said(ask(program, case="TR-2099-000001"))
    assert code == REJECTION
    assert words.startswith("Rejected: CaseNotFound: ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_told_of_an_error(ask: Ask, program: str) -> None:
    code, words = said(ask(program, SOAP="1.1" if program in ("php", "java", "ruby") else "1.2", AS_OF="2199-01-01"))
    assert code == ERROR_MESSAGE
    assert words.startswith("Error message: exchange.as-of-date-in-future: ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_takes_a_refusal_that_nobody_signed_for_no_answer(ask: Ask, program: str) -> None:
    ran = ask(program, partner="FTB")  # which may not ask
    assert (ran.returncode, ran.stdout) == (REFUSED, "")
    assert "not entitled" in ran.stderr


# -- tampering ---------------------------------------------------------------------------------------------------------
def not_taken(ran: subprocess.CompletedProcess[str]) -> bool:
    return said(ran) == (NOT_PROVEN, "")


CHANGES: dict[str, Change] = {
    "another amount": tampering.amount,
    "no security header": tampering.no_security,
    "a wrapped Body": wrapped(BODY, tampering.amount),
    "a wrapped Body, its id there twice": wrapped(BODY, tampering.amount, same_id=True),
}


UNSIGNED = {"Body": BODY, "Timestamp": TIMESTAMP, "RelatesTo": RELATES_TO}
SAMPLE = ["another amount", "a wrapped Body, its id there twice", "RelatesTo not signed"]
"""The changes that a verifier fails to see most easily; the others are in the slow ring."""


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_takes_no_answer_that_was_changed_or_is_to_another_query(endpoint: Endpoint, ask: Ask, program: str) -> None:
    tamper(endpoint, lambda url: ask(program, url=url), SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_takes_no_answer_however_it_was_changed(endpoint: Endpoint, ask: Ask, program: str) -> None:
    tamper(endpoint, lambda url: ask(program, url=url), [*CHANGES, *(f"{part} not signed" for part in UNSIGNED)])


def tamper(endpoint: Endpoint, query: Callable[[str], subprocess.CompletedProcess[str]], names: list[str]) -> None:
    """Ask through a proxy that makes each of these changes, then one that gives an answer to another query."""
    way = Tampering(endpoint.url("FCC807"))

    def renew(relates_to: _Element) -> None:
        """The copy names the query that was just asked."""
        relates_to.text = etree.fromstring(way.seen[-1]).findtext(".//{*}RelatesTo")

    key = endpoint.settings.identity.key
    changes = CHANGES | {f"{part} not signed": tampering.unsigned(name, key) for part, name in UNSIGNED.items()}
    to_another: dict[str, Change | None] = {
        "": None,
        ", with a second RelatesTo": doubled(RELATES_TO, renew),
    }
    with proxy(way) as url:
        assert said(query(url))[0] == BALANCE  # the way is no obstacle in itself
        for name in names:
            way.change = changes[name]
            assert not_taken(query(url)), name
        way.answer = way.seen[0]
        for name, way.change in to_another.items():
            assert not_taken(query(url)), f"an answer to another query{name}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_takes_no_answer_that_somebody_else_signed(forger: str, ask: Ask, program: str) -> None:
    way = Tampering(forger)
    with proxy(way) as url:
        for way.change in (None, tampering.embedded_certificate):
            assert not_taken(ask(program, url=url))
    assert all(b"710.00" in answer for answer in way.seen)


# -- the conformance kit -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def small_court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallCourt, ClientTest, list[Path]]]:
    """The court of a kit, where it listens, and the files that a client needs to ask it."""
    folder, port = tmp_path_factory.mktemp("kit"), free_port()
    pki.install(folder / "keys")
    names = ("adult-probation.key", "adult-probation.crt", "court.crt")
    own = pki.identity("adult-probation").certificate
    court = SmallCourt(folder / "court", f"http://127.0.0.1:{port}", "ADULT-PROBATION", own, SystemClock())
    yield (
        court,
        ClientTest(listen=("127.0.0.1", port), certificate=own, court=court, patience=60),
        [folder / "keys" / name for name in names],
    )
    court.close()


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_kit_finds_nothing_against_what_a_program_says(
    small_court: tuple[SmallCourt, ClientTest, list[Path]], built: Callable[[str], list[Any]], program: str
) -> None:
    _, test, keys = small_court
    kit = Kit(folder=Path(), exchange=get_exchange("FCC807"), partner="ADULT-PROBATION", wsdl=None, made_by="a test")
    url, command = f"http://127.0.0.1:{test.listen[1]}/FCC807/1.0", built(program)
    asked = {1: {}, 2: {}, 3: {"CCMS_AS_OF": "2199-01-01"}}
    codes: list[int] = []

    def ask() -> None:
        for task in TASKS[:3]:
            environment = {"CCMS_TEST": "true", "CCMS_TO": url, **asked[task.number]}
            codes.append(run(*command, url, *keys, task.case_number, "P-1002", environment=environment).returncode)

    client = threading.Thread(target=ask)

    def watch(_to_come: object) -> bool:
        if not client.ident:
            client.start()
        return client.is_alive()

    report = watch_client(kit, test, watch=watch)
    client.join()
    assert [(each.requirement.id, each.failures) for each in report.checks if each.failures] == []
    assert codes == [BALANCE, REJECTION, ERROR_MESSAGE]
    passed = {each.requirement.id for each in report.checks if each.verdict is Verdict.PASSED}
    assert {each.id for each in MESSAGE} | {"C01", "C02", "C03", "C04"} <= passed


def test_every_program_is_in_the_table_of_stacks() -> None:
    table = (CLIENTS / "README.md").read_text("utf-8").partition("## What each stack can do")[2]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")][2:]
    names = {
        "c-gsoap": "C", "java": "Java", "mono": "C#", "node": "node", "php": "PHP", "python": "Python", "ruby": "Ruby",
    }  # fmt: skip
    assert sorted(rows) == sorted(names[folder.name] for folder in CLIENTS.iterdir() if folder.is_dir())


def test_node_is_tested_with_the_versions_that_the_table_names() -> None:
    said = (CLIENTS / "README.md").read_text("utf-8")
    for name, version in json.loads((CLIENTS / "node" / "package.json").read_text("utf-8"))["dependencies"].items():
        assert f"{name} {version}" in said or name.startswith("@")
