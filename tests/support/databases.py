"""The databases that the tests run on: SQLite files, and a private PostgreSQL server that lives as long as the run.

`CCMS_WS_TEST_POSTGRES` (a URL that may create databases) stands in for the private server. Without either, the tests on
PostgreSQL are skipped by name. Every test gets a database of its own, so any number of processes may run side by side.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

from ccms_ws.store import migrate
from ccms_ws.store.column_types import metadata
from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import SqlUnitOfWork

Units = Callable[[], SqlUnitOfWork]

_numbers = count(1)


def postgresql_programs() -> Path | None:
    """The folder of `initdb` and `postgres`, None if they are not installed."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@cache
def postgresql_server() -> str | None:
    """The URL of a server on which databases may be created, None if there is none. Started at the first call."""
    if url := os.environ.get("CCMS_WS_TEST_POSTGRES"):
        return url
    programs = postgresql_programs()
    return None if programs is None else _start_server(programs)


def _start_server(programs: Path) -> str:
    folder = Path(tempfile.mkdtemp(prefix="ccms-ws-postgresql-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # PostgreSQL refuses to run as root; the kernel ends it if this process is killed.
    become: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=TERM"]
    data, log = folder / "data", folder / "log"
    init = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "ccms",
        "--auth=trust",
        "--no-locale",
        "--encoding=UTF8",
        "--no-sync",
    ]
    subprocess.run([*become, *map(str, init)], check=True, capture_output=True, cwd=folder)
    port = _free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "64MB",
        "autovacuum": "off",
    }
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        command = [*become, str(programs / "postgres"), "-D", str(data), *options]
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    atexit.register(_stop, server)
    url = f"postgresql://ccms@127.0.0.1:{port}/postgres"
    for _ in range(200):
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url):
            return url
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()


@contextlib.contextmanager
def postgresql_database() -> Iterator[str]:
    """The URL of a new database; it goes away at the end."""
    server = postgresql_server()
    if server is None:
        pytest.skip("PostgreSQL is not installed")
    name = f"ccms_ws_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield server.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables (SQLite: no file yet)."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/court.db"
        return
    with postgresql_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the tables of today and nothing in them. What uses it runs once for each kind of database."""
    if request.param == "sqlite":
        shutil.copy(_migrated_file(), tmp_path / "court.db")
        yield f"sqlite:///{tmp_path}/court.db"
        return
    if postgresql_server() is None:
        pytest.skip("PostgreSQL is not installed")
    yield _migrated_database()
    # The next test gets the same database: emptying it is much quicker than making one.
    with psycopg.connect(_migrated_database(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        filled = [table for table in reversed(metadata.sorted_tables) if table.name != "message_chain"]
        connection.execute(b"".join(f'DELETE FROM "{table}";'.encode() for table in filled))
        connection.execute(
            "INSERT INTO message_chain SELECT chain, 0, decode(repeat('00', 32), 'hex')"
            " FROM generate_series(1, 8) AS chain ON CONFLICT (chain) DO UPDATE SET length = 0, head = excluded.head"
        )


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ccms-ws-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _migrate(f"sqlite:///{folder}/court.db")
    return folder / "court.db"


@cache
def _migrated_database() -> str:
    database = contextlib.ExitStack()
    url = database.enter_context(postgresql_database())
    atexit.register(database.close)
    _migrate(url)
    return url


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
