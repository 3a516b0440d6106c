"""More requests than can be served, clients that are slow or dead, a stop in the middle of it: over real sockets."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lxml import etree

from tests.support.commands import run_program
from tests.support.serving import Served, served_court

CASE = "TR-2025-004417"


@contextmanager
def writing_blocked(served: Served) -> Iterator[None]:
    """Somebody else writes to the database and does not come to an end: whoever wants to write, waits."""
    with closing(sqlite3.connect(served.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_whoever_finds_no_place_hears_so_at_once_and_nobody_is_lost(tmp_path: Path) -> None:
    with served_court(tmp_path / "court", threads=2, waiting=2) as served:
        queries = [served.query(case_number=CASE) for _ in range(10)]
        connections = [served.connect() for _ in queries]
        with writing_blocked(served):
            for connection, query in zip(connections, queries, strict=True):
                connection.post(query)
                time.sleep(0.05)
            start = time.monotonic()
            refused = [connection.answer() for connection in connections[4:]]
            assert time.monotonic() - start < 2
            with served.connect() as other:
                other.send(b"GET /health HTTP/1.1\r\nHost: court\r\n\r\n")
                assert other.answer()[0] == 200
        assert {status for status, _, _ in refused} == {503}
        assert {headers["retry-after"] for _, headers, _ in refused} == {"5"}
        assert all(body.startswith(b"http.overloaded") for _, _, body in refused)
        assert [connection.answer()[0] for connection in connections[:4]] == [200] * 4
        # The same messages again, on the same connections, once there is time for them.
        for connection, query in zip(connections[4:], queries[4:], strict=True):
            connection.post(query)
            assert connection.answer()[0] == 200
            connection.__exit__()
        for connection in connections[:4]:
            connection.__exit__()


def test_slow_and_dead_clients_hold_nobody_up(tmp_path: Path) -> None:
    with served_court(tmp_path / "court", threads=2, waiting=2) as served:
        body, headers = served.query(case_number=CASE), b"POST /FCC807/1.0 HTTP/1.1\r\nHost: court\r\n"
        slow = [served.connect() for _ in range(60)]
        for number, connection in enumerate(slow):
            match number % 3:
                case 0:
                    connection.send(headers)
                case 1:
                    connection.send(headers + b"Content-Length: 7000\r\n\r\n" + body[:700])
                case 2:
                    pass
        start = time.monotonic()
        for _ in range(5):
            with served.connect() as kind:
                kind.post(served.query(case_number=CASE))
                assert kind.answer()[0] == 200
        assert time.monotonic() - start < 5
        assert slow[0].is_closed(within=15)  # headers have their time
        for connection in slow:
            connection.__exit__()
        with served.connect() as kind:
            kind.post(body)
            assert kind.answer()[0] == 200


def test_what_was_begun_is_finished_when_the_endpoint_is_told_to_stop(tmp_path: Path) -> None:
    with served_court(tmp_path / "court", threads=2, waiting=4) as served:
        connections = [served.connect() for _ in range(5)]
        with writing_blocked(served):
            for connection in connections:
                connection.post(served.query(case_number=CASE))
            time.sleep(0.5)
            served.process.send_signal(signal.SIGTERM)
            time.sleep(1)
        assert [connection.answer()[0] for connection in connections] == [200] * 5
        assert served.process.wait(30) == 0
        for connection in connections:
            connection.__exit__()


def test_two_processes_give_one_message_one_answer(tmp_path: Path) -> None:
    """The same bytes on many connections at once; which process gets which is the kernel's choice."""
    with served_court(tmp_path / "court", workers=2) as served:
        for _ in range(3):
            query = served.query(case_number=CASE)
            connections = [served.connect() for _ in range(8)]
            for connection in connections:
                connection.post(query)
            answers = [connection.answer() for connection in connections]
            for connection in connections:
                connection.__exit__()
            assert {status for status, _, _ in answers} == {200}
            assert len({etree.fromstring(body)[-1][0][0][0].text for _, _, body in answers}) == 1  # TransactionID
        with closing(sqlite3.connect(served.database)) as database:
            assert database.execute("SELECT count(*) FROM inbox_message").fetchone() == (3,)
    verified = run_program("log", "verify", "--config", served.settings, "--json")
    assert (verified.code, verified.json["entries"]) == (0, 3)
