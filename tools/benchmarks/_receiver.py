"""A partner that costs little: it takes every message over kept connections and answers 202, as its WSDL says.

Usage: _receiver.py PORT EVERY FOLDER. Every EVERY-th message is kept in FOLDER, to be looked at when time is no longer
measured. At SIGTERM it prints the ids of the messages in the order of arrival, and the processor seconds it has used.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from pathlib import Path

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_MESSAGE_ID = re.compile(rb"MessageID[^>]*>urn:uuid:([0-9a-f-]{36})<")
_TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_HEAD = 16_384


class _Partner(asyncio.Protocol):
    """One connection."""

    ids: list[str] = []  # noqa: RUF012 - of all connections
    every = 0
    folder = Path()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._pieces: list[bytes] = []
        self._size, self._whole = 0, 0

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if not self._whole:
            head = b"".join(self._pieces)
            end = head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(head, 0, end + 2)
            self._whole = end + 4 + (int(length[1]) if length else 0)
        if self._size >= self._whole:
            self._take(b"".join(self._pieces))
            self._pieces, self._size, self._whole = [], 0, 0

    def _take(self, request: bytes) -> None:
        found = _MESSAGE_ID.search(request, 0, _HEAD)
        self.ids.append(found[1].decode() if found else "")
        if len(self.ids) % self.every == 1:
            (self.folder / f"{len(self.ids)}.http").write_bytes(request)
        self._transport.write(_TAKEN)  # type: ignore[attr-defined]


async def _serve(port: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(_Partner, "127.0.0.1", port)
    print("listening", flush=True)
    async with server:
        await ended.wait()


def main() -> None:
    """Serve until SIGTERM."""
    port, every, folder = sys.argv[1:]
    _Partner.every, _Partner.folder = int(every), Path(folder)
    asyncio.run(_serve(int(port)))
    print(json.dumps({"ids": _Partner.ids, "cpu": time.process_time()}))


if __name__ == "__main__":
    main()
