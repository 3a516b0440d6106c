"""People who each owe a fine, by their numbers: on file, referred to FTB, and about to be reported to DMV."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.domain.abstracts import Conviction, OrderKind, SectionRole, SectionViolated
from ccms_ws.domain.collections import Referral
from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseType,
    DriverLicense,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.exchanges.dmv907.handler import HoldOrder
from ccms_ws.exchanges.dmv907.repository import Abstracts


def add_debtors(court: CourtApplication, people: int) -> None:
    """Put so many of them on file."""
    ori = court.court.ori
    with court.units() as uow:
        for n in range(people):
            case, person = (
                Case(ori, _case(n), CaseType.TRAFFIC),
                Participant(
                    *(ori, _person(n), PersonName("Ada", f"Person{n:04}"), date(1990, 1, 1)),
                    DriverLicense(f"A{7000000 + n}"),
                ),
            )
            fine = LedgerEntry(
                *(f"{case.number}/1", ori, case.number, person.participant_id, EntryKind.ASSESSMENT, "BaseFine"),
                *(Decimal("100.00"), date(2025, 5, 2), "VC 22350", date(2025, 5, 2)),
            )
            uow.books.add(case, person, CaseParticipant(person, case.number, ParticipantRole.DEFENDANT), fine)
            uow.of(Abstracts).add_conviction(Conviction(ori, case.number, person.participant_id, date(2025, 6, 17)))
            uow.referrals.add(
                Referral(_person(n), "FTB", ori, case.number, _person(n), date(2025, 9, 1), Decimal("100.00"))
            )
        uow.commit()


def hold_order(number: int) -> HoldOrder:
    """A clerk's order to report one of them."""
    return HoldOrder(
        case_number=_case(number),
        participant_id=_person(number),
        sections=(
            SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
            SectionViolated("VC", "14601.1(a)", SectionRole.UNDERLYING),
        ),
        violation_date=date(2025, 5, 2),
        order_kind=OrderKind.PROGRAM,
        order_date=date(2025, 10, 6),
        noncompliance_date=date(2026, 4, 6),
    )


def add_payment(court: CourtApplication, number: int, entry_id: str) -> None:
    """An instalment of one of them."""
    key = (entry_id, court.court.ori, _case(number), _person(number), EntryKind.PAYMENT, "BaseFine")
    with court.units() as uow:
        uow.books.add(LedgerEntry(*key, Decimal("10.00"), date(2026, 11, 1)))
        uow.commit()


def _case(number: int) -> str:
    return f"TR-2031-{number:06}"


def _person(number: int) -> str:
    return f"X-{number:04}"
