"""The default server, granian: worker processes, each with an event loop for connections and threads for messages."""

from __future__ import annotations

import gc
from collections.abc import Callable

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from ccms_ws.services.endpoint import Bounds, Endpoint
from ccms_ws.services.http import WsgiApplication

_HEADER_TIMEOUT = 10.0
"""Seconds that a client may take to send the headers of a request, and that a kept connection may lie idle."""
_MOST_CONNECTIONS = 1024
"""Of one process. Those beyond wait outside until one is closed."""
_GRACE = 30
"""Seconds that a process may take to finish what was begun when it is told to stop."""


def serve(load: Callable[[], WsgiApplication], bounds: Bounds, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; what was begun is finished. `load` makes the application in each process."""

    def ready() -> Endpoint:
        endpoint = Endpoint(load(), bounds)
        settle_memory()
        return endpoint

    server = Granian(
        "ccms_ws",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=workers,
        backpressure=_MOST_CONNECTIONS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=int(_HEADER_TIMEOUT * 1000)),
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE,
    )
    server.serve(target_loader=ready, wrap_loader=False)


def settle_memory() -> None:
    """What lives as long as the process is never again looked through for garbage, and the rest more rarely.

    A message leaves next to no cycles behind. Without this, a fifth of the time would go into looking for them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
