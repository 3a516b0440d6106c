"""The court that a command works on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccms_ws.bootstrap import CourtApplication
    from ccms_ws.domain.ports import UnitOfWorkFactory


_opened: list[CourtApplication] = []


def court_of(config: Path) -> CourtApplication:
    """The court whose settings stand in `config`; from here on this program logs as they say. Raises ConfigError."""
    from ccms_ws.bootstrap import load_court
    from ccms_ws.log import configure_logging

    court = load_court(config)
    configure_logging(court.settings.log.level, court.settings.log.format)
    _opened[:] = [court]
    return court


def write_heads() -> None:
    """At the end of a command: write down how the message log ends, if the command had a court that it could change."""
    if _opened:
        from ccms_ws.audit.keeper import write_quietly
        from ccms_ws.errors import StoreError

        with suppress(StoreError):  # said by the command; the next program writes them
            write_quietly(_opened.pop().head_keeper)


def records_of(config: Path) -> UnitOfWorkFactory:
    """Read-only units of work on the court's database, for commands that only show: no key is needed, nothing waits."""
    from ccms_ws.config import load_settings
    from ccms_ws.log import configure_logging
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.unit_of_work import read_only

    settings = load_settings(config)
    configure_logging(settings.log.level, settings.log.format)
    return read_only(open_engine(settings.database.url))
