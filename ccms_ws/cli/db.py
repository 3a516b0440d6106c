"""`ccms-ws db`: the database's schema."""

from __future__ import annotations

from pathlib import Path

import typer

from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts
from ccms_ws.errors import ConfigError

app = typer.Typer(help="Make the database's schema, or say which one it has.", no_args_is_help=True)


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
    """Make the search keys of all participants anew: after another system has filled the court's books directly.

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
