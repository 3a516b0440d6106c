"""What the court had sent before a case begins, put on file again: partners' answers need something to answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ccms_ws.domain.messages import DeliveryAttempt, OutgoingMessage
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Exchange
from ccms_ws.message_parts.metadata import read_metadata
from ccms_ws.registry import get_exchange, part
from ccms_ws.replay.case import Sent
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.unverified_reader import get_tree

_WORKER: Final = "replay"
_LEASE: Final = timedelta(minutes=5)


def seed(sent: Sent, court: ReplayCourt) -> None:
    """Record the message as delivered at the moment that it bears. Raises ConfigError for one that cannot be.

    `record(message, partner_id, uow)` of the exchange's part `replay` adds what else the court had on file of it.
    """
    exchange = get_exchange(sent.exchange)
    if exchange.notification is None:
        raise ConfigError(f"{exchange.code} is nothing that the court sends")
    message = get_tree(sent.payload, "what was sent")
    metadata = read_metadata(message)
    record = getattr(part(exchange, "replay"), "record", None)
    with court.application.units() as uow:
        if record is not None:
            record(message, sent.partner, uow)
        uow.outbox.add(
            OutgoingMessage(
                metadata.transaction_id,
                exchange.code,
                sent.partner,
                exchange.notification.root,
                sent.payload,
                (),
                metadata.at,
            )
        )
        uow.commit()
    _deliver(exchange, metadata.transaction_id, sent.partner, metadata.at, court)


def _deliver(exchange: Exchange, message_id: UUID, partner: str, at: datetime, court: ReplayCourt) -> None:
    app, notification = court.application, exchange.notification
    if notification is None:
        return
    due = at + app.push_settings(partner, exchange.code).answer_window
    with app.units() as uow:
        for leased in uow.outbox.claim(worker=_WORKER, now=at, lease=_LEASE):
            attempt = DeliveryAttempt(leased.message.message_id, leased.attempt, _WORKER, at, at, "delivered", 202)
            uow.outbox.settle_delivered(leased, attempt)
            notification.tracking.delivered(message_id, at, due, uow)
        uow.commit()
