"""Whether an installation is well: its settings, keys, database, programs, endpoint and contract.

Nothing is changed and no message is sent.
"""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ccms_ws.errors import CcmsWsError, StoreDamaged
from ccms_ws.health.certificates import CRL_WARNING
from ccms_ws.health.findings import Finding, amber, green, red
from ccms_ws.health.partner_checks import look_at_all
from ccms_ws.health.signed_heads import check_heads
from ccms_ws.log import printable

if TYPE_CHECKING:
    from datetime import datetime

    from ccms_ws.config import Settings
    from ccms_ws.health.certificates import Entry
    from ccms_ws.store.health import Health
    from ccms_ws.store.heartbeats import RunningProgram
    from ccms_ws.store.unrepresentable import Unrepresentable

_NAMED = 20
ENOUGH_DISK = 1_000_000_000
"""Bytes. A day of 10,000 messages with their answers takes about a tenth of it."""


def looks_at(settings: Settings, config: Path, partner_ids: list[str]) -> Sequence[Callable[[], list[Finding]]]:
    """What there is to look at, each part to be called in its turn: the last one asks the partners that are named."""
    return [
        lambda: list(_settings(settings, config)),
        lambda: list(_keys(settings)),
        lambda: list(_database(settings, config)),
        lambda: list(_endpoint(settings)),
        lambda: list(_contract()),
        lambda: look_at_all(settings, partner_ids),
    ]


def _settings(settings: Settings, config: Path) -> Iterator[Finding]:
    yield green("settings", f"{config} and {len(settings.partners)} partners can be used")
    if ":" in settings.database.url.partition("://")[2].partition("@")[0]:
        yield _mode("settings file with a password", config)
    if settings.log.level == "DEBUG":
        yield amber(
            "log level", "DEBUG", "never in production: libraries may write what messages say. log.level = INFO"
        )
    if not settings.endpoint.public_url.startswith("https://"):
        local = "127.0.0.1" in settings.endpoint.public_url or "localhost" in settings.endpoint.public_url
        do = "put a TLS proxy in front of the endpoint and name its https address in endpoint.public_url"
        yield (green("public address", "on this machine") if local else amber("public address", "is not https", do))


def _keys(settings: Settings) -> Iterator[Finding]:
    from ccms_ws.bootstrap import open_court
    from ccms_ws.clock import SystemClock
    from ccms_ws.config.certificates import files_of_court
    from ccms_ws.health.certificates import COURT, revocation_lists
    from ccms_ws.health.partner_checks import certificate_days, validity

    now = SystemClock().now()
    for use, path in files_of_court(settings):
        if use != "signs":
            yield certificate_days(f"{COURT}'s {use} {path.name}", path, now, use)
    try:
        yield from map(_list_in_time, revocation_lists(settings, now))
        court = open_court(settings)
    except CcmsWsError as error:
        yield red("court key and trust", str(error), error.hint or "put the right file there")
        return
    yield green("court key", f"{settings.identity.key.name} fits its certificate, no other user can read it")
    yield validity("court certificate", court.identity.certificate, now)
    yield green("trust", "every partner has its own certificates, fit for signing")


def _list_in_time(crl: Entry) -> Finding:
    what, said = f"revocation list {crl.file.name}", f"a new one is due on {crl.until:%Y-%m-%d}"
    do = "fetch the authority's new list, then SIGHUP; once it is over, partners that it certifies are refused"
    if crl.days < 0:
        return red(what, f"ended on {crl.until:%Y-%m-%d}", do)
    return amber(what, said, do) if crl.days <= CRL_WARNING else green(what, said)


def _database(settings: Settings, config: Path) -> Iterator[Finding]:
    from ccms_ws.clock import SystemClock
    from ccms_ws.health.partner_checks import clock_difference
    from ccms_ws.store import health, migrate
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.heartbeats import list_programs
    from ccms_ws.store.unrepresentable import unrepresentable

    engine, now = open_engine(settings.database.url), SystemClock().now()
    file = health.file_of(engine)
    if file is not None and (damage := _damage(file)) is not None:
        yield damage
        return
    try:
        has = migrate.current_revision(engine)
        if not migrate.is_current(engine):
            yield red("database schema", f"{has or 'none'}: not this version's", f"ccms-ws db upgrade -c {config}")
            return
        yield green("database schema", f"{has}, as this version needs it")
        found = health.look_after(engine, now)
        yield _books(unrepresentable(engine, settings.court.ori))
        running = list_programs(engine)
    except CcmsWsError as error:
        yield red("database", str(error), error.hint or "is the server up, the file there, the password right?")
        return
    finally:
        engine.dispose()
    if found.problems:
        yield red("database integrity", "; ".join(found.problems), "stop all programs; restore the last backup")
    elif file is not None:
        yield green("database integrity", "the file is sound")
    if found.clock is not None:
        yield clock_difference("database clock", found.clock, SystemClock().now(), settings.security.skew_seconds)
    if file is not None:
        yield _mode("database file", file)
        yield _disk(file.parent)
    yield from _outbox(found, now)
    yield from _programs(running, now, is_sending=any(each.receives for each in settings.partners))
    yield check_heads(settings)


