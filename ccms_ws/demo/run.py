"""The demo from beginning to end: a fresh court, four real programs on loopback, the story, and what came of it."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ccms_ws.bootstrap import open_court
from ccms_ws.clients.wire_dump import record_into
from ccms_ws.clock import Clock, SystemClock
from ccms_ws.config import Settings
from ccms_ws.demo.installation import Installation, Ports, make_installation
from ccms_ws.demo.processes import Processes, Program, check_ports_free, listens
from ccms_ws.demo.scenario import Stage
from ccms_ws.demo.scenario import run as run_scenario
from ccms_ws.demo.steps import Step
from ccms_ws.registry import EXCHANGES, part

FTB_ANSWER_DAYS: Final = 4 / 86_400
"""FTB has four seconds for an error message, so that its silence can be waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """The steps, and where to look further."""

    court: str
    steps: Sequence[Step]
    page: str
    wsdls: Sequence[str]
    partner_wsdls: Path
    envelopes: Path
    logs: Path

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.steps)

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"ok": self.ok}, indent=2, ensure_ascii=False, default=str) + "\n"


def run_demo(
    folder: Path,
    *,
    ports: Ports,
    tell: Callable[[str], None],
    show: Callable[[DemoResult], None],
    serve: bool = False,
    clock: Clock | None = None,
) -> DemoResult:
    """Run the demo in `folder` and end every program again; with `serve` only when Ctrl-C or SIGTERM says so.

    `tell` hears what is being done, `show` gets the result before the programs end. Raises ConfigError for ports that
    are taken and for a folder that holds something else, InternalError if a program ends by itself.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    check_ports_free((name.removesuffix("_port"), port) for name, port in ports.named.items() if name != "agency_port")
    tell("making a demo court")
    made = make_installation(
        folder, clock or SystemClock(), ports=ports, force=folder.exists(), ftb_answer_days=FTB_ANSWER_DAYS
    )
    home = made.settings_file.parent
    envelopes, logs = home / "envelopes", home / "logs"
    for old in (envelopes, logs):
        shutil.rmtree(old, ignore_errors=True)
    with Processes(logs) as processes:
        tell("starting the endpoint, the delivery worker, FTB and DMV")
        processes.start(_programs(made, ports, envelopes))
        result = DemoResult(
            court=made.settings.court.name,
            steps=_tell_story(made.settings, envelopes, tell, processes.check),
            page=f"{made.settings.endpoint.public_url}/",
            wsdls=[f"{made.settings.endpoint.public_url}{exchange.path}?wsdl" for exchange in EXCHANGES],
            partner_wsdls=home / "wsdl" / "partner",
            envelopes=envelopes,
            logs=logs,
        )
        with suppress(KeyboardInterrupt) if serve else nullcontext():  # Ctrl-C is how serving is meant to end
            show(result)
            while serve:
                processes.check()
                time.sleep(0.5)
    return result


def _programs(made: Installation, ports: Ports, envelopes: Path) -> list[Program]:
    config = ("--config", str(made.settings_file))
    keep = ("--envelopes", str(envelopes))
    port = ports.named
    return [
        Program("endpoint", ("serve", *config), lambda _log: listens(port["court_port"])),
        Program("ftb", ("simulate", "FTB", *_script_of("FTB"), *config, *keep), lambda _: listens(port["ftb_port"])),
        Program("dmv", ("simulate", "DMV", *_script_of("DMV"), *config, *keep), lambda _log: listens(port["dmv_port"])),
        Program(
            "worker", ("worker", *config, *keep), lambda log: "worker.started" in log.read_text("utf-8", "replace")
        ),
    ]


def _tell_story(
    settings: Settings, envelopes: Path, tell: Callable[[str], None], alive: Callable[[], None]
) -> list[Step]:
    return run_scenario(Stage(settings, open_court(settings), record_into(envelopes), tell, alive))


def _script_of(partner: str) -> tuple[str, ...]:
    """The option with which a simulated partner plays its part: what the demo parts of the exchanges ask of it."""
    parts = (part(exchange, "demo") for exchange in EXCHANGES)
    script = ", ".join(filter(None, (getattr(each, "SCRIPTS", {}).get(partner) for each in parts)))
    return ("--script", script) if script else ()
