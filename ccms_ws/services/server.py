"""The default server, granian: worker processes, each with threads that run the WSGI application."""

from __future__ import annotations

from collections.abc import Callable

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from ccms_ws.services.http import WsgiApplication


def serve(load: Callable[[], WsgiApplication], *, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until SIGTERM or SIGINT; what was begun is finished. `load` makes the application in each process."""
    server = Granian(
        "ccms_ws",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=30,
    )
    server.serve(target_loader=load, wrap_loader=False)
