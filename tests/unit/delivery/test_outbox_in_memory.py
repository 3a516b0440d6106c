"""The outbox in memory, on which delivery is tested, keeps the rules of leases as the real one does."""

from __future__ import annotations

import pytest

from tests.integration.store.test_leases import *  # noqa: F403 - the same tests, with the fixture below
from tests.support.partner_stub import FakeUnits


@pytest.fixture
def units() -> FakeUnits:
    return FakeUnits()
