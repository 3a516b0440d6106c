"""How it stands with each partner, in numbers: for a page that is looked at often. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, case, func, select

from ccms_ws.domain.circuit_breaker import CircuitBreaker
from ccms_ws.domain.messages import OutboxState
from ccms_ws.store.circuit_breakers import SqlCircuitBreakers
from ccms_ws.store.message_tables import refusal
from ccms_ws.store.outbox_tables import outbox_message
from ccms_ws.store.outbox_view import ENDED, NOT_DELIVERED

_m = outbox_message.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One partner. `waiting`: never tried yet; `in_doubt`: being sent, or tried and not known to be taken; `dead`:
    waits for an operator.
    """

    line: CircuitBreaker
    waiting: int = 0
    in_doubt: int = 0
    dead: int = 0


_kind = case(
    (_m.state == OutboxState.DEAD, "dead"),
    (and_(_m.state == OutboxState.PENDING, _m.attempts == 0), "waiting"),
    else_="in_doubt",
).label("kind")
_OPEN = (
    select(_m.partner_id, _kind, func.count())
    .where(NOT_DELIVERED, (_m.state != OutboxState.DEAD) | ENDED.is_(None))
    .group_by(_m.partner_id, "kind")  # by its name: PostgreSQL takes two spellings of it for two
)


def standings(engine: Engine) -> dict[str, Standing]:
    """Each partner that has an open message or a line that ever failed, by its id."""
    counts: dict[str, dict[str, int]] = {}
    with engine.connect().execution_options(read_only=True) as connection:
        lines = {line.partner_id: line for line in SqlCircuitBreakers(connection).list_breakers()}
        for partner_id, kind, number in connection.execute(_OPEN):
            counts.setdefault(partner_id, {})[kind] = number
    return {
        each: Standing(line=lines.get(each, CircuitBreaker(each)), **counts.get(each, {})) for each in lines | counts
    }


def refused_since(engine: Engine, moment: datetime) -> int:
    """How many messages were refused since then, of those that are still kept."""
    query = select(func.count()).select_from(refusal).where(refusal.c.refused_at >= moment)
    with engine.connect().execution_options(read_only=True) as connection:
        return connection.execute(query).scalar_one()
