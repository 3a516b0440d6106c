"""The versions of the schema: bring a database to the newest one, or back. Alembic, run from within the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from ccms_ws.errors import StoreUnavailable
from ccms_ws.store.turns import take_turns


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision` in one transaction. Makes the SQLite file, for its owner's eyes only."""
    if engine.dialect.name == "sqlite":
        _create_file(Path(engine.url.database or ""))
    with engine.begin() as connection:
        take_turns(connection, ["migration"])
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to `revision` ("base": to nothing) in one transaction. Newer versions' data is lost."""
    with engine.begin() as connection:
        take_turns(connection, ["migration"])
        command.downgrade(_config(connection), revision)


def current_revision(engine: Engine) -> str | None:
    """The version of the database, None if it has none of our tables. Raises StoreUnavailable."""
    with engine.connect() as connection:
        connection.execution_options(read_only=True)
        return MigrationContext.configure(connection).get_current_revision()


def is_current(engine: Engine) -> bool:
    """True if the database has the version that this program needs. Raises StoreUnavailable."""
    return current_revision(engine) == ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "ccms_ws.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _create_file(path: Path) -> None:
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreUnavailable(f"the database {path} cannot be made: {error.strerror}") from error
