"""What pages need: the console's parts, and facts about the current request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from flask import abort, current_app, g, request

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.config import ConsoleSettings
from ccms_ws.console.operators import OperatorAccount, Operators
from ccms_ws.console.sessions import Addresses, FormTokens, Guesses, Sessions
from ccms_ws.store.health import Health
from ccms_ws.store.message_history import TrafficLog
from ccms_ws.store.statistics import Standing

KEY = "ccms_ws.console"


class Ending(Protocol):
    """A certificate or a revocation list that expires soon; `days`: whole days that remain."""

    @property
    def whose(self) -> str: ...
    @property
    def use(self) -> str: ...
    @property
    def until(self) -> datetime: ...
    @property
    def days(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleContext:
    """One console. `traffic`, `health`, `standings` and `refused_since` read the store; `endings` the certificates."""

    court: CourtApplication
    settings: ConsoleSettings
    operators: Operators
    sessions: Sessions
    guesses: Guesses
    addresses: Addresses
    tokens: FormTokens
    traffic: Callable[[], AbstractContextManager[TrafficLog]]
    health: Callable[[datetime], Health]
    standings: Callable[[], dict[str, Standing]]
    refused_since: Callable[[datetime], int]
    endings: Callable[[datetime], Sequence[Ending]]

    @property
    def cookie(self) -> str:
        """With TLS, a name that a browser takes from this host and over TLS alone (RFC 6265bis, 4.1.3.2)."""
        return "__Host-ccms-ws" if self.settings.is_secure else "ccms-ws"


def console_context() -> ConsoleContext:
    """The console that this request came to."""
    return cast(ConsoleContext, current_app.extensions[KEY])


def operator() -> OperatorAccount:
    """The signed-in operator; the guard has refused all other requests."""
    return cast(OperatorAccount, g.operator)


def client_address() -> str:
    """The client's address, also behind a proxy (`console.address_header`)."""
    header = console_context().settings.address_header
    written = request.headers.get(header, "") if header else ""
    # A proxy appends the address that it sees to what the client has sent.
    return written.rpartition(",")[2].strip() or request.remote_addr or ""


def require_right_to_act() -> None:
    """Ends the request with 403 for a reader."""
    if not operator().may_act:
        abort(403, "A reader may neither open the content of messages nor act on them.")
