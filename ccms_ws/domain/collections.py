"""Court-ordered debt in the hands of a collecting partner: referrals, balance updates, the batches they travel in.

Which lines of the ledger a referral has, and what of the payments falls to them: `ccms_ws.domain.referred_debt`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from ccms_ws.domain.courts import CaseParticipant
from ccms_ws.domain.ledger import LedgerEntry


class ReferralPurpose(StrEnum):
    """What a partner does with a debt. One partner at a time collects it; any number may monitor it (probation)."""

    COLLECT = "Collect"
    MONITOR = "Monitor"


class ReferralState(StrEnum):
    """Where a referral stands. Only an open one is named in batches."""

    OPEN = "open"
    RECALL_PROPOSED = "recall proposed"
    """The partner should no longer have it; the court decides, and ends it."""
    ENDED = "ended"


CASE_SEALED = "CaseSealed"
"""Reason of a proposed recall: the case was sealed after the debt was referred."""


@dataclass(frozen=True, slots=True)
class Referral:
    """One participant's debt on one case, referred to a partner (COL901) until recalled (COL904) or returned (COL805).

    `lines` are the ids of the assessments that were referred: no other debt is the partner's business. None are given
    if all that were open on the day of the referral are meant. `reported_balance` is what the partner was last told,
    None if nothing was sent yet beyond the referral itself. `delinquent_on`: the first day on which the debt was
    overdue. `reason`: why a recall is proposed, or why the referral has ended.
    """

    referral_id: str
    partner_id: str
    court_ori: str
    case_number: str
    participant_id: str
    referred_on: date
    referred_amount: Decimal
    account_number: str = ""
    ended_on: date | None = None
    reported_balance: Decimal | None = None
    purpose: ReferralPurpose = ReferralPurpose.COLLECT
    state: ReferralState = ReferralState.OPEN
    reason: str = ""
    delinquent_on: date | None = None
    lines: tuple[str, ...] = ()

    @property
    def told_balance(self) -> Decimal:
        """What the partner was told last, by a balance update or by the referral itself."""
        return self.referred_amount if self.reported_balance is None else self.reported_balance


class BatchState(StrEnum):
    """Where a batch stands. Silence is an answer: after the partner's window it counts as accepted."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ASSUMED_ACCEPTED = "assumed accepted"
    REJECTED = "rejected"
    PARTLY_REJECTED = "partly rejected"
    UNDELIVERABLE = "undeliverable"

    @property
    def is_final(self) -> bool:
        """True if only a late error message can still change it."""
        return self not in (BatchState.QUEUED, BatchState.DELIVERED)


@dataclass(frozen=True, slots=True)
class Account:
    """A referral with all that is needed to say what changed: whose it is, the ledger, and what of it was told.

    `told`: the ids of the entries that the partner was told of beyond those that the referral contained; `added`: the
    lines that were added to the referral after its first day.
    """

    referral: Referral
    subject: CaseParticipant
    entries: Sequence[LedgerEntry]
    told: Collection[str]
    added: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BalanceUpdate:
    """One item of a batch: what a participant owed before, and owes now. `tells`: ledger entries told of for the first
    time.
    """

    sequence: int
    referral_id: str
    previous_balance: Decimal
    current_balance: Decimal
    effective_on: date
    tells: tuple[str, ...] = ()


class ItemState(StrEnum):
    """Where one item of a batch stands."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ASSUMED_ACCEPTED = "assumed accepted"
    REFUSED = "refused"
    """The partner refused it, and nothing is to be done: a newer update overtook it."""
    TO_BE_CORRECTED = "to be corrected"
    """The partner refused it; the debt is left out of ordinary batches until the court has corrected it."""
    CORRECTED = "corrected"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One item of a batch as an operator sees it."""

    sequence: int
    referral_id: str
    case_number: str
    participant_id: str
    previous_balance: Decimal
    current_balance: Decimal
    state: ItemState
    error_code: str = ""
    error_reason: str = ""
    corrected_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class CollectionBatch:
    """A batch of balance updates. `batch_id` is also its transaction id."""

    batch_id: UUID
    partner_id: str
    court_ori: str
    state: BatchState
    created_at: datetime
    item_count: int
    total_balance: Decimal
    delivered_at: datetime | None = None
    answer_due_at: datetime | None = None
    error_code: str = ""
    error_reason: str = ""


@dataclass(frozen=True, slots=True)
class ItemError:
    """What the partner says against one item of a batch."""

    sequence: int
    error_code: str
    error_reason: str
