"""The search for a case participant: what `ccms_ws.domain.ports.Subjects` asks.

A scope is part of the statement: of a case outside of it the database hands out nothing, as of one that is not there.
The same statements run in both cases, and the same number of rows comes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import cycle, islice
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    not_,
    or_,
    select,
    type_coerce,
)

from ccms_ws.domain.courts import CaseParticipant, CaseType, PersonName
from ccms_ws.domain.name_matching import MOST_SURNAME_KEYS, surname_keys
from ccms_ws.domain.participant_search import AccessScope, ByBirth, ByCase, ById, ByLicense, Lookup
from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.court_records import IN_ROLE, SAME_PERSON, in_role
from ccms_ws.store.court_tables import case_participant, court_case, participant, participant_key, participant_name

_c, _p, _cp, _k, _n = court_case.c, participant.c, case_participant.c, participant_key.c, participant_name.c
_ON_THIS_CASE = and_(_cp.court_ori == _c.court_ori, _cp.case_number == _c.number)
_ORI: BindParameter[str] = bindparam("ori")


def _is_one_of(prefix: str) -> ColumnElement[bool]:
    kind = type_coerce(_c.case_type, Text)
    return or_(*(kind == bindparam(f"{prefix}{number}", type_=Text) for number in range(len(CaseType))))


_WITHIN_SCOPE = and_(not_(_c.sealed), or_(_is_one_of("kept"), and_(_is_one_of("open"), not_(_c.confidential))))
# A case without anybody on it gives one row without a person: the case is known, the person is not on it.
_ON_CASE = (
    select(*IN_ROLE)
    .select_from(court_case)
    .outerjoin(case_participant, _ON_THIS_CASE)
    .outerjoin(participant, SAME_PERSON)
    .where(_c.court_ori == _ORI, _c.number == bindparam("number"))
    .order_by(_cp.participant_id)
)
_OF_PERSON = (
    select(*IN_ROLE)
    .select_from(participant)
    .join(case_participant, SAME_PERSON)
    .join(court_case, _ON_THIS_CASE)
    .order_by(_cp.participant_id, _cp.case_number)
)
_BY_ID = _OF_PERSON.where(_p.court_ori == _ORI, _p.participant_id == bindparam("person"))
_BY_LICENSE = _OF_PERSON.where(
    _p.court_ori == _ORI, _p.license_number == bindparam("number"), _p.license_jurisdiction == bindparam("state")
)
_BORN = select(_k.participant_id).where(
    _k.court_ori == _ORI,
    _k.birth_date == bindparam("born"),
    _k.surname_key.in_([bindparam(f"key{number}") for number in range(MOST_SURNAME_KEYS)]),
)
_BY_BIRTH = _OF_PERSON.where(_p.court_ori == _ORI, _p.participant_id.in_(_BORN))


class _Way:
    """One kind of lookup: whom it finds within a scope, and whether it would find anybody without one."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.within = Prepared(statement.where(_WITHIN_SCOPE))
        self.anywhere = Prepared(select(exists(statement.order_by(None))))


_WAYS = {ByCase: _Way(_ON_CASE), ById: _Way(_BY_ID), ByLicense: _Way(_BY_LICENSE), ByBirth: _Way(_BY_BIRTH)}
_OTHER_NAMES = Prepared(
    select(_n.given, _n.surname, _n.middle, _n.suffix).where(
        _n.court_ori == _ORI, _n.participant_id == bindparam("person")
    )
)


class SqlParticipantSearch:
    """Case participants in the tables of `book_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, court_ori: str, lookup: Lookup, scope: AccessScope) -> Sequence[CaseParticipant] | None:
        """Whom the lookup leads to on cases within the scope. None if it names a case and there is none."""
        values = {"ori": court_ori, **_values(lookup), **_scope_values(scope)}
        rows = _WAYS[type(lookup)].within.all(self._connection, **values)
        if not rows and isinstance(lookup, ByCase):
            return None
        return [in_role(row) for row in rows if row[1] is not None]

    def is_on_file(self, court_ori: str, lookup: Lookup) -> bool:
        """True if there is such a case, or a matching participant on any case, within a scope or not."""
        row = _WAYS[type(lookup)].anywhere.first(self._connection, ori=court_ori, **_values(lookup))
        return row is not None and bool(row[0])

    def other_names(self, court_ori: str, participant_ids: Sequence[str]) -> Mapping[str, Sequence[PersonName]]:
        """The former names and aliases of each."""
        names: dict[str, list[PersonName]] = defaultdict(list)
        for person in participant_ids:
            for row in _OTHER_NAMES.all(self._connection, ori=court_ori, person=person):
                names[person].append(PersonName(*row))
        return names


def _values(lookup: Lookup) -> dict[str, object]:
    match lookup:
        case ByCase(number):
            return {"number": number}
        case ById(participant_id):
            return {"person": participant_id}
        case ByLicense(license):
            return {"number": license.number, "state": license.jurisdiction}
        case ByBirth(name, birth_date):
            keys = islice(cycle(sorted(surname_keys(name)) or [""]), MOST_SURNAME_KEYS)
            return {"born": birth_date, **{f"key{number}": key for number, key in enumerate(keys)}}


@cache
def _scope_values(scope: AccessScope) -> dict[str, str]:
    """As many values as there are types of cases, whatever the scope: the statement stays one and the same."""
    return _padded("open", scope.open_types) | _padded("kept", scope.confidential_types)


def _padded(prefix: str, types: frozenset[CaseType]) -> dict[str, str]:
    words = [*sorted(types), *[""] * len(CaseType)]
    return {f"{prefix}{number}": str(word) for number, word in enumerate(words[: len(CaseType)])}
