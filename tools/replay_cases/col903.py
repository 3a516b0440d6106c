"""COL903: the error message that partners may send about a batch: in time, late, twice, about nothing, by others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.col903.messages import BatchError, ItemProblem
from ccms_ws.exchanges.col903.wire import error_to_xml
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import MessageKind
from ccms_ws.replay.actions import act
from ccms_ws.replay.case import CourtAct, ExpectedOutcome, Sent
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.normalize import Ids
from replay_cases.scene import AT, Scene, remove

BATCH = UUID("b5c6d3f0-0c1e-5b7a-9d52-7f3d0a6e4c11")
NOWHERE = UUID("00000000-0000-4000-8000-0000000000c0")
NOT_LIVE = "a running court has not sent this batch"


@cache
def batch_to_ftb(house: Courthouse) -> Sent:
    """The batch that the demo court makes for FTB, under an id that is the same each time."""
    court, ids = house.court(AT), Ids()
    act(CourtAct(name="", do="batch", facts={"partner": "FTB"}, message_id="made"), court, ids)
    with court.application.units() as uow:
        (leased,) = uow.outbox.claim(worker="recorder", now=AT, lease=timedelta(minutes=1))
        body = b"".join((leased.message.body, *leased.message.further))
    return Sent("COL903", "FTB", body.replace(ids.now("made").encode(), str(BATCH).encode()))


def error(
    scene: Scene, batch: UUID = BATCH, *, partner: str = "FTB", items: Sequence[int] = (), refused: bool = True,
    label: str = "", named: str = "", correlation: UUID | None = None,
) -> _Element:  # fmt: skip
    """An error message about `batch`: all of it, or the items with those numbers."""
    metadata = scene.metadata(partner, "COL903", MessageKind.ERROR, label, answers=correlation or batch)
    problem = ErrorBlock(code="SystemUnavailable", reason="The batch could not be processed.", resend=True)
    unknown = ErrorBlock(code="AccountUnknown", reason="There is no such account.", node="col903:CollectionAccountID")
    return error_to_xml(
        BatchError(
            metadata=metadata, batch_id=named or str(batch), refused=refused,
            problem=problem if refused else ErrorBlock(code="UpdatesRefused", reason="Some updates were refused."),
            items=tuple(ItemProblem(sequence=number, problem=unknown) for number in items),
        )
    )  # fmt: skip


def about_nothing(scene: Scene) -> _Element:
    return error(scene, NOWHERE)


def scenes(house: Courthouse) -> Iterator[Scene]:
    sent = [batch_to_ftb(house)]

    def scene(name: str, title: str, *, live: bool = False, books: bool = True) -> Scene:
        return Scene(house, f"col903-{name}", title, "COL903", sent=sent if books else (),
                     not_live="" if live else NOT_LIVE)  # fmt: skip

    def post(stage: Scene, message: _Element, state: dict[str, str], *, partner: str = "FTB", label: str = "",
             version: SoapVersion = SoapVersion.SOAP12, relates_to: UUID | None = BATCH) -> None:  # fmt: skip
        stage.post(message, ExpectedOutcome.ACCEPTED, partner=partner, exchange="COL903", version=version, label=label,
                   relates_to=relates_to, books=state)  # fmt: skip

    batch, quarantine = f"batch {BATCH}", "quarantine"
    stage = scene("error-batch", "An error message refuses the whole batch")
    post(stage, error(stage), {batch: "rejected: SystemUnavailable"})
    yield stage
    stage = scene("error-items", "An error message refuses two updates, in SOAP 1.1")
    post(stage, error(stage, items=(1, 3), refused=False), {batch: "partly rejected: UpdatesRefused"},
         version=SoapVersion.SOAP11)  # fmt: skip
    yield stage
    stage = scene("error-without-relates-to", "The correlation id alone finds the batch")
    post(stage, error(stage), {batch: "rejected: SystemUnavailable"}, relates_to=None)
    yield stage
    stage = scene("error-unmatched", "An error message about no batch of this court is kept and not applied", live=True,
                  books=False)  # fmt: skip
    post(stage, about_nothing(stage), {quarantine: "it answers no batch of this court"}, relates_to=NOWHERE)
    yield stage
    stage = scene("error-second", "A second error message about the same batch is kept and not applied")
    post(stage, error(stage), {batch: "rejected: SystemUnavailable"})
    post(stage, error(stage, items=(1,), refused=False, label="second"),
         {batch: "rejected: SystemUnavailable", quarantine: "the batch has its error message already"},
         label="second")  # fmt: skip
    yield stage
    stage = scene("error-late", "Silence counts as acceptance; an error message after that still finds its batch")
    stage.wait(days=11, books={batch: "assumed accepted"})
    post(stage, error(stage), {batch: "rejected: SystemUnavailable"})
    yield stage
    stage = scene("error-of-another", "Another partner's error message about FTB's batch is not applied")
    post(stage, error(stage, partner="AGENCY"), {batch: "delivered", quarantine: "the batch went to another partner"},
         partner="AGENCY")  # fmt: skip
    yield stage
    stage = scene("error-unknown-item", "An error message about an update that the batch has not is not applied")
    post(stage, error(stage, items=(99,), refused=False),
         {batch: "delivered", quarantine: "it names items that the batch has not: [99]"})  # fmt: skip
    yield stage
    stage = scene("error-other-batch-id", "BatchID and correlation id name different batches")
    post(stage, error(stage, named=str(NOWHERE)), {batch: "delivered", quarantine: "it answers no batch of this court"})
    yield stage
    stage = scene("error-contradicted", "wsa:RelatesTo and CorrelationID differ", live=True, books=False)
    stage.post(
        about_nothing(stage),
        ExpectedOutcome.FAULT,
        "exchange.metadata-contradicted",
        partner="FTB",
        exchange="COL903",
        relates_to=BATCH,
    )
    yield stage
    stage = scene("error-schema", "An error message without an error code", live=True, books=False)
    message = about_nothing(stage)
    remove(next(message.iter(q(EXT, "ErrorCodeText"))))
    stage.post(
        message, ExpectedOutcome.FAULT, "contract.schema-violated", partner="FTB", exchange="COL903", relates_to=NOWHERE
    )
    yield stage
    stage = scene("error-by-probation", "Adult probation has no batches to answer", live=True, books=False)
    stage.post(error(stage, NOWHERE, partner="ADULT-PROBATION"), ExpectedOutcome.FAULT, "envelope.not-permitted",
               exchange="COL903")  # fmt: skip
    yield stage
    stage = scene("error-twice", "The same error message twice has one effect")
    post(stage, error(stage), {batch: "rejected: SystemUnavailable"})
    stage.again(ExpectedOutcome.ACCEPTED)
    yield stage
