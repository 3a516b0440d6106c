"""The kit as a court that pushes: our simulated partners conform, and every defect of a broken one is found."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ccms_ws.conformance.findings import Report, Result, Verdict
from ccms_ws.conformance.running import EndpointTest, run_against
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.errors import TransientDeliveryError
from ccms_ws.exchanges.dmv907 import simulate as motor_vehicles
from ccms_ws.message_parts.people import write_license
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.remote import Tls
from ccms_ws.simulator import Script, Simulation
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.partner import SimulatedPartner
from ccms_ws.simulator.server import HttpReply, HttpRequest, PartnerServer
from ccms_ws.simulator.state import PartnerState
from tests.conformance.partners import CLOCK, Simulated, free_port, simulated
from tests.support.tls import make_doors

Receive = Callable[[SimulatedPartner, HttpRequest], HttpReply]


@pytest.fixture(scope="module")
def house() -> Iterator[Courthouse]:
    with Courthouse.demo(CLOCK.now()) as house:
        yield house


def report_on(partner: Simulated, *, wait: float = 2, listen: bool = True, **how: Any) -> Report:
    test = EndpointTest(
        url=partner.url,
        certificate=partner.kit.certificate,
        listen=partner.listen if listen else None,
        wait=wait,
        **how,
    )
    return run_against(partner.kit, test)


def failed(report: Report) -> set[str]:
    return {each.requirement.id for each in report.checks if each.verdict is Verdict.FAILED}


def verdict(report: Report, requirement_id: str) -> Verdict:
    return next(each.verdict for each in report.checks if each.requirement.id == requirement_id)


@pytest.mark.parametrize(("code", "partner"), [("COL903", "FTB"), ("COL903", "AGENCY"), ("DMV907", "DMV")])
def test_our_simulated_partners_conform(code: str, partner: str, house: Courthouse) -> None:
    with simulated(house, code, partner) as running:
        report = report_on(running)
    wrong = [(each.requirement.id, each.failures) for each in report.checks if each.verdict is Verdict.FAILED]
    assert (report.result, wrong) == (Result.CONFORMANT, [])


def test_without_a_listener_what_depends_on_it_is_left_out(house: Courthouse) -> None:
    with simulated(house, "COL903", "FTB") as running:
        report = report_on(running, listen=False)
    assert failed(report) == set()
    notes = {each.requirement.id: each.note for each in report.checks}
    assert "no listener" in notes["P09"]


# -- broken ones ------------------------------------------------------------------------------------------------------
@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, house: Courthouse) -> Callable[..., Report]:
    """The report about a simulated partner whose `receive` was changed."""

    def broken(
        change: Callable[[Callable[[HttpRequest], HttpReply], HttpRequest], HttpReply], *, code: str = "COL903",
        partner: str = "AGENCY", acts: tuple[Behavior, ...] = (), **how: Any,
    ) -> Report:  # fmt: skip
        honest = SimulatedPartner.receive

        def receive(self: SimulatedPartner, request: HttpRequest) -> HttpReply:
            return change(lambda given: honest(self, given), request)

        monkeypatch.setattr(SimulatedPartner, "receive", receive)
        with simulated(house, code, partner, Simulation(temper=Script(acts))) as running:
            return report_on(running, **how)

    return broken


def test_one_who_takes_everything_is_found(broken: Callable[..., Report]) -> None:
    report = broken(lambda _honest, _request: HttpReply(202))
    found = failed(report)
    assert {"R-unsigned", "R-body-changed", "R-stale", "R-stranger", "R-body-wrapped", "P05"} <= found
    assert report.result is Result.NOT_CONFORMANT


def test_one_who_forgets_what_it_took_is_found(house: Courthouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def remember(self: PartnerState, *_facts: Any) -> None:
        if (answer := _facts[-1]) is not None:
            self.keep(answer)

    monkeypatch.setattr(PartnerState, "recall", lambda _self, _id: None)
    monkeypatch.setattr(PartnerState, "remember", remember)
    with simulated(house, "DMV907", "DMV") as running:
        found = failed(report_on(running))
    assert found == {"P05", "P10", "P13"}


def test_one_who_answers_what_was_never_sent_is_found(house: Courthouse) -> None:
    with simulated(house, "DMV907", "DMV", Simulation(temper=Script([Behavior.STRAY]))) as running:
        assert failed(report_on(running)) == {"P10"}


def test_one_who_never_answers_is_found(house: Courthouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PartnerState, "next_errand", lambda _self, _now: None)
    with simulated(house, "DMV907", "DMV") as running:
        report = report_on(running, wait=1)
    assert failed(report) == {"P09"}


def test_one_who_gives_up_an_answer_after_a_503_is_found(house: Courthouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def put_off(self: PartnerState, errand: Any, _due: Any) -> None:
        self.finish(errand, "given up")

    monkeypatch.setattr(PartnerState, "put_off", put_off)
    with simulated(house, "DMV907", "DMV") as running:
        report = report_on(running, wait=2)
    assert failed(report) == {"P09", "P11"}


def test_one_who_answers_about_another_license_is_found(house: Courthouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_another(parent: etree._Element, _license: DriverLicense) -> None:
        write_license(parent, DriverLicense("A0000001", "CA"))

    monkeypatch.setattr(motor_vehicles, "write_license", write_another)
    with simulated(house, "DMV907", "DMV") as running:
        assert failed(report_on(running)) == {"P10"}


def test_a_code_that_is_on_no_list_is_only_noted(house: Courthouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motor_vehicles, "ACCEPTED", "FINE-BY-US")

    class Words(dict[str, Any]):
        def __missing__(self, _key: str) -> Any:
            class Code:
                text = "fine"

            return Code()

    monkeypatch.setattr(motor_vehicles, "code_list", lambda _name: Words())
    with simulated(house, "DMV907", "DMV") as running:
        report = report_on(running)
    assert failed(report) == {"P12"}
    assert report.result is Result.CONFORMANT


def test_an_endpoint_that_is_not_there_ends_the_run(house: Courthouse) -> None:
    with simulated(house, "COL903", "AGENCY") as running, pytest.raises(TransientDeliveryError):
        report_on(replace(running, url=f"http://127.0.0.1:{free_port()}/COL903"))


def test_an_endpoint_behind_tls_is_reached_as_its_partner_says(house: Courthouse, tmp_path: Path) -> None:
    doors = make_doors(tmp_path)
    context = doors.server()
    context.verify_mode = ssl.CERT_REQUIRED

    def behind_tls(self: PartnerServer) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)
        start(self)

    start = PartnerServer.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartnerServer, "start", behind_tls)
        with simulated(house, "COL903", "AGENCY") as plain:
            running = replace(plain, url=plain.url.replace("http://", "https://"))
            known = Tls(tmp_path / "ca.crt", (tmp_path / "stranger.crt", tmp_path / "stranger.key"))
            (said,) = next(
                each.failures for each in report_on(running, tls=known).checks if each.requirement.id == "P01"
            )
            assert "addressing.destination-unreachable" in said, "it was reached; it does not know its https address"
            for unknown in (Tls(), Tls(tmp_path / "ca.crt")):
                with pytest.raises(TransientDeliveryError):
                    report_on(running, listen=False, tls=unknown)
