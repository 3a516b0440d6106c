"""Every test of the store runs on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine

from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import unit_of_work
from tests.support.databases import Units, blank_database_url, database_url
from tests.support.records import REFERRAL, fill

__all__ = ["blank_database_url", "database_url"]


@pytest.fixture
def opening() -> Iterator[Callable[[str], Engine]]:
    """`open_engine`, with the engines closed at the end."""
    with ExitStack() as opened:

        def open_(url: str) -> Engine:
            engine = open_engine(url)
            opened.callback(engine.dispose)
            return engine

        yield open_


@pytest.fixture
def engine(database_url: str, opening: Callable[[str], Engine]) -> Engine:
    return opening(database_url)


@pytest.fixture
def units(engine: Engine) -> Units:
    return unit_of_work(engine)


@pytest.fixture
def book(units: Units) -> Units:
    """A court with one open referral."""
    with units() as uow:
        fill(uow)
        uow.referrals.add(REFERRAL)
        uow.commit()
    return units
