"""What the business rules ask of the store. `get_*` raises NotStored, `find_*` may return None."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from ccms_ws.domain.circuit_breaker import CircuitBreaker
from ccms_ws.domain.collections import Referral
from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    Court,
    JointDebtor,
    OtherIdentification,
    OtherName,
    Participant,
    PersonName,
)
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.domain.messages import (
    AuditEntry,
    DeliveryAttempt,
    Hold,
    IncomingMessage,
    LeasedMessage,
    OperatorAction,
    OutboxEntry,
    OutgoingMessage,
    QuarantinedAnswer,
    Refusal,
    RefusalCount,
    StoredAnswer,
)
from ccms_ws.domain.participant_search import AccessScope, Lookup

R = TypeVar("R")

Record = Court | Case | Participant | OtherName | OtherIdentification | CaseParticipant | JointDebtor | LedgerEntry


class CourtRecords(Protocol):
    """Courts, cases, participants and the ledger."""

    def add(self, *records: Record) -> None: ...
    def find_court(self, ori: str) -> Court | None: ...
    def find_case(self, court_ori: str, number: str) -> Case | None: ...
    def find_participant(self, court_ori: str, participant_id: str) -> Participant | None: ...
    def on_case(self, court_ori: str, case_number: str) -> Sequence[CaseParticipant]: ...
    def ledger(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[LedgerEntry]:
        """The entries that count for one participant on one case: their own, and all of obligations they share."""
        ...

    def case_ledger(self, court_ori: str, case_number: str) -> Sequence[LedgerEntry]:
        """All entries of a case, each once."""
        ...


class ParticipantSearch(Protocol):
    """The search for a case participant. What is outside of the scope costs as much as what is not there at all."""

    def find(self, court_ori: str, lookup: Lookup, scope: AccessScope) -> Sequence[CaseParticipant] | None:
        """Whom the lookup leads to on cases within the scope. None if it names a case and there is none."""
        ...

    def is_on_file(self, court_ori: str, lookup: Lookup) -> bool:
        """True if there is such a case, or a match on any case, within a scope or not. Partners must not learn it."""
        ...

    def other_names(self, court_ori: str, participant_ids: Sequence[str]) -> Mapping[str, Sequence[PersonName]]:
        """The former names and aliases of each."""
        ...


class Referrals(Protocol):
    """Debts referred to collecting partners."""

    def add(self, referral_: Referral) -> None: ...
    def add_lines(self, referral_: Referral, lines: Iterable[str], on: date) -> None: ...
    def get(self, referral_id: str) -> Referral: ...
    def on_case(self, court_ori: str, case_number: str) -> Sequence[Referral]: ...
    def open_of(self, court_ori: str, participant_id: str) -> Sequence[Referral]:
        """The referrals of a participant, on all cases, that have not ended."""
        ...

    def propose_recalls(self, partner_id: str) -> None:
        """Propose a recall of the open referrals whose case is sealed; take the proposal back if it no longer is."""
        ...

    def to_recall(self, partner_id: str) -> Sequence[Referral]:
        """The referrals of a partner for which a recall is proposed."""
        ...

    def end(self, referral_id: str, on: date, reason: str) -> None: ...


class Outbox(Protocol):
    """Outgoing messages. Messages that share a subject and a partner leave in the order in which they were added."""

    def add(self, message: OutgoingMessage) -> None: ...
    def lease_time(self, now: datetime) -> datetime:
        """The time by the clock that all leases are measured with: the database server's, or `now` if it has none."""
        ...

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
        """Lease up to `limit` messages that are due and that no earlier unfinished message of a same subject precedes.

        `room`: how many more messages may be sent to a partner at once. A partner whose circuit breaker is open gets
        none, one whose cooldown has ended a single one: the probe. A lease that has ended by `lease_now` (`lease_time`;
        `now` if not given) counts as due. `alone`: one message that is suspected of ending its workers; others leave
        those out.
        """
        ...

    def is_suspect_due(self, now: datetime, lease_now: datetime) -> bool:
        """True if a message is due that only a claim with `alone` takes."""
        ...

    def begin(self, leases: Sequence[LeasedMessage], at: datetime) -> Collection[UUID]:
        """Record that attempts have begun, or are about to; returns the ids of those whose lease is still held."""
        ...

    def settle_delivered(self, leased: LeasedMessage, attempt: DeliveryAttempt) -> None:
        """End a message as delivered. Raises ConcurrentChange if the lease is no longer this worker's."""
        ...

    def settle_failed(self, leased: LeasedMessage, attempt: DeliveryAttempt, retry_at: datetime | None) -> None:
        """Record a failed attempt; due again at `retry_at`, dead if that is None. Raises ConcurrentChange as above."""
        ...

    def renew_leases(self, leases: Sequence[LeasedMessage], until: datetime) -> Collection[UUID]:
        """Extend leases that this worker still holds, and shorten none; returns the ids of their messages."""
        ...

    def release_lease(self, leased: LeasedMessage) -> None:
        """Undo a claim of a message that was not touched."""
        ...

    def reschedule(self, now: datetime, horizon: timedelta, *, untried: bool = False) -> int:
        """Make due what is not due within `horizon`, the longest wait there can be: the clock must have been ahead.

        `untried`: only what could go at once and was never tried. Leases stay as they are.
        """
        ...

    def shorten_leases(self, lease_now: datetime, horizon: timedelta, lease: timedelta) -> int:
        """Let leases that last longer than any can (`horizon`) end after `lease`: who holds one renews it before."""
        ...

    def get(self, message_id: UUID) -> OutboxEntry: ...
    def list_entries(self, *, limit: int = 100, dead: bool = False, held: bool = False) -> Sequence[OutboxEntry]: ...
    def attempts(self, message_id: UUID) -> Sequence[DeliveryAttempt]: ...
    def notes(self, message_id: UUID) -> Sequence[AuditEntry]: ...
    def idle(self) -> bool:
        """True if no message waits or is being sent."""
        ...


