"""The programs of the demo as real processes: started with a log file each, waited for, and always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ccms_ws.errors import ConfigError, InternalError

PATIENCE = 30.0
"""Seconds that the programs may take to get ready, and to end."""
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Program:
    """`arguments` of the `ccms-ws` command; it is ready when `is_ready` says so."""

    name: str
    arguments: tuple[str, ...]
    is_ready: Callable[[Path], bool]


class Processes:
    """The running programs. Leaving the `with` block ends them all, in the reverse order."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self, programs: Iterable[Program]) -> None:
        """Start them all and wait until each is ready. Raises InternalError with the last words of one that ended."""
        started = []
        for program in programs:
            with self.log_of(program).open("wb") as log, _signals_wait():
                process = subprocess.Popen(
                    [sys.executable, "-m", "ccms_ws", *program.arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a group of its own: Ctrl-C is ours to pass on, and nothing is left behind
                )
                self._running.append((program, process))
            started.append((program, process))
        deadline = time.monotonic() + PATIENCE
        for program, process in started:
            while not program.is_ready(self.log_of(program)):
                self._check(program, process)
                if time.monotonic() > deadline:
                    raise InternalError(f"{program.name} did not get ready", hint=f"see {self.log_of(program)}")
                time.sleep(_PAUSE)

    def check(self) -> None:
        """Raises InternalError if one of them has ended."""
        for program, process in self._running:
            self._check(program, process)

    def log_of(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Impatience must not leave a program behind; this ends by itself.
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        for _, process in reversed(self._running):
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for _, process in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL)  # what it started and did not end itself
            process.wait()
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def _check(self, program: Program, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            log = self.log_of(program)
            words = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
            raise InternalError(f"{program.name} ended: {words[-1] if words else 'it said nothing'}", hint=f"see {log}")


def check_ports_free(ports: Iterable[tuple[str, int]]) -> None:
    """Raises ConfigError that names every port of loopback that another program has."""
    taken = [f"{port} ({name})" for name, port in ports if not _is_free(port)]
    if taken:
        raise ConfigError(
            f"taken by another program: port {', '.join(taken)}",
            hint="end that program (another demo?), or choose other ports: --port-base 9800",
        )


def listens(port: int) -> bool:
    """True if something answers at this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def _signals_wait() -> Iterator[None]:
    """A signal that comes between the start of a program and its being noted would leave it behind: it waits."""
    waiting: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: waiting.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for first in waiting[:1]:
            signal.raise_signal(first)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the whole group of the process. The group may outlive its first process, and be gone before us."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
