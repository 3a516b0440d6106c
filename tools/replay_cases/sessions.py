"""Conversations: the same message again, what the court pushes and what comes back, and all three exchanges in one."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.domain.courts import PersonName
from ccms_ws.envelope.faults import compose_fault
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import StoreUnavailable
from ccms_ws.replay.case import ExpectedOutcome
from ccms_ws.replay.court import Courthouse
from replay_cases import col903, dmv907
from replay_cases.scene import Scene, sent_id

CASE, PERSON = "CR-2022-008812", "P-1005"
NOT_LIVE = "the court's part of it is played in this process"


def scenes(house: Courthouse) -> Iterator[Scene]:
    yield from _same_again(house)
    yield from _batches(house)
    yield from _holds(house)
    yield _all_three(house)


def _same_again(house: Courthouse) -> Iterator[Scene]:
    keys = {"case_number": "TR-2025-004417"}
    scene = Scene(house, "session-same-bytes", "The same bytes twice get one answer", "FCC807")
    scene.post(scene.query(**keys), ExpectedOutcome.REPLY)
    scene.again(ExpectedOutcome.REPLY)
    yield scene
    scene = Scene(house, "session-retry",
                  "Sent again under its id half an hour later, freshly signed: the stored answer",
                  "FCC807")  # fmt: skip
    query = scene.query(**keys)
    scene.post(query, ExpectedOutcome.REPLY)
    scene.wait(minutes=30)
    scene.post(query, ExpectedOutcome.REPLY)
    yield scene
    scene = Scene(house, "session-retry-of-error", "An error message is a stored answer too", "FCC807")
    query = scene.query(case_number="TR-2025-004417", court_ori="CA019015J")
    scene.post(query, ExpectedOutcome.ERROR, "exchange.court-unknown")
    scene.wait(minutes=2)
    scene.post(query, ExpectedOutcome.ERROR, "exchange.court-unknown")
    yield scene
    scene = Scene(
        house, "session-retry-in-other-version", "A fault is not said again in the other SOAP version", "FCC807"
    )
    query = scene.query(case_number="TR-2025-004417", court_ori="CA019015J")
    scene.post(query, ExpectedOutcome.ERROR, "exchange.court-unknown")
    scene.post(query, ExpectedOutcome.FAULT, "addressing.message-id-reused", version=SoapVersion.SOAP11)
    yield scene
    scene = Scene(house, "session-reused-id", "The id of a query, used again for another one, is refused", "FCC807",
                  clauses=["WSA SOAP 6.4.1.8"])  # fmt: skip
    scene.post(scene.query(**keys), ExpectedOutcome.REPLY)
    scene.post(scene.query(case_number="TR-2024-019302"), ExpectedOutcome.FAULT, "addressing.message-id-reused")
    yield scene
    scene = Scene(house, "session-stale-then-fresh", "A stale message leaves nothing behind: its id can still be used",
                  "FCC807")  # fmt: skip
    query = scene.query(**keys)
    scene.post(query, ExpectedOutcome.FAULT, "security.timestamp-out-of-range", defect="stale")
    scene.post(query, ExpectedOutcome.REPLY)
    yield scene
    scene = Scene(house, "session-resent-by-a-thief", "Captured bytes, sent again when they have expired", "FCC807")
    scene.post(scene.query(**keys), ExpectedOutcome.REPLY)
    scene.wait(minutes=7)
    scene.again(ExpectedOutcome.FAULT, "security.timestamp-out-of-range")
    yield scene
    scene = Scene(house, "session-two-partners-one-id", "Two partners may use the same id", "FCC807")
    scene.post(scene.query(**keys), ExpectedOutcome.REPLY)
    scene.post(scene.query("JUVENILE-PROBATION", **keys), ExpectedOutcome.REPLY, partner="JUVENILE-PROBATION")
    yield scene
    scene = Scene(house, "session-narrowing-down",
                  "Rejected twice, then found: a query is put more precisely each time",
                  "FCC807")  # fmt: skip
    name = PersonName("Desmond", "Okafor")
    scene.post(scene.query(label="1", name=name), ExpectedOutcome.REPLY, label="1")
    scene.post(scene.query(label="2", name=name, participant_id="P-1002"), ExpectedOutcome.REPLY, label="2")
    scene.post(
        scene.query(label="3", name=name, participant_id="P-1002", case_number="CR-2025-000184"),
        ExpectedOutcome.REPLY,
        label="3",
    )
    yield scene


def _batches(house: Courthouse) -> Iterator[Scene]:
    scene = Scene(house, "session-batch-silence", "A batch to FTB; no error message comes, so it counts as accepted",
                  "COL903", not_live=NOT_LIVE)  # fmt: skip
    batch = scene.do("batch", partner="FTB")
    scene.deliver("FTB", "COL903", books={f"batch {batch}": "delivered"})
    scene.wait(days=11, books={f"batch {batch}": "assumed accepted"})
    yield scene
    scene = Scene(house, "session-batch-error",
                  "A batch to FTB, and its error message as a message of its own", "COL903",
                  not_live=NOT_LIVE)  # fmt: skip
    batch = scene.do("batch", partner="FTB")
    sent = sent_id(scene.deliver("FTB", "COL903", books={f"batch {batch}": "delivered"}))
    scene.wait(hours=3)
    scene.post(col903.error(scene, sent), ExpectedOutcome.ACCEPTED, partner="FTB", exchange="COL903", relates_to=sent,
               books={f"batch {batch}": "rejected: SystemUnavailable"})  # fmt: skip
    yield scene
    scene = Scene(house, "session-batch-corrected",
                  "FTB refuses an update; it goes out again, in a batch that names the first", "COL903",
                  not_live=NOT_LIVE)  # fmt: skip
    batch = scene.do("batch", partner="FTB")
    sent = sent_id(scene.deliver("FTB", "COL903"))
    scene.post(
        col903.error(scene, sent, items=(2,), refused=False),
        ExpectedOutcome.ACCEPTED,
        partner="FTB",
        exchange="COL903",
        relates_to=sent,
        books={f"batch {batch}": "partly rejected: UpdatesRefused"},
    )
    scene.wait(days=1)
    second = scene.do("correct", partner="FTB", batch=batch)
    scene.deliver("FTB", "COL903", books={f"batch {second}": "delivered"})
    yield scene
    scene = Scene(house, "session-batch-refused-at-once", "An agency refuses an update in the HTTP response", "COL903",
                  not_live=NOT_LIVE)  # fmt: skip
    batch = scene.do("batch", partner="AGENCY")
    message = col903.error(scene, UUID(batch), partner="AGENCY", items=(1,), refused=False, label="answer 2 deliver")
    fault = compose_fault(StoreUnavailable(), "", SoapVersion.SOAP11, message)
    scene.expect_made(UUID(batch))
    scene.deliver("AGENCY", "COL903", status=500, answer=fault, action=_fault_action("COL903-1.0-synchronous.wsdl"),
                  books={f"batch {batch}": "partly rejected: UpdatesRefused"})  # fmt: skip
    yield scene
    scene = Scene(house, "session-batch-retried",
                  "FTB is away, and takes the batch the second time: same id, same Body",
                  "COL903", not_live=NOT_LIVE)  # fmt: skip
    batch = scene.do("batch", partner="FTB")
    scene.deliver("FTB", "COL903", status=503, books={f"message {batch}": "pending", f"batch {batch}": "queued"})
    scene.wait(minutes=5)
    scene.deliver("FTB", "COL903", books={f"message {batch}": "delivered", f"batch {batch}": "delivered"})
    yield scene
    scene = Scene(house, "session-batch-nothing-new",
                  "A payment elsewhere makes the next batch, with that update alone",
                  "COL903", not_live=NOT_LIVE)  # fmt: skip
    scene.do("batch", partner="FTB")
    scene.deliver("FTB", "COL903")
    scene.do("entry", case=CASE, participant=PERSON, fee="Restitution", amount="140.00")
    scene.do("batch", partner="FTB")
    scene.deliver("FTB", "COL903")
    yield scene


def _holds(house: Courthouse) -> Iterator[Scene]:
    scene = Scene(house, "session-hold-and-release",
                  "A hold, its response, its release and the response to that", "DMV907",
                  not_live=NOT_LIVE)  # fmt: skip
    hold = scene.do("hold", **dmv907.ORDER)
    sent = sent_id(scene.deliver("DMV", "DMV907", books={f"abstract {hold}": "awaiting response"}))
    scene.wait(hours=1)
    scene.post(
        dmv907.response(scene, sent, label="1"),
        ExpectedOutcome.ACCEPTED,
        partner="DMV",
        exchange="DMV907",
        label="1",
        relates_to=sent,
        books={f"abstract {hold}": "accepted: ACCEPTED"},
    )
    scene.wait(days=20)
    release = scene.do("release", hold=hold, reason="Complied")
    sent = sent_id(scene.deliver("DMV", "DMV907", books={f"abstract {release}": "awaiting response"}))
    scene.post(
        dmv907.response(scene, sent, label="2"),
        ExpectedOutcome.ACCEPTED,
        partner="DMV",
        exchange="DMV907",
        label="2",
        relates_to=sent,
        books={f"abstract {release}": "accepted: ACCEPTED"},
    )
    yield scene
    scene = Scene(house, "session-answer-overtakes",
                  "DMV's error message comes when the abstract has just left", "DMV907",
                  not_live=NOT_LIVE)  # fmt: skip
    hold = scene.do("hold", **dmv907.ORDER)
    scene.post(dmv907.error(scene, UUID(hold)), ExpectedOutcome.ACCEPTED, partner="DMV", exchange="DMV907",
               relates_to=UUID(hold), books={f"abstract {hold}": "in error: RecordUnavailable"})  # fmt: skip
    scene.deliver("DMV", "DMV907", books={f"abstract {hold}": "in error: RecordUnavailable"})
    yield scene


def _all_three(house: Courthouse) -> Scene:
    """A debt through all three exchanges."""
    scene = Scene(house, "session-all-three", "Referred, paid in part, told to FTB, contested, asked about; and a hold",
                  "FCC807", "COL903", "DMV907", not_live=NOT_LIVE)  # fmt: skip
    keys = {"case_number": "TR-2025-011250", "participant_id": "P-1004"}
    scene.post(scene.query(label="before", **keys), ExpectedOutcome.REPLY, label="before")
    scene.do("referral", id="R-2026-0001", partner="FTB", case="TR-2025-011250", participant="P-1004", amount="480.00",
             account="COD-600001")  # fmt: skip
    scene.do("entry", case="TR-2025-011250", participant="P-1004", fee="StatePenalty", amount="80.00")
    batch = scene.do("batch", partner="FTB")
    sent = sent_id(scene.deliver("FTB", "COL903", books={f"batch {batch}": "delivered"}))
    hold = scene.do("hold", **dmv907.ORDER)
    notice = sent_id(scene.deliver("DMV", "DMV907", books={f"abstract {hold}": "awaiting response"}))
    scene.wait(hours=5)
    scene.post(
        col903.error(scene, sent, items=(1,), refused=False, label="error"),
        ExpectedOutcome.ACCEPTED,
        partner="FTB",
        exchange="COL903",
        label="error",
        relates_to=sent,
        books={f"batch {batch}": "partly rejected: UpdatesRefused"},
    )
    scene.post(
        dmv907.response(scene, notice, label="response"),
        ExpectedOutcome.ACCEPTED,
        partner="DMV",
        exchange="DMV907",
        label="response",
        relates_to=notice,
        books={f"abstract {hold}": "accepted: ACCEPTED"},
    )
    scene.post(scene.query(label="after", **keys), ExpectedOutcome.REPLY, label="after", version=SoapVersion.SOAP11)
    return scene


def _fault_action(wsdl: str) -> str:
    (operation,) = load_wsdl(f"partner/{wsdl}").operations.values()
    (fault,) = operation.faults.values()
    return fault.action
