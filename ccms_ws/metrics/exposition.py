"""The metrics as a reader gets them: as text, as rows, or at an address of their own, `/metrics` and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app

from ccms_ws.errors import CcmsWsError, InternalError
from ccms_ws.metrics.collector import CourtCollector
from ccms_ws.services.http import Environ, Response, StartResponse, WsgiApplication

log = structlog.get_logger(__name__)

PATH: Final = "/metrics"


def text(collector: CourtCollector) -> str:
    """What Prometheus reads, in its text format. Raises StoreError."""
    return generate_latest(_registry(collector)).decode()


def rows(collector: CourtCollector) -> list[dict[str, Any]]:
    """The same, a row for each sample. Raises StoreError."""
    return [
        {"name": sample.name, "type": family.type, "labels": sample.labels, "value": sample.value}
        for family in collector.collect()
        for sample in family.samples
    ]


def application(collector: CourtCollector) -> WsgiApplication:
    """Answers GET with what the collector yields. If the court's database cannot be read: 503, and no number at all,
    so that Prometheus sees the target as down and keeps nothing old.
    """
    exposition: WsgiApplication = make_wsgi_app(_registry(collector), disable_compression=True)

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return _said("404 Not Found", f"the metrics are at {PATH}", start_response)
        try:
            return exposition(environ, start_response)
        except CcmsWsError as error:
            log.error("metrics.not-read", code=error.code, why=error.detail)
            return _said("503 Service Unavailable", error.code, start_response)
        except Exception as error:
            log.error("metrics.defect", exc_info=error)
            return _said("500 Internal Server Error", InternalError.code, start_response)

    return answer


def _said(status: str, words: str, start_response: StartResponse) -> Iterable[bytes]:
    return Response(status, f"{words}\n".encode(), "text/plain; charset=utf-8").send(start_response)


def _registry(collector: CourtCollector) -> CollectorRegistry:
    """This court's numbers alone, none of the program that reads them."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
