"""`ccms-ws demo`: the main job before the reader's eyes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.output import console, say

if TYPE_CHECKING:
    from ccms_ws.demo.run import DemoResult


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo court is made.")] = Path("demo-court"),
    serve: Annotated[bool, typer.Option("--serve", help="Leave everything running until Ctrl-C.")] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the steps as JSON.")] = None,
    port_base: Annotated[
        int, typer.Option(min=1, max=65000, help="The court listens on N+7, FTB on N+103, DMV on N+107.")
    ] = 8800,
) -> None:
    """Run the main job with real processes on loopback: three queries, two batches, three abstracts.

    Example: ccms-ws demo --serve
    """
    from ccms_ws.demo.installation import Ports
    from ccms_ws.demo.run import run_demo
    from ccms_ws.demo.steps import as_table

    screen = console()

    def show(result: DemoResult) -> None:
        if json is not None:
            json.write_text(result.to_json(), "utf-8")
        status.stop()
        say(f"\n{result.court} (it does not exist) and its simulated partners:\n")
        screen.print(as_table(result.steps, screen.width))
        say(f"\nWSDLs      {result.wsdls[0]} and so on{'' if serve else ', while it runs: --serve'}")
        say(f"           {result.partner_wsdls} (of the partners)")
        say(f"envelopes  {result.envelopes} (each message as it was on the wire)")
        say(f"logs       {result.logs}")
        if serve:
            urls = "\n  ".join(("", result.page, *result.wsdls))
            say(f"\nAll of it is running:{urls}\nCtrl-C ends it.")

    status = screen.status("")
    status.start()

    def tell(words: str) -> None:
        status.update(words)
        if not screen.is_terminal:
            say(f"- {words}")

    try:
        result = run_demo(folder, ports=Ports(port_base), tell=tell, show=show, serve=serve)
    finally:
        status.stop()
    if not result.ok:
        say(f"\nSomething was not what it should be; the logs in {result.logs} tell more.")
        raise typer.Exit(ExitCode.FAILED)
