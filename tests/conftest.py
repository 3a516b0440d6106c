"""Fixtures that all rings share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from ccms_ws.log import reset_limits
from tests.support.consoles import console
from tests.support.court import court, court_folder, installation
from tests.support.terminal_summary import print_told

__all__ = ["console", "court", "court_folder", "installation"]


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that ran in this process has configured the log, and tests have used up its limits; the next test
    gets all lines.
    """
    reset_limits()
    yield
    structlog.reset_defaults()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Called by pytest at the end, in the one process that talks to people."""
    print_told(terminalreporter)
