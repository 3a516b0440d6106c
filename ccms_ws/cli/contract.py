"""`ccms-ws contract`: check, compare, import and export contracts, and keep the published policy true."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import DEFAULT_CONFIG, CodeArgument, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows

if TYPE_CHECKING:
    from ccms_ws.contract.codes import CodeLists
    from ccms_ws.contract.wsdl_check import Shortcoming
    from ccms_ws.contract.wsdl_import import Gathering
    from ccms_ws.envelope.policy import SecurityPolicy

app = typer.Typer(help="The contract: schemas, WSDLs, policy, code lists.", no_args_is_help=True)


@app.command()
def lint(
    files: Annotated[list[Path], typer.Argument(metavar="WSDL...", help="WSDLs, each with the files that it imports.")],
    json: JsonOption = False,
) -> None:
    """Check WSDLs against the WS-I Basic Profile 1.1. Ends with 5 for any finding.

    Example: ccms-ws contract lint partners/wsdl/COL903.wsdl
    """
    from ccms_ws.contract.lint import lint_wsdl

    findings = [finding for path in files for finding in lint_wsdl(path)]
    if json:
        show_json([asdict(finding) for finding in findings])
    for finding in [] if json else findings:
        say(f"{finding.file}:{finding.line}: {finding.clause} ({finding.rule}): {finding.problem}")
        say(f"  do: {finding.advice}")
    say("1 finding" if len(findings) == 1 else f"{len(findings) or 'no'} findings", as_json=json)
    raise typer.Exit(ExitCode.REFUSED if findings else ExitCode.OK)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="A WSDL, a folder or ZIP with WSDLs, or the address of a WSDL.")],
    new: Annotated[str, typer.Argument(help="What it is compared with, given in one of the same ways.")],
    json: JsonOption = False,
) -> None:
    """Report what changed between two contracts, and whether it breaks a client of the old one. Ends with 5 if it does.

    SENDER and RECEIVER are who sends and who receives the changed part by the old contract, on either side.

    Example: ccms-ws contract diff partners/wsdl/COL903.wsdl https://partner.example/COL903?wsdl
    """
    from ccms_ws.contract.diff import Effect, compare, worst
    from ccms_ws.contract.download import fetch

    changes = compare(old, new, fetch=fetch)
    rows = [
        {
            "effect": change.effect.words,
            "where": change.where,
            "change": change.what,
            "sender": change.sender.words,
            "receiver": change.receiver.words,
            "because": change.why,
        }
        for change in changes
    ]
    show_rows(rows, as_json=json, empty="nothing changed")
    raise typer.Exit(ExitCode.REFUSED if worst(changes) is Effect.BREAKING else ExitCode.OK)


@app.command(name="import")
def import_(
    source: Annotated[str, typer.Argument(metavar="WSDL", help="The partner's WSDL: a file or an address.")],
    into: Annotated[Path, typer.Option(metavar="DIR", help="The partner's own folder, to be made or replaced.")],
    for_exchange: Annotated[
        str, typer.Option("--for", metavar="CODE", help="The exchange that the court will push by it.")
    ] = "",
    named: Annotated[
        list[str] | None, typer.Option("--fetch", metavar="URL", help="Fetch what begins with this. May be repeated.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; only report what is missing.")] = False,
    json: JsonOption = False,
) -> None:
    """Import a partner's WSDL: make every reference local, pin the hashes, report what is missing (then ends with 5).

    Only the operation that takes the exchange's message is judged; it is usable if the court's client was made from the
    WSDL and found it. Nothing is fetched from the network but what begins with an address given by --fetch, or the WSDL
    itself if it is given as an address.

    Example: ccms-ws contract import from-partner/service.wsdl --into partners/FTB/COL903 --for COL903
    """
    from ccms_ws.clock import SystemClock, court_day
    from ccms_ws.contract.download import fetch
    from ccms_ws.contract.pins import write_pinned
    from ccms_ws.contract.wsdl_check import check_wsdl
    from ccms_ws.contract.wsdl_import import gather
    from ccms_ws.registry import get_exchange

    exchange = get_exchange(for_exchange) if for_exchange else None
    remote = source.startswith(("http://", "https://"))
    gathering = gather(source, named=[*(named or []), *([source.partition("?")[0]] if remote else [])], fetch=fetch)
    root = exchange.notification.root if exchange is not None and exchange.notification is not None else ""
    found = check_wsdl(gathering, root)
    unusable = [*gathering.missing, *(each for each in found if each.fatal)]
    if not unusable:
        found += _tried(gathering, root)
        unusable = [each for each in found if each.fatal]
    if not unusable and not check:
        write_pinned(gathering, into, court_day(SystemClock().now()))
    rows = [
        *({"what": "missing", "where": each.file, "why": f"{each.reference}: {each.why}", "do": each.advice}
          for each in gathering.missing),
        *({"what": "unusable" if each.fatal else "note", "where": gathering.entry, "why": each.what, "do": each.advice}
          for each in found),
    ]  # fmt: skip
    if json:
        show_json({"entry": gathering.entry, "files": sorted(gathering.files), "findings": rows})
    else:
        show_rows(rows, as_json=False, empty="nothing is missing")
        if not unusable and not check:
            say(f"{len(gathering.files)} files are in {into}, pinned in contract.lock; the WSDL is {gathering.entry}")
            say(f'next: in the partner\'s profile, wsdl = "{into / gathering.entry}"')
    raise typer.Exit(ExitCode.REFUSED if unusable else ExitCode.OK)


def _tried(gathering: Gathering, root: str) -> list[Shortcoming]:
    """Whether the court's client can be made from the gathered WSDL and finds its operation."""
    import tempfile

    from ccms_ws.clients.operations import read_operations
    from ccms_ws.contract.qnames import readable
    from ccms_ws.contract.wsdl_check import Shortcoming
    from ccms_ws.errors import ContractError

    with tempfile.TemporaryDirectory() as folder:
        gathering.write(Path(folder))
        try:
            operations = read_operations(Path(folder) / gathering.entry)
        except ContractError as error:
            return [Shortcoming(str(error), error.hint or "ask the partner for a plainer WSDL", fatal=True)]
    versions = [version.name.replace("SOAP1", "SOAP 1.") for version, found in operations if found == root]
    if root and not versions:
        return [Shortcoming("the client does not find its operation", "report this with the WSDL", fatal=True)]
    how = f"with {readable(root)} over {' and '.join(versions)}" if root else f"with {len(operations)} messages"
    return [Shortcoming(f"the court's client was made from it, {how}", "nothing")]


