"""TLS at the endpoint's own door, and at the door of a proxy that says whose connection it is."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.clock import SystemClock
from ccms_ws.envelope.policy import Profile
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import get_exchange
from tests.support.court import Court
from tests.support.proxies import nginx
from tests.support.serving import Served, served_court
from tests.support.tls import Doors, make_doors

HEADER = "X-SSL-Client-Cert"
SOAP = {"Content-Type": "application/soap+xml; charset=utf-8"}


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    return make_doors(tmp_path_factory.mktemp("tls"))


def query(served: Served, profile: Profile = Profile.GFIPM_S2S) -> bytes:
    court = Court(served.settings.parent, SystemClock().now())
    court.policy = replace(court.policy, profile=profile)
    asked = court.query(case_number="TR-2025-004417")
    message_id = asked.metadata.transaction_id
    return court.seal(
        query_to_xml(asked), signer="adult-probation", exchange=get_exchange("FCC807"), message_id=message_id
    )


def post(port: int, body: bytes, context: ssl.SSLContext, **headers: str) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    try:
        given = SOAP | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", "/FCC807/1.0", body, given)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_endpoint_s_own_door_asks_for_a_certificate(tmp_path: Path, doors: Doors) -> None:
    def lock(settings: Path) -> None:
        text = settings.read_text().replace('public_url = "http:', 'public_url = "https:')
        files = {"certificate": "server.crt", "key": "server.key", "client_authorities": "ca.crt"}
        lines = "".join(f'{name} = "{doors.folder / file}"\n' for name, file in files.items())
        settings.write_text(f"{text}\n[endpoint.tls]\n{lines}")

    with served_court(tmp_path / "court", change=lock) as served:
        assert post(served.port, query(served), doors.client("adult-probation")) == 200
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            post(served.port, query(served), doors.client(None))


Proxy = Callable[[Doors, int, Path], AbstractContextManager[int]]


@contextmanager
def plain_proxy(doors: Doors, target: int, _folder: Path) -> Iterator[int]:
    """Ends TLS, takes the client's header out and puts its own in; its port. One request a connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket, context: ssl.SSLContext) -> None:
        with connection, context.wrap_socket(connection, server_side=True) as secure:
            head, _, body = _read(secure)
            shown = secure.getpeercert(binary_form=True)
            kept = [line for line in head.split("\r\n") if not line.lower().startswith(HEADER.lower())]
            added = [f"{HEADER}: {b64encode(shown).decode()}"] if shown else []
            request = "\r\n".join([*kept, *added, "Connection: close", "", ""]).encode() + body
            with socket.create_connection(("127.0.0.1", target), timeout=20) as behind:
                behind.sendall(request)
                while part := behind.recv(65536):
                    secure.sendall(part)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection, doors.server()), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read(stream: ssl.SSLSocket) -> tuple[str, str, bytes]:
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += stream.recv(65536)
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += stream.recv(65536)
    return head.decode(), "", body


def agree(doors: Doors, *, addresses: str) -> Callable[[Path], None]:
    """Adult probation signs the Timestamp alone, over mutual TLS that a proxy at `addresses` ends."""

    def change(settings: Path) -> None:
        settings.write_text(f'{settings.read_text()}\n[endpoint.proxy]\naddresses = ["{addresses}"]\n')
        profile = settings.parent / "partners" / "ADULT-PROBATION.toml"
        lines = 'profile = { sends = "tls-endorsing-timestamp" }\n'
        pinned = f'tls_certificates = ["{doors.folder / "adult-probation.crt"}"]\n'
        profile.write_text(lines + pinned + profile.read_text())

    return change


@pytest.mark.parametrize(
    "proxy",
    [
        plain_proxy,
        pytest.param(nginx, marks=pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")),
    ],
)
def test_behind_a_proxy_a_signed_timestamp_is_enough_for_the_partner_alone(
    tmp_path: Path, doors: Doors, proxy: Proxy
) -> None:
    pem = (doors.folder / "adult-probation.crt").read_bytes()
    shown = b64encode(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).decode()
    with (
        served_court(tmp_path / "court", change=agree(doors, addresses="127.0.0.1")) as served,
        proxy(doors, served.port, tmp_path) as port,
    ):

        def asked(client: str | None, profile: Profile = Profile.TLS_ENDORSING_TIMESTAMP, **headers: str) -> int:
            return post(port, query(served, profile), doors.client(client), **headers)

        assert asked("adult-probation") == 200
        assert asked("stranger") == 400
        assert asked(None) == 400
        assert asked(None, X_SSL_Client_Cert=shown) == 400  # the proxy takes out what a client says of itself
        assert asked("stranger", X_SSL_Client_Cert=shown) == 400
        assert asked(None, X_SSL_Client_Cert=quote(pem)) == 400
        assert asked(None, x_ssl_client_cert=shown) == 400
        assert asked(None, Profile.GFIPM_S2S) == 200  # a full signature needs no connection of its own


@pytest.mark.parametrize("written", ["127.0.0.1", "::1"])
def test_a_proxy_is_recognised_at_a_socket_for_both_versions_of_ip(tmp_path: Path, doors: Doors, written: str) -> None:
    """Such a socket shows 127.0.0.1 as ::ffff:127.0.0.1."""

    def change(settings: Path) -> None:
        agree(doors, addresses=written)(settings)
        settings.write_text(settings.read_text().replace('host = "127.0.0.1"\nport', 'host = "::"\nport'))

    pem = (doors.folder / "adult-probation.crt").read_bytes()
    proxy = "::1" if written == "::1" else "127.0.0.1"
    with served_court(tmp_path / "court", change=change) as served:
        connection = http.client.HTTPConnection(proxy, served.port, timeout=20)
        headers = SOAP | {HEADER: quote(pem)}
        connection.request("POST", "/FCC807/1.0", query(served, Profile.TLS_ENDORSING_TIMESTAMP), headers)
        assert connection.getresponse().status == 200
        connection.close()
