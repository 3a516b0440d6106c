"""What an exchange IS: a declaration from which services, clients, simulator, CLI and docs derive the rest.

Which operation carries which message, under which action, stands in the WSDLs alone; a declaration names only messages
(by the qualified name of their root element) and what the court does with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import court_day
from ccms_ws.domain.courts import Court
from ccms_ws.domain.partners import Partner, PartnerKind
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import CcmsWsError

M = TypeVar("M")
R = TypeVar("R")


class Direction(StrEnum):
    """Who begins the conversation."""

    INBOUND = "partner to court"
    OUTBOUND = "court to partner"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadElements:
    """Elements with a special role, by qualified name, for the programs that compare, renew or check messages."""

    own_ids: frozenset[str] = frozenset()
    """Repeat the transaction id of the message, in it and in the answers to it."""
    earlier_ids: frozenset[str] = frozenset()
    """Repeat the transaction id of a message sent before, which this one corrects or takes back."""
    totals: frozenset[str] = frozenset()
    """Control totals: the receiver must report one that does not agree with the content."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """Elements whose values are on a code list, with the name of the list."""
    court: Mapping[str, str] = field(default_factory=dict)
    """Elements that identify the court, with the name of the field of the court's settings that they repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a handler knows of the message it handles, beside the message itself."""

    court: Court
    partner: Partner
    now: datetime
    test: bool
    message_id: UUID
    reply_id: UUID
    relates_to: UUID | None = None

    @property
    def today(self) -> date:
        """The calendar day at the court."""
        return court_day(self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming(Generic[M, R]):
    """A message that the court takes in, as a service or as the answer in an HTTP response.

    `handle` may raise ExchangeError: the partner then gets the exchange's own error message. `write` gives the reply in
    exclusive canonical form; it is None for a one-way message, whose handler returns None. `read_only`: the handler
    changes nothing, so that its unit of work only reads and holds up no writer.
    """

    root: str
    read: Callable[[_Element], M]
    handle: Callable[[M, Context, UnitOfWork], R]
    write: Callable[[R], bytes] | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class WrittenPayload:
    """A payload that may be too large to be held as a tree: canonical text, which its exchange has validated.

    `further` is what follows `body`, in pieces; it can be gone through again and again.
    """

    body: bytes
    further: Iterable[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that the court sends to partners from its outbox, and what follows for the court's own records.

    `ordering_keys` are the things whose messages to one partner keep their order (court, case and participant).
    `delivered(message_id, at, answer_due_at, uow)` follows a success, `undeliverable(message_id, reason, uow)` when a
    message is given up; `on_silence(now, uow)` says how many records it moved because an answer did not come in time.
    What an operator does with a dead message: `resent(message_id, uow)`, `withdrawn(message_id, reason, uow)`, and
    `recompose(message_id, context, uow)`, which composes the same message anew from what the books say now, under the
    id in the context, and takes the old one's records back. It raises ExchangeError if that cannot be done.
    """

    root: str
    write: Callable[[Any], _Element | WrittenPayload]
    ordering_keys: Callable[[Any], Sequence[str]]
    on_delivered: Callable[[UUID, datetime, datetime | None, UnitOfWork], None]
    on_dead: Callable[[UUID, str, UnitOfWork], None]
    on_timeout: Callable[[datetime, UnitOfWork], int]
    on_resend: Callable[[UUID, UnitOfWork], None]
    on_discard: Callable[[UUID, str, UnitOfWork], None]
    recompose: Callable[[UUID, Context, UnitOfWork], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One exchange in one version.

    `package` is its folder: `__name__` of the declaring module (`registry.part` finds the optional modules in it).
    `service` is the WSDL (concrete, below `wsdl/`) of what the court publishes for it; `write_error` composes the
    exchange's own error message for a message that was accepted and cannot be processed (None: it has none to send).
    """

    package: str
    code: str
    version: str
    title: str
    direction: Direction
    namespace: str
    service: str
    incoming: tuple[Incoming[Any, Any], ...]
    outgoing: Outgoing | None = None
    write_error: Callable[[CcmsWsError, Context], _Element] | None = None
    partner_kinds: frozenset[PartnerKind]
    """Who can be at the other end."""
    elements: PayloadElements = PayloadElements()

    @property
    def path(self) -> str:
        """The path of the court's service below its public URL."""
        return f"/{self.code}/{self.version}"

    def incoming_by_root(self, root: str) -> Incoming[Any, Any] | None:
        return next((message for message in self.incoming if message.root == root), None)
