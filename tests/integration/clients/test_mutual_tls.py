"""The court pushes over mutual TLS and signs the Timestamp alone, if the partner's profile says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import socket
from ssl import SSLSocket
from typing import Any

import pytest
from lxml import etree

from ccms_ws.bootstrap import open_court
from ccms_ws.config import load_settings
from ccms_ws.contract.namespaces import DS
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.errors import TransientDeliveryError
from tests.support.http_server import HttpReply, HttpRequest, PartnerServer, http_server
from tests.support.partner_settings import message
from tests.support.tls import Doors, make_doors


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    return make_doors(tmp_path_factory.mktemp("tls"))


@contextmanager
def listening(doors: Doors, seen: list[tuple[str, bytes]]) -> Iterator[int]:
    """A partner that takes everything in and says nothing; whom and what it saw goes into `seen`. Its port."""
    subjects: list[str] = []

    class OverTls(PartnerServer):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.socket = doors.server().wrap_socket(self.socket, server_side=True)

        def get_request(self) -> tuple[socket, Any]:
            connection, address = super().get_request()
            assert isinstance(connection, SSLSocket)
            subjects.append(str((connection.getpeercert() or {}).get("subject", "")))
            return connection, address

    def receive(request: HttpRequest) -> HttpReply:
        seen.append((subjects[-1], request.body))
        return HttpReply(202)

    with http_server(receive, made_by=OverTls) as server:
        yield server.server_port


def pushed(court_folder: Path, port: int, profile: str, ca: Path, doors: Doors, outgoing: OutgoingMessage) -> None:
    """Send one message as the court's worker would, with FTB's address, profile and TLS set like this."""
    file = court_folder / "partners" / "FTB.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("url")]
    files = {"tls_ca": ca, "tls_certificate": doors.folder / "adult-probation.crt"}
    files["tls_key"] = doors.folder / "adult-probation.key"
    tls = "".join(f'{name} = "{path}"\n' for name, path in files.items())
    choice = f'profile = {{ receives = "{profile}" }}\ntoken_reference = "thumbprint"\n'
    file.write_text(f'{choice}{chr(10).join(lines)}\nurl = "https://127.0.0.1:{port}/COL903"\n{tls}')
    court = open_court(load_settings(court_folder / "ccms-ws.toml"))
    route = court.routes()("FTB", "COL903")
    route.client.send(replace(outgoing, partner_id="FTB"), url=route.url, soap=route.soap)


@pytest.mark.parametrize(("profile", "signed"), [("gfipm-s2s", 6), ("tls-endorsing-timestamp", 1)])
def test_the_partner_s_profile_says_how_much_is_signed(
    court_folder: Path, doors: Doors, profile: str, signed: int
) -> None:
    seen: list[tuple[str, bytes]] = []
    with listening(doors, seen) as port:
        pushed(court_folder, port, profile, doors.folder / "ca.crt", doors, message("COL903-batch", "FTB"))
    ((subject, body),) = seen
    assert "adult-probation" in subject
    assert len(etree.fromstring(body).findall(f".//{{{DS}}}Reference")) == signed
    assert b"#ThumbprintSHA1" in body


def test_a_server_of_another_authority_gets_nothing(court_folder: Path, doors: Doors) -> None:
    seen: list[tuple[str, bytes]] = []
    other, outgoing = court_folder / "pki" / "ca.crt", message("COL903-batch", "FTB")
    with listening(doors, seen) as port, pytest.raises(TransientDeliveryError):
        pushed(court_folder, port, "gfipm-s2s", other, doors, outgoing)
    assert seen == []
