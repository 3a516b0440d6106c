"""Heartbeats: who runs, who has fallen silent, and whether a process can work."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from ccms_ws.clock import FixedClock
from ccms_ws.store.engine import open_engine
from ccms_ws.store.heartbeats import SILENT_AFTER, WORKER, Heartbeat, list_programs
from tests.support.records import NOW


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def beating(engine: Engine, program: str = WORKER) -> tuple[Heartbeat, FixedClock, Callable[[float], None]]:
    clock, seconds = FixedClock(NOW), Seconds()

    def wait(by: float) -> None:
        clock.advance(timedelta(seconds=by))
        seconds.now += by

    return Heartbeat(engine, program, clock, seconds), clock, wait


def last(engine: Engine) -> list[datetime]:
    return [each.at for each in list_programs(engine)]


def test_a_program_is_seen_while_it_runs(engine: Engine) -> None:
    heart, _, wait = beating(engine)
    heart.beat()
    (found,) = list_programs(engine)
    assert (found.program, found.pid, found.started_at, found.at) == (WORKER, os.getpid(), NOW, NOW)
    wait(60)
    heart.beat()
    assert last(engine) == [NOW + timedelta(seconds=60)]
    heart.end()
    assert list_programs(engine) == []


def test_it_is_written_once_in_some_seconds_however_often_the_loop_turns(engine: Engine) -> None:
    heart, _, wait = beating(engine)
    heart.beat()
    for _ in range(4):
        wait(1)
        heart.beat()
    assert last(engine) == [NOW]
    wait(1)
    heart.beat()
    assert last(engine) == [NOW + timedelta(seconds=5)]


def test_a_program_is_alive_for_half_a_minute_after_its_last_heartbeat(engine: Engine) -> None:
    beating(engine)[0].beat()
    (found,) = list_programs(engine)
    assert found.is_alive(NOW + SILENT_AFTER)
    assert not found.is_alive(NOW + SILENT_AFTER + timedelta(seconds=1))
    assert not found.is_alive(NOW - SILENT_AFTER - timedelta(seconds=1)), "its clock was wrong"


def test_a_program_that_died_is_forgotten_after_an_hour(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO heartbeat VALUES ('endpoint', 'elsewhere', 1, :at, :at, 0)"),
            {"at": "2020-01-01 00:00:00+00:00" if engine.dialect.name == "postgresql" else "2020-01-01 00:00:00"},
        )
    assert len(list_programs(engine)) == 1
    beating(engine)[0].beat()
    assert [each.program for each in list_programs(engine)] == [WORKER]


def test_a_process_is_ready_once_it_has_written_and_as_long_as_it_does(engine: Engine) -> None:
    heart, _, wait = beating(engine)
    assert not heart.is_ready()
    heart.beat()
    wait(2)
    assert heart.is_ready()
    wait(40)
    assert not heart.is_ready()


def test_a_database_that_is_away_stops_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('none')}/missing.db")
    heart, _, _ = beating(engine)
    heart.beat()
    assert not heart.is_ready()
    heart.end()
