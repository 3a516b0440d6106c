"""`ccms-ws db`: the database's schema, its backup and restore, and whether a program can work on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts
from ccms_ws.errors import ConfigError

app = typer.Typer(help="The database: its schema, backup and restore.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Bring the database to the schema of this version; make it if there is none. Safe to run again.

    Example: ccms-ws db upgrade --config demo-court/ccms-ws.toml
    """
    from ccms_ws.config import load_settings
    from ccms_ws.store import migrate
    from ccms_ws.store.engine import open_engine

    engine = open_engine(load_settings(config).database.url)
    migrate.upgrade(engine)
    show_facts({"schema": migrate.current_revision(engine), "current": True}, as_json=json)


@app.command()
def current(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Say which schema the database has, and whether it is the one that this version needs.

    Example: ccms-ws db current
    """
    from ccms_ws.config import load_settings
    from ccms_ws.store import migrate
    from ccms_ws.store.engine import open_engine

    engine = open_engine(load_settings(config).database.url)
    show_facts({"schema": migrate.current_revision(engine), "current": migrate.is_current(engine)}, as_json=json)


@app.command("reindex")
def reindex(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Rebuild the search keys of all participants, after another system has written the court records directly.

    Example: ccms-ws db reindex
    """
    from ccms_ws.cli.progress import progress
    from ccms_ws.config import load_settings
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.reindex import reindex

    require_current(config)
    settings = load_settings(config)
    engine = open_engine(settings.database.url)
    with progress("participants") as advance:
        count = reindex(engine, settings.court.ori, advance)
    engine.dispose()
    show_facts({"participants": count}, as_json=json)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The new file; it must not be there yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Copy an SQLite database while programs use it, whole and checked, for its owner's eyes only.

    Example: ccms-ws db backup court-backup.db --config demo-court/ccms-ws.toml
    """
    from ccms_ws.store.backup import back_up

    back_up(_file(config), target)
    show_facts({"file": target, "bytes": target.stat().st_size}, as_json=json)


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `db backup` made.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the signed heads of the message log.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Put a copy in the place of an SQLite database; all programs have to be ended before.

    The copy is checked first. What was there is kept under new names, with the -wal and -shm files beside it, which
    would damage another database. The file of heads says from then on that what came after the copy is lost.

    Example: ccms-ws db restore court-backup.db --reason 'disk failure' --config demo-court/ccms-ws.toml
    """
    from ccms_ws.clock import SystemClock
    from ccms_ws.store import backup as copies

    court = court_of(config)  # before anything is changed: its key has to sign
    mark = f"replaced-{SystemClock().now():%Y%m%dT%H%M%SZ}"
    moved = copies.restore(backup, _file(config), mark)
    require_current(config)
    court.head_keeper.write_restored(reason)
    show_facts({"restored": backup, "replaced": ", ".join(str(path) for path in moved) or None}, as_json=json)
    replaced = f" --replaced {moved[0]}" if moved else ""
    say(f"next: ccms-ws outbox reconcile{replaced}; then start the programs", as_json=json)


@app.command()
def restored(
    reason: Annotated[str, typer.Option(help="Why; it is kept with the signed heads of the message log.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Say that the database was replaced by an older copy with other means (PostgreSQL's, a snapshot of a disk).

    The file of heads then says that what came after the copy is lost; otherwise `log verify` finds it cut off.

    Example: ccms-ws db restored --reason 'the server was restored to yesterday 23:00'
    """
    require_current(config)
    court = court_of(config)
    court.head_keeper.write_restored(reason)
    show_facts({"file": court.settings.audit.heads, "restored": True}, as_json=json)


def _file(config: Path) -> Path:
    from ccms_ws.config import load_settings
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.health import file_of

    file = file_of(open_engine(load_settings(config).database.url))
    if file is None:
        raise ConfigError(
            "the database is a server's", hint="pg_dump and pg_restore; after a restore: ccms-ws db restored"
        )
    return file


def require_current(config: Path) -> None:
    """Raises ConfigError if the database has not the schema that this version needs."""
    from ccms_ws.config import load_settings
    from ccms_ws.store import migrate
    from ccms_ws.store.engine import open_engine

    engine = open_engine(load_settings(config).database.url)
    if not migrate.is_current(engine):
        has = migrate.current_revision(engine) or "none"
        raise ConfigError(
            f"the database has not the schema that this version needs (it has: {has})",
            hint=f"ccms-ws db upgrade --config {config}",
        )
    engine.dispose()


def require_ready(config: Path) -> None:
    """Raises StoreError or ConfigError if a program cannot work on the database: it is damaged, cannot be written, or
    has another schema. Before anything else opens it."""
    import structlog

    from ccms_ws.config import load_settings
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.health import file_of
    from ccms_ws.store.readiness import CHECK_SECONDS, check_integrity, check_writable, read_only_said

    engine = open_engine(load_settings(config).database.url)
    file = file_of(engine)
    if file is not None and not check_integrity(file):
        structlog.get_logger(__name__).info("database.not-checked-to-its-end", seconds=CHECK_SECONDS)
    with read_only_said():
        require_current(config)
        check_writable(engine)
    engine.dispose()
