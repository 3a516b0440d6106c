"""Partners' endpoints that are as they should be but for one thing: the kit fails exactly what names that thing.

The one endpoint is our simulated agency, which answers in the HTTP response. Each broken one is it with one change on
the way in (a refusal of its gate that it does not heed), or one on the way out (of the answers that it signs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.conformance.findings import Report, Result, Verdict
from ccms_ws.conformance.requirements import Level
from ccms_ws.conformance.running import EndpointTest, run_against
from ccms_ws.contract.namespaces import EXT, WSU, q
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.soap_parts import Q_ID, Q_TOKEN
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from ccms_ws.message_parts.metadata import Q_TRANSACTION
from ccms_ws.replay import pki
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.draft import Draft
from ccms_ws.replay.mutations import get_mutation
from ccms_ws.replay.resign import drop_reference, one, resign
from ccms_ws.replay.unverified_reader import addressing_of, find_tree, get_tree, payload_of
from ccms_ws.replay.verdicts import Answer, see
from ccms_ws.simulator.partner import SimulatedPartner
from ccms_ws.simulator.server import HttpReply, HttpRequest
from tests.conformance.partners import CLOCK, simulated

Honest = Callable[[HttpRequest], HttpReply]
Change = Callable[[Honest, HttpRequest], HttpReply]
AGENCY = pki.identity("collection-agency")
Q_ERROR = q(COL903, "CollectionBalanceUpdateError")


@pytest.fixture(scope="module")
def house() -> Iterator[Courthouse]:
    with Courthouse.demo(CLOCK.now()) as house:
        yield house


@pytest.fixture
def tested(house: Courthouse, monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], Report]:
    """The kit's report about the agency with a change."""

    def tested(change: Change) -> Report:
        honest = SimulatedPartner.receive
        monkeypatch.setattr(
            SimulatedPartner, "receive", lambda self, request: change(lambda given: honest(self, given), request)
        )
        with simulated(house, "COL903", "AGENCY") as running:
            return run_against(running.kit, EndpointTest(url=running.url, certificate=running.kit.certificate))

    return tested


def failed(report: Report, level: Level = Level.MUST) -> set[str]:
    checks = report.checks
    return {
        each.requirement.id for each in checks if each.verdict is Verdict.FAILED and each.requirement.level is level
    }


# -- on the way in ----------------------------------------------------------------------------------------------------
def said_well(request: HttpRequest, *, new_id: bool = False) -> HttpRequest:
    """The same payload as the court would send it, whatever was wrong around it."""
    envelope = get_tree(request.body, "the request")
    payload = payload_of(envelope)
    assert payload is not None
    for undeclared in list(payload.iter("{urn:example:undeclared}*")):
        payload.remove(undeclared)
    number, octets = payload.findtext(f".//{Q_TRANSACTION}") or "", canonical(payload)
    if new_id:
        other = str(uuid4())
        number, octets = other, octets.replace(number.encode(), other.encode())
    draft = Draft(
        payload=octets, to=f"http://{request.headers['Host']}{request.path}",
        action=addressing_of(envelope)["Action"].removesuffix(":other"), message_id=UUID(number),
        version=SoapVersion.from_namespace(etree.QName(envelope).namespace), signer=pki.identity("court"),
        at=CLOCK.now(),
    ).request()  # fmt: skip
    return replace(request, body=draft.body, headers={**request.headers, **draft.http_headers})


def heedless(code: str) -> Change:
    """Takes what its gate refuses with this code, as if it had not looked."""

    def change(honest: Honest, request: HttpRequest) -> HttpReply:
        reply = honest(request)
        if see(Answer(reply.status, {}, reply.body)).code != code:
            return reply
        return honest(said_well(request, new_id=code == "addressing.message-id-reused"))

    return change


