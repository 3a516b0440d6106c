"""Cases against an endpoint that runs: said anew they get their outcome, as they are nobody acts on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ccms_ws.bootstrap import open_court
from ccms_ws.clock import FixedClock, SystemClock
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import TransientDeliveryError
from ccms_ws.replay import Target, Verdict, find_cases, in_lines, pki, replay_as_is, replay_live, shipped_cases
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.results import RunResult
from tests.support.court import NOW
from tests.support.http_server import url_of, wsgi_server

FOLDERS = find_cases([shipped_cases()])
TRUST = TrustStore([PinnedCertificate("COURT", pki.identity("court").certificate)])


def signers(partner: str) -> Identity | None:
    return pki.identity(pki.NAME_OF[partner]) if partner in pki.NAME_OF else None


def serve(clock: FixedClock | SystemClock, public_url: str = "") -> Iterator[Target]:
    """A demo court that listens. `public_url`: what it believes to be called; where it listens if not given."""
    with Courthouse.demo(clock.now()) as house, wsgi_server() as server:
        url = url_of(server)
        endpoint = house.settings.endpoint.model_copy(update={"public_url": public_url or url})
        settings = house.settings.model_copy(update={"endpoint": endpoint})
        server.set_app(open_court(settings, clock, published_keys=True).gateway())
        yield Target(url=url, trust=TRUST, signers=signers, clock=clock)


@pytest.fixture(scope="module")
def running() -> Iterator[Target]:
    yield from serve(SystemClock())


def assert_same(result: RunResult) -> None:
    wrong = [
        f"{case.name}: {in_lines(case)}" for case in result.cases if case.verdict not in (Verdict.SAME, Verdict.SKIPPED)
    ]
    assert not wrong, "\n".join(wrong)


def test_said_anew_every_case_gets_its_outcome(running: Target) -> None:
    result = replay_live(FOLDERS, running, jobs=4)
    assert_same(result)
    assert result.counts[Verdict.SAME] > 100
    assert all(case.reason for case in result.cases if case.verdict is Verdict.SKIPPED)


def test_recorded_bytes_are_not_acted_on_later(running: Target) -> None:
    result = replay_as_is(FOLDERS, running, jobs=4)
    assert_same(result)
    assert result.counts[Verdict.SAME] > 100


def test_recorded_ids_make_new_messages_once(running: Target) -> None:
    """The second time the content differs (its moment does): the endpoint must not take it for the same message."""
    folders = [folder for folder in FOLDERS if folder.name == "fcc807-balance-soap11"]
    keeping = replace(running, keep_ids=True)
    assert replay_live(folders, keeping).same
    (again,) = replay_live(folders, keeping).cases
    assert "addressing.message-id-reused" in again.steps[0].actual


def test_without_a_key_a_case_is_skipped_and_says_so(running: Target) -> None:
    folders = [folder for folder in FOLDERS if folder.name == "fcc807-balance-juvenile"]
    (case,) = replay_live(folders, replace(running, signers=lambda _partner: None)).cases
    assert (case.verdict, case.reason) == (Verdict.SKIPPED, "there is no key of 'JUVENILE-PROBATION'")


def test_an_endpoint_with_another_key_is_found(running: Target) -> None:
    other = TrustStore([PinnedCertificate("COURT", pki.identity("stranger").certificate)])
    folders = [folder for folder in FOLDERS if folder.name == "fcc807-balance-by-case"]
    result = replay_live(folders, replace(running, trust=other))
    assert "signer-not-trusted" in " ".join(in_lines(result.cases[0]))


def test_an_endpoint_that_takes_old_bytes_for_new_ones_is_found() -> None:
    """Its clock stands still: what was recorded is fresh to it."""
    for target in serve(FixedClock(NOW), "http://127.0.0.1:8807"):
        folders = [folder for folder in FOLDERS if folder.name == "fcc807-balance-by-case"]
        (case,) = replay_as_is(folders, target).cases
        assert case.verdict is Verdict.DIFFERENT
        assert "taken for a new message" in " ".join(in_lines(case))


def test_an_endpoint_that_is_not_there_ends_the_run(tmp_path: Path) -> None:
    nowhere = Target(url="http://127.0.0.1:9", trust=TRUST, signers=signers)
    with pytest.raises(TransientDeliveryError, match="no answer"):
        replay_live(FOLDERS[:1], nowhere)
