"""A simulated probation department of a court's settings: it asks for balances."""

from __future__ import annotations

from pathlib import Path

from ccms_ws.clients import OnWire
from ccms_ws.clock import Clock
from ccms_ws.config import Settings
from ccms_ws.exchanges.fcc807.client import BalanceQueryClient, Criteria, asking_as

__all__ = ["Criteria", "QueryClient"]


class QueryClient(BalanceQueryClient):
    """Asks the court of `settings` as one of its partners."""

    def __init__(
        self,
        settings: Settings,
        partner_id: str,
        *,
        key: Path | None = None,
        clock: Clock | None = None,
        on_wire: OnWire | None = None,
    ) -> None:
        """`key`: the partner's private key, by default next to its certificate. Raises ConfigError."""
        super().__init__(**asking_as(partner_id, settings, key=key), clock=clock, on_wire=on_wire)
