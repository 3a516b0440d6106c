"""Fixtures that all rings share."""

from __future__ import annotations

from typing import Any

from tests.support.court import court, court_folder, installation
from tests.support.telling import print_told

__all__ = ["court", "court_folder", "installation"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Called by pytest at the end, in the one process that talks to people."""
    print_told(terminalreporter)