HEEDLESS = {
    "security.header-invalid": {
        "R-unsigned", "R-signature-missing", "R-timestamp-missing", "R-token-missing", "R-signature-twice",
    },
    "security.digest-mismatch": {"R-body-changed", "R-to-changed", "R-expires-changed"},
    "security.signature-invalid": {"R-signature-changed", "R-borrowed-certificate"},
    "security.part-not-signed": {
        "R-body-not-signed", "R-timestamp-not-signed", "R-to-not-signed", "R-action-not-signed",
        "R-message-id-not-signed", "R-body-wrapped",
    },
    "security.timestamp-out-of-range": {"R-stale", "R-from-the-future"},
    "security.signer-not-trusted": {"R-stranger"},
    "addressing.destination-unreachable": {"R-to-another"},
    "addressing.header-missing": {"R-message-id-missing"},
    "addressing.message-id-reused": {"P05"},
    "envelope.header-not-understood": {"R-unknown-mandatory-header"},
    "contract.schema-violated": {"P15"},
}  # fmt: skip


@pytest.mark.parametrize("code", HEEDLESS)
def test_one_who_does_not_heed_a_refusal_is_found(code: str, tested: Callable[[Change], Report]) -> None:
    report = tested(heedless(code))
    assert (failed(report), report.result) == (HEEDLESS[code], Result.NOT_CONFORMANT)


# -- on the way out ---------------------------------------------------------------------------------------------------
Sign = Callable[[_Element], Draft]


def answering(spoil: Callable[[Sign, _Element], HttpReply]) -> Change:
    """Each error message is spoilt; `spoil` gets what makes a good draft of a payload, and the envelope."""

    def change(honest: Honest, request: HttpRequest) -> HttpReply:
        reply = honest(request)
        root = find_tree(reply.body)
        if root is None or next(root.iter(Q_ERROR), None) is None:
            return reply
        header = addressing_of(root)

        def draft(payload: _Element) -> Draft:
            return Draft(
                payload=canonical(payload), to="", action=header["Action"], answers=True,
                message_id=UUID(header["MessageID"].removeprefix("urn:uuid:")),
                relates_to=UUID(header["RelatesTo"].removeprefix("urn:uuid:")),
                version=SoapVersion.from_namespace(etree.QName(root).namespace), signer=AGENCY, at=CLOCK.now(),
            )  # fmt: skip

        return spoil(draft, root)

    return change


def sent(draft: Draft, status: int = 500, **how: Any) -> HttpReply:
    request = draft.request(how.get("envelope"))
    return HttpReply(status, request.body, how.get("content_type", request.content_type))


def fault_of(root: _Element) -> _Element:
    payload = payload_of(root)
    assert payload is not None
    return payload


def with_text(root: _Element, name: str, change: Callable[[str], str]) -> _Element:
    """The fault with another value in every element of that name."""
    fault = fault_of(root)
    for element in fault.iter(name):
        element.text = change(element.text or "")
    return fault


def undeclared(root: _Element) -> _Element:
    fault = fault_of(root)
    etree.SubElement(next(fault.iter(Q_ERROR)), "{urn:example:undeclared}Remark").text = "not in the schema"
    return fault


def defective(name: str) -> Change:
    """What is signed has one of the defects that requests can have."""

    def spoil(sign: Sign, root: _Element) -> HttpReply:
        request = get_mutation(name).make(sign(fault_of(root)))
        return HttpReply(500, request.body, request.content_type)

    return answering(spoil)


SPOILT: dict[str, tuple[Change, set[str]]] = {
    "unsigned": (defective("unsigned"), {"M04"}),
    "two signatures": (defective("signature-twice"), {"M04"}),
    "SHA-1": (defective("sha1-signature"), {"M05"}),
    "another's key": (defective("stranger"), {"M06"}),
    "changed after it was signed": (answering(lambda sign, root: changed(sign(fault_of(root)))), {"M07"}),
    "Body not signed": (defective("body-not-signed"), {"M08"}),
    "Timestamp not signed": (defective("timestamp-not-signed"), {"M09"}),
    "wsa:Action not signed": (defective("action-not-signed"), {"M10"}),
    "an hour old": (answering(lambda sign, root: sent(old(sign(fault_of(root))))), {"M13"}),
    "a Timestamp without zone": (answering(lambda sign, root: without_zone(sign(fault_of(root)))), {"M12"}),
    "another operation's action": (
        answering(lambda sign, root: sent(replace(sign(fault_of(root)), action="urn:example:other"))), {"M14"},
    ),
    "RelatesTo another message": (
        answering(lambda sign, root: sent(replace(sign(fault_of(root)), relates_to=uuid4()))), {"M15"},
    ),
    "MessageID is not the TransactionID": (
        answering(lambda sign, root: sent(replace(sign(fault_of(root)), message_id=uuid4()))), {"M16"},
    ),
    "against the schema": (answering(lambda sign, root: sent(sign(undeclared(root)))), {"M18"}),
    "in the name of another partner": (
        answering(lambda sign, root: sent(sign(with_text(root, q(EXT, "PartyID"), lambda _: "DMV")))), {"M19"},
    ),
    "as text/html": (
        answering(lambda sign, root: sent(sign(fault_of(root)), content_type="text/html; charset=utf-8")), {"M01"},
    ),
    "HTTP 200 for a fault": (answering(lambda sign, root: sent(sign(fault_of(root)), 200)), {"P14"}),
    "about another batch": (
        answering(lambda sign, root: sent(sign(with_text(root, q(COL903, "BatchID"), lambda _: str(uuid4()))))),
        {"P10"},
    ),
}  # fmt: skip


