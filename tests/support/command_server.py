"""`ccms-ws` without the wait: a server that has imported everything and forks a process for each command.

A test sends it a command with `run_in_fork`. A script finds a program `ccms-ws` in the folder of `quick_commands`,
which does the same.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

_CLIENT = """#!{python} -S
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect({address!r})
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(s, [len(asked).to_bytes(4)], [0, 1, 2])
s.sendall(asked)
sys.exit(int(s.recv(8) or b"70"))
"""


@contextmanager
def quick_commands(folder: Path) -> Iterator[Path]:
    """The folder with the program in it, to be put on the PATH; it works while the block lasts."""
    folder.mkdir()
    address = folder / "socket"
    program = folder / "ccms-ws"
    program.write_text(_CLIENT.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)
    with _server(address):
        yield folder


def run_in_fork(arguments: Sequence[str], timeout: float) -> tuple[int, str, str]:
    """Run a command; its exit code, output and standard error. The server is started for the first one.

    Raises TimeoutError.
    """
    with (
        socket.socket(socket.AF_UNIX) as asking,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        asking.settimeout(timeout)
        asking.connect(str(_shared_server()))
        asked = json.dumps([arguments, str(Path.cwd()), dict(os.environ)]).encode()
        socket.send_fds(asking, [len(asked).to_bytes(4)], [nothing.fileno(), out.fileno(), err.fileno()])
        asking.sendall(asked)
        code = int(asking.recv(8) or b"70")
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


@cache
def _shared_server() -> Path:
    """The address of a server that lives as long as this process."""
    open_until_exit = ExitStack()
    atexit.register(open_until_exit.close)
    address = Path(open_until_exit.enter_context(tempfile.TemporaryDirectory(prefix="ccms-ws-commands-"))) / "socket"
    open_until_exit.enter_context(_server(address))
    return address


@contextmanager
def _server(address: Path) -> Iterator[None]:
    server = subprocess.Popen([sys.executable, __file__, str(address)], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # with a command that still runs
        server.communicate(timeout=10)


def _serve(address: str) -> None:
    import ccms_ws.bootstrap
    import ccms_ws.domain.import_columns
    import ccms_ws.exchanges.fcc807.simulate
    import ccms_ws.store.migrate  # noqa: F401

    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        connection, _ = server.accept()
        head, files, _, _ = socket.recv_fds(connection, 4, 3)
        asked = b""
        while len(asked) < int.from_bytes(head):
            asked += connection.recv(65536)
        child = os.fork()
        if not child:
            arguments, where, environment = json.loads(asked)
            _run(arguments, where, environment, list(files))
        for file in files:
            os.close(file)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(str(status).encode())
        connection.close()


def _run(arguments: list[str], folder: str, environment: dict[str, str], files: list[int]) -> None:
    from ccms_ws.cli import main

    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = 0
    try:
        main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
