"""Fill a database with the books of the court in `court.toml`. Nothing of it is real."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib import resources
from typing import Any

from ccms_ws.domain.collections import Referral
from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseStatus,
    CaseType,
    Court,
    DriverLicense,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.ports import UnitOfWork

_AMOUNT_KEYS = {
    "assessed": EntryKind.ASSESSMENT,
    "paid": EntryKind.PAYMENT,
    "waived": EntryKind.WAIVER,
    "refunded": EntryKind.REFUND,
}


def fill(uow: UnitOfWork, court: Court) -> int:
    """Add the court with cases, people, ledger and referrals to `uow`; the caller commits. Returns how many cases."""
    table = tomllib.loads(resources.files(__package__).joinpath("court.toml").read_text("utf-8"))
    people = {key: _participant(court.ori, key, entry) for key, entry in table["participants"].items()}
    uow.books.add(court, *people.values())
    for entry in table["cases"]:
        uow.books.add(_case(court.ori, entry))
        uow.books.add(
            *(
                CaseParticipant(people[key], entry["number"], ParticipantRole(role))
                for key, role in entry["people"].items()
            )
        )
        uow.books.add(*_ledger(court.ori, entry))
    for entry in table["referrals"]:
        uow.referrals.add(_referral(court.ori, entry))
    return len(table["cases"])


def _participant(ori: str, key: str, entry: Mapping[str, Any]) -> Participant:
    name = PersonName(entry["given"], entry["surname"], entry.get("middle", ""), entry.get("suffix", ""))
    license_number = entry.get("license")
    driver_license = DriverLicense(license_number, entry.get("state", "CA")) if license_number else None
    return Participant(ori, key, name, entry.get("born"), driver_license)


def _case(ori: str, entry: Mapping[str, Any]) -> Case:
    return Case(
        court_ori=ori,
        number=entry["number"],
        case_type=CaseType(entry["type"]),
        status=CaseStatus(entry.get("status", "open")),
        title=entry["title"],
        confidential=entry.get("confidential", False),
        sealed=entry.get("sealed", False),
    )


def _ledger(ori: str, entry: Mapping[str, Any]) -> Iterator[LedgerEntry]:
    first = next(iter(entry["people"]))
    lines = entry["ledger"]
    for number, line in enumerate(lines, start=1):
        reverses = line.get("reverses")
        source = lines[reverses - 1] if reverses else line
        key = next(key for key in _AMOUNT_KEYS if key in source)
        yield LedgerEntry(
            entry_id=f"{entry['number']}/{number}",
            court_ori=ori,
            case_number=entry["number"],
            participant_id=source.get("of", first),
            kind=EntryKind.REVERSAL if reverses else _AMOUNT_KEYS[key],
            fee_kind=source["fee"],
            amount=Decimal(source[key]),
            posted_on=line["on"],
            statute=line.get("statute", ""),
            imposed_on=line["on"] if key == "assessed" and not reverses else None,
            reason=line.get("note", ""),
            reverses=f"{entry['number']}/{reverses}" if reverses else None,
        )


def _referral(ori: str, entry: Mapping[str, Any]) -> Referral:
    return Referral(
        referral_id=entry["id"],
        partner_id=entry["partner"],
        court_ori=ori,
        case_number=entry["case"],
        participant_id=entry["participant"],
        referred_on=entry["on"],
        referred_amount=Decimal(entry["amount"]),
        account_number=entry["account"],
    )
