"""DMV907: the response and the error message that DMV sends about an abstract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.domain.courts import DriverLicense
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.dmv907.messages import AbstractError, AbstractResponse
from ccms_ws.exchanges.dmv907.wire import error_to_xml, response_to_xml
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import MessageKind
from ccms_ws.replay.actions import act
from ccms_ws.replay.case import CourtAct, ExpectedOutcome, Sent
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.normalize import Ids
from replay_cases.scene import AT, Scene

HOLD = UUID("d9070000-1b2c-5d3e-8f40-51627384950a")
NOWHERE = UUID("00000000-0000-4000-8000-0000000000d0")
LICENSE = DriverLicense("Y2087713", "CA")
NOT_LIVE = "a running court has not sent this abstract"
ORDER = {
    "case": "TR-2025-011250", "participant": "P-1004", "violated": ["VC 14601.1(a)"],
    "violation_date": date(2025, 5, 2), "order_date": date(2025, 10, 6), "noncompliance_date": date(2026, 4, 6),
    "certified_by": "Deputy Clerk 12",
}  # fmt: skip


@cache
def hold(house: Courthouse) -> Sent:
    """A hold that the demo court orders, under an id that is the same each time."""
    court, ids = house.court(AT), Ids()
    act(CourtAct(name="", do="hold", facts=ORDER, message_id="made"), court, ids)
    with court.application.units() as uow:
        (leased,) = uow.outbox.claim(worker="recorder", now=AT, lease=timedelta(minutes=1))
        body = b"".join((leased.message.body, *leased.message.further))
    return Sent("DMV907", "DMV", body.replace(ids.now("made").encode(), str(HOLD).encode()))


def response(
    scene: Scene, abstract: UUID = HOLD, *, code: str = "ACCEPTED", text: str = "", license: DriverLicense = LICENSE,
    label: str = "", partner: str = "DMV",
) -> _Element:  # fmt: skip
    metadata = scene.metadata(partner, "DMV907", MessageKind.RESPONSE, label, answers=abstract)
    return response_to_xml(
        AbstractResponse(
            metadata=metadata, abstract_id=str(abstract), driver_license=license, message_code=code, message_text=text,
            processed_on=date(2026, 11, 20),
        )
    )  # fmt: skip


def response_to_nothing(scene: Scene) -> _Element:
    return response(scene, NOWHERE)


def error(scene: Scene, abstract: UUID = HOLD, label: str = "") -> _Element:
    metadata = scene.metadata("DMV", "DMV907", MessageKind.ERROR, label, answers=abstract)
    problem = ErrorBlock(
        code="RecordUnavailable", reason="The record of this license cannot be processed.", resend=False
    )
    return error_to_xml(AbstractError(metadata=metadata, abstract_id=str(abstract), problem=problem))


CODES = {
    "accepted": ("ACCEPTED", "accepted: ACCEPTED"),
    "not-found": ("LICENSE-NOT-FOUND", "not accepted: LICENSE-NOT-FOUND"),
    "on-file": ("ALREADY-ON-FILE", "not accepted: ALREADY-ON-FILE"),
    "unknown-code": ("Z99", "not accepted: Z99"),
}


def scenes(house: Courthouse) -> Iterator[Scene]:
    sent = [hold(house)]

    def scene(name: str, title: str, *, live: bool = False, books: bool = True) -> Scene:
        return Scene(house, f"dmv907-{name}", title, "DMV907", sent=sent if books else (),
                     not_live="" if live else NOT_LIVE)  # fmt: skip

    def post(stage: Scene, message: _Element, state: dict[str, str], *, partner: str = "DMV", label: str = "",
             version: SoapVersion = SoapVersion.SOAP12, relates_to: UUID | None = HOLD) -> None:  # fmt: skip
        stage.post(message, ExpectedOutcome.ACCEPTED, partner=partner, exchange="DMV907", version=version, label=label,
                   relates_to=relates_to, books=state)  # fmt: skip

    abstract, quarantine = f"abstract {HOLD}", "quarantine"
    for number, (name, (code, state)) in enumerate(CODES.items()):
        stage = scene(f"response-{name}", f"DMV responds with the message code {code}")
        version = SoapVersion.SOAP11 if number % 2 else SoapVersion.SOAP12
        post(stage, response(stage, code=code), {abstract: state}, version=version)
        yield stage
    stage = scene("error", "DMV cannot process the abstract")
    post(stage, error(stage), {abstract: "in error: RecordUnavailable"})
    yield stage
    stage = scene("response-unmatched", "A response to no abstract of this court is kept and not applied", live=True,
                  books=False)  # fmt: skip
    post(stage, response_to_nothing(stage), {quarantine: "it answers no abstract of this court"}, relates_to=NOWHERE)
    yield stage
    stage = scene("response-second", "A second word of DMV is kept and not applied")
    post(stage, response(stage), {abstract: "accepted: ACCEPTED"})
    post(stage, error(stage, label="second"),
         {abstract: "accepted: ACCEPTED", quarantine: "the abstract has its answer already"},
         label="second")  # fmt: skip
    yield stage
    stage = scene("response-other-license", "A response about another driver license is not applied")
    post(stage, response(stage, license=DriverLicense("A0000001", "CA")),
         {abstract: "awaiting response", quarantine: "it names another driver license than the abstract"})  # fmt: skip
    yield stage
    stage = scene("response-late", "Overdue, and answered after all")
    stage.wait(days=6, books={abstract: "overdue"})
    post(stage, response(stage), {abstract: "accepted: ACCEPTED"})
    yield stage
    stage = scene("response-by-ftb", "FTB has no abstracts to answer", live=True, books=False)
    stage.post(response(stage, NOWHERE, partner="FTB"), ExpectedOutcome.FAULT, "envelope.not-permitted", partner="FTB",
               exchange="DMV907")  # fmt: skip
    yield stage
    stage = scene("response-twice", "The same response twice has one effect")
    post(stage, response(stage), {abstract: "accepted: ACCEPTED"})
    stage.again(ExpectedOutcome.ACCEPTED)
    yield stage
    stage = scene("response-reused-id", "The id of a response, used again for another one, is refused")
    post(stage, response(stage), {abstract: "accepted: ACCEPTED"})
    stage.post(
        response(stage, code="ALREADY-ON-FILE"),
        ExpectedOutcome.FAULT,
        "addressing.message-id-reused",
        partner="DMV",
        exchange="DMV907",
        relates_to=HOLD,
    )
    yield stage