class DeadLetters(Protocol):
    """What operators do with dead messages. Each raises NotStored, and MessageNotDead for what needs no operator."""

    def resend(self, message_id: UUID, order: OperatorAction) -> None:
        """Let the message be tried again, as often and as long as a new one."""
        ...

    def withdraw(self, message_id: UUID, order: OperatorAction) -> None:
        """Never send the message; those behind it move up."""
        ...

    def replace(self, message_id: UUID, order: OperatorAction, message: OutgoingMessage) -> None:
        """Never send the message; `message`, about the same subjects, takes its place. Raises SubjectsDiffer."""
        ...


class HeldMessages(Protocol):
    """Messages that an operator holds back before they are sent. Each raises NotStored, and MessageNotWaiting."""

    def hold(self, message_id: UUID, order: OperatorAction) -> None:
        """Hold back a message that waits; what is about the same subjects waits behind it."""
        ...

    def let_go(self, message_id: UUID, order: OperatorAction) -> None:
        """Let a held message go on, from its place."""
        ...

    def first_waiting(self, partner_id: str, subject: str) -> UUID:
        """The first message about a subject that waits: with it, all that are behind it are held."""
        ...

    def history(self, message_id: UUID) -> Sequence[Hold]: ...


class CircuitBreakers(Protocol):
    """The lines to partners. A partner that never failed has a line that is up."""

    def find(self, partner_id: str) -> CircuitBreaker: ...
    def lock(self, partner_id: str) -> CircuitBreaker:
        """As `find`; no other transaction changes the circuit breaker until this unit of work ends."""
        ...

    def list_breakers(self) -> Sequence[CircuitBreaker]:
        """The lines of all partners that ever failed."""
        ...

    def put(self, line: CircuitBreaker) -> None: ...


class Inbox(Protocol):
    """Incoming messages, their answers, refusals, quarantine."""

    def find_answer(self, message: IncomingMessage) -> StoredAnswer | None:
        """The stored answer if the same content came before under this id, None if the message is new.

        Raises MessageIdReused if the partner used this id for other content.
        """
        ...

    def receive(self, message: IncomingMessage) -> StoredAnswer | None:
        """As `find_answer`; of two units of work with the same message one waits here for the other."""
        ...

    def keep(self, message: IncomingMessage, answer: StoredAnswer | None = None) -> None:
        """Write a new message with its answer into the message log, for good; None: it got none.

        Raises ConcurrentChange if another unit of work kept it in the meantime.
        """
        ...

    def refuse(self, refusal: Refusal) -> None: ...
    def count_refusals(self, counts: Iterable[RefusalCount]) -> None:
        """Store counts, each in place of its earlier value."""
        ...

    def get_refusal(self, incident_id: UUID) -> Refusal:
        """The refusal, or in its place what is known of those that share this incident id. Raises NotStored."""
        ...

    def quarantine(self, answer: QuarantinedAnswer) -> None: ...
    def quarantined(self) -> Sequence[QuarantinedAnswer]: ...


class MessageLog(Protocol):
    """The message log, for those who only read beside it."""

    def keep(self, message: IncomingMessage, answer: StoredAnswer) -> None:
        """Write a new message with its answer, for good: it is durable when this returns.

        Raises ConcurrentChange if it was kept before, StoreError if it cannot be kept.
        """
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without `commit()` rolls everything back."""

    @property
    def books(self) -> CourtRecords: ...
    @property
    def participants(self) -> ParticipantSearch: ...
    @property
    def referrals(self) -> Referrals: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def held_messages(self) -> HeldMessages: ...
    @property
    def circuit_breakers(self) -> CircuitBreakers: ...
    @property
    def inbox(self) -> Inbox: ...
    def of(self, kind: Callable[[Any], R]) -> R:
        """The repository of an exchange's own tables, a class over a database connection, in this transaction."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def commit(self) -> None: ...
    def commit_async(self) -> None:
        """Commit while the caller goes on in a new transaction. What goes wrong is raised by its first statement, or at
        the end of the block.
        """

    def rollback(self) -> None: ...


class UnitOfWorkFactory(Protocol):
    def __call__(self) -> UnitOfWork: ...
