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
"""Seconds that a client may take to send the headers of a request, and that a keep-alive connection may be idle."""
_GRACE = 30
"""Seconds that a process may take to finish its requests after SIGTERM."""
_OTHER_FILES = 512
"""Open files of a process beside its connections: the database, its log, its code."""
_LOOK_AT_PARENT = 0.5
"""Seconds."""


class _Server(Granian):  # type: ignore[misc, valid-type]  # a name chosen at run time
    """A granian server that validates the settings before it replaces its processes."""

    check: Callable[[], object]

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        """SIGHUP: a new process for each old one, which then finishes its requests."""
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
    """Serve until SIGTERM or SIGINT, then finish open requests. `load` makes the program in each process, and at
    SIGHUP once before anything is changed: new processes with new settings take over, and no connection is refused.

    Raises InternalError if the serving processes exit repeatedly.
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
        raise InternalError("the serving processes exited repeatedly", hint="see the log") from ended


def _allow_open_files(connections: int) -> None:
    """Raise the limit of open files: the system's default is lower than the number of connections."""
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
    """Exit when the parent process has exited, even if it was killed."""
    while os.getppid() == parent:
        time.sleep(_LOOK_AT_PARENT)
    log.error("endpoint.parent-gone")
    os.kill(os.getpid(), signal.SIGTERM)
