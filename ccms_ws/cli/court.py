"""The court that a command works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccms_ws.bootstrap import CourtApplication


def court_of(config: Path) -> CourtApplication:
    """The court whose settings stand in `config`; from here on this program logs as they say. Raises ConfigError."""
    from ccms_ws.bootstrap import load_court
    from ccms_ws.log import configure_logging

    court = load_court(config)
    configure_logging(court.settings.log.level, court.settings.log.format)
    return court
