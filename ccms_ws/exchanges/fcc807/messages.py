"""The messages of FCC807 as values: the query, and the two answers that are not errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from ccms_ws.contract.codes import code_list
from ccms_ws.domain.courts import CaseParticipant, DriverLicense, PersonName
from ccms_ws.domain.ledger import Balance
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Whose balance is asked for. At least one search key; `as_of` asks for the balance at the end of a past day."""

    metadata: Metadata
    court_ori: str
    unit: ProbationUnit
    agency: str
    case_number: str = ""
    participant_id: str = ""
    name: PersonName | None = None
    birth_date: date | None = None
    driver_license: DriverLicense | None = None
    as_of: date | None = None
    purpose: str = ""


class RejectionReason(StrEnum):
    """Why the court answers "no"; the words are those of the code list `fcc807-rejection-reasons`."""

    CASE_NOT_FOUND = "CaseNotFound"
    PARTICIPANT_NOT_FOUND = "ParticipantNotFound"
    PARTICIPANT_NOT_ON_CASE = "ParticipantNotOnCase"
    MULTIPLE_MATCHES = "MultipleMatches"
    INSUFFICIENT_CRITERIA = "InsufficientCriteria"
    NO_FINANCIAL_RECORD = "NoFinancialRecord"
    NOT_AUTHORIZED = "NotAuthorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFound:
    """The balance due, which may be 0.00 or a credit."""

    metadata: Metadata
    subject: CaseParticipant
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """The query was processed; the answer is "no", and why.

    `reason`: a `RejectionReason`, or a code that this version does not know: the list is open. `sentence`: what was
    sent in words; empty for what the published code list says.
    """

    metadata: Metadata
    reason: str
    sentence: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """Why, in words; empty for a code that is on no list here and came without any."""
        known = code_list("fcc807-rejection-reasons").codes.get(self.reason)
        return self.sentence or (known.text if known is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryError:
    """The court could not process the query."""

    metadata: Metadata
    problem: ErrorBlock


Response = BalanceFound | Rejection
