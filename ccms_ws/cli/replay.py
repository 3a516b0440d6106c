"""`ccms-ws replay`: play recorded envelopes again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli import replay_record
from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.cli.options import JsonOption
from ccms_ws.cli.output import say, show_json, show_rows
from ccms_ws.cli.progress import progress
from ccms_ws.cli.tls import TlsCaOption, TlsCertificateOption, TlsKeyOption, tls_from
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.replay.remote import Signing, Target
    from ccms_ws.replay.results import CaseResult, RunResult

app = typer.Typer(
    help="Recorded envelopes, played again: same bytes, same moment, same verdict, same answer.", no_args_is_help=True
)


app.command()(replay_record.record)


MOST_LINES = 8
MOST_CASES = 20


class Mode(StrEnum):
    OFFLINE = "offline"
    LIVE = "live"
    AS_IS = "as-is"


class Ids(StrEnum):
    NEW = "new"
    SAME = "same"


CasesArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[CASE]...", help="Folders of cases, or folders of such; those of the package by default."),
]
OnlyOption = Annotated[str, typer.Option(metavar="PATTERN", help="Only cases of this name: 'session-*'.")]


@app.command()
def run(
    cases: CasesArgument = None,
    only: OnlyOption = "*",
    mode: Annotated[
        Mode,
        typer.Option(
            help="offline: recorded bytes, frozen clock, in this process. live: reissued and signed, to an endpoint. "
            "as-is: recorded bytes to an endpoint, which must not act on them."
        ),
    ] = Mode.OFFLINE,
    court: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="offline: play in a copy of the installation with this settings file; by default where the cases were "
            "recorded, or in the demo court.",
        ),
    ] = None,
    database: Annotated[
        str, typer.Option(metavar="URL", help="offline: a copy of that installation's database, which will be changed.")
    ] = "",
    to: Annotated[str, typer.Option(metavar="URL", help="live, as-is: the endpoint's public URL.")] = "",
    key: Annotated[Path | None, typer.Option(help="live: the key to sign with; the published ones by default.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="live: its certificate.")] = None,
    partner: Annotated[
        str,
        typer.Option(
            metavar="PARTNER",
            help="live: whose key it is, if the recorded messages do not show it. What others signed is skipped.",
        ),
    ] = "",
    court_certificate: Annotated[
        Path | None, typer.Option(help="live: whose signature answers must bear; the published court by default.")
    ] = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    ids: Annotated[Ids, typer.Option(help="live: new message ids, or the recorded ones.")] = Ids.NEW,
    jobs: Annotated[int, typer.Option(min=0, help="How many at once; 0: as many as are worth it.")] = 0,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page for people.")] = None,
    json: JsonOption = False,
) -> None:
    """Play cases; ends with 0 if every answer is the recorded one, 1 if not, 6 if the endpoint cannot be reached.

    Example: ccms-ws replay run --only 'dmv907-*' --junit replay.xml
    """
    from ccms_ws.replay.casefile import court_of
    from ccms_ws.replay.reports import as_facts, replay_page, to_junit
    from ccms_ws.replay.running import Which, be_quiet, replay

    folders = _folders(cases, only)
    with progress("replay", len(folders)) as advance:
        if mode is Mode.OFFLINE:
            be_quiet()
            which = Which(court or court_of(folders), database)
            result = replay(folders, which, jobs=jobs, tell=lambda _: advance(1))
        else:
            target = _target(to, court_certificate, _signing(folders, key, certificate, partner))
            target = replace(target, keep_ids=ids is Ids.SAME, tls=tls_from(tls_ca, tls_certificate, tls_key))
            result = _remote(mode, folders, target, jobs or 4, lambda _: advance(1))
    if junit is not None:
        junit.write_bytes(to_junit(result))
    if html is not None:
        html.write_text(replay_page(result), "utf-8")
    if json:
        show_json(as_facts(result))
    else:
        _show(result)
    raise typer.Exit(ExitCode.OK if result.same else ExitCode.FAILED)


@app.command("list")
def list_(cases: CasesArgument = None, only: OnlyOption = "*", json: JsonOption = False) -> None:
    """Show cases: what each is, and what must come of it.

    Example: ccms-ws replay list --only 'session-*'
    """
    from ccms_ws.replay.case import Post
    from ccms_ws.replay.casefile import read_case

    rows = []
    for folder in _folders(cases, only):
        case = read_case(folder)
        outcomes = [step.expected for step in case.steps if isinstance(step, Post)]
        rows.append(
            {
                "case": case.name,
                "exchanges": ", ".join(case.exchanges),
                "title": case.title,
                "steps": len(case.steps),
                "outcome": ", ".join(" ".join(filter(None, (each.outcome, each.code))) for each in outcomes),
            }
        )
    show_rows(rows, as_json=json)


def _folders(cases: Sequence[Path] | None, only: str) -> list[Path]:
    from ccms_ws.replay.casefile import find_cases, shipped_cases

    found = [folder for folder in find_cases(cases or [shipped_cases()]) if fnmatchcase(folder.name, only)]
    if not found:
        raise ConfigError(f"no case is called {only}", hint="ccms-ws replay list shows what there is")
    return found


def _show(result: RunResult) -> None:
    """What differed, line by line; then one line about all."""
    from ccms_ws.replay.reports import in_lines
    from ccms_ws.replay.results import Verdict

    bad = [case for case in result.cases if case.verdict in (Verdict.DIFFERENT, Verdict.BROKEN)]
    for case in bad[:MOST_CASES]:
        say(f"{case.verdict.value}  {case.name}: {case.title}")
        lines = in_lines(case)
        for line in lines[:MOST_LINES]:
            say(f"    {line}")
        if len(lines) > MOST_LINES:
            say(f"    and {len(lines) - MOST_LINES} more: --html or --json shows all of them")
    if len(bad) > MOST_CASES:
        say(f"and {len(bad) - MOST_CASES} more cases: --html or --json shows all of them")
    for why, count in Counter(case.reason for case in result.cases if case.verdict is Verdict.SKIPPED).items():
        say(f"skipped {count}: {why}")
    counts = ", ".join(f"{count} {verdict.value}" for verdict, count in result.counts.items() if count)
    rate = len(result.cases) / result.seconds if result.seconds else 0
    say(f"{counts or 'nothing played'} ({result.mode}, {result.target}, {result.seconds:.1f} s, {rate:.0f}/s)")


# -- against an endpoint ----------------------------------------------------------------------------------------------
def _remote(
    mode: Mode, folders: Sequence[Path], target: Target, jobs: int, tell: Callable[[CaseResult], None]
) -> RunResult:
    from ccms_ws.replay.remote import replay_as_is, replay_live

    play = replay_live if mode is Mode.LIVE else replay_as_is
    return play(folders, target, jobs=jobs, tell=tell)


def _signing(folders: Sequence[Path], key: Path | None, certificate: Path | None, partner: str) -> Signing:
    """With what messages are signed: the given key, which is one partner's, or the published ones."""
    from ccms_ws.envelope.identity import Identity
    from ccms_ws.replay.remote import Signing, owner_of

    if key is None:
        return Signing.published()
    own = Identity.load(key, certificate)
    return Signing.with_key(own, partner or owner_of(folders, own))


def _target(to: str, court_certificate: Path | None, signing: Signing) -> Target:
    from ccms_ws.conformance.kit import certificate_in
    from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
    from ccms_ws.replay import pki
    from ccms_ws.replay.remote import Target

    if not to.startswith(("http://", "https://")):
        raise typer.BadParameter("name the endpoint's public URL: --to http://127.0.0.1:8807")
    pinned = certificate_in(court_certificate) if court_certificate else pki.identity("court").certificate
    trust = TrustStore([PinnedCertificate("COURT", pinned)])
    return Target(url=to.rstrip("/"), trust=trust, signers=signing.signer, owner=signing.owner)
