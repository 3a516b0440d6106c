"""Outbox and inbox in memory, with transactions, and an exchange that notes what it is told: for tests of delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from uuid import UUID

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clients import Answer
from ccms_ws.domain.circuit_breaker import CircuitBreaker as PartnerLine
from ccms_ws.domain.messages import (
    LONGEST_LEASE,
    AnswerKind,
    DeliveryAttempt,
    IncomingMessage,
    LeasedMessage,
    OutgoingMessage,
    QuarantinedAnswer,
    Refusal,
    StoredAnswer,
)
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.errors import ConcurrentChange, MessageIdReused, StoreError
from ccms_ws.exchange import Context, Exchange
from ccms_ws.message_parts.metadata import Q_CORRELATION, Q_METADATA, Q_PARTY_ID, Q_SENDER, read_metadata
from ccms_ws.message_parts.xml import child
from tests.support.envelopes import ACTION, CLOCK, POLICY
from tests.support.partner_settings import message
from tests.support.pki import pki

SOAP12 = SoapVersion.SOAP12


@dataclass
class Waiting:
    """A message in the outbox: due until it is delivered or dead (`due_at` None)."""

    message: OutgoingMessage
    due_at: datetime | None
    attempts: int = 0
    worker: str = ""
    lost: int = 0
    unfinished: int = 0
    claimed_at: datetime | None = None
    begun_at: datetime | None = None
    history: list[DeliveryAttempt] = field(default_factory=list)

    @property
    def leases_without_result(self) -> int:
        return self.unfinished + (1 if self.worker else 0)

    def is_due(self, now: datetime, lease_now: datetime) -> bool:
        return self.due_at is not None and self.due_at <= (lease_now if self.worker else now)

    def end_lease(self) -> None:
        """As the store does it for a lease that ran out."""
        if not self.worker or self.due_at is None or self.claimed_at is None:
            return
        outcome = "lapsed" if self.begun_at is None else "lost"
        started_at = self.begun_at or self.claimed_at
        self.history.append(
            DeliveryAttempt(
                self.message.message_id, self.attempts, self.worker, started_at, self.due_at, outcome,
                detail="the worker did not come back before its lease ended"
                + (", and nothing shows that it had begun to send" if outcome == "lapsed" else ""),
            )
        )  # fmt: skip
        self.lost += outcome == "lost"
        self.unfinished += 1


@dataclass
class Records:
    """Everything that a commit keeps."""

    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    received: dict[UUID, IncomingMessage] = field(default_factory=dict)
    quarantined: list[QuarantinedAnswer] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    lines: dict[str, PartnerLine] = field(default_factory=dict)


class FakeUnit:
    """A unit of work over `FakeUnits`; its own outbox and inbox."""

    def __init__(self, units: FakeUnits) -> None:
        self._units = units
        self.records = units.records

    @property
    def outbox(self) -> Self:
        return self

    @property
    def inbox(self) -> Self:
        return self

    @property
    def circuit_breakers(self) -> Self:
        return self

    def __enter__(self) -> Self:
        self.records = deepcopy(self._units.records)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def commit(self) -> None:
        if self._units.commit_errors:
            error = self._units.commit_errors.pop(0)
            if error is not None:
                raise error
        self._units.records = self.records

    # -- outbox -------------------------------------------------------------------------------------------------------
    def add(self, message: OutgoingMessage) -> None:
        self.records.waiting[message.message_id] = Waiting(message, message.created_at)

    def lease_time(self, now: datetime) -> datetime:
        return now

    def claim(
        self,
        *,
        worker: str,
        now: datetime,
        lease: timedelta,
        limit: int = 1,
        room: Callable[[str], int] | None = None,
        lease_now: datetime | None = None,
        alone: bool = False,
    ) -> Sequence[LeasedMessage]:
        lease_now = now if lease_now is None else lease_now
        due: list[Waiting] = []
        for one in sorted(self.records.waiting.values(), key=lambda one: one.due_at or now):
            taken = sum(other.message.partner_id == one.message.partner_id for other in due)
            has_room = room is None or taken < room(one.message.partner_id)
            if one.is_due(now, lease_now) and has_room and alone == (one.leases_without_result >= 2):
                due.append(one)
        due = due[: min(limit, 1) if alone else limit]
        leased = []
        for one in due:
            one.end_lease()
            until = lease_now + (lease * min(2**one.lost, LONGEST_LEASE) if alone else lease)
            one.attempts, one.worker, one.due_at = one.attempts + 1, worker, until
            one.claimed_at, one.begun_at = now, None
            tried = [attempt.started_at for attempt in one.history if attempt.outcome != "lapsed"]
            since = min(tried, default=now)
            leased.append(
                LeasedMessage(one.message, one.attempts, until, worker, 1 + len(tried), since, one.lost, alone)
            )
        return leased

    def is_suspect_due(self, now: datetime, lease_now: datetime) -> bool:
        waiting = self.records.waiting.values()
        return any(one.is_due(now, lease_now) and one.leases_without_result >= 2 for one in waiting)

    def begin(self, leases: Sequence[LeasedMessage], at: datetime) -> set[UUID]:
        held = [one for leased in leases if (one := self._held(leased)) is not None]
        for one in held:
            one.begun_at = one.begun_at or at
        return {one.message.message_id for one in held}

    def renew_leases(self, leases: Sequence[LeasedMessage], until: datetime) -> Collection[UUID]:
        if not leases:
            return ()
        held = [one for leased in leases if (one := self._held(leased)) is not None]
        for one in held:
            one.due_at = max(until, one.due_at or until)
        return {one.message.message_id for one in held}

    def release_lease(self, leased: LeasedMessage) -> None:
        one = self._held(leased)
        if one is not None:
            one.attempts, one.worker, one.due_at = one.attempts - 1, "", one.claimed_at
            one.begun_at = None

    def _held(self, leased: LeasedMessage) -> Waiting | None:
        one = self.records.waiting[leased.message.message_id]
        return one if (one.worker, one.attempts) == (leased.worker, leased.attempt) else None

    def reschedule(self, now: datetime, horizon: timedelta, *, untried: bool = False) -> int:
        waiting = [one for one in self.records.waiting.values() if not one.worker and not (untried and one.attempts)]
        ahead = [one for one in waiting if one.due_at is not None and one.due_at > now + horizon]
        for one in ahead:
            one.due_at = now
        return len(ahead)

    def shorten_leases(self, lease_now: datetime, horizon: timedelta, lease: timedelta) -> int:
        leased = [one for one in self.records.waiting.values() if one.worker and one.due_at is not None]
        ahead = [one for one in leased if one.due_at is not None and one.due_at > lease_now + horizon]
        for one in ahead:
            one.due_at = lease_now + lease
        return len(ahead)

    def attempts(self, message_id: UUID) -> Sequence[DeliveryAttempt]:
        return self.records.waiting[message_id].history

    def settle_delivered(self, leased: LeasedMessage, attempt: DeliveryAttempt) -> None:
        self._settle(leased, attempt, None)

    def settle_failed(self, leased: LeasedMessage, attempt: DeliveryAttempt, retry_at: datetime | None) -> None:
        self._settle(leased, attempt, retry_at)

    def _settle(self, leased: LeasedMessage, attempt: DeliveryAttempt, due_at: datetime | None) -> None:
        one = self.records.waiting[leased.message.message_id]
        if (one.worker, one.attempts) != (leased.worker, leased.attempt):
            raise ConcurrentChange
        one.worker, one.due_at, one.unfinished, one.begun_at = "", due_at, 0, None
        one.history.append(attempt)

    # -- lines --------------------------------------------------------------------------------------------------------
    def find(self, partner_id: str) -> PartnerLine:
        return self.records.lines.get(partner_id, PartnerLine(partner_id))

    lock = find

    def list_breakers(self) -> Sequence[PartnerLine]:
        return list(self.records.lines.values())

    def put(self, line: PartnerLine) -> None:
        self.records.lines[line.partner_id] = line

    # -- inbox --------------------------------------------------------------------------------------------------------
    def receive(self, message: IncomingMessage) -> StoredAnswer | None:
        known = self.records.received.get(message.message_id)
        if known is None:
            return None
        if known.content_digest != message.content_digest:
            raise MessageIdReused
        return StoredAnswer(AnswerKind.ACCEPTED, message.message_id)

    def keep(self, message: IncomingMessage, answer: StoredAnswer | None = None) -> None:
        self.records.received[message.message_id] = message

    def quarantine(self, answer: QuarantinedAnswer) -> None:
        self.records.quarantined.append(answer)

    def refuse(self, refusal: Refusal) -> None:
        self.records.refused.append(refusal)


class FakeUnits:
    """Makes units of work. `commit_errors` are raised by the next commits, one each (None: that one succeeds)."""

    def __init__(self) -> None:
        self.records = Records()
        self.commit_errors: list[StoreError | None] = []

    def __call__(self) -> Any:
        return FakeUnit(self)

    def put(self, message: OutgoingMessage) -> Waiting:
        self.records.waiting[message.message_id] = Waiting(message, message.created_at)
        return self.records.waiting[message.message_id]

    def of(self, message: OutgoingMessage) -> Waiting:
        return self.records.waiting[message.message_id]


class NotingTracking:
    """In place of an exchange's tracking: notes in the records what happens. `silent`: how many a sweep finds."""

    def __init__(self, silent: int) -> None:
        self._silent = silent

    def delivered(self, message_id: UUID, at: datetime, answer_due_at: datetime | None, uow: Any) -> None:
        uow.records.told.append(("delivered", message_id, at, answer_due_at))

    def gave_up(self, message_id: UUID, reason: str, uow: Any) -> None:
        uow.records.told.append(("undeliverable", message_id, reason))

    def timed_out(self, now: datetime, uow: Any) -> int:
        uow.records.told.append(("swept", now))
        return self._silent

    def match(self, message_id: UUID, _repeated_id: str, _partner_id: str, _uow: Any) -> UUID:
        return message_id

    def answered(self, message_id: UUID, root: str, uow: Any) -> None:
        uow.records.told.append(("answered", message_id, root))


