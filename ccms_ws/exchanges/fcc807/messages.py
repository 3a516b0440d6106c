"""The messages of FCC807 as values: the query, and the two answers that are not errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ccms_ws.domain.courts import CaseParticipant, DriverLicense, PersonName
from ccms_ws.domain.ledger import Balance
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.parts.metadata import Metadata
from ccms_ws.parts.problems import Problem


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
    """Why the court answers "no". The list is this project's own; no authority published one."""

    CASE_NOT_FOUND = "CaseNotFound"
    PARTICIPANT_NOT_FOUND = "ParticipantNotFound"
    PARTICIPANT_NOT_ON_CASE = "ParticipantNotOnCase"
    MULTIPLE_MATCHES = "MultipleMatches"
    INSUFFICIENT_CRITERIA = "InsufficientCriteria"
    NO_FINANCIAL_RECORD = "NoFinancialRecord"
    NOT_AUTHORIZED = "NotAuthorized"


REJECTION_TEXT = {
    RejectionReason.CASE_NOT_FOUND: "No case of this number is on file at this court.",
    RejectionReason.PARTICIPANT_NOT_FOUND: "No participant on file at this court fits the search keys.",
    RejectionReason.PARTICIPANT_NOT_ON_CASE: "The case has no participant that fits the other search keys.",
    RejectionReason.MULTIPLE_MATCHES: "More than one case participant fits; add a search key.",
    RejectionReason.INSUFFICIENT_CRITERIA: (
        "Give a case number, a participant id, or a name together with a date of birth."
    ),
    RejectionReason.NO_FINANCIAL_RECORD: "The participant has no financial record on this case.",
    RejectionReason.NOT_AUTHORIZED: "The submitting unit is not the one that this partner is registered for.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFound:
    """The balance due, which may be 0.00 or a credit."""

    metadata: Metadata
    subject: CaseParticipant
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """The query was processed; the answer is "no", and why."""

    metadata: Metadata
    reason: RejectionReason

    @property
    def text(self) -> str:
        return REJECTION_TEXT[self.reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryError:
    """The court could not process the query."""

    metadata: Metadata
    problem: Problem


Response = BalanceFound | Rejection
