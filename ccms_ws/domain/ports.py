"""What the business rules ask of the store. `get_*` raises NotStored, `find_*` may return None."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from ccms_ws.domain.abstracts import Abstract, AbstractState
from ccms_ws.domain.collections import BalanceUpdate, BatchState, CollectionBatch, ItemError, Referral
from ccms_ws.domain.courts import Case, CaseParticipant, Court, DriverLicense, Participant, PersonName
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.domain.messages import (
    DeliveryAttempt,
    IncomingMessage,
    LeasedMessage,
    OutboxEntry,
    OutgoingMessage,
    QuarantinedAnswer,
    Refusal,
    StoredAnswer,
)


class Courtbooks(Protocol):
    """Courts, cases, participants and the ledger."""

    def add(self, *records: Court | Case | Participant | CaseParticipant | LedgerEntry) -> None: ...
    def find_court(self, ori: str) -> Court | None: ...
    def find_case(self, court_ori: str, number: str) -> Case | None: ...
    def find_participant(self, court_ori: str, participant_id: str) -> Participant | None: ...
    def participants_named(self, court_ori: str, name: PersonName, birth_date: date | None) -> Sequence[Participant]:
        """All participants of that surname and given name (any case; middle and suffix only if given and on file)."""
        ...

    def on_case(self, court_ori: str, case_number: str) -> Sequence[CaseParticipant]: ...
    def cases_of(self, court_ori: str, participant_id: str) -> Sequence[CaseParticipant]: ...
    def ledger(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[LedgerEntry]: ...


class Collections(Protocol):
    """Referrals and COL903 batches."""

    def add_referral(self, referral: Referral) -> None: ...
    def get_referral(self, referral_id: str) -> Referral: ...
    def open_referrals(self, partner_id: str) -> Iterator[Referral]:
        """Open referrals of a partner, in the order of their ids, streamed."""
        ...

    def add_batch(self, batch: CollectionBatch, items: Iterable[BalanceUpdate]) -> None:
        """Store a batch, and each item's balance as the one last reported for its referral."""
        ...

    def find_batch(self, batch_id: UUID) -> CollectionBatch | None: ...
    def lock_batch(self, batch_id: UUID) -> CollectionBatch | None:
        """As `find_batch`; nobody else changes the batch until this unit of work ends (SELECT FOR UPDATE)."""
        ...

    def move_batch(
        self,
        batch_id: UUID,
        state: BatchState,
        *,
        delivered_at: datetime | None = None,
        answer_due_at: datetime | None = None,
        error_code: str = "",
        error_reason: str = "",
        items: Iterable[ItemError] = (),
    ) -> None: ...
    def silent_batches(self, now: datetime) -> Sequence[CollectionBatch]:
        """Delivered batches whose window for an error message ended before `now`."""
        ...


class Abstracts(Protocol):
    """Failure-to-comply abstracts."""

    def add(self, abstract: Abstract) -> None: ...
    def find(self, abstract_id: UUID) -> Abstract | None: ...
    def lock(self, abstract_id: UUID) -> Abstract | None:
        """As `find`; nobody else changes the abstract until this unit of work ends (SELECT FOR UPDATE)."""
        ...

    def open_hold(self, court_ori: str, case_number: str, licence: DriverLicense) -> Abstract | None:
        """The hold on this licence for this case that was not refused by DMV and has no release yet."""
        ...

    def move(
        self,
        abstract_id: UUID,
        state: AbstractState,
        *,
        answer_due_at: datetime | None = None,
        answer_code: str = "",
        answer_text: str = "",
    ) -> None: ...
    def overdue(self, now: datetime) -> Sequence[Abstract]:
        """Abstracts that await a response which was due before `now`."""
        ...


class Outbox(Protocol):
    """Outgoing messages. Messages that share a subject and a partner leave in the order in which they were added."""

    def add(self, message: OutgoingMessage) -> None: ...
    def claim(self, *, worker: str, now: datetime, lease: timedelta, limit: int = 1) -> Sequence[LeasedMessage]:
        """Lease up to `limit` messages that are due and that no earlier unfinished message of a same subject precedes.

        A lease that has run out counts as due. Each claim is an attempt.
        """
        ...

    def settle_delivered(self, leased: LeasedMessage, attempt: DeliveryAttempt) -> None:
        """End a message as delivered. Raises ConcurrentChange if the lease is no longer this worker's."""
        ...

    def settle_failed(self, leased: LeasedMessage, attempt: DeliveryAttempt, retry_at: datetime | None) -> None:
        """Record a failed attempt; due again at `retry_at`, dead if that is None. Raises ConcurrentChange as above."""
        ...

    def get(self, message_id: UUID) -> OutboxEntry: ...
    def list_entries(self, *, limit: int = 100) -> Sequence[OutboxEntry]: ...
    def attempts(self, message_id: UUID) -> Sequence[DeliveryAttempt]: ...
    def idle(self) -> bool:
        """True if no message waits or is being sent."""
        ...


class Inbox(Protocol):
    """Incoming messages, their answers, refusals, quarantine."""

    def receive(self, message: IncomingMessage) -> StoredAnswer | None:
        """Take a message in, once for good: None if it is new, its stored answer if the same content came before.

        Raises MessageIdReused if the partner used this id for other content. Of two transactions with the same message
        one waits for the other.
        """
        ...

    def answer(self, message: IncomingMessage, answer: StoredAnswer, raw: bytes) -> None:
        """Store the answer to a message received in this unit of work; `raw`: the sealed bytes as they are sent."""
        ...

    def refuse(self, refusal: Refusal) -> None: ...
    def get_refusal(self, incident_id: UUID) -> Refusal: ...
    def quarantine(self, answer: QuarantinedAnswer) -> None: ...
    def quarantined(self) -> Sequence[QuarantinedAnswer]: ...


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without `commit()` rolls everything back."""

    @property
    def books(self) -> Courtbooks: ...
    @property
    def collections(self) -> Collections: ...
    @property
    def abstracts(self) -> Abstracts: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def inbox(self) -> Inbox: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...


class UnitOfWorkFactory(Protocol):
    def __call__(self) -> UnitOfWork: ...
