"""What the endpoint hands to the WSGI application."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccms_ws.services.admission import AdmissionControl, Capacity, Program, _environ
from ccms_ws.services.connections import plain_address


class Headers:
    """Header lines in order, as granian has them."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self._lines = lines

    def get(self, name: str) -> str | None:
        return dict(self._lines).get(name)

    def items(self) -> tuple[tuple[str, str], ...]:
        return self._lines


def scope(*headers: tuple[str, str]) -> Any:
    return SimpleNamespace(
        method="POST", path="/FCC807/1.0", query_string="", http_version="1.1", scheme="http",
        client="127.0.0.1:5000", headers=Headers(*headers),
    )  # fmt: skip


def test_a_header_spelt_with_an_underscore_does_not_pass_for_the_one_with_a_hyphen() -> None:
    environ = _environ(scope(("content-type", "text/xml"), ("Content_Type", "x/y"), ("soap_action", "evil")))
    assert environ["CONTENT_TYPE"] == "text/xml"
    assert "HTTP_SOAP_ACTION" not in environ


def test_a_header_that_comes_twice_is_one_list() -> None:
    environ = _environ(scope(("content-length", "5"), ("content-length", "6"), ("soapaction", '"a"')))
    assert environ["CONTENT_LENGTH"] == "5,6"  # no number: the application refuses it
    assert environ["HTTP_SOAPACTION"] == '"a"'


class Connection:
    """The server's side of one request: its body in parts, and the answer."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts
        self.answer: tuple[int, dict[str, str], bytes] = (0, {}, b"")

    async def __call__(self) -> bytes:
        return b"".join(self._parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = (status, dict(headers), body)


LENGTH = ("content-length", "4")
BOUNDS = Capacity(at_once=1, waiting=3, largest=100, patience=0.2)


def test_who_waits_too_long_is_told_so_even_if_no_thread_ever_gets_free() -> None:
    busy, release = threading.Event(), threading.Event()

    def application(_environ: Any, start_response: Any) -> Iterable[bytes]:
        busy.set()
        release.wait(30)
        start_response("200 OK", [])
        return [b"done"]

    async def run() -> None:
        endpoint = AdmissionControl(Program(application), BOUNDS)
        first, second = (Connection(b"<a/>") for _ in range(2))
        served = asyncio.create_task(endpoint(scope(LENGTH), cast(Any, first)))
        while not busy.is_set():
            await asyncio.sleep(0.01)
        start = time.monotonic()
        await endpoint(scope(LENGTH), cast(Any, second))
        waited = time.monotonic() - start
        release.set()
        await served
        assert second.answer[0] == 503
        assert second.answer[1]["Retry-After"] == "5"
        assert 0.2 <= waited < 10
        assert first.answer[::2] == (200, b"done")

    asyncio.run(run())


def test_a_defect_is_answered_with_an_incident() -> None:
    def application(_environ: Any, _start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError("a secret")

    async def run() -> None:
        protocol = Connection(b"<a/>")
        await AdmissionControl(Program(application), BOUNDS)(scope(LENGTH), cast(Any, protocol))
        assert protocol.answer[0] == 500
        assert b"Incident " in protocol.answer[2]
        assert b"secret" not in protocol.answer[2]

    asyncio.run(run())


def test_the_event_loop_has_a_heartbeat_that_no_defect_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccms_ws.services.admission._BEAT_SECONDS", 0.01)
    beats: list[str] = []

    def beat() -> None:
        beats.append("beat")
        raise ZeroDivisionError

    async def run() -> None:
        endpoint = AdmissionControl(Program(lambda *_: [], beat, lambda: beats.append("end")), BOUNDS)
        endpoint.__rsgi_init__(asyncio.get_running_loop())
        while len(beats) < 3:
            await asyncio.sleep(0.01)
        endpoint.__rsgi_del__(asyncio.get_running_loop())

    asyncio.run(run())
    assert beats[-1] == "end"


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("10.0.0.5:5000", "10.0.0.5"),
        ("[::ffff:10.0.0.5]:5000", "10.0.0.5"),
        ("[2001:db8::5]:5000", "2001:db8::5"),
        ("[fe80::1%eth0]:5000", "fe80::1"),
    ],
)
def test_a_client_has_one_address_whatever_the_socket_shows(client: str, address: str) -> None:
    given: Any = SimpleNamespace(**(vars(scope()) | {"client": client}))
    assert _environ(given)["REMOTE_ADDR"] == address
    assert plain_address("no address") == "no address"
