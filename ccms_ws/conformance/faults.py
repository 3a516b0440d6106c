"""What the small court does to a client that is tested: each task has a case, and some cases have a surprise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Final
from uuid import UUID, uuid4

from lxml import etree

from ccms_ws.clock import Clock
from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.requirements import TestRequirement
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.replay import pki
from ccms_ws.replay.draft import Draft
from ccms_ws.replay.unverified_reader import addressing_of, get_tree, payload_of
from ccms_ws.simulator.server import HttpReply

RETRY_AFTER: Final = 2
"""Seconds that a client is asked to wait."""


class FaultInjection(Enum):
    """What happens to the first message of a task."""

    NONE = "answered"
    UNAVAILABLE = "HTTP 503 with Retry-After"
    CUT = "the connection is cut when the query has been taken"
    TAMPERED = "an answer that was changed on its way"
    STRANGER = "an answer that another key signed"
    UNRELATED = "an answer to another message"
    STALE = "an answer of an hour ago"


@dataclass(frozen=True, slots=True)
class Task:
    """What the partner's tester lets the client ask, and which demand it shows. `also`: search keys beside the case."""

    number: int
    case_number: str
    expects: str
    requirement: TestRequirement
    trick: FaultInjection = FaultInjection.NONE
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> str:
        """The other keys, in words."""
        return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in self.also.items()) or "nothing else"


TASKS: Final = (
    Task(1, "CR-2023-002931", "a balance of 710.00", req.BALANCE, also={"participant_id": "P-1002"}),
    Task(2, "TR-2099-000001", "a rejection, CaseNotFound", req.REJECTION),
    Task(3, "CR-2025-000184", "an error message", req.ERROR, also={"as_of": "2199-01-01"}),
    Task(
        4, "TR-2025-004417", "HTTP 503 first: send the same message again", req.UNAVAILABLE, FaultInjection.UNAVAILABLE
    ),
    Task(5, "TR-2024-019302", "no answer first: send the same message again", req.CUT_OFF, FaultInjection.CUT),
    Task(
        6,
        "TR-2021-007755",
        "a changed answer first: believe nothing, send again",
        req.TAMPERED,
        FaultInjection.TAMPERED,
    ),
    Task(
        7,
        "TR-2025-011250",
        "another key's answer first: believe nothing, send again",
        req.STRANGER,
        FaultInjection.STRANGER,
    ),
    Task(
        8,
        "TR-2024-020118",
        "another message's answer first: send the same again",
        req.UNRELATED,
        FaultInjection.UNRELATED,
    ),
    Task(9, "TR-2025-009020", "an hour-old answer first: believe nothing, send again", req.STALE, FaultInjection.STALE),
)


def find_task(case_number: str) -> Task | None:
    """The task of that case; None if it is nobody's."""
    return next((task for task in TASKS if task.case_number == case_number), None)


def play(trick: FaultInjection, answer: HttpReply, court: Identity, clock: Clock) -> HttpReply:
    """What the client gets in place of `answer`."""
    if trick is FaultInjection.UNAVAILABLE:
        return HttpReply(503, headers={"Retry-After": str(RETRY_AFTER)})
    if trick is FaultInjection.CUT:
        return HttpReply(cut=True)
    if trick is FaultInjection.NONE or not answer.body:
        return answer
    return HttpReply(answer.status, _spoilt(trick, answer.body, court, clock), answer.content_type)


def _spoilt(trick: FaultInjection, body: bytes, court: Identity, clock: Clock) -> bytes:
    if trick is FaultInjection.TAMPERED:
        return body.replace(b".00</", b".01</")
    envelope = get_tree(body, "the answer")
    header, payload = addressing_of(envelope), payload_of(envelope)
    if payload is None:
        return body
    related = uuid4() if trick is FaultInjection.UNRELATED else _id(header["RelatesTo"])
    draft = Draft(
        payload=canonical(payload),
        to="",
        action=header["Action"],
        message_id=_id(header["MessageID"]),
        version=SoapVersion.from_namespace(etree.QName(envelope).namespace),
        signer=pki.identity("stranger") if trick is FaultInjection.STRANGER else court,
        at=clock.now() - (timedelta(hours=1) if trick is FaultInjection.STALE else timedelta(0)),
        relates_to=related,
        answers=True,
    )
    return draft.request().body


def _id(text: str) -> UUID:
    return UUID(text.removeprefix("urn:uuid:"))
