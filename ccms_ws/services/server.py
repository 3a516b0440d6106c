"""The default server, granian: worker processes, each with an event loop for connections and threads for messages."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings

from ccms_ws.errors import CcmsWsError, InternalError
from ccms_ws.memory_tuning import tune_memory
from ccms_ws.services.admission import AdmissionControl, Capacity, Program
from ccms_ws.services.connections import ConnectionGuard, ConnectionLimits

if TYPE_CHECKING:
    from ccms_ws.config.endpoint import TlsSettings

log = structlog.get_logger(__name__)

_HEADER_TIMEOUT = 10.0
"""Seconds that a client may take to send the headers of a request, and that a kept connection may lie idle."""
_GRACE = 30
"""Seconds that a process may take to finish what was begun when it is told to stop."""
_OTHER_FILES = 512
"""What a process has open beside its connections: the database, its log, its code."""
_LOOK_AT_PARENT = 0.5
"""Seconds."""


class _Server(Granian):  # type: ignore[misc, valid-type]  # a name chosen at run time
    """granian's server, which looks before it leaps: new processes come only if the settings can be used."""

    check: Callable[[], object]

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        """SIGHUP: a new process for each old one, which then finishes what it has begun."""
        try:
            self.check()
        except CcmsWsError as error:
            log.error("endpoint.not-reloaded", code=error.code, why=error.detail, hint=error.hint)
            return
        log.info("endpoint.reloads")
        super().signal_handler_reload(*args, **kwargs)


def serve(
    load: Callable[[], Program],
    bounds: Capacity,
    *,
    host: str,
    port: int,
    workers: int,
    limits: ConnectionLimits | None = None,
    tls: TlsSettings | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; what was begun is finished. `load` makes the program in each process, and at
    SIGHUP once before anything is changed: new processes with new settings take over, and no connection is refused.

    Raises InternalError if the processes that serve end by themselves again and again.
    """
    limits = limits or ConnectionLimits()
    _allow_open_files(limits.total)
    server = _Server(
        "ccms_ws",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        backpressure=limits.total,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=int(_HEADER_TIMEOUT * 1000)),
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE,
        ssl_cert=tls.certificate if tls else None,
        ssl_key=tls.key if tls else None,
        ssl_ca=tls.client_authorities if tls else None,
        ssl_client_verify=tls is not None and tls.client_authorities is not None,
        ssl_protocol_min=SSLProtocols.tls13 if tls and tls.minimum == "1.3" else SSLProtocols.tls12,
    )
    server.check = load
    try:
        server.serve(target_loader=partial(_ready, load, bounds, limits, port, os.getpid()), wrap_loader=False)
    except SystemExit as ended:
        raise InternalError("the processes that serve ended by themselves", hint="the log says why") from ended


def _allow_open_files(connections: int) -> None:
    """The system's default for the files that a process may open is less than the connections that it may have."""
    enough, (now, most) = connections + _OTHER_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (now, most):
        enough = min(enough, most)
    if now != resource.RLIM_INFINITY and now < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def _ready(
    load: Callable[[], Program], bounds: Capacity, limits: ConnectionLimits, port: int, parent: int
) -> AdmissionControl:
    """What one process serves."""
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    endpoint = AdmissionControl(load(), bounds)
    ConnectionGuard(limits, port, endpoint.is_busy).start()
    tune_memory()
    return endpoint


def _end_with(parent: int) -> None:
    """End this process when its parent has gone, however it went: nobody else would ever end it."""
    while os.getppid() == parent:
        time.sleep(_LOOK_AT_PARENT)
    log.error("endpoint.parent-gone")
    os.kill(os.getpid(), signal.SIGTERM)
