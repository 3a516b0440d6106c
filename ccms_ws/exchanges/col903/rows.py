"""Balance updates from a court's own file, row by row: what breaks a rule is named, with its line and field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from ccms_ws.contract.codes import CodeLists
from ccms_ws.domain.courts import CaseParticipant, Participant, ParticipantRole, PersonName
from ccms_ws.domain.ledger import ZERO
from ccms_ws.exchanges.col903.messages import Adjustment, Payment, Update
from ccms_ws.message_parts.representable import Q_CASE_NUMBER, Q_IDENTIFIER, Problem, person_problems, text_problems
from ccms_ws.plain_values import amount, day
from ccms_ws.tabular_files import BadRow, Columns, read_rows

_REQUIRED: Final = (
    *("case_number", "participant_id", "given", "surname", "effective_on"),
    *("referred_amount", "previous_balance", "current_balance"),
)
COLUMNS: Final = Columns(names=(*_REQUIRED, "account_number", "paid", "reason"), required=_REQUIRED)


class FileUpdate(NamedTuple):
    """A good row: where it stands, and what the partner is to be told. Its sequence number is given later."""

    line: int
    update: Update


class _Refused(Exception):
    """A row that is no update."""


def read_updates(path: Path, ori: str, today: date, codes: CodeLists) -> tuple[list[FileUpdate], list[str]]:
    """The good rows of a file, and what is wrong with the others, by line. `codes`: the court's. Raises FileRefused."""
    reasons = codes["col903-adjustment-reasons"].codes
    good: dict[tuple[str, str], FileUpdate] = {}
    problems = []
    for row in read_rows(path, COLUMNS):
        if isinstance(row, BadRow):
            problems.append(f"line {row.line}: {f'{row.field} {row.reason}'.strip()}")
            continue
        try:
            update = _update({name: cell.strip() for name, cell in row.cells.items()}, ori, today, reasons)
            key = (update.subject.case_number, update.subject.participant.participant_id)
            if key in good:
                raise _Refused(f"case_number and participant_id are those of line {good[key].line}")
            good[key] = FileUpdate(row.line, update)
        except _Refused as error:
            problems.append(f"line {row.line}: {error}")
    return list(good.values()), problems


def _update(row: Mapping[str, str], ori: str, today: date, reasons: Collection[str]) -> Update:
    """One row as an item of a batch. Raises _Refused."""
    if missing := [name for name in _REQUIRED if not row.get(name)]:
        raise _Refused(f"{', '.join(missing)} is empty")
    referred, before, now = (_dollars(row, name) for name in ("referred_amount", "previous_balance", "current_balance"))
    paid = _dollars(row, "paid") if row.get("paid") else ZERO
    if before == now:
        raise _Refused("current_balance is previous_balance: nothing to tell")
    try:
        on = day(row["effective_on"])
    except ValueError as error:
        raise _Refused(f"effective_on {error}") from None
    if on > today:
        raise _Refused("effective_on is a day to come")
    person = Participant(ori, row["participant_id"], PersonName(row["given"], row["surname"]))
    update = Update(
        sequence=0,
        account_number=row.get("account_number") or "",
        subject=CaseParticipant(person, row["case_number"], ParticipantRole.DEFENDANT),
        referred_amount=referred,
        previous_balance=before,
        current_balance=now,
        effective_on=on,
        fees=(),
        payments=(Payment(paid, on),) if paid else (),
        adjustments=tuple(_adjustment(row, now - (before - paid), on, reasons)),
        is_paid=before - paid == now,
    )
    if problem := next(_unsayable(update), None):
        raise _Refused(" ".join(problem))
    return update


def _unsayable(update: Update) -> Iterator[Problem]:
    yield from text_problems("case_number", update.subject.case_number, Q_CASE_NUMBER)
    yield from person_problems(update.subject.participant)
    if update.account_number:
        yield from text_problems("account_number", update.account_number, Q_IDENTIFIER)


def _adjustment(row: Mapping[str, str], change: Decimal, on: date, reasons: Collection[str]) -> Iterator[Adjustment]:
    """What changed beside payments: every difference is accounted for."""
    if change:
        reason = row.get("reason") or ""
        if reason not in reasons:
            raise _Refused(f"reason: {change} USD changed without a payment, so it is one of {', '.join(reasons)}")
        yield Adjustment(increase=change > 0, amount=abs(change), on=on, reason=reason)


def _dollars(row: Mapping[str, str], name: str) -> Decimal:
    try:
        return amount(row[name])
    except ValueError as error:
        raise _Refused(f"{name} {error}") from None
