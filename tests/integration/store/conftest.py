"""Every test of the store runs on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import unit_of_work
from tests.support.databases import Units, blank_database_url, database_url

__all__ = ["blank_database_url", "database_url"]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def units(engine: Engine) -> Units:
    return unit_of_work(engine)
