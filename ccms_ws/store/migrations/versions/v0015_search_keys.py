"""Search keys anew: transliterated letters, apostrophes of all kinds and abbreviated saints share one.

Downgrade: the keys stay as they are; `ccms-ws db reindex` of the older version writes its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ccms_ws.domain.courts import PersonName
from ccms_ws.domain.name_matching import surname_keys

revision = "0015"
down_revision = "0014"

_CHUNK = 10_000
_PERSON = ("court_ori", "participant_id")
_participant = sa.table(
    "participant", *(sa.column(name) for name in (*_PERSON, "surname", "suffix")), sa.column("birth_date", sa.Date())
)
_name = sa.table("participant_name", *(sa.column(name) for name in (*_PERSON, "surname", "suffix")))
_key = sa.table(
    "participant_key", *(sa.column(name) for name in (*_PERSON, "surname_key")), sa.column("birth_date", sa.Date())
)
_NOW = "A surname as it is searched (ccms_ws.domain.name_matching.surname_keys)"
_BEFORE = "A surname as it is searched (ccms_ws.domain.naming.surname_keys)"


def upgrade() -> None:
    _comment(_NOW)
    connection, p, n = op.get_bind(), _participant.c, _name.c
    connection.execute(sa.delete(_key))
    same = sa.and_(n.court_ori == p.court_ori, n.participant_id == p.participant_id)
    own = sa.select(p.court_ori, p.participant_id, p.birth_date, p.surname, p.suffix)
    others = sa.select(p.court_ori, p.participant_id, p.birth_date, n.surname, n.suffix).join_from(
        _participant, _name, same
    )
    # A person's rows stand together, and no key is written twice.
    rows = sa.union_all(*(each.where(p.birth_date.is_not(None)) for each in (own, others))).order_by(*_PERSON)
    written: tuple[str, str] | None = None
    keys: set[str] = set()
    for chunk in connection.execute(rows).partitions(_CHUNK):
        new = []
        for ori, person, born, surname, suffix in chunk:
            if (ori, person) != written:
                written, keys = (ori, person), set()
            fresh = surname_keys(PersonName("", surname, "", suffix)) - keys
            keys |= fresh
            new += [
                {"court_ori": ori, "participant_id": person, "birth_date": born, "surname_key": key} for key in fresh
            ]
        if new:
            connection.execute(sa.insert(_key), new)


def downgrade() -> None:
    _comment(_BEFORE)


def _comment(words: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("participant_key", "surname_key", comment=words)
