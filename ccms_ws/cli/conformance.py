"""`ccms-ws conformance`: the requirements of the Web Services profiles, where each is checked, and what shows it."""

from __future__ import annotations

from typing import Annotated

import typer

from ccms_ws.cli.options import JsonOption
from ccms_ws.cli.output import say, show_rows


def conformance(
    wanted: Annotated[str, typer.Argument(metavar="[ID]", help="Only ids that begin so: BSP, 'BP R11', WSA.")] = "",
    json: JsonOption = False,
) -> None:
    """Show which requirements of Basic Profile, Basic Security Profile, WS-Addressing and WS-Security are enforced.

    Each with the function that checks it and the negative test that breaks it, or the reason why it does not apply.

    Example: ccms-ws conformance 'BSP R32'
    """
    from ccms_ws.envelope.conformance import requirements

    chosen = [requirement for requirement in requirements() if requirement.id.startswith(wanted)]
    rows = [
        {
            "id": requirement.id,
            "rule": requirement.rule,
            "checked in": requirement.check.removeprefix("ccms_ws.") or "does not apply",
            "shown by": requirement.shown_by if json else requirement.vector or requirement.test or requirement.reason,
        }
        for requirement in chosen
    ]
    show_rows(rows, as_json=json, empty="no such requirement")
    applying = sum(requirement.applies for requirement in chosen)
    if not json and chosen:
        say(f"{applying} requirements enforced, {len(chosen) - applying} that do not apply")
