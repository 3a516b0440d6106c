"""How an outgoing message reaches its partner: the client, the address, the rules. Bootstrap fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ccms_ws.clients import Receipt
from ccms_ws.delivery.retry import RetryRules
from ccms_ws.domain.messages import OutgoingMessage, SentEnvelope
from ccms_ws.domain.partners import Partner
from ccms_ws.envelope.soap import SoapVersion


class MessageClient(Protocol):
    """What delivery needs of a partner client."""

    def send(
        self,
        message: OutgoingMessage,
        *,
        url: str,
        soap: SoapVersion,
        not_after: float | None = None,
        on_sealed: Callable[[SentEnvelope], None] | None = None,
    ) -> Receipt:
        """Send once and wait for the answer. Nothing leaves after `not_after` (`clock.running_time`); `on_sealed` gets
        the envelope before it leaves. Raises DeliveryError.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How one exchange is pushed to one partner. `answer_window`: after it, silence means what the exchange says."""

    partner: Partner
    client: MessageClient
    url: str
    soap: SoapVersion
    answer_window: timedelta
    retry: RetryRules


RouteFinder = Callable[[str, str], Route]
"""The route for a partner id and an exchange code. Raises ConfigError if the partner does not receive it any more."""
