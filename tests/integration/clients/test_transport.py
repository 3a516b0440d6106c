"""The transport against servers that misbehave, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from ccms_ws.clients import FailureCause, TransportSettings
from ccms_ws.clients.transport import PartnerTransport
from ccms_ws.clock import running_time
from ccms_ws.errors import ContractMissing, TransientDeliveryError

Serve = Callable[..., str]
SETTINGS = TransportSettings(connect_timeout=1.0, read_timeout=0.4, max_answer_bytes=10_000)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that gives each request on its connections the next answer: bytes and pauses (seconds)."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    seen: list[bytes] = []
    threads = []

    def run(answers: list[list[bytes | float]]) -> None:
        while answers:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(5)
                while answers and read_request(connection):
                    for part in answers.pop(0):
                        if isinstance(part, bytes):
                            connection.sendall(part)
                        else:
                            time.sleep(part)

    def read_request(connection: socket.socket) -> bool:
        request = b""
        while b"\r\n\r\n" not in request or not request.endswith(b"<m/>"):
            piece = connection.recv(65536)
            if not piece:
                return False
            request += piece
        seen.append(request)
        return True

    def start(*answers: list[bytes | float]) -> str:
        threads.append(threading.Thread(target=run, args=(list(answers),), daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    start.seen = seen  # type: ignore[attr-defined]
    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


@pytest.fixture
def transport() -> Iterator[PartnerTransport]:
    made = PartnerTransport(SETTINGS)
    yield made
    made.close()


def failure(transport: PartnerTransport, url: str) -> TransientDeliveryError:
    with pytest.raises(TransientDeliveryError) as caught:
        transport.send(url, b"<m/>", {})
    return caught.value


def test_connections_are_kept_and_cookies_are_not(serve: Serve, transport: PartnerTransport) -> None:
    answer: list[bytes | float] = [HEAD + b"Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok"]
    url = serve(answer, list(answer))
    assert [transport.send(url, b"<m/>", {"X-Test": "1"}).body for _ in range(2)] == [b"ok", b"ok"]
    first, second = serve.seen  # type: ignore[attr-defined]
    assert b"Cookie" not in second
    assert b"Accept-Encoding: identity" in first
    assert b"User-Agent: ccms-ws/" in first


def test_a_redirect_is_not_followed(serve: Serve, transport: PartnerTransport) -> None:
    url = serve([b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"])
    assert transport.send(url, b"<m/>", {}).status == 307


def test_an_answer_without_end_is_cut_off_by_size(serve: Serve, transport: PartnerTransport) -> None:
    error = failure(transport, serve([HEAD + b"\r\n" + b"x" * 20_000]))
    assert (error.cause, error.http_status) == (FailureCause.ANSWER_TOO_LARGE, 200)


def test_an_answer_that_does_not_begin_is_given_up(serve: Serve, transport: PartnerTransport) -> None:
    assert failure(transport, serve([0.8])).cause == FailureCause.ANSWER_TIMEOUT


def test_an_answer_that_drips_is_given_up(serve: Serve, transport: PartnerTransport) -> None:
    started = time.monotonic()
    error = failure(transport, serve([HEAD + b"Content-Length: 100\r\n\r\n", *[b"x", 0.1] * 25]))
    assert error.cause == FailureCause.ANSWER_TIMEOUT
    assert time.monotonic() - started < 2.3


def test_an_answer_that_drips_and_then_stalls_is_given_up_as_soon(serve: Serve) -> None:
    transport, started = PartnerTransport(replace(SETTINGS, read_timeout=1.0)), time.monotonic()
    error = failure(transport, serve([HEAD + b"Content-Length: 100\r\n\r\n", *[b"x", 0.1] * 9, 3.0]))
    assert error.cause == FailureCause.ANSWER_TIMEOUT
    assert time.monotonic() - started < 1.6
    transport.close()


def test_half_an_answer_is_none(serve: Serve, transport: PartnerTransport) -> None:
    assert failure(transport, serve([HEAD + b"Content-Length: 100\r\n\r\nonly this"])).cause == FailureCause.CUT


def test_a_compressed_answer_was_not_asked_for(serve: Serve, transport: PartnerTransport) -> None:
    url = serve([HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxxx"])
    assert failure(transport, url).cause == FailureCause.ANSWER_MALFORMED


def test_what_is_not_http_is_a_cut_connection(serve: Serve, transport: PartnerTransport) -> None:
    assert failure(transport, serve([b"SSH-2.0-OpenSSH\r\n"])).cause == FailureCause.CUT


def test_an_address_that_speaks_no_tls_is_a_tls_failure(serve: Serve, transport: PartnerTransport) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        with listener.accept()[0] as connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    assert failure(transport, f"https://127.0.0.1:{listener.getsockname()[1]}/").cause == FailureCause.TLS
    thread.join(5)
    listener.close()


def test_proxies_of_the_environment_are_not_used(
    serve: Serve, transport: PartnerTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    url = serve([HEAD + b"Content-Length: 2\r\n\r\nok"])
    assert transport.send(url, b"<m/>", {}).body == b"ok"


@pytest.mark.parametrize("url", ["http://partner.example/service.wsdl", "https://partner.example/types.xsd"])
def test_contracts_are_not_fetched_from_the_network(transport: PartnerTransport, url: str) -> None:
    with pytest.raises(ContractMissing, match="network"):
        transport.load(url)


def test_headers_that_drip_do_not_hold_a_sender(serve: Serve, transport: PartnerTransport) -> None:
    drops: list[bytes | float] = [part for n in range(20) for part in (b"X-%d: y\r\n" % n, 0.1)]
    started = time.monotonic()
    error = failure(transport, serve([HEAD, *drops]))
    assert error.cause == FailureCause.ANSWER_TIMEOUT
    assert time.monotonic() - started < 1.0


def test_a_stream_leaves_with_its_length(serve: Serve, transport: PartnerTransport) -> None:
    class Pieces:
        def __len__(self) -> int:
            return 4

        def __iter__(self) -> Iterator[bytes]:
            yield b"<m"
            yield b"/>"

    answer = transport.send(serve([HEAD, b"Content-Length: 0\r\n\r\n"]), Pieces(), {"Content-Type": "text/xml"})
    assert answer.status == 200
    (request,) = serve.seen  # type: ignore[attr-defined]
    assert b"Content-Length: 4\r\n" in request


# -- how long a message may take to leave -----------------------------------------------------------------------------
@dataclass
class Pieces:
    """A stream that is longer than any buffer on the way."""

    taken: int = 0

    def __len__(self) -> int:
        return 64 * 1024 * 1024

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(1024):
            self.taken += 1
            yield bytes(65_536)


@pytest.fixture
def reluctant() -> Iterator[str]:
    """A server that takes a few bytes every now and then, and answers nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    ended = threading.Event()

    def run() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            while not ended.wait(0.02):
                connection.recv(512)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    ended.set()
    listener.close()
    thread.join(5)


