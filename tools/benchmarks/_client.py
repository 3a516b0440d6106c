"""A client that costs little: threads with a kept connection each send the bytes they were given.

Usage: _client.py PORT PATH FILE CONNECTIONS RATE. FILE holds requests, each after its length in eight characters.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from itertools import count
from pathlib import Path


def main() -> None:
    """Print the seconds of every answer, and when the first began and the last ended, as JSON."""
    port, path, file, connections, rate = sys.argv[1:]
    bodies = _read(Path(file).read_bytes())
    head = f"POST {path} HTTP/1.1\r\nHost: court\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
    requests = [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    numbers, seconds, wrong = count(), [0.0] * len(requests), []
    pause = 1 / float(rate) if float(rate) else 0.0
    start = time.perf_counter() + 0.05

    def work() -> None:
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (number := next(numbers)) < len(requests):
                due = start + number * pause
                wait = due - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                began = due if pause else time.perf_counter()
                connection.sendall(requests[number])
                if not _read_answer(connection):
                    wrong.append(number)
                seconds[number] = time.perf_counter() - began

    threads = [threading.Thread(target=work) for _ in range(int(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"seconds": seconds, "took": [time.perf_counter() - start], "wrong": wrong}))


def _read(raw: bytes) -> list[bytes]:
    bodies, at = [], 0
    while at < len(raw):
        size = int(raw[at : at + 8])
        bodies.append(raw[at + 8 : at + 8 + size])
        at += 8 + size
    return bodies


def _read_answer(connection: socket.socket) -> bool:
    """Read one answer to its end; whether it is a 200."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += (part := connection.recv(65536))
        if not part:
            raise ConnectionError("the server closed the connection")
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head.startswith(b"HTTP/1.1 200")


if __name__ == "__main__":
    main()
