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
from ccms_ws.contract.codes import CodeLists
from ccms_ws.domain.courts import Court
from ccms_ws.domain.law import Law
from ccms_ws.domain.partners import Partner, PartnerKind
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import CcmsWsError
from ccms_ws.tracking import PartnerVerdict, Tracking

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
    """What a handler knows of the message it handles, beside the message itself.

    `law` and `codes` are the court's: what is published, with what the court adds by its settings.
    """

    court: Court
    law: Law
    codes: CodeLists
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
class RequestMessage(Generic[M, R]):
    """A message with which a partner starts a conversation, and the court's reply.

    `handle` may raise ExchangeError: the partner then gets the exchange's own error message. `write` gives the reply in
    exclusive canonical form. `read_only`: the handler changes nothing, so that its unit of work takes no write lock.
    """

    root: str
    read: Callable[[_Element], M]
    handle: Callable[[M, Context, UnitOfWork], R]
    write: Callable[[R], bytes]
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMessage(Generic[M]):
    """A partner's answer to a notification, in the HTTP response or later at the court's own service.

    `repeated_id` is the id of the notification that the answer's content repeats. `interpret(answer, message_id,
    context, uow)` updates what the exchange records besides the state of the message, and returns the verdict. It
    raises AnswerMismatch, before any change, if the answer does not fit what was sent: it is then quarantined.
    """

    root: str
    read: Callable[[_Element], M]
    repeated_id: Callable[[M], str]
    interpret: Callable[[M, UUID, Context, UnitOfWork], PartnerVerdict]


@dataclass(frozen=True, slots=True)
class WrittenPayload:
    """A payload that may be too large to be held as a tree: canonical text, which its exchange has validated.

    `further` is what follows `body`, in pieces; it can be gone through again and again.
    """

    body: bytes
    further: Iterable[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationMessage(Generic[M]):
    """A message that the court sends to partners from its outbox, and the answers to it.

    `ordering_keys`: messages to one partner that share a key are delivered in the order in which they were queued.
    `tracking` moves it through its states. `recompose(message_id, context, uow)` composes a dead message again from
    current records, under the id in the context, and discards the old one's records; it raises ExchangeError if that
    cannot be done.
    """

    root: str
    write: Callable[[M], _Element | WrittenPayload]
    ordering_keys: Callable[[M], Sequence[str]]
    tracking: Tracking
    recompose: Callable[[UUID, Context, UnitOfWork], M]
    answers: tuple[AnswerMessage[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One exchange in one version.

    `package` is its folder: `__name__` of the declaring module (`registry.part` finds the optional modules in it).
    `service` is the WSDL (concrete, below `wsdl/`) of what the court publishes for it; `write_error` composes the
    exchange's own error message for a message that was accepted and cannot be processed (None: it has none to send).
    Raises ValueError unless there is either a `request` or a `notification`.
    """

    package: str
    code: str
    version: str
    title: str
    direction: Direction
    namespace: str
    service: str
    request: RequestMessage[Any, Any] | None = None
    notification: NotificationMessage[Any] | None = None
    write_error: Callable[[CcmsWsError, Context], _Element] | None = None
    partner_kinds: frozenset[PartnerKind]
    """Who can be at the other end."""
    elements: PayloadElements = PayloadElements()

    def __post_init__(self) -> None:
        if (self.request is None) == (self.notification is None):
            raise ValueError(f"{self.code} must declare either a request or a notification")

    @property
    def path(self) -> str:
        """The path of the court's service below its public URL."""
        return f"/{self.code}/{self.version}"

    @property
    def incoming(self) -> tuple[RequestMessage[Any, Any] | AnswerMessage[Any], ...]:
        """What partners send to the court's service: the request, or answers to the notification."""
        if self.request is not None:
            return (self.request,)
        return () if self.notification is None else self.notification.answers

    def incoming_by_root(self, root: str) -> RequestMessage[Any, Any] | AnswerMessage[Any] | None:
        return next((message for message in self.incoming if message.root == root), None)