@pytest.mark.parametrize("body", [Pieces(), bytes(64 * 1024 * 1024)], ids=["a stream", "bytes"])
def test_a_message_that_is_taken_byte_by_byte_is_given_up_in_time(reluctant: str, body: Pieces | bytes) -> None:
    transport = PartnerTransport(TransportSettings(connect_timeout=0.2, send_timeout=0.8, read_timeout=0.4))
    began = time.monotonic()
    with pytest.raises(TransientDeliveryError):
        transport.send(reluctant, body, {})
    transport.close()
    assert time.monotonic() - began < 5
    assert isinstance(body, bytes) or body.taken < 1024


def test_nothing_leaves_after_the_lease_has_ended(serve: Serve, transport: PartnerTransport) -> None:
    url = serve([HEAD + b"Content-Length: 0\r\n\r\n"])
    with pytest.raises(TransientDeliveryError):
        transport.send(url, b"<m/>", {}, not_after=running_time() - 0.001)
    assert serve.seen == []  # type: ignore[attr-defined]
    assert transport.send(url, b"<m/>", {}, not_after=running_time() + 60).status == 200


def test_a_kept_connection_sends_nothing_after_the_lease_has_ended_either(
    serve: Serve, transport: PartnerTransport
) -> None:
    answer: list[bytes | float] = [HEAD + b"Content-Length: 0\r\n\r\n"]
    url = serve(answer, list(answer))
    transport.send(url, b"<m/>", {})
    with pytest.raises(TransientDeliveryError):
        transport.send(url, b"<m/>", {}, not_after=running_time())
    assert len(serve.seen) == 1  # type: ignore[attr-defined]
