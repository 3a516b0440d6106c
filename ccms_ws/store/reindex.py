"""Rebuild the search keys from the tables they derive from, for records that another system writes directly."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, delete, select

from ccms_ws.store.court_records import key_rows
from ccms_ws.store.court_tables import participant, participant_key
from ccms_ws.store.unit_of_work import SqlUnitOfWork

_AT_ONCE = 1000


def reindex(engine: Engine, court_ori: str, done: Callable[[int], None] = lambda count: None) -> int:
    """Write the search keys of all participants of a court; how many there are. Searches go on meanwhile."""
    after, count, p = "", 0, participant.c
    page = select(p.participant_id).where(p.court_ori == court_ori).order_by(p.participant_id).limit(_AT_ONCE)
    with SqlUnitOfWork(engine) as unit:
        while people := list(unit.connection.execute(page.where(p.participant_id > after)).scalars()):
            keys = participant_key.c
            stale = delete(participant_key).where(keys.court_ori == court_ori, keys.participant_id.in_(people))
            unit.connection.execute(stale)
            for person in people:
                key_rows(unit.connection, court_ori, person)
            unit.commit()
            after, count = people[-1], count + len(people)
            done(len(people))
    return count
