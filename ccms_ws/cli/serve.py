"""`ccms-ws serve`: the endpoint, until it is stopped."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ccms_ws.cli.court import court_of
from ccms_ws.cli.db import require_ready
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_json
from ccms_ws.errors import ConfigError
from ccms_ws.health.certificates import remind_daily

if TYPE_CHECKING:
    from ccms_ws.services.admission import Program


def serve(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Run the endpoint: receive partners' messages, publish the WSDLs. Ctrl-C or SIGTERM ends it.

    With --json it first prints its addresses; its log goes to standard error either way.

    Example: ccms-ws serve --config demo-court/ccms-ws.toml
    """
    from ccms_ws.audit.keeper import keep_heads
    from ccms_ws.log import get_logger
    from ccms_ws.registry import EXCHANGES
    from ccms_ws.services import server
    from ccms_ws.services.admission import Capacity
    from ccms_ws.services.connections import ConnectionLimits

    court = court_of(config)  # everything that can be wrong is reported here, before a worker process starts
    court.check_wsdls()
    endpoint = court.settings.endpoint
    require_ready(config)
    check_port(endpoint.host, endpoint.port, "endpoint.port (and endpoint.public_url)")
    end_heads = keep_heads(court.head_keeper, court.settings.audit.every_seconds)
    wsdls = [f"{endpoint.public_url}{exchange.path}?wsdl" for exchange in EXCHANGES]
    get_logger(__name__).info(
        "endpoint.started",
        url=endpoint.public_url,
        port=endpoint.port,
        wsdls=wsdls,
    )
    if json:
        show_json({"url": endpoint.public_url, "wsdls": wsdls})
    remind_daily(config.resolve())
    server.serve(
        partial(_program, config.resolve()),
        Capacity(at_once=endpoint.threads, waiting=endpoint.waiting, largest=court.policy.limits.message),
        host=endpoint.host,
        port=endpoint.port,
        workers=endpoint.workers,
        limits=ConnectionLimits(
            total=endpoint.connections,
            per_address=endpoint.connections_per_address,
            unlimited=endpoint.proxy.addresses if endpoint.proxy else (),
        ),
        tls=endpoint.tls,
    )
    end_heads()
    get_logger(__name__).info("endpoint.stopped")


def _program(config: Path) -> Program:
    """The program of one serving process."""
    court = court_of(config)
    court.check_wsdls()
    return court.endpoint()


def check_port(host: str, port: int, setting: str) -> None:
    """The server would only say that it cannot; here there is something to do about it: `setting` names another."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"port {port} of {host} cannot be used: {error.strerror}",
                hint=f"stop the program that has it, or set {setting}",
            ) from None
