"""The exchanges of this installation: one line each."""

from __future__ import annotations

from ccms_ws.errors import UnknownMessage
from ccms_ws.exchange import Exchange
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.fcc807 import FCC807

EXCHANGES: tuple[Exchange, ...] = (
    FCC807,
    COL903,
    DMV907,
)


def get_exchange(code: str) -> Exchange:
    """The exchange of that code (the first, if several versions are registered). Raises UnknownMessage."""
    found = next((exchange for exchange in EXCHANGES if exchange.code == code), None)
    if found is None:
        raise UnknownMessage(f"there is no exchange {code!r}", hint=f"known: {', '.join(e.code for e in EXCHANGES)}")
    return found
