"""`ccms-ws db`: the database's schema."""

from __future__ import annotations

import typer

from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import show_facts

app = typer.Typer(help="Make the database's schema, or say which one it has.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Bring the database to the schema of this version; make it if there is none. Safe to run again."""
    from ccms_ws.config import load_settings
    from ccms_ws.store import migrate

    url = load_settings(config).database.url
    migrate.upgrade(url)
    show_facts({"schema": migrate.current(url)}, as_json=json)


@app.command()
def current(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Say which schema the database has, and which one this version needs."""
    from ccms_ws.config import load_settings
    from ccms_ws.store import migrate

    url = load_settings(config).database.url
    show_facts({"schema": migrate.current(url), "needed": migrate.head()}, as_json=json)
