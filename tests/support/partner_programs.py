"""The programs in tools/clients: how each is built and started, and what it needs of the machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.foreign import (
    CLIENTS,
    needs,
    needs_gsoap_and_compiler,
    needs_jdk,
    needs_node,
    needs_php,
    run,
)

needs_ruby = needs(
    shutil.which("ruby") is not None and run("ruby", "-e", "require 'nokogiri'", environment={}).returncode == 0,
    "ruby with nokogiri",
    "apt-get install ruby ruby-nokogiri",
)
needs_mono = needs(
    shutil.which("mcs") is not None and shutil.which("mono") is not None,
    "Mono",
    "apt-get install mono-mcs mono-runtime libmono-system-security4.0-cil",
)
_MARKS: Final[dict[str, pytest.MarkDecorator | tuple[()]]] = {
    "python": (), "node": needs_node, "php": needs_php, "c-gsoap": needs_gsoap_and_compiler, "java": needs_jdk,
    "ruby": needs_ruby, "mono": needs_mono,
}  # fmt: skip
STACKS: Final = {
    "python": "Python with lxml and cryptography", "node": "node with soap and xml-crypto", "php": "PHP SoapClient",
    "c-gsoap": "C with gSOAP", "java": "Java, the JDK alone", "ruby": "Ruby with nokogiri and OpenSSL",
    "mono": "C# on Mono, System.Security.Cryptography.Xml",
}  # fmt: skip
"""What each program shows, as the table of the matrix says it."""
QUERIES = [pytest.param(name, marks=marks) for name, marks in _MARKS.items()]
"""Every program that queries a balance."""
RECEIVERS = [pytest.param(name, marks=_MARKS[name]) for name in ("python", "node", "java", "ruby", "mono")]
"""Every program that receives what a court pushes."""


def command(program: str, kind: str, base: Path, url: str) -> list[Any]:
    """How a program of that `kind` ("query", "receive") is started.

    What has to be compiled is compiled once for all workers of the test run, below `base`. `url`: of a running
    service with the WSDL of FCC807, for what reads it when it is built.
    """
    sources, folder = CLIENTS / program, base / f"{program}-built"
    match program:
        case "python":
            return [sys.executable, sources / f"{kind}.py"]
        case "node":
            return ["node", sources / f"{kind}.js"]
        case "php":
            return ["php", sources / f"{kind}.php"]
        case "ruby":
            return ["ruby", sources / f"{kind}.rb"]
        case "java":
            once(folder, "javac", "-Xlint:all,-serial", "-Werror", "-d", folder, *sources.glob("*.java"))
            return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", folder, kind.capitalize()]
        case "mono":
            once(folder, "make", "-C", sources, f"OUT={folder}")
            return ["mono", folder / f"{kind}.exe"]
        case _:
            once(folder, "make", "-C", sources, f"OUT={folder}", f"URL={url}", "CFLAGS=-O0")
            return [folder / kind]


def once(folder: Path, *command: object) -> None:
    """Run a command that fills the folder, unless another worker has."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            made = run(*command)
            assert made.returncode == 0, made.stdout + made.stderr
            (folder / "done").touch()


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of the test run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def receiving(
    started: list[Any], address: str, keys: tuple[Path, Path, Path], court_service: str, environment: Mapping[str, str]
) -> Iterator[list[str]]:
    """A receiving program as long as the block; what it prints is in the list, a line after the other."""
    said: list[str] = []
    with subprocess.Popen(
        [str(each) for each in (*started, address, *keys, court_service)],
        stdout=subprocess.PIPE, text=True, env=os.environ | environment,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        lines = program.stdout
        reader = threading.Thread(target=lambda: said.extend(each.rstrip("\n") for each in lines))
        try:
            assert lines.readline() == f"Listening at {address}\n"
            reader.start()
            yield said
        finally:
            program.terminate()
            if reader.ident is not None:
                reader.join()
