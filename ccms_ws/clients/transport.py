"""HTTP to a partner: one session a client, timeouts and sizes bounded, nothing of a body ever logged.

It is zeep's transport for reading a WSDL from local files, and its own for sending: the answer is handed back as bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError
from zeep.transports import Transport

import ccms_ws
from ccms_ws.clients.deadlines import DeadlineAdapter, sending_until
from ccms_ws.clients.delivery_failures import FailureCause, of_connection
from ccms_ws.clock import running_time
from ccms_ws.errors import ContractMissing, TransientDeliveryError
from ccms_ws.failpoints import failpoint

_PIECE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How a client speaks HTTP. Times in seconds.

    `connect_timeout`: for TCP and TLS to stand. `send_timeout`: from then until the last byte of the message has left.
    `read_timeout`: from then until all of the answer is there. All three together bound an attempt, but for the time in
    which the system's resolver finds the partner's address, and further addresses if the first does not answer.
    `ca_bundle`: the
    authorities that may vouch for the server, None for the system's. `client_certificate`: certificate and key (PEM)
    for mutual TLS. `use_proxies`: take proxies and .netrc from the environment; off, so that a stray variable diverts
    no message.
    """

    connect_timeout: float = 5.0
    send_timeout: float = 60.0
    read_timeout: float = 30.0
    max_answer_bytes: int = 4 * 1024 * 1024
    connections: int = 16
    ca_bundle: str | os.PathLike[str] | None = None
    client_certificate: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None
    use_proxies: bool = False


class Stream(Protocol):
    """A body that is never held as a whole."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class _Upload:
    """A stream, for requests to send."""

    stream: Stream

    def __len__(self) -> int:
        return len(self.stream)

    def __iter__(self) -> Iterator[bytes]:
        for number, piece in enumerate(self.stream):
            if number == 1:
                failpoint("send.half")
            yield piece


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PartnerTransport(Transport):
    """The one way out. Shared by threads; connections are kept and reused."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        super().__init__(session=_session(settings))  # type: ignore[no-untyped-call]
        self.session.headers["User-Agent"] = f"ccms-ws/{ccms_ws.__version__}"

    def load(self, url: str) -> bytes:
        """A WSDL or schema from a local file; the network is never asked. Raises ContractMissing."""
        parts = urlsplit(str(url))
        if parts.scheme in ("http", "https", "ftp"):
            raise ContractMissing(f"{url} would be fetched from the network", hint="keep a local copy and import that")
        path = Path(url2pathname(parts.path) if parts.scheme == "file" else str(url))
        try:
            return path.read_bytes()
        except OSError as error:
            raise ContractMissing(f"{path} cannot be read: {error.strerror}") from None

    def post_xml(self, address: str, envelope: bytes | Stream, headers: Mapping[str, str]) -> HttpAnswer:
        """What zeep calls, with what the client's `wsse` has made of its envelope. Errors: `send`."""
        failpoint("send.sealed")
        return self.send(address, envelope, headers)

    def send(
        self, url: str, body: bytes | Stream, headers: Mapping[str, str], *, not_after: float | None = None
    ) -> HttpAnswer:
        """POST `body`, none of it after `not_after` (`clock.running_time`). Raises TransientDeliveryError if no whole
        answer within bounds came back.
        """
        settings = self._settings
        deadline = running_time() + settings.connect_timeout + settings.send_timeout
        try:
            with (
                sending_until(deadline if not_after is None else min(deadline, not_after)),
                self.session.post(
                    url,
                    data=body if isinstance(body, bytes) else _Upload(body),
                    headers=dict(headers),
                    timeout=(settings.connect_timeout, settings.read_timeout),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return HttpAnswer(response.status_code, response.headers, self._read(response))
        except (requests.RequestException, OSError) as error:
            raise of_connection(error) from error

    def close(self) -> None:
        self.session.close()

    def _read(self, response: requests.Response) -> bytes:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise TransientDeliveryError(
                "the answer is compressed, which was not asked for",
                cause=FailureCause.ANSWER_MALFORMED,
                http_status=response.status_code,
            )
        pieces = bytearray()
        try:
            while piece := response.raw.read1(_PIECE):
                pieces += piece
                if len(pieces) > self._settings.max_answer_bytes:
                    limit = self._settings.max_answer_bytes
                    raise TransientDeliveryError(
                        f"the answer is larger than {limit} bytes",
                        cause=FailureCause.ANSWER_TOO_LARGE,
                        http_status=response.status_code,
                    )
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        return bytes(pieces)


def _session(settings: TransportSettings) -> requests.Session:
    session = requests.Session()
    session.trust_env = settings.use_proxies
    session.verify = str(settings.ca_bundle) if settings.ca_bundle else True
    if settings.client_certificate:
        certificate, key = settings.client_certificate
        session.cert = (str(certificate), str(key))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers.update({"Accept-Encoding": "identity", "Accept": "application/soap+xml, text/xml"})
    adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=settings.connections, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
