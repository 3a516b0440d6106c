"""What a shell offers for an argument: the exchanges there are, the partners of this court."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from ccms_ws.errors import CcmsWsError

ENVIRONMENT = "CCMS_WS_CONFIG"
DEFAULT_CONFIG = Path("ccms-ws.toml")


def exchanges(incomplete: str) -> list[str]:
    """Codes of exchanges that begin so."""
    from ccms_ws.registry import EXCHANGES

    return [exchange.code for exchange in EXCHANGES if exchange.code.startswith(incomplete)]


def partners(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of partners that begin so; none if the settings cannot be read, since no error can be shown here."""
    from ccms_ws.config import load_settings

    file = ctx.params.get("config") or os.environ.get(ENVIRONMENT) or DEFAULT_CONFIG
    try:
        known = load_settings(Path(file)).partners
    except (CcmsWsError, OSError):
        return []
    return [partner.id for partner in known if partner.id.startswith(incomplete)]
