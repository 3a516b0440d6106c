"""Two runs that put batches into the outbox at the same time: every balance is told once, and both runs end well."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from ccms_ws.bootstrap import CourtApplication, open_court
from ccms_ws.config import DatabaseSettings
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.exchanges.col903.repository import Batches
from tests.support.databases import database_url
from tests.support.debtors import add_debtors, add_payment
from tests.support.partner_settings import make_keys, make_settings

__all__ = ["database_url"]

PEOPLE = 24


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_two_builds_at_once_tell_every_balance_once(tmp_path: Path, database_url: str, size: int) -> None:
    settings = make_settings(tmp_path, make_keys(tmp_path / "pki"))
    settings = settings.model_copy(
        update={"database": DatabaseSettings(url=database_url.replace("postgresql:", "postgresql+psycopg:"))}
    )
    courts = [open_court(settings) for _ in range(2)]
    with courts[0].units() as uow:
        uow.books.add(courts[0].court)
        uow.commit()
    add_debtors(courts[0], PEOPLE)
    for number in range(PEOPLE):
        add_payment(courts[0], number, f"paid/{number}")
    begin, made, errors = threading.Barrier(2), [], []

    def build(court: CourtApplication) -> None:
        begin.wait(10)
        try:
            made.extend(court.push(COL903, "FTB", lambda context, uow: build_batches(context, uow, size=size)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=build, args=(court,)) for court in courts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with courts[0].reading() as reading:
        told = Counter(item.referral_id for batch_id in made for item in reading.of(Batches).items(batch_id))
        waiting = {entry.message_id for entry in reading.outbox.list_entries()}
    assert (len(told), set(told.values())) == (PEOPLE, {1})
    assert waiting == set(made)
