"""The versions of the schema: bring a database to the newest one, or back. Alembic, run from within the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.store.locks import advisory_lock


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision` in one transaction. Makes the SQLite file, for its owner's eyes only."""
    if engine.dialect.name == "sqlite":
        _create_file(Path(engine.url.database or ""))
    with _migrating(engine) as connection:
        _require_known_revision(connection)
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to `revision` ("base": to nothing) in one transaction. Newer versions' data is lost."""
    with _migrating(engine) as connection:
        _require_known_revision(connection)
        command.downgrade(_config(connection), revision)


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """One transaction. SQLite changes a table by copying it: what refers to it must not notice until all is done."""
    copies = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if copies:
            driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                advisory_lock(connection, ["migration"])
                yield connection
                if copies and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise StoreError(f"after the migration a row of {broken[0]} would refer to nothing")
        finally:
            if copies:
                driver.execute("PRAGMA foreign_keys = ON")


def current_revision(engine: Engine) -> str | None:
    """The version of the database, None if it has none of our tables. Raises StoreUnavailable."""
    with engine.connect() as connection:
        connection.execution_options(read_only=True)
        return MigrationContext.configure(connection).get_current_revision()


def is_current(engine: Engine) -> bool:
    """True if the database has the version that this program needs. Raises StoreUnavailable."""
    return current_revision(engine) == ScriptDirectory.from_config(_config()).get_current_head()


def _require_known_revision(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    has = MigrationContext.configure(connection).get_current_revision()
    if has is not None and has not in known:
        raise StoreError(
            f"the database has the schema {has}, which this version cannot change",
            hint="a newer version made it: install that version; or a version before the first release made it: keep a"
            " backup, and make a new database with `ccms-ws db upgrade`",
        )


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
