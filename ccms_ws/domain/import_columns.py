"""From the columns of a file to the court's records: which columns there are, and what may stand in them.

`ccms_ws.tabular_files` reads the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

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
from ccms_ws.domain.statutes import normal_statute
from ccms_ws.plain_values import amount, day
from ccms_ws.tabular_files import Columns

NOT_THIS_COURTS: Final = "is not a case number of this court (case_number_pattern)"


class RowRefused(Exception):
    """A row that is no record: the field at fault, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class Statement(NamedTuple):
    """A record as a file states it. Of one that is on file already, the fields that are `unstated` stay as they are."""

    record: Record
    unstated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of one kind of record.

    `longest`: in characters, as far as the schemas leave it open. `usual`: the value of a new record that states none;
    then an empty cell states nothing either.
    """

    name: str
    meaning: str
    read: Callable[[str], Any]
    required: bool = False
    longest: int = 1000
    usual: Any = None


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
    if text.lower() in ("false", "0", "no"):
        return False
    raise ValueError("is neither true nor false")


def _day(text: str) -> date | None:
    return day(text) if text else None


def _amount(text: str) -> Decimal:
    found = amount(text)
    if not found:
        raise ValueError("is not above zero")
    return found


_AS_ON_FILE: Final = "if empty as on file, and false for a new case"
_NAME: Final = (
    Column("given", "given name", str),
    Column("surname", "surname", str, required=True),
    Column("middle", "middle name or initial", str),
    Column("suffix", "Jr, Sr, III", str),
)
# Other names are keys of their table: a database server bounds how long a key can be.
_OTHER_NAME: Final = tuple(replace(column, longest=150) for column in _NAME)
_CASE_NUMBER: Final = Column("case_number", "the case", str, required=True)
_PERSON: Final = Column("participant_id", "the court's id of the person", str, required=True)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "case": (
        Column("number", "case number", str, required=True),
        Column("case_type", ", ".join(CaseType), _word(CaseType), required=True),
        Column(
            "status",
            f"{', '.join(CaseStatus)}; if empty as on file, and open for a new case",
            _word(CaseStatus),
            usual=CaseStatus.OPEN,
        ),
        Column("title", "short title", str),
        Column("confidential", f"true or false; {_AS_ON_FILE}", _flag, usual=False),
        Column("sealed", f"true or false; {_AS_ON_FILE}", _flag, usual=False),
    ),
    "participant": (
        _PERSON,
        *_NAME,
        Column("birth_date", "date of birth", _day),
        Column("license_number", "driver license number as printed", str),
        Column("license_jurisdiction", "state that issued it, as a two-letter code; CA if empty", str),
    ),
    "name": (_PERSON, Column("kind", ", ".join(NameKind), _word(NameKind), required=True), *_OTHER_NAME),
    "identification": (
        _PERSON,
        Column("kind", "whose number it is", str, required=True, longest=64),
        Column("value", "the number", str, required=True, longest=200),
    ),
    "case-participant": (
        _CASE_NUMBER,
        _PERSON,
        Column("role", ", ".join(ParticipantRole), _word(ParticipantRole), required=True),
    ),
    "joint-debtor": (
        _CASE_NUMBER,
        Column("obligation", "name of the joint and several obligation", str, required=True, longest=200),
        _PERSON,
    ),
    "entry": (
        Column("entry_id", "the court's id of the ledger entry", str, required=True),
        _CASE_NUMBER,
        _PERSON,
        Column("kind", ", ".join(EntryKind), _word(EntryKind), required=True),
        Column("fee_kind", "kind of fine, fee or assessment", str, required=True),
        Column("amount", "US dollars, above zero, like 490.10", _amount, required=True),
        Column("posted_on", "day from which the entry counts", _day, required=True),
        Column("statute", "statute under which the debt was imposed, like PC 1214.1(a)", normal_statute),
        Column("imposed_on", "day on which it was imposed; assessments only, required for CivilAssessment", _day),
        Column("reason", "why", str),
        Column("reverses", "reversals: the entry that is undone", str),
        Column("obligation", "the joint obligation that the entry belongs to", str, longest=200),
        Column("due_on", "last day on which an assessment could be paid in time; assessments only", _day),
        Column("reported_by", "payments: the partner that took it; empty if the court took it itself", str, longest=64),
    ),
}
"""What the column `record` may say, and the other columns of each kind of record."""

_KNOWN: Final = {kind: {"record", *(column.name for column in columns)} for kind, columns in COLUMNS.items()}
FILE_COLUMNS: Final = Columns(
    names=tuple(dict.fromkeys(["record", *(column.name for columns in COLUMNS.values() for column in columns)])),
    required=("record",),
    flags=tuple(column.name for columns in COLUMNS.values() for column in columns if column.read is _flag),
)
"""The columns of a file that holds all kinds of records."""


def read_record(row: Mapping[str, str], court: Court) -> Statement:
    """The record that a row states. Raises RowRefused."""
    kind = row.get("record", "").strip()
    columns = COLUMNS.get(kind)
    if columns is None:
        raise RowRefused("record", f"is not one of {', '.join(COLUMNS)}")
    known = _KNOWN[kind]
    if unknown := [name for name, text in row.items() if text and name not in known]:
        raise RowRefused(min(unknown), f"a {kind} has no such column")
    values: dict[str, Any] = {}
    unstated: set[str] = set()
    for column in columns:
        name, read, usual = column.name, column.read, column.usual
        said = row.get(name)
        text = "" if said is None else said.strip()
        if not text:
            if column.required:
                raise RowRefused(name, "is empty")
            if said is None or usual is not None:
                unstated.add(name)
            values[name] = "" if read is str else read("") if usual is None else usual
            continue
        if len(text) > column.longest:
            raise RowRefused(name, f"is longer than {column.longest} characters")
        try:
            values[name] = text if read is str else read(text)
        except ValueError as error:
            raise RowRefused(name, str(error)) from None
    if kind == "participant":
        _complete_license(values, unstated)
    return Statement(_MAKERS[kind](values, court), frozenset(unstated))


def _complete_license(values: Mapping[str, Any], unstated: set[str]) -> None:
    """A license is a number and the state that issued it: neither is stated alone."""
    if values["license_jurisdiction"] and not values["license_number"]:
        raise RowRefused("license_number", "is empty, but license_jurisdiction is not")
    if "license_number" in unstated:
        unstated.add("license_jurisdiction")
    elif not values["license_number"]:
        unstated.discard("license_jurisdiction")


def _name(values: Mapping[str, Any]) -> PersonName:
    return PersonName(values["given"], values["surname"], values["middle"], values["suffix"])


def _case(values: Mapping[str, Any], court: Court) -> Case:
    return Case(court.ori, **{**values, "number": _number("number", values["number"], court)})


def _participant(values: Mapping[str, Any], court: Court) -> Participant:
    number, state = values["license_number"], values["license_jurisdiction"]
    license = DriverLicense(number, state or "CA") if number else None
    return Participant(court.ori, values["participant_id"], _name(values), values["birth_date"], license)


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
    if values["due_on"] and kind is not EntryKind.ASSESSMENT:
        raise RowRefused("due_on", "belongs to an assessment")
    if values["reported_by"] and kind is not EntryKind.PAYMENT:
        raise RowRefused("reported_by", "belongs to a payment")
    changed = {name: values[name] or None for name in ("reverses", "obligation")}
    number = _number("case_number", values["case_number"], court)
    return LedgerEntry(court_ori=court.ori, **{**values, **changed, "case_number": number})


def _number(field: str, number: str, court: Court) -> str:
    """In the court's own spelling."""
    if court.case_numbers.pattern is not None and court.case_numbers.match(number) is None:
        raise RowRefused(field, NOT_THIS_COURTS)
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
