"""Records of the books that no message can carry, however they got there. Only reads.

The database picks out what is suspicious, so that a large court's books need not be read one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Engine, and_, func, or_, select

from ccms_ws.contract.facets import facets_of
from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.domain.courts import Case
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.message_parts.representable import Problem, fee_problems, in_words, person_problems, problems_of
from ccms_ws.plain_values import FIRST_DAY, LAST_DAY
from ccms_ws.store.column_types import MOST_MONEY
from ccms_ws.store.court_records import PERSON, participant_of
from ccms_ws.store.court_tables import court_case, ledger_entry, participant

MOST: Final = 1000
"""So many are looked for of each kind."""

_CONTROLS: Final = "\x01-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"
_c, _p, _l = court_case.c, participant.c, ledger_entry.c
_OWED: Final = (EntryKind.ASSESSMENT, EntryKind.REFUND)


class Unrepresentable(NamedTuple):
    """`where` it is in the books, by the court's own ids, and `why` no message can carry it."""

    where: str
    why: str


def unrepresentable(engine: Engine, court_ori: str) -> list[Unrepresentable]:
    """Cases, participants, entries and sums that no message can carry. Raises StoreError."""
    with engine.connect().execution_options(read_only=True) as connection:
        return [
            found
            for look in (_cases, _participants, _entries, _fees, _sums)
            for found in islice(look(connection, court_ori), MOST)
        ]


def _cases(connection: Connection, ori: str) -> Iterator[Unrepresentable]:
    suspects = _suspicious(connection, _c.number, q(NC, "CaseTrackingID"))
    for row in connection.execute(select(court_case).where(_c.court_ori == ori, suspects).limit(MOST)):
        yield from _told(f"case {row.number}", problems_of(Case(*row)))


def _participants(connection: Connection, ori: str) -> Iterator[Unrepresentable]:
    suspects = or_(
        _suspicious(connection, _p.participant_id, q(NC, "IdentificationID")),
        _suspicious(connection, _p.given, q(NC, "PersonGivenName")),
        _suspicious(connection, _p.surname, q(NC, "PersonSurName")),
        _suspicious(connection, _p.middle, q(NC, "PersonMiddleName")),
        _suspicious(connection, _p.suffix, q(NC, "PersonNameSuffixText")),
        _suspicious(connection, _p.license_number, q(NC, "IdentificationID")),
        _suspicious(connection, _p.license_jurisdiction, q(J, "IdentificationJurisdictionUSPostalServiceCode")),
        _p.surname == "",
        _p.birth_date < FIRST_DAY,
        _p.birth_date > LAST_DAY,
    )
    for row in connection.execute(select(*PERSON).where(_p.court_ori == ori, suspects).limit(MOST)):
        yield from _told(f"participant {row.participant_id}", person_problems(participant_of(row)))


def _entries(connection: Connection, ori: str) -> Iterator[Unrepresentable]:
    suspects = or_(
        _suspicious(connection, _l.entry_id, q(EXT, "IdentifierType")),
        _suspicious(connection, _l.reason, q(NC, "TextType")),
        _l.posted_on < FIRST_DAY,
        _l.posted_on > LAST_DAY,
    )
    for row in connection.execute(select(ledger_entry).where(_l.court_ori == ori, suspects).limit(MOST)):
        yield from _told(_entry(row), problems_of(LedgerEntry(*row)))


def _fees(connection: Connection, ori: str) -> Iterator[Unrepresentable]:
    """Kinds of fees and statutes are few, and so are judged once each."""
    kinds = select(_l.fee_kind, _l.statute).where(_l.court_ori == ori).distinct()
    for kind, statute in connection.execute(kinds).all():
        problems = fee_problems(kind, statute)
        if not problems:
            continue
        of_kind = select(ledger_entry).where(_l.court_ori == ori, _l.fee_kind == kind, _l.statute == statute)
        for row in connection.execute(of_kind.order_by(_l.entry_id).limit(MOST)):
            yield from _told(_entry(row), iter(problems))


def _sums(connection: Connection, ori: str) -> Iterator[Unrepresentable]:
    for owed in (True, False):
        kinds = _l.kind.in_(_OWED) if owed else and_(_l.kind.not_in(_OWED), _l.kind != EntryKind.REVERSAL)
        sums = select(_l.case_number).where(_l.court_ori == ori, kinds).group_by(_l.case_number)
        for row in connection.execute(sums.having(func.sum(_l.amount) > MOST_MONEY).limit(MOST)):
            yield Unrepresentable(f"case {row.case_number}", f"its entries add up to more than {MOST_MONEY}")


def _entry(row: Any) -> str:
    return f"entry {row.entry_id} of case {row.case_number}, participant {row.participant_id}"


def _told(where: str, problems: Iterator[Problem]) -> Iterator[Unrepresentable]:
    if why := in_words(problems):
        yield Unrepresentable(where, why)


def _suspicious(connection: Connection, column: Column[Any], element: str) -> ColumnElement[bool]:
    """True of at least every text of the column that the element cannot have; an empty one is left out."""
    facets = facets_of(element)
    controls = (
        column.regexp_match(f"[{_CONTROLS}]")
        if connection.dialect.name == "postgresql"
        else column.op("GLOB")(f"*[{_CONTROLS}]*")
    )
    conditions = [controls, column != func.trim(column)]
    if facets.longest is not None:
        conditions.append(func.length(column) > facets.longest)
    if facets.codes is not None:
        conditions.append(column.not_in(sorted(facets.codes)))
    return or_(*conditions)
