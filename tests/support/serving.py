"""A court served by real processes, and a client that speaks to its socket directly, kindly or not."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ccms_ws.clock import SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import get_exchange
from tests.support.commands import free_port_base, wait_until_it_listens
from tests.support.court import Court


@dataclass(frozen=True, slots=True)
class Served:
    """A court whose endpoint runs."""

    settings: Path
    process: subprocess.Popen[bytes]
    port: int

    @property
    def database(self) -> Path:
        return self.settings.parent / "court.db"

    def query(self, **keys: Any) -> bytes:
        """A sealed query of adult probation, fresh now."""
        court = Court(self.settings.parent, SystemClock().now())
        query = court.query(**keys)
        return court.seal(
            query_to_xml(query),
            signer="adult-probation",
            exchange=get_exchange("FCC807"),
            message_id=query.metadata.transaction_id,
        )

    def connect(self) -> Connection:
        return Connection(self.port)


class Connection:
    """One TCP connection to the endpoint."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def post(self, body: bytes) -> None:
        """Send a whole request; the answer is read with `answer`."""
        head = (
            f"POST /FCC807/1.0 HTTP/1.1\r\nHost: court\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/soap+xml; charset=utf-8\r\n\r\n"
        )
        self.send(head.encode() + body)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in small letters, body."""
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += self._receive()
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += self._receive()
        return int(first.split()[1]), headers, body

    def is_closed(self, within: float) -> bool:
        """True if the other side closes the connection in time."""
        self._socket.settimeout(within)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False

    def _receive(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise ConnectionError("the endpoint closed the connection")
        return part


@contextmanager
def served_court(
    folder: Path,
    *,
    change: Callable[[Path], None] = lambda _settings: None,
    stderr: Any = subprocess.DEVNULL,
    **endpoint: int,
) -> Iterator[Served]:
    """`ccms-ws serve` for a new demo court in `folder`; `endpoint`: settings of that table; `change` is called with the
    settings file before anything starts; `stderr`: where its log goes.
    """
    made = make_installation(folder, SystemClock(), ports=Ports(free_port_base()))
    text = made.settings_file.read_text("utf-8").replace("workers = 1\nthreads = 8\n", "")
    lines = "".join(f"{name} = {value}\n" for name, value in ({"workers": 1, "threads": 8} | endpoint).items())
    made.settings_file.write_text(text.replace("[endpoint]\n", f"[endpoint]\n{lines}"), "utf-8")
    change(made.settings_file)
    port = made.settings.endpoint.port
    command = [sys.executable, "-m", "ccms_ws", "serve", "--config", str(made.settings_file)]
    with subprocess.Popen(command, stderr=stderr) as process:
        try:
            wait_until_it_listens(process, port)
            yield Served(made.settings_file, process, port)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(40)
