"""What a recorded case is: a folder with envelopes as they were on the wire, and `case.toml`, which says what they are.

A case is a conversation: one step for a single message, several for a session. Reading stands in `casefile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ccms_ws.replay.draft import Request


class ExpectedOutcome(StrEnum):
    """How a message was answered, as anybody on the wire sees it."""

    REPLY = "reply"
    """The exchange's reply: a balance, a rejection."""
    ERROR = "error"
    """The exchange's own error message, as the detail of a fault."""
    FAULT = "fault"
    """A fault that refuses the message, with the code of the court's error."""
    ACCEPTED = "accepted"
    """Taken in; a one-way message gets no answer."""
    HTTP = "http"
    """Refused by HTTP alone: the request could not carry a message."""


class Books(StrEnum):
    """What the court has on file when a case begins."""

    DEMO = "demo"
    """The books of the demo court."""
    MADE = "made"
    """As little as makes the recorded answers true, made from the messages themselves."""
    COURT = "court"
    """Those of the court where it was recorded: needs a copy of that installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must come back. `code`: of the error, empty if there is none; `signed`: the court vouches for the answer.

    `answer` is the envelope as it was recorded, or the payload alone. `books`: what the court must have on file
    afterwards, "batch ID", "abstract ID" or "quarantine" to its state in words.
    """

    outcome: ExpectedOutcome
    status: int
    code: str = ""
    signed: bool = True
    answer: bytes = b""
    books: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A partner sends. `partner`: the id of the signer in the recording, empty if unknown; `payload`: what was said
    before it was laid out or spoilt (`layout`, `defect`), empty if it was neither.
    """

    name: str
    path: str
    request: Request
    expected: Expected
    partner: str = ""
    payload: bytes = b""
    layout: str = ""
    defect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The clock moves on, and the court looks what has become overdue."""

    name: str
    by: timedelta
    books: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtAct:
    """Something is done at the court: `do` names it (`ccms_ws.replay.actions`), `facts` are its particulars.

    `message_id`: of the message that it makes, in the recording.
    """

    name: str
    do: str
    facts: Mapping[str, object]
    message_id: str = ""
    books: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The worker delivers a message to `partner`, whose address was `url`; `message` is the envelope that must leave,
    the rest is the HTTP answer.
    """

    name: str
    partner: str
    exchange: str
    url: str
    message: bytes
    status: int = 202
    content_type: str = ""
    answer: bytes = b""
    books: Mapping[str, str] = field(default_factory=dict)


Step = Post | Wait | CourtAct | Delivery


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the court had sent before the case begins: the payload, and to whom."""

    exchange: str
    partner: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Where an answer may differ, and why that is right: a path as differences show it, with `*` for anything."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. `at`: the moment of the recording; `ran`: by how much its clock went on until the answer was signed, if
    it did not stand still; `folder`: where it was read from; `not_live`: why no running endpoint can play it.
    """

    name: str
    title: str
    exchanges: tuple[str, ...]
    at: datetime
    steps: tuple[Step, ...]
    ran: timedelta = timedelta(0)
    folder: Path = Path()
    books: Books = Books.DEMO
    sent: tuple[Sent, ...] = ()
    may_differ: tuple[Tolerance, ...] = ()
    clauses: tuple[str, ...] = ()
    provenance: str = ""
    not_live: str = ""
    court: str = ""
    """The settings file of the court where it was recorded; empty if it plays in the demo court."""

    @property
    def is_session(self) -> bool:
        return len(self.steps) > 1
