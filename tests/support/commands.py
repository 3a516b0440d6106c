"""Run `ccms-ws` commands: in this process, or as the programs that they are."""

from __future__ import annotations

import json
import logging
import random
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from ccms_ws.cli import main
from ccms_ws.demo.processes import listens
from tests.support.command_server import run_in_fork


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """Commands for one court, in this process."""

    def __init__(self, settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings = settings
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        self._capsys.readouterr()
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level  # a command sets up the logging of its process
        lines = structlog.get_config()
        try:
            with pytest.raises(SystemExit) as ended:
                main([*map(str, arguments), "--config", str(self.settings)])
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            structlog.configure(**lines)
        captured = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)


def run_program(*arguments: object, timeout: float = 120) -> Ended:
    """The command in a process of its own, forked from one that has imported the package."""
    return Ended(*run_in_fork([*map(str, arguments)], timeout))


def free_port_base() -> int:
    """A base whose ports for a court and its partners are free now."""
    while True:
        base = random.randrange(20_000, 32_000)
        try:
            for offset in (7, 9, 103, 104, 107):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base


def wait_until_it_listens(process: subprocess.Popen[Any], port: int) -> None:
    """Until a program that was started serves that port; for a minute at most, and as long as it runs."""
    deadline = time.monotonic() + 60
    while not listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"nothing came to listen at port {port}")
        time.sleep(0.05)
