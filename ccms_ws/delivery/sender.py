"""One attempt to send one message. No database, no loop; `recorder` stores the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from ccms_ws.clients import FailureCause, Receipt
from ccms_ws.clock import Clock
from ccms_ws.delivery.retry import is_given_up
from ccms_ws.delivery.routes import Route, RouteFinder
from ccms_ws.domain.messages import LeasedMessage, SentEnvelope
from ccms_ws.errors import ConfigError, DeliveryError, PermanentDeliveryError, TransientDeliveryError, UnknownMessage
from ccms_ws.exchange import Exchange
from ccms_ws.tracking import Tracking

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """The result of an attempt: a `receipt` or an `error`. Without a usable configuration there is no `route`.

    `envelope`: what was sealed to be sent, if it came to that.
    """

    leased: LeasedMessage
    started_at: datetime
    ended_at: datetime
    route: Route | None
    tracking: Tracking | None
    receipt: Receipt | None = None
    error: DeliveryError | None = None
    envelope: SentEnvelope | None = None


class Sender:
    """Sends messages to partners. Thread-safe."""

    def __init__(self, *, exchanges: Sequence[Exchange], route_for: RouteFinder, clock: Clock) -> None:
        self._tracking = {e.code: e.notification.tracking for e in exchanges if e.notification is not None}
        self._route_for = route_for
        self._clock = clock

    def attempt(self, leased: LeasedMessage, *, not_after: float | None = None) -> AttemptResult:
        """Send the message once. Never raises: a failure is in the result.

        `not_after` (`clock.running_time`): when the lease ends, after which nothing may leave.
        """
        message, started_at = leased.message, self._clock.now()
        tracking, route = self._tracking.get(message.exchange), None
        receipt: Receipt | None = None
        error: DeliveryError | None = None
        sealed: list[SentEnvelope] = []
        try:
            route = self._find_route(leased, tracking)
            if leased.lost and is_given_up(leased.tries - 1, leased.trying_since, started_at, route.retry):
                # No result ever gave it up: the message itself may be what ends the workers.
                raise PermanentDeliveryError(
                    f"{leased.lost} attempts never came to an end", cause=FailureCause.INTERNAL
                )
            receipt = route.client.send(
                message, url=route.url, soap=route.soap, not_after=not_after, on_sealed=sealed.append
            )
        except DeliveryError as failure:
            error = failure
        except Exception as defect:
            log.exception("delivery.defect", exchange=message.exchange, message_id=str(message.message_id))
            error = TransientDeliveryError(f"{type(defect).__name__}: see the log", cause=FailureCause.INTERNAL)
        return AttemptResult(
            leased=leased,
            started_at=started_at,
            ended_at=self._clock.now(),
            route=route,
            tracking=tracking,
            receipt=receipt,
            error=error,
            envelope=sealed[0] if sealed else None,
        )

    def _find_route(self, leased: LeasedMessage, tracking: Tracking | None) -> Route:
        message = leased.message
        try:
            if tracking is None:
                raise UnknownMessage(f"this version sends no {message.exchange}")
            return self._route_for(message.partner_id, message.exchange)
        except (ConfigError, UnknownMessage) as error:
            raise TransientDeliveryError(str(error), cause=FailureCause.CONFIGURATION) from error