def old(draft: Draft) -> Draft:
    return replace(draft, at=draft.at - timedelta(hours=1))


def changed(draft: Draft) -> HttpReply:
    envelope = draft.sealed()
    next(envelope.iter(q(EXT, "ErrorReasonText"))).text = "nothing is wrong"
    return sent(draft, envelope=envelope)


def token_not_signed(draft: Draft) -> HttpReply:
    """The token keeps its id: the signature's KeyInfo refers to it."""
    envelope = draft.sealed()
    token = one(envelope, Q_TOKEN)
    token_id = token.get(Q_ID, "")
    drop_reference(envelope, token)
    token.set(Q_ID, token_id)
    return sent(draft, envelope=resign(envelope, AGENCY))


def without_zone(draft: Draft) -> HttpReply:
    envelope = draft.composed()
    sealed = draft.sealed(envelope)
    for created in sealed.iter(q(WSU, "Created")):
        created.text = (created.text or "").removesuffix("Z")
    return sent(draft, envelope=resign(sealed, AGENCY))


@pytest.mark.parametrize("name", SPOILT)
def test_one_whose_answers_are_spoilt_is_found(name: str, tested: Callable[[Change], Report]) -> None:
    change, expected = SPOILT[name]
    report = tested(change)
    assert (failed(report), report.result) == (expected, Result.NOT_CONFORMANT)


def test_a_certificate_that_is_not_signed_is_found_and_does_not_fail_one_whom_the_court_has_pinned(
    tested: Callable[[Change], Report],
) -> None:
    report = tested(answering(lambda sign, root: token_not_signed(sign(fault_of(root)))))
    assert (failed(report), failed(report, Level.SHOULD)) == (set(), {"M11"})
    assert report.result is Result.CONFORMANT


def test_one_that_shows_its_inside_is_found(tested: Callable[[Change], Report]) -> None:
    def change(honest: Honest, request: HttpRequest) -> HttpReply:
        reply = honest(request)
        if reply.status < 400 or Q_ERROR.partition("}")[2].encode() in reply.body:
            return reply
        trace = b"Exception: boom\n\tat gov.partner.Intake.take(Intake.java:42)\n"
        return replace(reply, body=trace, content_type="text/plain")

    assert failed(tested(change)) == {"P06"}


def test_one_that_answers_the_same_message_differently_is_found(tested: Callable[[Change], Report]) -> None:
    """It refuses what it has taken before."""
    seen: set[str] = set()

    def change(honest: Honest, request: HttpRequest) -> HttpReply:
        reply, root = honest(request), find_tree(request.body)
        number = "" if root is None else addressing_of(root).get("MessageID", "")
        if reply.status == 200 and number in seen:
            return HttpReply(500, b"known already", "text/plain")
        if reply.status == 200:
            seen.add(number)
        return reply

    assert failed(tested(change)) == {"P03", "P04"}


def test_one_that_refuses_everything_is_told_to_begin_with_that(tested: Callable[[Change], Report]) -> None:
    """What it refuses then shows nothing: no refusal counts as passed."""
    report = tested(lambda _honest, _request: HttpReply(500))
    assert {"P01", "P02", "P03", "P04"} <= failed(report)
    refusals = [each for each in report.checks if each.requirement.id[:2] in ("R-", "L-")]
    assert {(each.verdict, each.note[:12]) for each in refusals} == {(Verdict.NOT_SEEN, "good message")}
