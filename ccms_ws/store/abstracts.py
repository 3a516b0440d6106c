"""Failure-to-comply abstracts: what `ccms_ws.domain.ports.Abstracts` asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Executable, Row, bindparam, exists, insert, select, text, update

from ccms_ws.domain.abstracts import Abstract, AbstractAction, AbstractState, SectionViolated
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.errors import NotStored
from ccms_ws.store.exchange_tables import abstract, abstract_section
from ccms_ws.store.turns import take_turns

_CHUNK = 1000
_REFUSED = (AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR, AbstractState.UNDELIVERABLE)
"""States of an abstract that changes nothing at DMV: such a hold is not open, such a release releases nothing."""

_a, _s = abstract.c, abstract_section.c
_release = abstract.alias("release")
_ABSTRACT = select(abstract).where(_a.abstract_id == bindparam("id"))
_LOCKED_ABSTRACT = _ABSTRACT.with_for_update(key_share=True)
_OPEN_HOLD = (
    select(abstract)
    .where(_a.court_ori == bindparam("ori"), _a.case_number == bindparam("number"))
    .where(_a.license_number == bindparam("license"), _a.license_jurisdiction == bindparam("jurisdiction"))
    .where(_a.action == AbstractAction.HOLD, _a.state.not_in(_REFUSED))
    .where(~exists().where(_release.c.releases == _a.abstract_id, _release.c.state.not_in(_REFUSED)))
)
_OVERDUE = (
    select(abstract)
    .where(text("state = 'awaiting response'"), _a.answer_due_at < bindparam("now"))
    .order_by(_a.answer_due_at)
    .limit(_CHUNK)
    .with_for_update(skip_locked=True, key_share=True)
)
_SECTIONS = (
    select(_s.abstract_id, _s.code_book, _s.section, _s.role)
    .where(_s.abstract_id.in_(bindparam("ids", expanding=True)))
    .order_by(_s.abstract_id, _s.position)
)
_PLAIN = [column.key for column in _a if not column.key.startswith("license_")]
"""Columns that are fields of `Abstract` under the same name."""


class SqlAbstracts:
    """Abstracts and their sections in the tables of `exchange_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, abstract_: Abstract) -> None:
        licence = abstract_.driver_license
        row = {name: getattr(abstract_, name) for name in _PLAIN}
        row |= {"license_number": licence.number, "license_jurisdiction": licence.jurisdiction}
        self._connection.execute(insert(abstract), [row])
        sections = [
            {
                "abstract_id": abstract_.abstract_id,
                "position": position,
                "code_book": section.code_book,
                "section": section.section,
                "role": section.role,
            }
            for position, section in enumerate(abstract_.sections)
        ]
        if sections:
            self._connection.execute(insert(abstract_section), sections)

    def find(self, abstract_id: UUID) -> Abstract | None:
        return self._first(_ABSTRACT, {"id": abstract_id})

    def lock(self, abstract_id: UUID) -> Abstract | None:
        """As `find`; nobody else changes the abstract until this unit of work ends."""
        return self._first(_LOCKED_ABSTRACT, {"id": abstract_id})

    def open_hold(self, court_ori: str, case_number: str, licence: DriverLicense) -> Abstract | None:
        """The hold on this licence for this case that was not refused by DMV and has no release yet.

        Until this unit of work ends nobody else gets an answer to the same question: what is decided on it stays true.
        """
        take_turns(self._connection, [f"hold {court_ori} {case_number} {licence.jurisdiction} {licence.number}"])
        values = {"ori": court_ori, "number": case_number}
        values |= {"license": licence.number, "jurisdiction": licence.jurisdiction}
        return self._first(_OPEN_HOLD, values)

    def move(
        self,
        abstract_id: UUID,
        state: AbstractState,
        *,
        answer_due_at: datetime | None = None,
        answer_code: str = "",
        answer_text: str = "",
    ) -> None:
        """Set the state and whatever else is given; what is not given stays. Raises NotStored."""
        given = {"answer_due_at": answer_due_at, "answer_code": answer_code, "answer_text": answer_text}
        values = {"state": state, **{name: value for name, value in given.items() if value}}
        moved = self._connection.execute(update(abstract).where(_a.abstract_id == abstract_id).values(values))
        if moved.rowcount != 1:
            raise NotStored(f"there is no abstract {abstract_id}")

    def overdue(self, now: datetime) -> Sequence[Abstract]:
        """Abstracts that await a response which was due before `now`, at most 1,000 of them at once.

        They are locked; those that another transaction is about to change are left out.
        """
        return self._abstracts(self._connection.execute(_OVERDUE, {"now": now}).all())

    def _first(self, statement: Executable, values: Mapping[str, object]) -> Abstract | None:
        return next(iter(self._abstracts(self._connection.execute(statement, values).all())), None)

    def _abstracts(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Abstract]:
        """The abstracts of these rows, each with its sections."""
        if not rows:
            return []
        sections: dict[UUID, list[SectionViolated]] = defaultdict(list)
        ids = [row.abstract_id for row in rows]
        for abstract_id, code_book, section, role in self._connection.execute(_SECTIONS, {"ids": ids}):
            sections[abstract_id].append(SectionViolated(code_book, section, role))
        return [_abstract(row, sections[row.abstract_id]) for row in rows]


def _abstract(row: Row[*tuple[Any, ...]], sections: Sequence[SectionViolated]) -> Abstract:
    fields = {name: getattr(row, name) for name in _PLAIN}
    licence = DriverLicense(row.license_number, row.license_jurisdiction)
    return Abstract(**fields, driver_license=licence, sections=tuple(sections))
