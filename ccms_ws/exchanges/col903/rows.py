"""Balance updates from a court's own CSV file, row by row: what breaks a rule is named, with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from ccms_ws.contract.codes import code_list
from ccms_ws.domain.courts import CaseParticipant, Participant, ParticipantRole, PersonName
from ccms_ws.domain.ledger import ZERO
from ccms_ws.exchanges.col903.messages import Adjustment, Payment, Update


def read_updates(lines: Iterable[str], ori: str, today: date) -> tuple[list[Update], list[str]]:
    """The good rows of a CSV file with a header, and what is wrong with the others, by line."""
    good: dict[tuple[str, str], Update] = {}
    problems = []
    reader = csv.DictReader(lines, restval="")
    for row in reader:
        try:
            update = _update(row, len(good) + 1, ori, today)
            key = (update.subject.case_number, update.subject.participant.participant_id)
            if key in good:
                raise ValueError(f"{key[0]} {key[1]} stands there twice")
            good[key] = update
        except ValueError as error:
            problems.append(f"line {reader.line_num}: {error}")
        except KeyError as error:
            problems.append(f"line {reader.line_num}: there is no column {error}")
    return list(good.values()), problems


def _update(row: Mapping[str, str], sequence: int, ori: str, today: date) -> Update:
    """One row as an item of a batch. Raises ValueError that says which rule it breaks."""
    referred, before, now = (_amount(row, name) for name in ("referred_amount", "previous_balance", "current_balance"))
    paid = _amount(row, "paid") if row.get("paid") else ZERO
    if before == now:
        raise ValueError("current_balance is previous_balance: nothing to tell")
    on = date.fromisoformat(row["effective_on"])
    if on > today:
        raise ValueError("effective_on is a day to come")
    if missing := [name for name in ("case_number", "participant_id", "given", "surname") if not row[name].strip()]:
        raise ValueError(f"{', '.join(missing)} is empty")
    person = Participant(ori, row["participant_id"].strip(), PersonName(row["given"].strip(), row["surname"].strip()))
    return Update(
        sequence=sequence,
        account_number=(row.get("account_number") or "").strip(),
        subject=CaseParticipant(person, row["case_number"].strip(), ParticipantRole.DEFENDANT),
        referred_amount=referred,
        previous_balance=before,
        current_balance=now,
        effective_on=on,
        fees=(),
        payments=(Payment(paid, on),) if paid else (),
        adjustments=tuple(_adjustment(row, now - (before - paid), on)),
    )


def _adjustment(row: Mapping[str, str], change: Decimal, on: date) -> Iterator[Adjustment]:
    """What changed beside payments: every difference is accounted for."""
    if change:
        reason, known = (row.get("reason") or "").strip(), code_list("col903-adjustment-reasons").codes
        if reason not in known:
            raise ValueError(f"{change} USD changed without a payment, so reason is one of {', '.join(known)}")
        yield Adjustment(increase=change > 0, amount=abs(change), on=on, reason=reason)


def _amount(row: Mapping[str, str], name: str) -> Decimal:
    """US dollars, at most two decimals, not below zero."""
    try:
        value = Decimal(row[name])
        if value < 0 or value != value.quantize(Decimal("0.01")):
            raise ValueError
    except (InvalidOperation, ValueError):
        raise ValueError(f"{name} is no amount: {row[name]!r}") from None
    return value.quantize(Decimal("0.01"))
