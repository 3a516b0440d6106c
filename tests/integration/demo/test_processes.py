"""The demo's programs: waited for, and ended whatever happens."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from ccms_ws.demo import processes
from ccms_ws.demo.processes import Processes, Program, check_ports_free, listens
from ccms_ws.errors import ConfigError, InternalError


def test_a_program_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    program = Program("endpoint", ("serve", "--config", str(tmp_path / "none.toml")), lambda _log: False)
    with Processes(tmp_path / "logs") as running, pytest.raises(InternalError) as caught:
        running.start([program])
    assert str(caught.value).startswith("endpoint ended: ")
    assert "--config" in str(caught.value)
    assert str(tmp_path / "logs/endpoint.log") in caught.value.hint


def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.0)
    with Processes(tmp_path / "logs") as running, pytest.raises(InternalError, match="did not get ready"):
        running.start([Program("endpoint", ("--help",), lambda _log: False)])


def test_every_taken_port_is_named() -> None:
    with socket.socket() as one, socket.socket() as other:
        taken = []
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
            each.listen()
            taken.append(each.getsockname()[1])
        with pytest.raises(ConfigError) as caught:
            check_ports_free([("court", taken[0]), ("dmv", taken[1])])
    assert f"{taken[0]} (court), {taken[1]} (dmv)" in str(caught.value)
    check_ports_free([("court", taken[0])])


def test_a_port_that_was_just_left_counts_as_free() -> None:
    """What an ended server leaves behind (TIME_WAIT) keeps nobody from the port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()
            time.sleep(0.01)
        assert listens(port)
    check_ports_free([("court", port)])
