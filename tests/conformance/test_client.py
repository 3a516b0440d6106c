"""The kit as a small court: a client that does right passes, and what one does wrong is found under its id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ccms_ws.conformance.court import SmallCourt
from ccms_ws.conformance.findings import Check, Report, Result, Verdict
from ccms_ws.conformance.kit import Kit
from ccms_ws.conformance.running import ClientTest, watch_client
from ccms_ws.demo.installation import COURT
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.exchanges.fcc807.client import BalanceQueryClient, Criteria
from ccms_ws.exchanges.fcc807.conformance import TASKS
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from ccms_ws.replay.mutations import get_mutation
from tests.conformance.partners import CLOCK, Client, free_port

KIT = Kit(folder=Path(), exchange=get_exchange("FCC807"), partner="ADULT-PROBATION", wsdl=None, made_by="a test")
Watched = Callable[..., Report]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The report about a client that does some of the tasks while the small court listens."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    court = SmallCourt(tmp_path_factory.mktemp("court") / "court", url, KIT.partner, KIT.certificate, CLOCK)

    def watched(*tasks: int, behave: Callable[[str], None] | None = None, **how: Any) -> Report:
        address, started, ended = f"{url}/FCC807/1.0", threading.Event(), threading.Event()

        def run() -> None:
            started.wait()
            try:
                behave(address) if behave else Client(url=address, **how).do(*tasks)
            finally:
                ended.set()

        def watch(_to_come: object) -> bool:
            started.set()
            return not ended.is_set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            test = ClientTest(listen=("127.0.0.1", port), certificate=KIT.certificate, court=court, patience=30)
            return watch_client(KIT, test, watch=watch)
        finally:
            started.set()
            thread.join()

    yield watched
    court.close()


def check(report: Report, requirement_id: str) -> Check:
    return next(each for each in report.checks if each.requirement.id == requirement_id)


def failed(report: Report) -> set[str]:
    return {each.requirement.id for each in report.checks if each.verdict is Verdict.FAILED}


def test_a_client_that_does_right_conforms(watched: Watched) -> None:
    report = watched()
    wrong = [(each.requirement.id, each.failures) for each in report.checks if each.verdict is not Verdict.PASSED]
    assert (report.result, wrong) == (Result.CONFORMANT, [])


def test_the_client_of_this_package_conforms(watched: Watched) -> None:
    asked = {1: Criteria(case_number="CR-2023-002931", participant_id="P-1002"),
             3: Criteria(case_number="CR-2025-000184", as_of=date(2199, 1, 1))}  # fmt: skip

    def ask(url: str) -> None:
        client = BalanceQueryClient(
            url=url, court=COURT, identity=pki.identity("adult-probation"), test=True,
            partner=Partner("ADULT-PROBATION", "Probation", PartnerKind.PROBATION, ProbationUnit.ADULT),
            trust=TrustStore([PinnedCertificate(COURT.ori, KIT.court.certificate)]),
        )  # fmt: skip
        for task in TASKS:
            criteria = asked.get(task.number, Criteria(case_number=task.case_number))
            client.ask(criteria, attempts=2, pause=timedelta(milliseconds=10))
        client.close()

    report = watched(behave=ask)
    wrong = [(each.requirement.id, each.failures) for each in report.checks if each.verdict is not Verdict.PASSED]
    assert (report.result, wrong) == (Result.CONFORMANT, [])


def test_a_client_that_has_not_done_everything_is_incomplete(watched: Watched) -> None:
    report = watched(1)
    assert (report.result, failed(report)) == (Result.INCOMPLETE, set())
    assert check(report, "C02").verdict is Verdict.PASSED
    assert check(report, "C05").verdict is Verdict.NOT_SEEN


@pytest.mark.parametrize(("defect", "demand"), [("unsigned", "M04"), ("body-not-signed", "M08"), ("stale", "M13")])
def test_a_spoilt_message_is_found(defect: str, demand: str, watched: Watched) -> None:
    report = watched(1, seal=get_mutation(defect).make, attempts=1)
    assert (report.result, failed(report)) == (Result.NOT_CONFORMANT, {demand})


@pytest.mark.parametrize(
    "change",
    [{"sender_id": "FTB"}, {"receiver_id": "CA019015J"}, {"test": False}, {"exchange": "COL903"}, {"version": "1.1"}],
)
def test_a_metadata_block_of_another_conversation_is_found(change: dict[str, Any], watched: Watched) -> None:
    assert failed(watched(1, change=lambda metadata: replace(metadata, **change))) == {"M19"}


def test_a_retry_under_a_new_id_is_found(watched: Watched) -> None:
    report = watched(5, 6, 7, 8, 9, new_id_on_retry=True)
    assert failed(report) == {"C13"}
    assert check(report, "C08").verdict is Verdict.PASSED, "it did not believe what was changed"


def test_a_retry_with_the_same_bytes_is_found(watched: Watched) -> None:
    assert failed(watched(5, same_bytes_on_retry=True)) == {"C07"}


def test_a_retry_with_another_body_is_found(watched: Watched) -> None:
    assert failed(watched(5, other_body_on_retry=True)) == {"C01"}


def test_a_client_that_does_not_wait_is_found(watched: Watched) -> None:
    assert failed(watched(4, impatient=True)) == {"C05"}


def test_a_client_that_repeats_what_was_answered_is_found(watched: Watched) -> None:
    assert failed(watched(1, 2, 3, repeats_answered=True)) == {"C03", "C04"}


def test_a_client_that_believes_everything_is_found(watched: Watched) -> None:
    """It goes on with the next task; after the last one it could still come again, for half a minute."""
    report = watched(6, 7, 8, 9, 1, believes_everything=True)
    assert failed(report) == {"C08", "C09", "C10", "C11"}


def test_a_client_that_never_sends_again_is_found(watched: Watched) -> None:
    assert failed(watched(4, 5, 1, attempts=1)) == {"C05", "C06"}


def test_what_may_still_come_again_is_not_seen_yet(watched: Watched) -> None:
    report = watched(6, believes_everything=True)
    assert (failed(report), check(report, "C08").verdict) == (set(), Verdict.NOT_SEEN)


def test_one_id_for_everything_is_found(watched: Watched) -> None:
    assert failed(watched(1, 2, one_id=uuid4())) == {"C01"}


def test_soap_11_is_a_version_too(watched: Watched) -> None:
    report = watched(1, 5, version=SoapVersion.SOAP11)
    assert failed(report) == set()
    assert check(report, "C12").verdict is Verdict.NOT_SEEN


def test_the_partner_s_own_key_can_be_used(tmp_path: Path) -> None:
    own, port, asked = pki.identity("stranger"), free_port(), threading.Event()
    client = Client(url=f"http://127.0.0.1:{port}/FCC807/1.0", seal=lambda draft: replace(draft, signer=own).request())

    def watch(_tasks: object) -> bool:
        if not asked.is_set():
            client.do(1)
            asked.set()
        return False

    report = watch_client(KIT, ClientTest(listen=("127.0.0.1", port), certificate=own.certificate), watch=watch)
    assert failed(report) == set()
    assert check(report, "C02").verdict is Verdict.PASSED
    assert own.certificate.subject.rfc4514_string() in report.signer
