"""`ccms-ws kit`: make the kit that a partner is tested with, and run it."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import CodeArgument, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json
from ccms_ws.cli.progress import progress
from ccms_ws.cli.tls import TlsCaOption, TlsCertificateOption, TlsKeyOption, tls_from
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.conformance.faults import Task
    from ccms_ws.conformance.findings import Report
    from ccms_ws.conformance.kit import Kit
    from ccms_ws.conformance.running import EndpointTest


class _ExchangeFirst(TyperGroup):
    """`ccms-ws kit COL903 -o DIR` is `ccms-ws kit make COL903 -o DIR`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and re.fullmatch(r"[A-Za-z]+\d+", args[0]):
            args = ["make", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_ExchangeFirst,
    no_args_is_help=True,
    help="Test a partner before go-live: `ccms-ws kit CODE -o DIR` makes a kit, `ccms-ws kit run DIR` runs it.",
)


@app.command()
def make(
    exchange: CodeArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder.")],
    partner: Annotated[
        str,
        typer.Option(metavar="PARTNER", help="Whose part is played: one of the demo partners of the exchange."),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Make a kit: WSDLs, schemas, samples, test keys, recorded cases, and a README that says what to do.

    Example: ccms-ws kit make COL903 -o col903-kit
    """
    from ccms_ws.conformance.build import make_kit
    from ccms_ws.registry import get_exchange

    kit = make_kit(get_exchange(exchange), output, partner=partner)
    if json:
        show_facts({"kit": output, "exchange": kit.exchange.code, "partner": kit.partner}, as_json=True)
        return
    say(f"The kit for {kit.exchange.code}, in which the partner is {kit.partner}, is ready in {output}.")
    say(f"next: read {output / 'README.md'}")


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The kit.")],
    endpoint: Annotated[str, typer.Option(metavar="URL", help="The partner's endpoint, to be tested.")] = "",
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the court listens: for a client, or for later answers.")
    ] = "",
    public_url: Annotated[str, typer.Option(metavar="URL", help="How the partner reaches that.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="What the partner signs with; the kit's by default.")] = None,
    wsdl: Annotated[Path | None, typer.Option(help="The WSDL of the endpoint; the kit's by default.")] = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long later answers may take.")] = 15.0,
    patience: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long a client has in all.")] = 600,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page that can be filed.")] = None,
    text: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as text.")] = None,
    json: JsonOption = False,
) -> None:
    """Test a partner, and report. Ends with 0 if it conforms, 1 if not or not all was seen, 6 if it cannot be reached.

    Examples: ccms-ws kit run col903-kit --endpoint http://127.0.0.1:9000/col903 --listen 127.0.0.1:8807

    ccms-ws kit run fcc807-kit --listen 127.0.0.1:8807
    """
    from ccms_ws.conformance.findings import Result
    from ccms_ws.conformance.kit import certificate_in, read_kit
    from ccms_ws.conformance.reports import as_facts, to_page, to_text
    from ccms_ws.replay import be_quiet

    be_quiet()
    kit, place = read_kit(folder), _place(listen) if listen else None
    signs = certificate_in(certificate) if certificate else kit.certificate
    if kit.tests_client and endpoint:
        raise typer.BadParameter(f"{kit.exchange.code} is asked by partners: their client is tested, with --listen")
    if kit.tests_client:
        report = _watch(kit, place, public_url, signs, patience, quiet=json)
    else:
        from ccms_ws.conformance.running import EndpointTest

        if not endpoint.startswith(("http://", "https://")):
            raise typer.BadParameter("name the partner's endpoint: --endpoint http://127.0.0.1:9000/path")
        if wsdl is not None and not wsdl.is_file():
            raise ConfigError(f"there is no WSDL {wsdl}", hint="leave --wsdl out to go by the kit's own")
        tls = tls_from(tls_ca, tls_certificate, tls_key)
        report = _probe(
            kit,
            EndpointTest(
                url=endpoint, certificate=signs, wsdl=wsdl, listen=place, public_url=public_url, wait=wait, tls=tls
            ),
        )
    if html is not None:
        html.write_text(to_page(report), "utf-8")
    if text is not None:
        text.write_text(to_text(report), "utf-8")
    if json:
        show_json(as_facts(report))
    else:
        say(to_text(report).rstrip("\n"))
    raise typer.Exit(ExitCode.OK if report.result is Result.CONFORMANT else ExitCode.FAILED)


def _place(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not (host and port.isdigit() and 0 < int(port) < 65536):
        raise typer.BadParameter(f"{listen!r} is no HOST:PORT; write 127.0.0.1:8807")
    return host.strip("[]"), int(port)


def _probe(kit: Kit, test: EndpointTest) -> Report:
    from ccms_ws.conformance.running import STEPS, run_against

    with progress("test", STEPS) as advance:
        return run_against(kit, test, tell=lambda _words: advance(1))


def _watch(
    kit: Kit, place: tuple[str, int] | None, public_url: str, signs: Any, patience: float, *, quiet: bool
) -> Report:
    from ccms_ws.conformance.faults import tasks_of
    from ccms_ws.conformance.running import ClientTest, watch_client

    if place is None:
        raise typer.BadParameter("say where the client finds the court: --listen 127.0.0.1:8807")
    address = f"{place[0]}:{place[1]}{kit.exchange.path}"
    stop, done = threading.Event(), -1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())  # the report comes all the same
    tasks = tasks_of(kit.exchange)
    with progress("tasks", len(tasks)) as advance:

        def watch(to_come: Sequence[Task]) -> bool:
            nonlocal done
            if done < 0:
                done = 0
                say(f"The court listens at {address}; Ctrl-C ends the run.", as_json=quiet)
            advance(len(tasks) - len(to_come) - done)
            done = len(tasks) - len(to_come)
            return not stop.is_set()

        test = ClientTest(listen=place, certificate=signs, public_url=public_url, patience=patience)
        return watch_client(kit, test, watch=watch)
