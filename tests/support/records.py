"""A small court's records, for tests that need some to be there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from ccms_ws.domain.collections import Referral
from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseType,
    Court,
    DriverLicense,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.messages import DeliveryAttempt, IncomingMessage, LeasedMessage, OutgoingMessage
from ccms_ws.domain.ports import UnitOfWork

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
ORI = "CA034015J"

COURT = Court(ORI, "Superior Court of California, County of Sacramento", "34", "34440")
CASE = Case(ORI, "26TR001234", CaseType.TRAFFIC, title="People v. Núñez")
LICENSE = DriverLicense("D1234567")
ANA = Participant(ORI, "P-1", PersonName("Ana", "Núñez-O'Brien", "Q.", "Jr."), date(1990, 2, 28), LICENSE)
BEN = Participant(ORI, "P-2", PersonName("Ben", "Lee"))
ON_CASE = (
    CaseParticipant(ANA, CASE.number, ParticipantRole.DEFENDANT),
    CaseParticipant(BEN, CASE.number, ParticipantRole.OTHER),
)
FINE = LedgerEntry(
    entry_id="E-1",
    court_ori=ORI,
    case_number=CASE.number,
    participant_id="P-1",
    kind=EntryKind.ASSESSMENT,
    fee_kind="BaseFine",
    amount=Decimal("490.10"),
    posted_on=date(2026, 3, 1),
    statute="VC 22349",
    imposed_on=date(2026, 2, 27),
)
REFERRAL = Referral("R-1", "FTB", ORI, CASE.number, "P-1", date(2026, 6, 1), Decimal("490.10"), account_number="A 7")


def fill(uow: UnitOfWork) -> None:
    """Put the court, its case, the people and a fine into `uow`."""
    uow.books.add(COURT, CASE, ANA, BEN, *ON_CASE, FINE)


def outgoing(
    *ordering_keys: str, partner_id: str = "DMV", message_id: UUID | None = None, created_at: datetime = NOW
) -> OutgoingMessage:
    """A message about `subjects`."""
    body = b"<m xmlns='urn:m'>\xc3\xb1</m>"
    return OutgoingMessage(message_id or uuid4(), "DMV907", partner_id, "{urn:m}m", body, ordering_keys, created_at)


def attempted(
    leased: LeasedMessage, outcome: str = "delivered", at: datetime = NOW, error: str = ""
) -> DeliveryAttempt:
    """How sending `leased` ended."""
    return DeliveryAttempt(
        message_id=leased.message.message_id,
        number=leased.attempt,
        worker=leased.worker,
        started_at=at - timedelta(seconds=1),
        ended_at=at,
        outcome=outcome,
        http_status=200 if outcome == "delivered" else None,
        error_code=error,
        detail=error and "why",
    )


def incoming(
    message_id: UUID | None = None, *, partner_id: str = "PROBATION", digest: bytes = b"d" * 32
) -> IncomingMessage:
    """A message from a partner."""
    return IncomingMessage(message_id or uuid4(), partner_id, "FCC807", "{urn:q}q", digest, b"<raw/>", NOW)
