"""What an operator can do with a message: the outbox and the exchange's own records change together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog

from ccms_ws.clock import Clock
from ccms_ws.dispatch import compose
from ccms_ws.domain.messages import OperatorAction, OutboxEntry
from ccms_ws.domain.ports import UnitOfWorkFactory
from ccms_ws.errors import UnknownMessage
from ccms_ws.exchange import Context, Exchange, NotificationMessage

log = structlog.get_logger(__name__)


class OutboxActions:
    """Operator actions on outgoing messages. All of them raise NotStored; what is about dead messages, MessageNotDead
    for what needs no operator; what is about held ones, MessageNotWaiting.
    """

    def __init__(
        self,
        *,
        name: str,
        units: UnitOfWorkFactory,
        exchanges: Sequence[Exchange],
        context_for: Callable[[str], Context],
        clock: Clock,
    ) -> None:
        """`name`: who it is, for the record; `context_for`: what a message to that partner is composed with."""
        self._name = name
        self._units = units
        self._exchanges = {exchange.code: exchange for exchange in exchanges}
        self._context_for = context_for
        self._clock = clock

    def hold(self, message_id: UUID, reason: str) -> None:
        """Hold a message back that waits; what is about the same subjects waits behind it."""
        with self._units() as uow:
            uow.held_messages.hold(message_id, self._order(reason))
            uow.commit()
        log.info("message.held", message_id=str(message_id), operator=self._name)

    def hold_ordering_key(self, partner_id: str, subject: str, reason: str) -> UUID:
        """Hold back the first message about a subject that waits, and so all behind it; returns its id."""
        with self._units() as uow:
            message_id = uow.held_messages.first_waiting(partner_id, subject)
            uow.held_messages.hold(message_id, self._order(reason))
            uow.commit()
        log.info("message.held", message_id=str(message_id), operator=self._name)
        return message_id

    def unhold(self, message_id: UUID, reason: str) -> None:
        """Let a held message go on, from its place."""
        with self._units() as uow:
            uow.held_messages.let_go(message_id, self._order(reason))
            uow.commit()
        log.info("message.unheld", message_id=str(message_id), operator=self._name)

    def resend(self, message_id: UUID, reason: str) -> None:
        """Try the message again, as it is and from its place, as often and as long as a new one."""
        with self._units() as uow:
            _, notification = self._sender(uow.outbox.get(message_id))
            uow.dead_letters.resend(message_id, self._order(reason))
            notification.tracking.resent(message_id, uow)
            uow.commit()
        log.info("dead-letter.resent", message_id=str(message_id), operator=self._name)

    def discard(self, message_id: UUID, reason: str) -> None:
        """Never send the message; what waits behind it goes on."""
        with self._units() as uow:
            _, notification = self._sender(uow.outbox.get(message_id))
            uow.dead_letters.withdraw(message_id, self._order(reason))
            notification.tracking.discarded(message_id, reason, uow)
            uow.commit()
        log.info("dead-letter.discarded", message_id=str(message_id), operator=self._name)

    def replace(self, message_id: UUID, reason: str) -> UUID:
        """Compose the message again from the current court records; send it from the same position. Returns its id.

        Raises SubjectsDiffer, and ExchangeError if the exchange cannot compose it again.
        """
        with self._units() as uow:
            entry = uow.outbox.get(message_id)
            exchange, notification = self._sender(entry)
            context = self._context_for(entry.partner_id)
            message = compose(
                exchange,
                notification.recompose(message_id, context, uow),
                message_id=context.message_id,
                partner_id=entry.partner_id,
                now=context.now,
            )
            uow.dead_letters.replace(message_id, self._order(reason), message)
            uow.commit()
        log.info(
            "dead-letter.replaced",
            message_id=str(message_id),
            replaced_by=str(context.message_id),
            operator=self._name,
        )
        return context.message_id

    def _order(self, reason: str) -> OperatorAction:
        return OperatorAction(self._name, reason, self._clock.now())

    def _sender(self, entry: OutboxEntry) -> tuple[Exchange, NotificationMessage[Any]]:
        exchange = self._exchanges.get(entry.exchange)
        if exchange is None or exchange.notification is None:
            raise UnknownMessage(f"this version sends no {entry.exchange}")
        return exchange, exchange.notification
