"""`ccms-ws init`: make a demo court to try things out with, and to copy from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli.options import JsonOption
from ccms_ws.cli.output import say, show_json


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to make it; a new or empty folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the demo court that is there: database afresh, keys kept.")
    ] = False,
    port_base: Annotated[
        int, typer.Option(min=1, max=65000, help="The court listens on N+7, its partners on N+103, +104, +107.")
    ] = 8800,
    json: JsonOption = False,
) -> None:
    """Make a demo court: settings, keys, partner profiles, WSDLs, and a database with invented cases.

    Example: ccms-ws init demo-court
    """
    from ccms_ws.clock import SystemClock
    from ccms_ws.demo.installation import Ports, make_installation

    made = make_installation(folder, SystemClock(), ports=Ports(port_base), force=force)
    partners = {partner.id: partner.name for partner in made.settings.partners}
    if json:
        show_json(
            {
                "settings": str(made.settings_file),
                "court": made.settings.court.name,
                "url": made.settings.endpoint.public_url,
                "cases": made.cases,
                "partners": partners,
                "keys_made": made.keys_made,
            }
        )
        return
    folder = made.settings_file.parent
    say(f"{made.settings.court.name} (a court that does not exist) is ready in {folder}:")
    say("  ccms-ws.toml   settings of the endpoint, each key explained")
    say(f"  pki/           root, court and partner keys ({'made' if made.keys_made else 'kept'})")
    say(f"  partners/      {', '.join(partners)}")
    say("  wsdl/, xsd/    the WSDLs that partners gave the court, and their schemas")
    say(f"  court.db       {made.cases} cases with participants, ledger and referrals, all invented")
    say(f"next: ccms-ws serve --config {made.settings_file}")
