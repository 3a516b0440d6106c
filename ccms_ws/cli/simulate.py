"""`ccms-ws simulate`: a partner to test against."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, PartnerArgument
from ccms_ws.cli.output import show_json
from ccms_ws.cli.worker import EnvelopesOption


def simulate(
    partner: PartnerArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    script: Annotated[
        str, typer.Option(metavar="ACTS", help="What to do with the first requests: 'fault, 503, accept, items'.")
    ] = "",
    mischief: Annotated[int | None, typer.Option(metavar="SEED", help="Be unkind now and then.")] = None,
    key: Annotated[Path | None, typer.Option(help="The partner's key, if not next to its certificate.")] = None,
    memory: Annotated[Path | None, typer.Option(metavar="FILE", help="Remember messages across restarts.")] = None,
    journal: Annotated[Path | None, typer.Option(metavar="FILE", help="Note what happens, as JSON lines.")] = None,
    answer_after: Annotated[float, typer.Option(metavar="SECONDS", help="The wait before a separate answer.")] = 0.2,
    envelopes: EnvelopesOption = None,
    json: JsonOption = False,
) -> None:
    """Be a partner of the court: take in what it pushes, and answer as the partner's WSDL says. Ctrl-C ends it.

    With --json it prints its addresses when it listens; its log goes to standard error either way.

    Example: ccms-ws simulate DMV --config demo-court/ccms-ws.toml
    """
    from ccms_ws.clients.wire_dump import record_into
    from ccms_ws.config import load_settings
    from ccms_ws.log import configure_logging, get_logger
    from ccms_ws.registry import EXCHANGES
    from ccms_ws.simulator.behaviors import RandomFaults, read_script
    from ccms_ws.simulator.partner import Pace
    from ccms_ws.simulator.running import Simulation, serve_partner

    settings = load_settings(config, [exchange.code for exchange in EXCHANGES])
    configure_logging(settings.log.level, settings.log.format)
    simulation = Simulation(
        temper=read_script(script) if mischief is None else RandomFaults(mischief),
        key=key,
        memory=memory,
        journal=journal,
        pace=Pace(answer_after=timedelta(seconds=answer_after)),
        on_wire=record_into(envelopes) if envelopes else None,
    )
    urls = [push.url for push in settings.partner(partner).receives.values()]
    log = get_logger(__name__)

    def ready() -> None:
        log.info("partner.started", partner=partner, urls=urls)
        if json:
            show_json({"partner": partner, "urls": urls})

    serve_partner(settings, partner, simulation, ready=ready)
    log.info("partner.stopped", partner=partner)
