"""Clients that hold connections without using them, and bodies that end early: over real sockets, with low limits."""

from __future__ import annotations

import select
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from tests.support.commands import run_program
from tests.support.proxies import nginx
from tests.support.serving import Served, served_court
from tests.support.tls import make_doors

CASE = "TR-2025-004417"
HEAD = b"POST /FCC807/1.0 HTTP/1.1\r\nHost: court\r\nContent-Type: application/soap+xml\r\n"
SLOW_BODY = HEAD + b"Content-Length: 7000\r\n\r\n<"
TOTAL, PER_ADDRESS = 64, 16


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("slow")
    with served_court(folder / "court", threads=2, connections=TOTAL, connections_per_address=PER_ADDRESS) as served:
        yield served


def ask(served: Served) -> float:
    """An honest partner's query; the seconds until its answer."""
    query, start = served.query(case_number=CASE), time.monotonic()
    with served.connect() as partner:
        partner.post(query)
        assert partner.answer()[0] == 200
    return time.monotonic() - start


@contextmanager
def connections(port: int, addresses: list[str], first: bytes = b"") -> Iterator[list[socket.socket]]:
    """One from each of these addresses of this machine."""
    with ExitStack() as stack:
        yield [stack.enter_context(_connected(port, address, first)) for address in addresses]


def _connected(port: int, address: str, first: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
    connection.sendall(first)
    return connection


def closed(sockets: list[socket.socket]) -> int:
    """How many the other side has closed."""
    readable, _, _ = select.select(sockets, [], [], 0)
    return len(readable)


def wait_until_closed(sockets: list[socket.socket], number: int, within: float) -> None:
    deadline = time.monotonic() + within
    while closed(sockets) < number:
        assert time.monotonic() < deadline, f"only {closed(sockets)} of {len(sockets)} were closed"
        time.sleep(0.05)


@pytest.mark.parametrize("first", [b"", HEAD, SLOW_BODY], ids=["idle", "slow header", "slow body"])
def test_one_address_cannot_take_all_connections(served: Served, first: bytes) -> None:
    with connections(served.port, ["127.0.0.2"] * 60, first) as slow:
        wait_until_closed(slow, 60 - PER_ADDRESS, within=8)
        assert ask(served) < 5
        assert closed(slow) < 60  # up to the limit they keep their time


def test_idle_connections_of_many_addresses_make_room_in_time(served: Served) -> None:
    """More than the process can have: the others wait to be accepted, the honest partner behind them."""
    with connections(served.port, [f"127.0.1.{number % 9 + 1}" for number in range(90)]):
        assert ask(served) < 9  # the header timeout alone lets it in after ten seconds


def test_a_connection_with_a_request_in_work_is_not_shut(served: Served) -> None:
    with connections(served.port, ["127.0.0.1"] * 40), served.connect() as partner:
        for _ in range(5):
            query = served.query(case_number=CASE)
            partner.post(query)
            assert partner.answer()[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nff\r\n<a/>",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n<a/>wrong\r\n0\r\n\r\n",
        b"Content-Length: 100\r\n\r\n<a/>",
    ],
    ids=["cut between chunks", "cut in a chunk", "no length of a chunk", "no end of a chunk", "short"],
)
def test_a_body_that_is_cut_or_broken_is_refused_with_an_incident(served: Served, body: bytes) -> None:
    with connections(served.port, ["127.0.0.3"], HEAD + body) as (client,):
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"http.malformed" in answer
    incident, deadline = answer.rpartition(b"Incident ")[2].strip().decode(), time.monotonic() + 30
    while (explained := run_program("explain", incident, "--config", served.settings)).code == ExitCode.NOT_FOUND:
        assert time.monotonic() < deadline
    assert "http.malformed" in explained.out
    assert "messages of unauthenticated senders" in explained.out


def test_a_chunked_body_that_is_whole_is_a_message(served: Served) -> None:
    query = served.query(case_number=CASE)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (query[:100], query[100:]))
    with served.connect() as partner:
        partner.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert partner.answer()[0] == 200


def test_after_two_statements_of_its_length_a_connection_is_closed(served: Served) -> None:
    """The server takes the Content-Length out (RFC 9112, 6.3): nothing can be smuggled behind such a request."""
    smuggled = b"GET /health HTTP/1.1\r\nHost: court\r\n\r\n"
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n0\r\n\r\n"
    with connections(served.port, ["127.0.0.3"], HEAD + both + smuggled) as (client,):
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_the_proxy_of_the_documents_keeps_slow_clients_from_the_endpoint(served: Served, tmp_path: Path) -> None:
    doors = make_doors(tmp_path)

    def secure(connection: socket.socket) -> ssl.SSLSocket:
        return doors.client(None).wrap_socket(connection, server_hostname="127.0.0.1")

    def status(client: ssl.SSLSocket) -> bytes:
        """Of the answer; empty if there is none yet."""
        try:
            return client.recv(65536).partition(b"\r\n")[0]
        except TimeoutError:
            return b""

    def honest(port: int) -> bytes:
        query = served.query(case_number=CASE)
        with connections(port, ["127.0.0.1"]) as (plain,), secure(plain) as client:
            client.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(query), query))
            return status(client)

    with nginx(doors, served.port, tmp_path) as port:
        with connections(port, ["127.0.0.2"] * 300) as slow:
            assert honest(port) == b"HTTP/1.1 200 OK"
            wait_until_closed(slow, 300, within=15)
        with connections(port, ["127.0.0.2"] * 40) as plain, ExitStack() as stack:
            clients = [stack.enter_context(secure(each)) for each in plain]
            for client in clients:
                client.sendall(SLOW_BODY)
                client.settimeout(0.1)
            refused = [answer for client in clients if (answer := status(client))]
            assert refused == [b"HTTP/1.1 503 Service Temporarily Unavailable"] * 8
            assert honest(port) == b"HTTP/1.1 200 OK"
        with connections(port, ["127.0.0.2"]) as (plain_one,), secure(plain_one) as client:
            client.sendall(HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n0\r\n\r\n")
            assert status(client) == b"HTTP/1.1 400 Bad Request"
