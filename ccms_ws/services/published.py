"""What anybody may read with GET: the contract's files, a page that explains them, and whether the endpoint lives.

Addresses in what is published come from the configured public URL alone, never from the Host header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from ccms_ws.contract.wsdl import published_schema, published_wsdl
from ccms_ws.errors import ContractMissing
from ccms_ws.services.http import Environ, Response
from ccms_ws.services.page import front_page
from ccms_ws.services.soap import SoapService

_XML = "text/xml; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_PAGE_POLICY = ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")


class PublishedContract:
    """Answers GET and HEAD. The contract changes only with a restart, so every file has a stable ETag."""

    def __init__(self, public_url: str, services: Sequence[SoapService]) -> None:
        self._public_url = public_url
        self._services = {service.exchange.path: service for service in services}
        self._front_page = front_page(public_url, services).encode()

    def get(self, environ: Environ) -> Response:
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        if path in ("", "/"):
            return _cached(environ, lambda: self._front_page, _HTML, _PAGE_POLICY)
        if path == "/health":
            return Response("200 OK", b"ok\n", _TEXT, (("Cache-Control", "no-store"),))
        service = self._services.get(path)
        if service is None:
            return _not_found()
        return self._file(environ, service, query)

    def _file(self, environ: Environ, service: SoapService, query: str) -> Response:
        url = self._public_url + service.exchange.path
        name, value = next(iter(parse_qsl(query, keep_blank_values=True)), ("", ""))
        try:
            if name.lower() == "wsdl" and not value:
                return _cached(environ, lambda: service.published_wsdl(url), _XML)
            if name.lower() == "wsdl":
                return _cached(environ, lambda: published_wsdl(service.exchange.service, url, value), _XML)
            if name.lower() == "xsd":
                return _cached(environ, lambda: published_schema(service.exchange.service, url, value), _XML)
        except ContractMissing:
            return _not_found()
        return Response("303 See Other", b"", _TEXT, (("Location", f"{self._public_url}/"),))


def _not_found() -> Response:
    return Response("404 Not Found", b"There is nothing at this address. Start at /\n", _TEXT)


def _cached(environ: Environ, body: Callable[[], bytes], content_type: str, *headers: tuple[str, str]) -> Response:
    """The body with its ETag, or 304 if the client has it already."""
    content = body()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = (("ETag", etag), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"), *headers)
    known = [tag.strip().removeprefix("W/") for tag in environ.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in known:
        return Response("304 Not Modified", b"", content_type, headers)
    return Response("200 OK", b"" if environ["REQUEST_METHOD"] == "HEAD" else content, content_type, headers)
