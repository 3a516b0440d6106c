"""A court for programs of other stacks, what those programs need of the machine, and how they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ccms_ws.clock import SystemClock
from ccms_ws.config import Settings
from ccms_ws.demo.pki import make_pki
from ccms_ws.registry import get_exchange
from tests.support.local_stack import Line
from tests.support.partner_settings import free_ports, make_keys, make_settings

CLIENTS = Path(__file__).parents[2] / "tools" / "clients"
NODE_MODULES = CLIENTS / "node" / "node_modules"


def needs(there: bool, what: str, how: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not there, reason=f"{what} is not installed ({how})")


def _prints(*command: str) -> list[str]:
    if shutil.which(command[0]) is None:
        return []
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


needs_gsoap = needs(shutil.which("wsdl2h") is not None, "wsdl2h", "apt-get install gsoap")
needs_gsoap_and_compiler = needs(
    all(shutil.which(program) for program in ("wsdl2h", "gcc", "make"))
    and all(Path("/usr/include", header).exists() for header in ("stdsoap2.h", "openssl/ssl.h", "stdio.h")),
    "gSOAP with a C compiler",
    "apt-get install gsoap libgsoap-dev libssl-dev zlib1g-dev gcc libc6-dev make",
)
needs_php = needs(
    {"soap", "dom"} <= set(_prints("php", "-m")),
    "php with SOAP and DOM",
    "apt-get install php-cli php-soap php-xml",
)
needs_node = needs(
    shutil.which("node") is not None and (NODE_MODULES / "soap").is_dir(),
    "node's soap",
    "npm install --prefix tools/clients/node",
)
needs_jdk = needs(shutil.which("javac") is not None, "a JDK", "apt-get install default-jdk-headless")


class Endpoint(NamedTuple):
    """A court that serves; partner ADULT asks it."""

    settings: Settings

    def url(self, code: str) -> str:
        return self.settings.endpoint.public_url + get_exchange(code).path

    def wsdl(self, code: str) -> str:
        return f"{self.url(code)}?wsdl"

    def keys(self, partner: str = "ADULT") -> tuple[Path, Path, Path]:
        """The partner's key and certificate, and the court's certificate."""
        folder = self.settings.identity.key.parent
        return folder / f"{partner}.key", folder / f"{partner}.crt", self.settings.identity.certificate


@contextmanager
def serving(folder: Path) -> Iterator[Endpoint]:
    settings = make_settings(folder, make_keys(folder / "pki"))
    with Line(settings, {}):
        yield Endpoint(settings)


@contextmanager
def impostor(folder: Path, court: Settings) -> Iterator[str]:
    """Where somebody serves who answers queries to that court like the court, but has another key."""
    (port,) = free_ports(1)
    make_pki(folder, ("impostor",), SystemClock().now())
    key = folder / "impostor.key"
    changed = {
        "endpoint": court.endpoint.model_copy(update={"port": port}),
        "identity": court.identity.model_copy(update={"key": key, "certificate": key.with_suffix(".crt")}),
        "database": court.database.model_copy(update={"url": f"sqlite:///{folder / 'impostor.db'}"}),
    }
    with Line(court.model_copy(update=changed), {}):
        yield f"http://127.0.0.1:{port}{get_exchange('FCC807').path}"


def run(
    *command: object, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A program that has ended, whatever its exit code."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def prints(*command: object, folder: Path | None = None) -> str:
    """What a program prints; fails with what it complained of."""
    ran = run(*command, folder=folder, environment={"NODE_PATH": str(NODE_MODULES)})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
