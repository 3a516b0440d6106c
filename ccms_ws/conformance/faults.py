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
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Exchange
from ccms_ws.registry import part
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
    """What the partner's tester lets the client ask, and which demand it shows. `also`: search keys beside the case;
    `may_repeat`: it may be asked again at once.
    """

    number: int
    case_number: str
    expects: str
    requirement: TestRequirement
    trick: FaultInjection = FaultInjection.NONE
    may_repeat: bool = False
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> str:
        """The other keys, in words."""
        return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in self.also.items()) or "nothing else"


def tasks_of(exchange: Exchange) -> tuple[Task, ...]:
    """What a client is to ask by this exchange: the `TASKS` of its part `conformance`. Raises ConfigError without."""
    conformance = part(exchange, "conformance")
    if conformance is None:
        raise ConfigError(
            f"the kit has no tasks for a client of {exchange.code}",
            hint="they are in the module conformance.py of the exchange's folder",
        )
    tasks: tuple[Task, ...] = conformance.TASKS
    return tasks


def requirements_of(exchange: Exchange) -> tuple[TestRequirement, ...]:
    """Everything that is asked of a client of this exchange, in the order of the report."""
    return req.of_client(task.requirement for task in tasks_of(exchange) if task.trick is FaultInjection.NONE)


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
