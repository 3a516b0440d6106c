"""One attempt to send one message: no database, no loop. What came of it is written down by `settling`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from ccms_ws.clients import Cause, Receipt
from ccms_ws.clock import Clock
from ccms_ws.delivery.routes import Route, RouteFinder
from ccms_ws.domain.messages import LeasedMessage
from ccms_ws.errors import ConfigError, DeliveryError, PermanentDeliveryError, TransientDeliveryError, UnknownMessage
from ccms_ws.exchange import Exchange, Outgoing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: a `receipt` or an `error`. `route` and `outgoing` are None if none could be found."""

    leased: LeasedMessage
    started_at: datetime
    ended_at: datetime
    route: Route | None
    outgoing: Outgoing | None
    receipt: Receipt | None = None
    error: DeliveryError | None = None


class Dispatcher:
    """Sends messages by their routes. Threads share it."""

    def __init__(self, *, exchanges: Sequence[Exchange], route_for: RouteFinder, clock: Clock) -> None:
        self._outgoing = {e.code: e.outgoing for e in exchanges if e.outgoing is not None}
        self._route_for = route_for
        self._clock = clock

    def attempt(self, leased: LeasedMessage) -> Outcome:
        """Send once. Whatever goes wrong is in the outcome."""
        message, started_at = leased.message, self._clock.now()
        outgoing, route = self._outgoing.get(message.exchange), None
        receipt: Receipt | None = None
        error: DeliveryError | None = None
        try:
            route = self._find_route(leased, outgoing)
            if leased.lost >= route.retry.budget:
                # It may be the message that ends the workers.
                raise PermanentDeliveryError(f"{leased.lost} attempts never came to an end", cause=Cause.INTERNAL)
            receipt = route.sender.send(message, url=route.url, soap=route.soap)
        except DeliveryError as failure:
            error = failure
        except Exception as defect:
            log.exception("delivery.defect", exchange=message.exchange, message_id=str(message.message_id))
            error = TransientDeliveryError(f"{type(defect).__name__}: see the log", cause=Cause.INTERNAL)
        return Outcome(
            leased=leased,
            started_at=started_at,
            ended_at=self._clock.now(),
            route=route,
            outgoing=outgoing,
            receipt=receipt,
            error=error,
        )

    def _find_route(self, leased: LeasedMessage, outgoing: Outgoing | None) -> Route:
        message = leased.message
        try:
            if outgoing is None:
                raise UnknownMessage(f"this version sends no {message.exchange}")
            return self._route_for(message.partner_id, message.exchange)
        except (ConfigError, UnknownMessage) as error:
            raise TransientDeliveryError(str(error), cause=Cause.CONFIGURATION) from error
