"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli import completion
from ccms_ws.cli.output import want_json

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", envvar=completion.ENVIRONMENT, help="The court's settings file.", show_default="ccms-ws.toml"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", callback=want_json, help="Print JSON for a program.")]
PartnerArgument = Annotated[
    str,
    typer.Argument(
        help="The id of a partner in partners/*.toml.", metavar="PARTNER", autocompletion=completion.partners
    ),
]
CodeArgument = Annotated[
    str,
    typer.Argument(
        metavar="CODE",
        help="The code of an exchange, as `ccms-ws exchanges list` shows it.",
        parser=str.upper,
        autocompletion=completion.exchanges,
    ),
]

DEFAULT_CONFIG = completion.DEFAULT_CONFIG
