"""Whether messages can carry a record: each value by the rules of its element.

The rules are the schemas' (`ccms_ws.contract.facets`). No reason repeats the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from ccms_ws.contract import catalog
from ccms_ws.contract.facets import facets_of
from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.domain.courts import Case, CaseParticipant, DriverLicense, Participant, PersonName
from ccms_ws.domain.ledger import LedgerEntry
from ccms_ws.domain.ports import Record
from ccms_ws.plain_values import check_day

Q_CASE_NUMBER: Final = q(NC, "CaseTrackingID")
Q_ID: Final = q(NC, "IdentificationID")
Q_IDENTIFIER: Final = q(EXT, "IdentifierType")
Q_TEXT: Final = q(NC, "TextType")
_NAME: Final = {
    "given": q(NC, "PersonGivenName"),
    "surname": q(NC, "PersonSurName"),
    "middle": q(NC, "PersonMiddleName"),
    "suffix": q(NC, "PersonNameSuffixText"),
}
_STATE: Final = q(J, "IdentificationJurisdictionUSPostalServiceCode")
_FEE_KIND: Final = q(EXT, "FeeCategoryCodeText")

Problem = tuple[str, str]
"""The field at fault, and why: "given", "has a line break"."""


def problems_of(record: Record) -> Iterator[Problem]:
    """The problems that prevent messages from carrying this record."""
    match record:
        case Case():
            yield from text_problems("number", record.number, Q_CASE_NUMBER)
        case Participant():
            yield from person_problems(record)
        case CaseParticipant():
            yield from text_problems("case_number", record.case_number, Q_CASE_NUMBER)
            yield from text_problems("participant_id", record.participant.participant_id, Q_ID)
        case LedgerEntry():
            yield from entry_problems(record)


def person_problems(person: Participant) -> Iterator[Problem]:
    """The problems that prevent messages from carrying this person."""
    yield from text_problems("participant_id", person.participant_id, Q_ID)
    yield from name_problems(person.name)
    yield from day_problems("birth_date", person.birth_date)
    if person.driver_license is not None:
        yield from license_problems(person.driver_license)


def name_problems(name: PersonName) -> Iterator[Problem]:
    """Problems of a name; only the surname is required."""
    for field, element in _NAME.items():
        if (value := getattr(name, field)) or field == "surname":
            yield from text_problems(field, value, element)


def license_problems(license: DriverLicense) -> Iterator[Problem]:
    yield from text_problems("license_number", license.number, Q_ID)
    yield from text_problems("license_jurisdiction", license.jurisdiction, _STATE)


def entry_problems(entry: LedgerEntry) -> Iterator[Problem]:
    """Problems of one ledger entry, without the sum of entries."""
    yield from text_problems("entry_id", entry.entry_id, Q_IDENTIFIER)
    yield from text_problems("case_number", entry.case_number, Q_CASE_NUMBER)
    yield from _shared_problems("fee_kind", entry.fee_kind, entry.statute)
    if entry.reason:
        yield from text_problems("reason", entry.reason, Q_TEXT)
    yield from day_problems("posted_on", entry.posted_on)
    yield from day_problems("imposed_on", entry.imposed_on)


def fee_problems(fee_kind: str, statute: str) -> Sequence[Problem]:
    """Problems of a kind of fee and the statute ("VC 40508") under which it was imposed."""
    return _shared_problems("fee_kind", fee_kind, statute)


@lru_cache(maxsize=10_000)
def _shared_problems(field: str, fee_kind: str, statute: str) -> Sequence[Problem]:
    """Cached: kinds of fees and statutes are few, and often repeated."""
    found = list(text_problems(field, fee_kind, _FEE_KIND))
    book, _, section = statute.partition(" ")
    for part in (book, section) if section else ():
        found += text_problems("statute", part, Q_ID)
    return tuple(found[:1])


def text_problems(field: str, value: str, element: str) -> Iterator[Problem]:
    """Problems of a value as the text of that element or type."""
    if why := _why_not(catalog.folder("xsd"), element, value):
        yield field, why


@lru_cache(maxsize=10_000)
def _why_not(_: Path, element: str, value: str) -> str:
    """Cached: rows about one case or person are near each other, so their values repeat."""
    return facets_of(element).why_not(value)


def day_problems(field: str, day: date | None) -> Iterator[Problem]:
    try:
        if day is not None:
            check_day(day)
    except ValueError as error:
        yield field, str(error)


def in_words(problems: Iterable[Problem]) -> str:
    """ "given has a line break; birth_date is not between ..." """
    return "; ".join(f"{field} {why}" for field, why in problems)
