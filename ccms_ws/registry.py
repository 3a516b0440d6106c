"""The exchanges of this installation: one line each."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

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


def part(exchange: Exchange, name: str) -> ModuleType | None:
    """The optional module `name` of an exchange's folder; None if it has none.

    Such a part belongs to the program of that name, which alone imports it:

    commands     `app`, a `typer.Typer`: mounted as `ccms-ws` and the code of the exchange in lower case, or, if it has
                 but one command, under the name of that
    simulate     `responder()`: how a simulated partner answers what the court sends
    conformance  `TASKS`, what a client under test is to ask; `PARTNERS`, whose part can be played: each optional
    replay       `ACTIONS` and `STATES`, what a case may do and expect by name; `record`, what else is on file of a
                 message that was sent; `make_books`, what makes a recorded answer true: each optional
    demo         `steps(stage)`, what the demo shows; `SETTINGS`, `SCRIPTS`, of the demo partners: both optional
    """
    module = f"{exchange.package}.{name}"
    return None if find_spec(module) is None else import_module(module)
