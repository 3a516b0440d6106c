"""The lines to partners: what `ccms_ws.domain.ports.Lines` asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_replace

from ccms_ws.domain.circuit_breaker import CircuitBreaker
from ccms_ws.store.outbox_tables import partner_line

_l = partner_line.c
_ALL = select(partner_line).order_by(_l.partner_id)
_ONE = select(partner_line).where(_l.partner_id == bindparam("partner"))
_LOCKED = _ONE.with_for_update()
_new = insert_or_replace(partner_line)
# Understood by SQLite as it stands.
_PUT = _new.on_conflict_do_update(
    index_elements=[_l.partner_id],
    set_={column.key: _new.excluded[column.key] for column in _l if not column.primary_key},
)
_PROBE = (
    update(partner_line)
    .where(_l.partner_id == bindparam("partner"), _l.state == bindparam("was"), _l.retry_at == bindparam("was_until"))
    .values(state=bindparam("now_state"), changed_at=bindparam("now"), retry_at=bindparam("until"))
)


class SqlCircuitBreakers:
    """Lines in the table `partner_line`; a partner without a row has never failed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, partner_id: str) -> CircuitBreaker:
        """The line as it is now."""
        row = self._connection.execute(_ONE, {"partner": partner_id}).first()
        return CircuitBreaker(partner_id) if row is None else CircuitBreaker(*row)

    def lock(self, partner_id: str) -> CircuitBreaker:
        """As `find`; no other transaction changes the circuit breaker until this unit of work ends."""
        row = self._connection.execute(_LOCKED, {"partner": partner_id}).first()
        return CircuitBreaker(partner_id) if row is None else CircuitBreaker(*row)

    def list_breakers(self) -> Sequence[CircuitBreaker]:
        """The lines of all partners that ever failed, by their ids."""
        return [CircuitBreaker(*row) for row in self._connection.execute(_ALL)]

    def put(self, line: CircuitBreaker) -> None:
        """Store the line as it is to be."""
        names = (column.key for column in _l)
        self._connection.execute(_PUT, dict(zip(names, astuple(line), strict=True)))

    def try_probe(self, line: CircuitBreaker, probing: CircuitBreaker) -> bool:
        """Change `line` to `probing`, unless another worker was quicker."""
        values = {"partner": line.partner_id, "was": line.state, "was_until": line.retry_at}
        values |= {"now_state": probing.state, "now": probing.changed_at, "until": probing.retry_at}
        return self._connection.execute(_PROBE, values).rowcount == 1
