"""The messages of COL903 as values: the batch that leaves, and the error message that may come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from ccms_ws.domain.courts import CaseParticipant
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import Metadata


class CollectionStatus(StrEnum):
    """What the partner shall do with the debt from now on."""

    ACTIVE = "Active"
    PAID_IN_FULL = "PaidInFull"
    NOTHING_OWED = "NothingOwed"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment since the previous balance. `source`: a code of the list `col903-payment-sources`, empty if unknown."""

    amount: Decimal
    on: date
    receipt_id: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change since the previous balance that is no payment. `reason`: a code of `col903-adjustment-reasons`."""

    increase: bool
    amount: Decimal
    on: date
    reason: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One item: what a participant owes on a case now, of the lines that were referred.

    Zero means paid in full, unless `is_paid` is false: then the debt, or a part of it, was waived, vacated or reversed,
    and that part was not paid. `delinquent_on` is the first day on which the debt was overdue.

    The previous balance less payments, less decreases and plus increases is the current balance; so is the sum of what
    is due of the fees, if they are given.
    """

    sequence: int
    account_number: str
    subject: CaseParticipant
    referred_amount: Decimal
    previous_balance: Decimal
    current_balance: Decimal
    effective_on: date
    fees: tuple[FeeBalance, ...]
    payments: tuple[Payment, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    is_paid: bool = True
    delinquent_on: date | None = None

    @property
    def status(self) -> CollectionStatus:
        if self.current_balance > 0:
            return CollectionStatus.ACTIVE
        return CollectionStatus.PAID_IN_FULL if self.is_paid else CollectionStatus.NOTHING_OWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch with its control totals, which a reader recomputes. `corrects` names the batch whose items it mends."""

    metadata: Metadata
    client_id: str
    updates: tuple[Update, ...]
    corrects: UUID | None = None

    @property
    def batch_id(self) -> UUID:
        return self.metadata.transaction_id

    @property
    def total_balance(self) -> Decimal:
        return sum((update.current_balance for update in self.updates), Decimal("0.00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemProblem:
    """What is wrong with one item, by its sequence number in the batch."""

    sequence: int
    problem: ErrorBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchError:
    """The partner could not process a batch (`refused`: the whole of it) or some of its `items`."""

    metadata: Metadata
    batch_id: str
    refused: bool
    problem: ErrorBlock
    items: tuple[ItemProblem, ...] = ()
