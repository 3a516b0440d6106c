"""Failure-to-comply abstracts, and the convictions that they presuppose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Executable, Row, bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing

from ccms_ws.domain.abstracts import Abstract, AbstractAction, AbstractState, Conviction, SectionViolated
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.errors import ConcurrentChange, NotStored
from ccms_ws.exchanges.dmv907.tables import abstract, abstract_section, conviction, open_hold
from ccms_ws.store.locks import advisory_lock
from ccms_ws.tracking import Acceptance, PartnerVerdict, State

_CHUNK = 1000
_REFUSED = (AbstractState.NOT_ACCEPTED, AbstractState.IN_ERROR)
"""DMV does not act on such an abstract: such a hold is not open, such a release releases nothing."""

_a, _s, _h, _c = abstract.c, abstract_section.c, open_hold.c, conviction.c
_KEY = ("court_ori", "case_number", "license_jurisdiction", "license_number")
_ABSTRACT = select(abstract).where(_a.abstract_id == bindparam("id"))
_LOCKED_ABSTRACT = _ABSTRACT.with_for_update(key_share=True)
_OPEN_HOLD = (
    select(abstract)
    .join_from(open_hold, abstract, _a.abstract_id == _h.abstract_id)
    .where(_h.court_ori == bindparam("ori"), _h.case_number == bindparam("number"))
    .where(_h.license_jurisdiction == bindparam("jurisdiction"), _h.license_number == bindparam("license"))
)
_OPEN = insert(open_hold)
_CLOSE = delete(open_hold).where(_h.abstract_id == bindparam("id"))
# Unless a newer hold stands there, or DMV refused this one itself. Understood by SQLite as it stands.
_REOPEN = (
    insert_or_nothing(open_hold)
    .from_select(
        [*_KEY, "abstract_id"],
        select(
            *(_a[name] for name in _KEY[:-1]),
            case((_a.license_number == "", _a.participant_id), else_=_a.license_number),
            _a.abstract_id,
        ).where(_a.abstract_id == bindparam("id"), _a.state.not_in(_REFUSED)),
    )
    .on_conflict_do_nothing()
)
_RELEASES = select(abstract).where(_a.releases == bindparam("id")).order_by(_a.created_at)
_WITHDRAW = (
    update(abstract)
    .where(_a.abstract_id == bindparam("id"), _a.state == AbstractState.UNDELIVERABLE)
    .values(answer_text=bindparam("why"))
    .returning(_a.releases)
)
_new = insert_or_nothing(conviction)
_CONVICTION = _new.on_conflict_do_update(
    index_elements=[_c.court_ori, _c.case_number, _c.participant_id, _c.convicted_on],
    set_={"reported_on": func.coalesce(_new.excluded.reported_on, _c.reported_on)},
)
_CONVICTIONS = (
    select(conviction)
    .where(_c.court_ori == bindparam("ori"), _c.case_number == bindparam("number"))
    .where(_c.participant_id == bindparam("person"))
    .order_by(_c.convicted_on)
)
# Word for word as the partial indexes have it.
_LATE = (text("state = 'awaiting response'"), _a.answer_due_at < bindparam("now"))
_OVERDUE = (
    select(abstract)
    .where(*_LATE)
    .order_by(_a.answer_due_at)
    .limit(_CHUNK)
    .with_for_update(skip_locked=True, key_share=True)
)
_COUNT = select(func.count()).select_from(abstract)
_COUNT_OVERDUE = select(
    _COUNT.where(text("state = 'overdue'")).scalar_subquery() + _COUNT.where(*_LATE).scalar_subquery()
)
_SECTIONS = (
    select(_s.abstract_id, _s.code_book, _s.section, _s.role)
    .where(_s.abstract_id.in_(bindparam("ids", expanding=True)))
    .order_by(_s.abstract_id, _s.position)
)
_NO_LICENSE = DriverLicense("", "")
_PLAIN = [column.key for column in _a if not column.key.startswith("license_")]
"""Columns that are fields of `Abstract` under the same name."""

_STORED: Final[Mapping[State | Acceptance, AbstractState]] = {
    State.QUEUED: AbstractState.QUEUED,
    State.DELIVERED: AbstractState.AWAITING_RESPONSE,
    State.SILENT: AbstractState.OVERDUE,
    State.DEAD: AbstractState.UNDELIVERABLE,
    Acceptance.ACCEPTED: AbstractState.ACCEPTED,
    Acceptance.REJECTED: AbstractState.NOT_ACCEPTED,
    Acceptance.IN_ERROR: AbstractState.IN_ERROR,
}
_TRACKED: Final[Mapping[AbstractState, State]] = {
    stored: state if isinstance(state, State) else State.ANSWERED for state, stored in _STORED.items()
}


class Abstracts:
    """Abstracts and their sections in the tables of `dmv907.tables`. In a unit of work: `uow.of(Abstracts)`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, abstract_: Abstract) -> None:
        """Raises ConcurrentChange for a second open hold, and for a release of a hold that is not open."""
        license = abstract_.driver_license or _NO_LICENSE
        row = {name: getattr(abstract_, name) for name in _PLAIN}
        row |= {"license_number": license.number, "license_jurisdiction": license.jurisdiction}
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
        if abstract_.action is AbstractAction.HOLD:
            held = {name: row[name] for name in _KEY} | _held(abstract_.driver_license, abstract_.participant_id)
            self._connection.execute(_OPEN, held | {"abstract_id": abstract_.abstract_id})
        elif self._connection.execute(_CLOSE, {"id": abstract_.releases}).rowcount != 1:
            raise ConcurrentChange(f"the hold {abstract_.releases} is not open")

    def find(self, abstract_id: UUID) -> Abstract | None:
        return self._first(_ABSTRACT, {"id": abstract_id})

    def lock(self, abstract_id: UUID) -> Abstract | None:
        """As `find`; no other transaction changes the abstract until this unit of work ends."""
        return self._first(_LOCKED_ABSTRACT, {"id": abstract_id})

    def open_hold(
        self, court_ori: str, case_number: str, license: DriverLicense | None, participant_id: str = ""
    ) -> Abstract | None:
        """The hold that stands on this license for this case; without a license, against this participant.

        It is not refused by DMV and not withdrawn, and no release of it is under way or done. Until this unit of work
        ends no other transaction gets an answer to the same question: what is decided on it stays true.
        """
        held = _held(license, participant_id)
        jurisdiction, number = held["license_jurisdiction"], held["license_number"]
        advisory_lock(self._connection, [f"hold {court_ori} {case_number} {jurisdiction} {number}"])
        values = {"ori": court_ori, "number": case_number, "license": number, "jurisdiction": jurisdiction}
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
        change = update(abstract).where(_a.abstract_id == abstract_id).values(values).returning(_a.releases)
        moved = self._connection.execute(change).first()
        if moved is None:
            raise NotStored(f"there is no abstract {abstract_id}")
        if state in _REFUSED:
            self._without_effect(abstract_id, moved.releases)

    def withdraw(self, abstract_id: UUID, why: str) -> None:
        """An undeliverable abstract is given up for good: such a hold is not open, such a release releases nothing.

        Raises NotStored if there is no undeliverable abstract of that id.
        """
        withdrawn = self._connection.execute(_WITHDRAW, {"id": abstract_id, "why": why}).first()
        if withdrawn is None:
            raise NotStored(f"there is no undeliverable abstract {abstract_id}")
        self._without_effect(abstract_id, withdrawn.releases)

    def releases_of(self, hold_id: UUID) -> Sequence[Abstract]:
        """Every release that was made for this hold, oldest first, whatever became of it."""
        return self._abstracts(self._connection.execute(_RELEASES, {"id": hold_id}).all())

    def overdue(self, now: datetime) -> Sequence[Abstract]:
        """Abstracts that await a response which was due before `now`, at most 1,000 of them at once.

        They are locked; those that another transaction is about to change are left out.
        """
        return self._abstracts(self._connection.execute(_OVERDUE, {"now": now}).all())

    def count_overdue(self, now: datetime) -> int:
        """How many are without a response that was due before `now`, whether that was noted already or not."""
        count: int = self._connection.execute(_COUNT_OVERDUE, {"now": now}).scalar_one()
        return count

    # -- tracking (`ccms_ws.tracking.TrackedMessages`) -----------------------------------------------------------------
    def lock_state(self, message_id: UUID) -> State | None:
        """A discarded abstract reads as dead: the outbox, which knows the difference, lets nothing more be done."""
        found = self.lock(message_id)
        return None if found is None else _TRACKED[found.state]

    def past_due(self, now: datetime) -> Sequence[UUID]:
        return [late.abstract_id for late in self.overdue(now)]

    def record(
        self,
        message_id: UUID,
        state: State,
        *,
        delivered_at: datetime | None = None,
        answer_due_at: datetime | None = None,
        reason: str = "",
        verdict: PartnerVerdict | None = None,
    ) -> None:
        """An abstract that DMV refuses, or that is discarded, has no effect on holds."""
        if state is State.DISCARDED:
            self.withdraw(message_id, reason)
            return
        self.move(
            message_id,
            _STORED[state if verdict is None else verdict.acceptance],
            answer_due_at=answer_due_at,
            answer_code="" if verdict is None else verdict.code,
            answer_text=reason if verdict is None else verdict.text,
        )

    # -- convictions --------------------------------------------------------------------------------------------------
    def add_conviction(self, conviction_: Conviction) -> None:
        """Record a conviction; one that is on file gets the new day of its report, and keeps the old one without it."""
        self._connection.execute(_CONVICTION, {column.key: getattr(conviction_, column.key) for column in _c})

    def convictions(self, court_ori: str, case_number: str, participant_id: str) -> Sequence[Conviction]:
        """The convictions of a participant on a case, oldest first."""
        key = {"ori": court_ori, "number": case_number, "person": participant_id}
        return [Conviction(*row) for row in self._connection.execute(_CONVICTIONS, key)]

    def _without_effect(self, abstract_id: UUID, hold_id: UUID | None) -> None:
        """DMV keeps things as they were before this abstract: without its hold, or with the one that it should end."""
        if hold_id is None:
            self._connection.execute(_CLOSE, {"id": abstract_id})
        else:
            self._connection.execute(_REOPEN, {"id": hold_id})

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


def _held(license: DriverLicense | None, participant_id: str) -> dict[str, str]:
    """By what a hold is known beside its case: the license, and of a person who has none the participant's id."""
    if license is None:
        return {"license_jurisdiction": "", "license_number": participant_id}
    return {"license_jurisdiction": license.jurisdiction, "license_number": license.number}


def _abstract(row: Row[*tuple[Any, ...]], sections: Sequence[SectionViolated]) -> Abstract:
    fields = {name: getattr(row, name) for name in _PLAIN}
    license = DriverLicense(row.license_number, row.license_jurisdiction) if row.license_number else None
    return Abstract(**fields, driver_license=license, sections=tuple(sections))
