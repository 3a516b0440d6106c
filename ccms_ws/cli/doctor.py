"""`ccms-ws doctor`: is this installation well? Everything that can be looked at, each with what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.findings import show_findings
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.errors import ConfigError
from ccms_ws.health.findings import Finding, red


def doctor(
    partners: Annotated[bool, typer.Option("--partners/--no-partners", help="Whether to look at partners too.")] = True,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Look whether this installation is well: green, amber (look at it) or red (it does not work), with what to do.

    Ends with 0 if nothing is red, 5 if something is. Nothing is changed and no message is sent.

    Example: ccms-ws doctor --config demo-court/ccms-ws.toml
    """
    from ccms_ws.cli.progress import progress
    from ccms_ws.config import load_settings
    from ccms_ws.health.installation import looks_at
    from ccms_ws.log import configure_logging
    from ccms_ws.registry import EXCHANGES

    configure_logging("ERROR")
    try:
        settings = load_settings(config, [exchange.code for exchange in EXCHANGES])
    except ConfigError as error:
        raise typer.Exit(show_findings([red("settings", str(error), error.hint)], as_json=json)) from None
    names = [partner.id for partner in settings.partners] if partners else []
    looks = looks_at(settings, config, names)
    findings: list[Finding] = []
    with progress("looking", len(looks)) as advance:
        for look in looks:
            findings += look()
            advance(1)
    code: ExitCode = show_findings(findings, as_json=json)
    raise typer.Exit(code)
