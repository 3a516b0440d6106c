"""Run one message through its exchange inside one unit of work: validate, read, check the metadata, handle, write.

The caller commits. What comes in by a service and what comes back in an HTTP response take the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import schemas
from ccms_ws.domain.messages import AnswerKind, OutgoingMessage, QuarantinedAnswer
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import CcmsWsError, ExchangeError, InternalError, SchemaViolated, UnknownMessage
from ccms_ws.exchange import AnswerMessage, Context, Exchange, NotificationMessage, RequestMessage, WrittenPayload
from ccms_ws.message_parts.metadata import Metadata, check_metadata
from ccms_ws.tracking import AnswerMismatch

log = structlog.get_logger(__name__)


class Message(Protocol):
    """What every exchange reads its messages into: a value that has the metadata block among its fields."""

    @property
    def metadata(self) -> Metadata: ...


class ContentUnreadable(ExchangeError):
    """A value of the message, though valid by the schema, has no meaning here."""

    code = "exchange.content-unreadable"


@dataclass(frozen=True, slots=True)
class HandlingResult:
    """How a message was answered: with a reply (canonical text), with an error (and the exchange's own message for it,
    if it has one), or not at all (one-way).
    """

    kind: AnswerKind
    reply: bytes = b""
    error: CcmsWsError | None = None
    error_message: _Element | None = None


def dispatch(exchange: Exchange, payload: _Element, context: Context, uow: UnitOfWork) -> HandlingResult:
    """Handle `payload`, the very element that was verified.

    A message that breaks the schema or a rule of its exchange is answered with the exchange's own error message; if it
    has none, the error is in the outcome for a plain fault. Other errors (the database, a defect, books that make the
    answer invalid) are raised: then the message is not taken in and may come again.
    """
    incoming = exchange.incoming_by_root(str(payload.tag))
    if incoming is None:
        raise UnknownMessage(f"{exchange.code} takes no {etree.QName(payload).localname}")
    try:
        schemas.validate(payload)
        message = _read(incoming, payload)
        check_metadata(message.metadata, exchange.code, exchange.version, context)
        if isinstance(incoming, AnswerMessage):
            take_answer(exchange, incoming, message, context, uow)
            return HandlingResult(AnswerKind.ACCEPTED)
        reply = incoming.handle(message, context, uow)
    except (SchemaViolated, ExchangeError) as error:
        if exchange.write_error is None:
            return HandlingResult(AnswerKind.FAULT, error=error)
        return HandlingResult(AnswerKind.FAULT, error=error, error_message=_valid(exchange.write_error(error, context)))
    written = incoming.write(reply)
    _check_answer(written)
    return HandlingResult(AnswerKind.REPLY, written)


def take_answer(
    exchange: Exchange, answer: AnswerMessage[Any], message: Message, context: Context, uow: UnitOfWork
) -> None:
    """Record an answer as that of the message it is about. One that does not fit is quarantined and changes nothing."""
    notification, partner_id = _notification_of(exchange), context.partner.partner_id
    try:
        message_id = notification.tracking.match(
            message.metadata.correlation_id, answer.repeated_id(message), partner_id, uow
        )
        verdict = answer.interpret(message, message_id, context, uow)
    except AnswerMismatch as mismatch:
        reason = str(mismatch)
        log.warning("answer.quarantined", exchange=exchange.code, partner=partner_id, reason=reason)
        uow.inbox.quarantine(QuarantinedAnswer(context.message_id, partner_id, exchange.code, reason, context.now))
    else:
        notification.tracking.answered(message_id, verdict, uow)


def send(
    exchange: Exchange, message: object, *, message_id: UUID, partner_id: str, now: datetime, uow: UnitOfWork
) -> None:
    """Put a message into the outbox, in the unit of work of the business change that caused it.

    Raises SchemaViolated at once: a bad message fails in the caller's transaction, not at delivery.
    """
    uow.outbox.add(compose(exchange, message, message_id=message_id, partner_id=partner_id, now=now))


def compose(
    exchange: Exchange, message: object, *, message_id: UUID, partner_id: str, now: datetime
) -> OutgoingMessage:
    """The message as it leaves: validated, and in exclusive canonical form. Raises as `send`."""
    notification = _notification_of(exchange)
    payload = notification.write(message)
    if not isinstance(payload, WrittenPayload):
        payload = WrittenPayload(etree.tostring(_valid(payload), method="c14n", exclusive=True, with_comments=False))
    ordering_keys = tuple(notification.ordering_keys(message))
    return OutgoingMessage(
        message_id, exchange.code, partner_id, notification.root, payload.body, ordering_keys, now, payload.further
    )


def _notification_of(exchange: Exchange) -> NotificationMessage[Any]:
    if exchange.notification is None:
        raise UnknownMessage(f"{exchange.code} sends nothing by itself")
    return exchange.notification


def _read(incoming: RequestMessage[Any, Any] | AnswerMessage[Any], payload: _Element) -> Message:
    """XML Schema has values that are none in the court's language: the year 12000, 24:00:00."""
    try:
        message: Message = incoming.read(payload)
        return message
    except (ValueError, ArithmeticError) as error:
        raise ContentUnreadable from error


def _check_answer(written: bytes) -> None:
    """The court is to blame, and not who asked, if its books hold what no answer can carry."""
    try:
        _valid(etree.fromstring(written))
    except (etree.XMLSyntaxError, SchemaViolated) as error:
        where = error.node if isinstance(error, SchemaViolated) else "a character"
        raise InternalError(
            f"the books hold what no answer can carry: {where}", hint="ccms-ws doctor names the record"
        ) from error


def _valid(payload: _Element) -> _Element:
    """Never publish what the contract forbids."""
    schemas.validate(payload)
    return payload
