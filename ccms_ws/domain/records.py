"""From the columns of a file to the court's records: which columns there are, and what may stand in them.

`ccms-ws import cases` reads CSV (one header line) and JSON lines (one object a line); this module knows neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseStatus,
    CaseType,
    Court,
    DriverLicense,
    JointDebtor,
    NameKind,
    OtherIdentification,
    OtherName,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.ports import Record


class RowRefused(Exception):
    """A row that is no record: the field at fault, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Column:
    """A column of one kind of record."""

    name: str
    meaning: str
    read: Callable[[str], Any]
    required: bool = False


def _word(kind: type[StrEnum]) -> Callable[[str], Any]:
    def read(text: str) -> StrEnum:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"is not one of {', '.join(kind)}") from None

    return read


def _flag(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("", "false", "0", "no"):
        return False
    raise ValueError("is neither true nor false")


def _day(text: str) -> date | None:
    if not text:
        return None
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError("is not a day like 2026-03-01")
    return date.fromisoformat(text)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("is not an amount like 490.10") from None
    if not amount.is_finite() or amount <= 0 or amount >= Decimal(10) ** 12:
        raise ValueError("is not above zero and below a million millions")
    if amount != amount.quantize(Decimal("0.01")):
        raise ValueError("has more than two places")
    return amount.quantize(Decimal("0.01"))


def _state(text: str) -> str:
    if text and not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("is not the two-letter code of a state")
    return text


_NAME: Final = (
    Column("given", "given name", str),
    Column("surname", "surname", str, required=True),
    Column("middle", "middle name or initial", str),
    Column("suffix", "Jr, Sr, III", str),
)
_CASE_NUMBER: Final = Column("case_number", "the case", str, required=True)
_PERSON: Final = Column("participant_id", "the court's id of the person", str, required=True)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "case": (
        Column("number", "case number", str, required=True),
        Column("case_type", ", ".join(CaseType), _word(CaseType), required=True),
        Column("status", f"{', '.join(CaseStatus)}; open if empty", lambda text: _word(CaseStatus)(text or "open")),
        Column("title", "short title", str),
        Column("confidential", "true or false; false if empty", _flag),
        Column("sealed", "true or false; false if empty", _flag),
    ),
    "participant": (
        _PERSON,
        *_NAME,
        Column("birth_date", "date of birth", _day),
        Column("license_number", "driver licence number as printed", str),
        Column("license_jurisdiction", "state that issued it; CA if empty", _state),
    ),
    "name": (_PERSON, Column("kind", ", ".join(NameKind), _word(NameKind), required=True), *_NAME),
    "identification": (
        _PERSON,
        Column("kind", "whose number it is", str, required=True),
        Column("value", "the number", str, required=True),
    ),
    "case-participant": (
        _CASE_NUMBER,
        _PERSON,
        Column("role", ", ".join(ParticipantRole), _word(ParticipantRole), required=True),
    ),
    "joint-debtor": (
        _CASE_NUMBER,
        Column("obligation", "name of the joint and several obligation", str, required=True),
        _PERSON,
    ),
    "entry": (
        Column("entry_id", "the court's id of the ledger entry", str, required=True),
        _CASE_NUMBER,
        _PERSON,
        Column("kind", ", ".join(EntryKind), _word(EntryKind), required=True),
        Column("fee_kind", "kind of fine, fee or assessment", str, required=True),
        Column("amount", "US dollars, above zero", _amount, required=True),
        Column("posted_on", "day from which the entry counts", _day, required=True),
        Column("statute", "statute under which the debt was imposed", str),
        Column("imposed_on", "day on which it was imposed; assessments only, required for CivilAssessment", _day),
        Column("reason", "why", str),
        Column("reverses", "reversals: the entry that is undone", str),
        Column("obligation", "the joint obligation that the entry belongs to", str),
    ),
}
"""What the column `record` may say, and the other columns of each kind of record."""


def read_record(row: Mapping[str, str], court: Court) -> Record:
    """The record in a row. Raises RowRefused."""
    kind = row.get("record", "").strip()
    columns = COLUMNS.get(kind)
    if columns is None:
        raise RowRefused("record", f"is not one of {', '.join(COLUMNS)}")
    if unknown := {name for name, text in row.items() if text} - {column.name for column in columns} - {"record"}:
        raise RowRefused(min(unknown), f"a {kind} has no such column")
    values: dict[str, Any] = {}
    for column in columns:
        text = row.get(column.name, "").strip()
        if column.required and not text:
            raise RowRefused(column.name, "is empty")
        try:
            values[column.name] = column.read(text)
        except ValueError as error:
            raise RowRefused(column.name, str(error)) from None
    return _MAKERS[kind](values, court)


def _name(values: Mapping[str, Any]) -> PersonName:
    return PersonName(values["given"], values["surname"], values["middle"], values["suffix"])


def _case(values: Mapping[str, Any], court: Court) -> Case:
    return Case(court.ori, **{**values, "number": _number("number", values["number"], court)})


def _participant(values: Mapping[str, Any], court: Court) -> Participant:
    number, state = values["license_number"], values["license_jurisdiction"]
    if state and not number:
        raise RowRefused("license_number", "is empty, but license_jurisdiction is not")
    licence = DriverLicense(number, state or "CA") if number else None
    return Participant(court.ori, values["participant_id"], _name(values), values["birth_date"], licence)


def _other_name(values: Mapping[str, Any], court: Court) -> OtherName:
    return OtherName(court.ori, values["participant_id"], values["kind"], _name(values))


def _on_case(values: Mapping[str, Any], court: Court) -> CaseParticipant:
    person = Participant(court.ori, values["participant_id"], PersonName("", ""))
    return CaseParticipant(person, _number("case_number", values["case_number"], court), values["role"])


def _joint_debtor(values: Mapping[str, Any], court: Court) -> JointDebtor:
    number = _number("case_number", values["case_number"], court)
    return JointDebtor(court.ori, number, values["obligation"], values["participant_id"])


def _entry(values: Mapping[str, Any], court: Court) -> LedgerEntry:
    kind: EntryKind = values["kind"]
    if (kind is EntryKind.REVERSAL) != bool(values["reverses"]):
        raise RowRefused("reverses", "belongs to a reversal, and to nothing else")
    if values["imposed_on"] and kind is not EntryKind.ASSESSMENT:
        raise RowRefused("imposed_on", "belongs to an assessment")
    if kind is EntryKind.ASSESSMENT and values["fee_kind"] == "CivilAssessment" and not values["imposed_on"]:
        raise RowRefused("imposed_on", "is empty: it decides whether a civil assessment stands (AB 199)")
    changed = {name: values[name] or None for name in ("reverses", "obligation")}
    number = _number("case_number", values["case_number"], court)
    return LedgerEntry(court_ori=court.ori, **{**values, **changed, "case_number": number})


def _number(field: str, number: str, court: Court) -> str:
    """In the court's own spelling."""
    if court.case_numbers.pattern is not None and court.case_numbers.match(number) is None:
        raise RowRefused(field, "is not a case number of this court (case_number_pattern)")
    return court.case_numbers.normal(number)


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], Court], Record]]] = {
    "case": _case,
    "participant": _participant,
    "name": _other_name,
    "identification": lambda values, court: OtherIdentification(court.ori, **values),
    "case-participant": _on_case,
    "joint-debtor": _joint_debtor,
    "entry": _entry,
}