def _damage(file: Path) -> Finding | None:
    """What is wrong with the file and what lies beside it: looked at before anything else opens it."""
    from ccms_ws.store.readiness import check_integrity

    try:
        check_integrity(file, seconds=None)
    except StoreDamaged as error:
        return red("database integrity", str(error), error.hint)
    except CcmsWsError as error:
        return red("database", str(error), error.hint)
    return None


def _outbox(found: Health, now: datetime) -> Iterator[Finding]:
    from ccms_ws.store import health

    waits = found.overdue_since
    if found.dead:
        do = "ccms-ws outbox list --dead; then outbox retry, replace or discard"
        yield amber("dead letters", f"{found.dead} wait for you", do)
    for partner in found.resting:
        yield amber(f"{partner} line", "rests after failures in a row", f"ccms-ws partners test {partner}")
    if waits is not None and now - waits > health.OFTEN_ENOUGH:
        yield amber("outbox", f"messages wait since {waits:%Y-%m-%d %H:%M}", "is ccms-ws worker running?")
    else:
        yield green("outbox", ", ".join(f"{count} {state.value}" for state, count in found.outbox.items()) or "empty")
    if found.quarantined:
        yield amber("quarantine", f"{found.quarantined} answers fit no open message", "ccms-ws quarantine list")


def _books(found: Sequence[Unrepresentable]) -> Finding:
    """Whether messages can carry what the books say."""
    if not found:
        return green("books", "messages can carry what they say")
    first = "; ".join(f"{printable(each.where)}: {each.why}" for each in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    do = "correct them in the books (ccms-ws import cases); until then queries fail and updates are left out"
    return amber("books", f"{len(found)} records that no message can carry: {first}{more}", do)


def _programs(running: Sequence[RunningProgram], now: datetime, *, is_sending: bool) -> Iterator[Finding]:
    """What the heartbeats say. Whether an endpoint is there, a request to it says better."""
    for each in running:
        what = f"{each.program} {each.host}:{each.pid}"
        if not each.is_alive(now):
            do = "it has died or hangs: look at its log, end it if it is there, and start it again"
            yield amber(what, f"has had no heartbeat since {each.at:%Y-%m-%d %H:%M:%S}", do)
        elif each.dropped_lines:
            yield amber(what, f"could not write {each.dropped_lines} log lines", "where does its standard error go?")
        else:
            yield green(what, f"runs since {each.started_at:%Y-%m-%d %H:%M}")
    if is_sending and not any(each.program == "worker" and each.is_alive(now) for each in running):
        yield amber("worker", "none runs: nothing is sent to partners", "ccms-ws worker")


def _endpoint(settings: Settings) -> Iterator[Finding]:
    """Whether the endpoint answers at its port, as a partner would ask."""
    import http.client

    from ccms_ws.contract.wsdl import load_wsdl
    from ccms_ws.registry import EXCHANGES

    host, port = settings.endpoint.host, settings.endpoint.port
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what is listened on, not a choice
    connection = http.client.HTTPConnection(target, port, timeout=3)
    started = time.monotonic()
    try:
        connection.request("GET", f"{EXCHANGES[0].path}?wsdl")
        answer = connection.getresponse()
        ours = answer.status == 200 and load_wsdl(EXCHANGES[0].service).target_namespace.encode() in answer.read()
    except ConnectionRefusedError:
        yield amber("endpoint", f"nothing answers at {host}:{port}", "ccms-ws serve, if it should run here")
        return
    except (OSError, http.client.HTTPException) as error:
        yield red("endpoint", f"{host}:{port}: {error}", "stop the program that has the port, or set endpoint.port")
        return
    finally:
        connection.close()
    if ours:
        yield green("endpoint", f"publishes its WSDLs at {host}:{port} ({time.monotonic() - started:.2f} s)")
    else:
        yield red("endpoint", f"another program answers at port {port}", "stop it, or set endpoint.port")


def _contract() -> Iterator[Finding]:
    from ccms_ws.contract import catalog
    from ccms_ws.contract.lint import lint_wsdl

    findings = [finding for name in catalog.wsdl_names() for finding in lint_wsdl(catalog.wsdl_path(name))]
    if findings:
        yield red("contract", f"{len(findings)} findings, the first: {findings[0].problem}", "install ccms-ws again")
    else:
        yield green("contract", "the WSDLs keep the WS-I Basic Profile")


def _mode(what: str, path: Path) -> Finding:
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return amber(what, f"{path.name} can be read by others ({stat.filemode(mode)})", f"chmod 600 {path}")
    return green(what, f"{path.name} is for its owner alone")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free for the database"
    if free < ENOUGH_DISK // 10:
        return red("disk", said, "make room: without it no message is taken in")
    return green("disk", said) if free >= ENOUGH_DISK else amber("disk", said, "make room")