def noting(exchange: Exchange, silent: int = 0) -> Exchange:
    """The exchange with tracking that only notes what happens, and answers whose verdict is their root element."""

    def read(payload: _Element) -> Any:
        return SimpleNamespace(metadata=read_metadata(payload), root=str(payload.tag))

    def interpret(message: Any, _message_id: UUID, _context: Context, _uow: Any) -> Any:
        return message.root

    sent = exchange.notification
    assert sent is not None
    answers = tuple(
        replace(one, read=read, repeated_id=lambda _answer: "", interpret=interpret) for one in sent.answers
    )
    tracking: Any = NotingTracking(silent)
    return replace(exchange, notification=replace(sent, tracking=tracking, answers=answers))


def answer_to(
    sent: OutgoingMessage, sample_name: str, court: str, message_id: str | None = None, **texts: str
) -> Answer:
    """The sample answer of that name as the partner of `sent` would give it, signed and opened."""
    made = message(sample_name, court, None, **texts)
    payload = etree.fromstring(made.body)
    metadata = child(payload, Q_METADATA)
    child(metadata, Q_CORRELATION).text = str(sent.message_id)
    child(child(metadata, Q_SENDER), Q_PARTY_ID).text = sent.partner_id
    relates_to = f"urn:uuid:{sent.message_id}"
    written = f"urn:uuid:{made.message_id}" if message_id is None else message_id
    envelope = compose_envelope(
        payload, Addressing.answer(action=ACTION, message_id=written, relates_to=relates_to), SOAP12
    )
    envelope = seal_envelope(envelope, identity=pki().dmv, policy=POLICY, clock=CLOCK)
    acceptance = ReceivePolicy(
        to=frozenset(), operations={made.root: ACTION}, permits=lambda _partner, _root: True, relates_to=relates_to
    )
    raw = to_bytes(envelope)
    received = HttpMessage(raw, "application/soap+xml; charset=utf-8")
    opened = open_envelope(received, trust=pki().trust, policy=POLICY, clock=CLOCK, acceptance=acceptance)
    return Answer(opened, opened.payload, raw)
