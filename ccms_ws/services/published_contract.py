"""What may be read with GET: the contract's files, a page that explains them, whether the endpoint lives and is ready.

Addresses in what is published come from the configured public URL alone, never from the Host header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Protocol
from urllib.parse import parse_qsl

from ccms_ws.contract import catalog
from ccms_ws.contract.export import export
from ccms_ws.contract.wsdl import published_schema, published_wsdl
from ccms_ws.errors import ContractMissing
from ccms_ws.services import landing_page
from ccms_ws.services.contract_package import package_of
from ccms_ws.services.http import Environ, Response
from ccms_ws.services.landing_page import STYLE_HASH, front_page
from ccms_ws.services.soap import SoapService

_XML = "text/xml; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_NOT_KEPT = (("Cache-Control", "no-store"),)
_PAGE_POLICY = (
    "Content-Security-Policy",
    f"default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)


class Publisher(landing_page.Publisher, Protocol):
    """What is published of the court, and whether its endpoint is ready."""

    @property
    def is_ready(self) -> Callable[[], bool]: ...


class PublishedContract:
    """Answers GET and HEAD. The contract changes only with a restart, so every file has a stable ETag."""

    def __init__(self, publisher: Publisher, services: Sequence[SoapService]) -> None:
        self._publisher = publisher
        self._services = {service.exchange.path: service for service in services}

        @cache
        def page() -> bytes:
            return front_page(publisher, services).encode()

        @cache
        def package(service: SoapService) -> bytes:
            return export(package_of(service.exchange, publisher.public_url, publisher.policy, publisher.codes))

        self._page, self._package = page, package

    def get(self, environ: Environ) -> Response:
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        if path in ("", "/"):
            return _cached(environ, self._page, _HTML, _PAGE_POLICY)
        if path == "/health":
            return Response("200 OK", b"ok\n", _TEXT, _NOT_KEPT)
        if path == "/ready":
            ready = self._publisher.is_ready()
            status, said = ("200 OK", b"ready\n") if ready else ("503 Service Unavailable", b"not ready\n")
            return Response(status, said, _TEXT, _NOT_KEPT)
        service = self._services.get(path)
        if service is None:
            return _not_found()
        try:
            return self._file(environ, service, query)
        except ContractMissing:
            return _not_found()

    def _file(self, environ: Environ, service: SoapService, query: str) -> Response:
        exchange, url = service.exchange, self._publisher.public_url + service.exchange.path
        name, value = next(iter(parse_qsl(query, keep_blank_values=True)), ("", ""))
        match name.lower(), value:
            case "wsdl", file:
                imported = partial(published_wsdl, exchange.service, url, file)
                return _cached(environ, imported if file else partial(service.published_wsdl, url), _XML)
            case "xsd", file:
                return _cached(environ, lambda: published_schema(exchange.service, url, file), _XML)
            case "sample", sample if sample in catalog.samples_of(exchange.namespace):
                return _cached(environ, lambda: catalog.sample(sample), _XML)
            case "export", "":
                as_file = f'attachment; filename="{exchange.code}-{exchange.version}.zip"'
                package = partial(self._package, service)
                return _cached(environ, package, "application/zip", ("Content-Disposition", as_file))
            case (("sample" | "export"), _):
                return _not_found()
        where = f"{self._publisher.public_url}/#{exchange.code}-{exchange.version}"
        return Response("303 See Other", b"", _TEXT, (("Location", where),))


def _not_found() -> Response:
    return Response("404 Not Found", b"There is nothing at this address. Start at /\n", _TEXT)


def _cached(environ: Environ, body: Callable[[], bytes], content_type: str, *headers: tuple[str, str]) -> Response:
    """The body with its ETag, or 304 if the client has it already."""
    content = body()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = (("ETag", etag), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"), *headers)
    known = [tag.strip().removeprefix("W/") for tag in environ.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in known or "*" in known:
        return Response("304 Not Modified", b"", content_type, headers)
    return Response("200 OK", content, content_type, headers)
