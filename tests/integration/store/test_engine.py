"""Connections are durable and strict, and every failure of a database has a name of ours."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ccms_ws.errors import ConfigError, StoreError, StoreUnavailable
from ccms_ws.store import engine as engines
from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import SqlUnitOfWork, unit_of_work
from tests.support.databases import Units
from tests.support.records import ANA, ORI, fill

Opening = Callable[[str], Engine]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/court", "court.db", ""])
def test_other_databases_are_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError):
        open_engine(url)


def test_sqlite_is_durable_and_checks_references(tmp_path: Path, opening: Opening) -> None:
    (tmp_path / "court.db").touch()
    with opening(f"sqlite:///{tmp_path}/court.db").connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_postgresql_session_is_in_utc_and_does_not_wait_forever(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return
    with engine.connect() as connection:
        shown = [connection.execute(text(f"SHOW {name}")).scalar() for name in ("timezone", "lock_timeout")]
        assert shown == ["UTC", "5s"]
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"


def test_options_of_the_url_are_kept(database_url: str, opening: Opening) -> None:
    if database_url.startswith("sqlite"):
        return
    engine = opening(f"{database_url}?application_name=court&options=-c%20statement_timeout%3D7s")
    with engine.connect() as connection:
        names = ("application_name", "statement_timeout", "lock_timeout")
        assert [connection.execute(text(f"SHOW {name}")).scalar() for name in names] == ["court", "7s", "5s"]


def test_server_that_is_away_is_unavailable(opening: Opening) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    engine = opening(f"postgresql://nobody:secret-word@127.0.0.1:{port}/court")
    with pytest.raises(StoreUnavailable) as refused, unit_of_work(engine)():
        pass
    assert "secret-word" not in "".join(traceback.format_exception(refused.value))


def test_file_that_is_no_database_is_refused(tmp_path: Path, opening: Opening) -> None:
    (tmp_path / "court.db").write_bytes(b"<html>not a database</html>" * 100)
    with (
        pytest.raises(StoreError, match=r"court\.db is no SQLite database"),
        unit_of_work(opening(f"sqlite:///{tmp_path}/court.db"))() as uow,
    ):
        uow.books.find_court(ORI)


@pytest.mark.parametrize(
    ("name", "why", "hint"),
    [
        ("gone.db", "No such file or directory", "ccms-ws db upgrade makes one"),
        ("folder", "unable to open database file", "may this user read and write it, and its folder?"),
        ("file/court.db", "Not a directory", "may this user read and write it, and its folder?"),
    ],
)
def test_file_that_cannot_be_opened_is_named(tmp_path: Path, opening: Opening, name: str, why: str, hint: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable) as refused, unit_of_work(opening(f"sqlite:///{tmp_path}/{name}"))():
        pass
    assert str(refused.value) == f"the database {tmp_path}/{name} cannot be opened: {why}"
    assert refused.value.hint == hint


def test_connection_that_broke_is_replaced(engine: Engine, units: Units) -> None:
    with units() as uow:
        fill(uow)
        uow.commit()
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({pids}) AS other"))
    with units() as uow:
        assert uow.books.find_participant(ORI, "P-1") == ANA


def test_connection_that_breaks_in_use_is_unavailable(engine: Engine, units: Units) -> None:
    if engine.dialect.name == "sqlite":
        return
    with units() as uow, engine.connect() as other:
        assert uow.books.find_court(ORI) is None
        pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        other.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({pids}) AS other"))
        with pytest.raises(StoreUnavailable):
            uow.books.find_court(ORI)
    with units() as uow:
        assert uow.books.find_court(ORI) is None


def test_lock_that_does_not_come_is_unavailable(
    database_url: str, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 0.2)
    monkeypatch.setattr(engines, "_SESSION", "-c lock_timeout=200ms")
    writer, waiter = opening(database_url), opening(database_url)
    with unit_of_work(writer)() as first, unit_of_work(waiter)() as second:
        fill(first)
        with pytest.raises(StoreUnavailable):
            fill(second)


def test_turn_to_write_that_does_not_come_is_unavailable(
    tmp_path: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 0.2)
    (tmp_path / "court.db").touch()
    units = unit_of_work(opening(f"sqlite:///{tmp_path}/court.db"))
    with units() as first, units() as second:
        first.rollback()
        with pytest.raises(StoreError, match="no such table"):
            first.books.find_court(ORI)
        with pytest.raises(StoreUnavailable, match="writing for too long"):
            second.books.find_court(ORI)
        first.rollback()
        with pytest.raises(StoreError, match="no such table"):
            second.books.find_court(ORI)


def test_connections_run_out_politely(database_url: str, opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines._POOL, "pool_size", 1)
    monkeypatch.setitem(engines._POOL, "pool_timeout", 0.1)
    engine = opening(database_url)
    with SqlUnitOfWork(engine, read_only=True), pytest.raises(StoreUnavailable), SqlUnitOfWork(engine):
        pass


def test_error_shows_no_personal_data(units: Units) -> None:
    stranger = replace(ANA, participant_id="P-9", court_ori="nowhere")
    for record, code in ((ANA, "store.concurrent-change"), (stranger, "store")):
        with units() as uow:
            fill(uow)
            with pytest.raises(StoreError) as refused:
                uow.books.add(record)
        assert refused.value.code == code
        told = "".join(traceback.format_exception(refused.value))
        assert not any(word in told for word in ("P-1", "P-9", "Ana", "nowhere", ORI))


def test_threads_take_turns_without_losing_one(units: Units) -> None:
    with units() as uow:
        fill(uow)
        uow.commit()

    def work(number: int) -> None:
        for step in range(5):
            with units() as uow:
                uow.books.add(replace(ANA, participant_id=f"T-{number}-{step}"))
                uow.commit()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with units() as uow:
        assert all(uow.books.find_participant(ORI, f"T-{number}-{step}") for number in range(6) for step in range(5))
