"""Printing what checks found (`ccms_ws.health`), as a table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.output import console, plain, show_json
from ccms_ws.health.findings import Finding, Light


def show_findings(findings: Sequence[Finding], *, as_json: bool) -> ExitCode:
    """Print them; REFUSED if one is red. The word stands beside the colour, which a pipe does not have."""
    if as_json:
        show_json([{"light": each.light, "what": each.what, "found": each.found, "do": each.do} for each in findings])
    else:
        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(3):
            table.add_column(overflow="fold")
        for each in findings:
            colour = {"amber": "yellow"}.get(each.light, each.light.value)
            table.add_row(Text(each.light.value, colour), Text(each.what), plain(each.found))
            if each.do:
                table.add_row("", "", Text("do: ", "bold") + plain(each.do))
        console().print(table)
    return ExitCode.REFUSED if any(each.light is Light.RED for each in findings) else ExitCode.OK
