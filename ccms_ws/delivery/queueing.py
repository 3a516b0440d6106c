"""Compose messages to a partner and queue them, each in one commit with what is recorded for it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from ccms_ws.dispatch import send
from ccms_ws.domain.ports import UnitOfWork, UnitOfWorkFactory
from ccms_ws.errors import ConcurrentChange
from ccms_ws.exchange import Context, Exchange
from ccms_ws.failpoints import failpoint
from ccms_ws.message_parts.metadata import Metadata
from ccms_ws.store.engine import PATIENCE

_TRIES = 20
"""How often messages are composed again, because another run was quicker."""


class Message(Protocol):
    """What a use case composes: a value with the metadata block of its message."""

    @property
    def metadata(self) -> Metadata: ...


Compose = Callable[[Context, UnitOfWork], Iterable[Message]]


def queue_messages(
    exchange: Exchange, compose: Compose, *, context_for: Callable[[], Context], units: UnitOfWorkFactory
) -> list[UUID]:
    """Queue what `compose` yields, each message in one commit with what `compose` has recorded until then.

    Returns their transaction ids. If another run changed meanwhile what was composed from, `compose` is called again.
    Raises what `compose` raises; what was queued before that stays.
    """
    sent: list[UUID] = []
    for attempt in range(_TRIES):
        try:
            _queue(exchange, compose, context_for(), units, sent)
            break
        except ConcurrentChange as error:
            if attempt == _TRIES - 1:
                error.hint = "another run is at work: wait for its end, and start this one again"
                raise
            time.sleep(random.uniform(0.0, min(0.05 * 2**attempt, PATIENCE)))  # noqa: S311 - no secret
    failpoint("push.after-commit")
    return sent


def _queue(exchange: Exchange, compose: Compose, context: Context, units: UnitOfWorkFactory, sent: list[UUID]) -> None:
    partner_id = context.partner.partner_id
    with units() as uow:
        for message in compose(context, uow):
            message_id = message.metadata.transaction_id
            send(exchange, message, message_id=message_id, partner_id=partner_id, now=context.now, uow=uow)
            failpoint("push.before-commit")
            uow.commit_async()
            sent.append(message_id)