@app.command()
def export(
    code: CodeArgument,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The ZIP; CODE-VERSION.zip by default.")] = None,
    url: Annotated[
        str, typer.Option(help="The court's public address; that of the settings by default.", show_default=False)
    ] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Write what a partner needs as a ZIP: WSDL, schemas, policy, code lists, signed samples, a reading guide.

    Address, policy and code lists are those of the court's settings. The same contract makes the same bytes. A running
    court gives the same at its address with ?export.

    Example: ccms-ws contract export FCC807 -o fcc807.zip --config demo-court/ccms-ws.toml
    """
    import hashlib

    from ccms_ws.contract.export import export as packed
    from ccms_ws.registry import get_exchange
    from ccms_ws.services.contract_package import package_of

    exchange = get_exchange(code)
    address, policy, codes, settings_file = _published_by(config, url)
    offer = package_of(exchange, address.rstrip("/"), policy, codes)
    package, path = packed(offer), output or Path(f"{offer.name}.zip")
    path.write_bytes(package)
    facts = {
        "file": path,
        "bytes": len(package),
        "sha256": hashlib.sha256(package).hexdigest(),
        "url": offer.url,
        "settings": settings_file or "none: defaults",
    }
    if settings_file is None:
        missing = "" if url else f" and {offer.url}, which is no court's address"
        typer.echo(
            f"warning: there is no {config}: the package has the default policy and code lists{missing}. "
            "Name the court's settings with --config.",
            err=True,
        )
    show_facts(facts, as_json=json)


def _published_by(config: Path, url: str) -> tuple[str, SecurityPolicy, CodeLists, Path | None]:
    """The court's public address, policy and code lists, and the settings that they are from, if there are any.

    Raises ConfigError for settings that cannot be used, and if settings that were named are not there.
    """
    from ccms_ws.config import load_settings
    from ccms_ws.contract.codes import load_codes
    from ccms_ws.credentials import policy_of
    from ccms_ws.envelope.policy import SecurityPolicy
    from ccms_ws.registry import EXCHANGES

    if config == DEFAULT_CONFIG and not config.exists():
        return url or "https://court.example", SecurityPolicy(), load_codes(), None
    settings = load_settings(config, [exchange.code for exchange in EXCHANGES])
    return url or settings.endpoint.public_url, policy_of(settings), load_codes(settings.court.codes), config


@app.command()
def policy(
    write: Annotated[bool, typer.Option("--write", help="Bring the WSDLs of the checkout up to date.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what must be signed, as it is enforced; with --write, put it into the WSDLs as WS-SecurityPolicy.

    Example: ccms-ws contract policy --json
    """
    from ccms_ws.contract.catalog import wsdl_path
    from ccms_ws.contract.policy import in_words, write_policy
    from ccms_ws.envelope.policy import SecurityPolicy
    from ccms_ws.registry import EXCHANGES
    from ccms_ws.services.contract_package import describe

    profile = describe(SecurityPolicy())
    if write:
        for exchange in EXCHANGES:
            changed = write_policy(wsdl_path(exchange.service), profile)
            say(f"{exchange.service}: {'written' if changed else 'up to date'}", as_json=json)
        return
    show_facts({heading.lower(): words for heading, words in in_words(profile)}, as_json=json)
