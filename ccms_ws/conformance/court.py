"""The small court that clients are tested against: the demo court's books, the published test keys, any address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.bootstrap import open_court
from ccms_ws.clock import Clock
from ccms_ws.config import Settings, load_settings
from ccms_ws.demo.installation import make_installation
from ccms_ws.registry import EXCHANGES
from ccms_ws.replay import pki
from ccms_ws.replay.court import environ_of
from ccms_ws.replay.draft import Request
from ccms_ws.simulator.server import HttpReply, HttpRequest
from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import read_only, unit_of_work


class SmallCourt:
    """A court at `public_url`, made in `folder`, in which `partner` signs with `certificate`."""

    def __init__(
        self, folder: Path, public_url: str, partner: str, certificate: x509.Certificate, clock: Clock, /
    ) -> None:
        made = make_installation(folder, clock)
        home = made.settings_file.parent
        pki.install(home / "pki")
        (home / "pki" / f"{pki.NAME_OF[partner]}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
        settings = load_settings(made.settings_file, [exchange.code for exchange in EXCHANGES], environment=False)
        self._engine = open_engine(settings.database.url)
        court = open_court(_at(settings, public_url), clock, published_keys=True)
        self._gate = replace(court, units=unit_of_work(self._engine), reading=read_only(self._engine)).gateway(
            is_limited=False
        )

    def answer(self, request: HttpRequest) -> HttpReply:
        """The gateway's response to a request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = Request(
            body=request.body,
            content_type=headers.get("content-type", ""),
            soap_action=headers.get("soapaction"),
        )
        return self._ask(environ_of(given, request.path.partition("?")[0]))

    def publish(self, path: str) -> HttpReply:
        """What the court has to read there: its WSDL and schemas."""
        place, _, query = path.partition("?")
        nothing = Request(body=b"", content_type="", method="GET")
        return self._ask(environ_of(nothing, place) | {"QUERY_STRING": query})

    def _ask(self, environ: dict[str, Any]) -> HttpReply:
        said: list[tuple[int, dict[str, str]]] = []

        def start(status: str, fields: list[tuple[str, str]]) -> None:
            said.append((int(status[:3]), {name.lower(): value for name, value in fields}))

        body = b"".join(self._gate(environ, start))
        return HttpReply(said[0][0], body, said[0][1].get("content-type", ""))

    def close(self) -> None:
        self._engine.dispose()


def _at(settings: Settings, public_url: str) -> Settings:
    """The same court at another address, all of whose messages are tests."""
    endpoint = settings.endpoint.model_copy(update={"public_url": public_url.rstrip("/")})
    court = settings.court.model_copy(update={"test": True})
    return settings.model_copy(update={"endpoint": endpoint, "court": court})
